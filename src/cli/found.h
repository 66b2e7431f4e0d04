/* cli/found.h - the action that somebody means by an id, a key or a run; and an action told in
 * lines.
 * Owns: the search, and the short form that follows a submit or a verdict. The long form is the
 *   daemon's `explain`. */
#pragma once
#include "cli/daemon.h"

enum found { FOUND_FAILED, FOUND_NOTHING, FOUND_ONE, FOUND_SEVERAL };

/* By id at once; else by key, else by run. FOUND_ONE: *out_id. FOUND_SEVERAL: *out_list is the
 * answer's JSON, to be given back by json_decref. FOUND_FAILED, FOUND_NOTHING: told. */
enum found found_action(struct invocation *invocation, const char *what, struct slice *out_id,
                        json_t **out_list);
/* The same for a command that needs exactly one: several are listed, and that is a refusal.
 * CLI_DONE: *out_id is good. */
int found_one(struct invocation *invocation, const char *what, struct slice *out_id);
/* One line each: id, workflow / step, key, state. */
void found_say_items(struct invocation *invocation, const json_t *list);
/* The same, and whether there are older ones. */
void found_say_list(struct invocation *invocation, const json_t *list);
/* ACTION, STATE, WHAT, WHY, WHO, NEXT; with --json the object as it came. */
void found_say_action(struct invocation *invocation, const struct daemon_answer *answer);
/* Says the action that was answered; or tells what was wrong, and the action that is inside, if
 * any. Gives the exit code. */
int found_answer(struct invocation *invocation, const struct daemon_answer *answer);
/* POST; says the action that comes back, or tells what was wrong. Gives the exit code. */
int found_act(struct invocation *invocation, struct slice target, struct slice body);
