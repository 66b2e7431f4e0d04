/* policy/compare.h - may this configuration follow that one while work waits? (R28, R7, R20)
 * Owns: what a reload must not take away: a workflow, step or upstream that unended work or a stop
 *   in force names, unless `was:` or `retired:` says where it went; a `key:` or a step's name that
 *   changed without `key_was:` or `was:`. People and groups are not asked: open work is always
 *   with those whom the present configuration names (R28). But the id of somebody who has left is
 *   not given to another one (R20).
 * Invariants:
 *   1. Pure: two configurations and a list of names in, sentences out, each with its code IL8xx.
 *   2. Loading what is loaded already is always good. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "policy/types.h"

enum { COMPARE_USES = 4096 }; /* different places in use; more is ERR_LIMIT */

struct compare_use {
    struct slice workflow, step, upstream; /* empty = not named */
};
struct compare_uses {
    struct compare_use *items;
    size_t count;
};

void compare_uses_init(struct compare_uses *uses);
/* Adds a place once; names are copied into the arena. */
MUST_USE enum err compare_uses_add(struct compare_uses *uses, struct arena *arena,
                                   const struct compare_use *use);
/* Whose an id is or was. */
struct compare_id {
    struct slice name, who; /* who: the name of the person; of a service its `human:` */
    bool is_service;
    bool is_gone; /* not in the configuration in force */
};

/* Who a service is: its `human:`; empty = none. */
struct slice compare_human(const struct service *service);
/* R20: may these ids be those of the new configuration? false: as compare_configs. */
bool compare_ids(const struct compare_id *ids, size_t count, const struct config *new,
                 struct buf *out_text);
/* Is that place gone on purpose: is it, or its workflow, listed under `retired:`? */
bool config_retires(const struct config *config, struct slice workflow, struct slice step);
/* false: out_text says each reason in a line of its own. */
bool compare_configs(const struct config *old, const struct config *new,
                     const struct compare_uses *uses, struct buf *out_text);
