/* cli/command.h - the table of commands, and the texts that are made of it.
 * Owns: which commands there are: name, group, usage, help, function. Usage, --help, `help all` and
 *   the hint after a slip come from this one table. */
#pragma once
#include "cli/invocation.h"

/* NULL when there is none. */
const struct command *command_find(struct slice name);
/* The nearest name after a slip, or empty. */
struct slice command_nearest(struct slice name);
/* "interlock stop WORKFLOW[/STEP] [--risk CLASS] …" */
void command_add_usage(const struct command *command, struct buf *out);
void command_add_help(const struct command *command, struct buf *out);
/* Bare `interlock`: the four groups. */
void command_add_groups(struct buf *out);
/* `help all`: one line a command. */
void command_add_all(struct buf *out);
/* The options that every command of its sort has besides its own; ends with a NULL name. */
const struct option *command_common_options(const struct command *command);

int command_run_init(struct invocation *invocation);
int command_run_check(struct invocation *invocation);
int command_run_try(struct invocation *invocation);
int command_run_serve(struct invocation *invocation);
int command_run_submit(struct invocation *invocation);
int command_run_status(struct invocation *invocation);
int command_run_inbox(struct invocation *invocation);
int command_run_approve(struct invocation *invocation);
int command_run_reject(struct invocation *invocation);
int command_run_review(struct invocation *invocation);
int command_run_claim(struct invocation *invocation);
int command_run_release(struct invocation *invocation);
int command_run_reassign(struct invocation *invocation);
int command_run_note(struct invocation *invocation);
int command_run_explain(struct invocation *invocation);
int command_run_log(struct invocation *invocation);
int command_run_stop(struct invocation *invocation);
int command_run_restart(struct invocation *invocation);
int command_run_incident(struct invocation *invocation);
int command_run_label(struct invocation *invocation);
/* Approves the restart that is asked for. */
int incident_approve(struct invocation *invocation, const char *id);
int incident_reject(struct invocation *invocation, const char *id, const char *why);
int command_run_ack(struct invocation *invocation);
int command_run_resolve(struct invocation *invocation);
int command_run_cancel(struct invocation *invocation);
int command_run_again(struct invocation *invocation);
int command_run_ready(struct invocation *invocation);
int command_run_plan(struct invocation *invocation);
int command_run_report(struct invocation *invocation);
int command_run_verify(struct invocation *invocation);
int command_run_backup(struct invocation *invocation);
int command_run_erase(struct invocation *invocation);
int command_run_away(struct invocation *invocation);
int command_run_token(struct invocation *invocation);
int command_run_reload(struct invocation *invocation);
int command_run_sandbox(struct invocation *invocation);
int command_run_help(struct invocation *invocation);
