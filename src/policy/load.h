/* policy/load.h - the parts of the loader: each reads one kind of map into the configuration.
 * Owns: nothing but the order of reading: people before groups, groups before whoever names them,
 *   upstreams before steps.
 * Invariants:
 *   1. A part that is wrong leaves a problem and a harmless value; reading goes on, so that all
 *      mistakes are told at once. */
#pragma once
#include "policy/compile.h"
#include "policy/later.h"
#include "policy/words.h"

/* load_people.c */
void load_people(struct load *load, const struct yaml *node);
void load_groups(struct load *load, const struct yaml *node);
void load_services(struct load *load, const struct yaml *node);
/* After all policies: `submits` and `labels` name workflows. */
void load_service_scopes(struct load *load);
bool load_is_mail(struct slice text);
/* A group, or a person as a group of one. NULL: told, or not written. */
const struct group *load_group(struct load *load, const struct yaml *node);
/* The same for one word of a sentence; NULL: nobody has this name, which is not told. */
const struct group *load_group_named(struct load *load, struct slice name, const struct yaml *node);
/* How a group is used: only `switch` is a warning (R20). */
void load_group_used(struct load *load, const struct group *group, bool is_by_switch);

/* load_upstream.c */
void load_upstreams(struct load *load, const struct yaml *node);
/* { file: } or { env: }, into config->secrets, which are loaded at start; a text is IL401. */
bool load_secret(struct load *load, const struct yaml *node, struct secret_ref *out_secret);
/* STATUS: MEANING; also of a step. */
void load_outcomes(struct load *load, const struct yaml *node, const struct status_rule **out_rules,
                   size_t *out_count);
const struct upstream *load_upstream_named(struct load *load, const struct yaml *node,
                                           size_t text_at, struct slice name);
/* A url that may be asked: IL013, IL401 (a password in it), IL402 (http to another machine). */
bool load_url(struct load *load, const struct yaml *node, struct slice *out_url);
bool load_is_header_name(struct slice name);
/* The key of the node names a header that a configuration may set; else told. */
bool load_header_is_allowed(struct load *load, const struct yaml *node);
/* Authorization and its like: their values are secrets. */
bool load_header_is_secret(struct slice name);

/* load_installation.c */
void load_installation(struct load *load, const struct yaml *node);

/* load_channel.c: how people are told. */
void load_channels(struct load *load, const struct yaml *node);
void load_watchdog(struct load *load, const struct yaml *node);
/* NULL: the defaults. */
void load_ack_within(struct load *load, const struct yaml *node, struct duties *duties);

/* load_workflow.c */
void load_workflow(struct load *load, struct draft_workflow *draft);

/* load_step.c */
void load_step(struct load *load, struct draft_workflow *workflow, struct draft_step *draft);

/* load_request.c: what is sent. */
void load_call(struct load *load, struct draft_step *draft);
void load_key(struct load *load, struct draft_step *draft);
void load_request(struct load *load, struct draft_step *draft);
/* NAME METHOD PATH of `check` and `refresh`, which only ask. False when it is not whole. */
bool load_ask_call(struct load *load, const struct yaml *node, struct ask_call *out);

/* load_asks.c: reads that interlock makes for an action. */
void load_asks(struct load *load, struct draft_step *draft);

/* load_input.c: what callers submit. */
void load_input(struct load *load, struct draft_step *draft);
void load_mask(struct load *load, struct draft_step *draft);
/* IL306 at the node unless the step's input shape has the field (or there is no shape). */
void load_field_is_known(struct load *load, const struct step *step, const struct yaml *node,
                         struct slice name);

/* load_gate.c: what decides. */
void load_rules(struct load *load, struct draft_step *draft);
void load_risk(struct load *load, struct draft_step *draft);
void load_confidence(struct load *load, struct draft_step *draft);
void load_answer(struct load *load, struct draft_step *draft);

/* load_fallback.c */
void load_templates(struct load *load, struct draft_step *draft);
void load_fallback(struct load *load, struct draft_step *draft);
struct draft_template *load_template_of(const struct draft_step *draft, struct slice name);

/* load_audit.c */
void load_audit_default(struct audit *audit);
void load_audit(struct load *load, struct draft_step *draft, const struct yaml *node);
/* load_later.c: checked now, enforced later. */
void load_step_later(struct load *load, struct draft_step *draft);
void load_workflow_later(struct load *load, struct draft_workflow *draft);

void load_hours(struct load *load, const struct yaml *node);

/* load_watch.c: what moves a switch by itself, and how it is taken back. */
void load_workflow_watch(struct load *load, struct draft_workflow *draft);
void load_switch_watch(struct load *load, const struct yaml *const *at);

/* load_trigger.c: what is written. */
void load_triggers(struct load *load, struct draft_workflow *draft);
/* load_standard.c: behind those that are written. */
void load_standard_triggers(struct load *load, struct draft_workflow *draft,
                            struct trigger *triggers, size_t *trigger_count);
/* h of the sequential test. */
int64_t load_h_micro(enum sensitivity sensitivity);
/* The text by which the state of a trigger is kept. */
struct slice load_definition(struct load *load, const struct trigger *trigger);
