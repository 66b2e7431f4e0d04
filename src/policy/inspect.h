/* policy/inspect.h - what is wrong with a configuration although each line of it can be read.
 * Owns: the checks that look at several lines at once (codes IL1xx to IL4xx).
 * Invariants:
 *   1. Only looks: the configuration is what the loader made of it. */
#pragma once
#include "policy/load.h"

/* All of them. */
void inspect_all(struct load *load);

/* inspect_repeat.c: keys, retries, idempotency (IL101 to IL113). */
void inspect_repeat(struct load *load, const struct draft_step *draft);
/* inspect_fields.c: fields that the input shape does not have, or not always (IL111, IL306). */
void inspect_fields(struct load *load, const struct draft_step *draft);
/* A field that no step of the workflow has, in a trigger or in `causes`. */
void inspect_fields_of_all(struct load *load, const struct draft_workflow *workflow);
/* inspect_gate.c: rules, risk classes, fallbacks (IL301 to IL309), limits (IL307, IL311). */
void inspect_gate(struct load *load, const struct draft_workflow *workflow,
                  const struct draft_step *draft);
/* inspect_people.c: who answers, who may restart, groups, former names (IL201 to IL205, IL803). */
void inspect_people(struct load *load);
/* inspect_installation.c: doors, watchers, unused upstreams (IL305, IL403 to IL406). */
void inspect_installation(struct load *load);

/* The WHATs of a chain that start something at an upstream. NULL: none. */
const struct draft_what *inspect_acting(const struct draft_step *draft,
                                        const struct draft_chain *chain);
