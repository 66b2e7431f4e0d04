/* api/handlers.h - the handlers that the table of routes names, by the file that holds them.
 * Owns: nothing but the list. Each gets a call whose token, right and subject are good, and
 *   answers it or leaves it with the engine. */
#pragma once

struct call;
struct engine_reply;

/* submit.c */
void submit_post(struct call *call);
/* actions.c */
void actions_get(struct call *call);
void actions_list(struct call *call);
void actions_explain(struct call *call);
/* acts.c; verdicts in verdict.c */
/* An act was taken: the action as it is now. */
void acts_taken(struct call *call, const struct engine_reply *reply);
void acts_begin(struct call *call);
void acts_report(struct call *call);
void acts_resolve(struct call *call);
void acts_cancel(struct call *call);
void acts_again(struct call *call);
void acts_note(struct call *call);
void verdict_post(struct call *call);
/* labels.c */
/* A label was taken: what is known of the audit and the labels now. */
void labels_taken(struct call *call, const struct engine_reply *reply);
void labels_post(struct call *call);
/* reviews.c */
void reviews_get(struct call *call);
void reviews_reveal(struct call *call);
void reviews_claim(struct call *call);
void reviews_release(struct call *call);
void reviews_reassign(struct call *call);
/* bulk.c */
void verdicts_post(struct call *call);
/* evidence.c */
void evidence_report(struct call *call);
void evidence_ready(struct call *call);
/* inbox.c */
void inbox_get(struct call *call);
/* stops.c */
void stops_switches(struct call *call);
void stops_post(struct call *call);
void stops_get(struct call *call);
/* incidents.c */
void incidents_list(struct call *call);
void incidents_get(struct call *call);
void restart_post(struct call *call);
void restart_approve(struct call *call);
void restart_reject(struct call *call);
void incidents_note(struct call *call);
void incidents_ack(struct call *call);
void incidents_informed(struct call *call);
void incidents_close(struct call *call);
/* plans.c */
void plans_get(struct call *call);
void plans_sign(struct call *call);
/* decisions.c */
void decisions_get(struct call *call);
/* verification.c */
void verification_get(struct call *call);
/* status.c */
void status_get(struct call *call);
void status_health(struct call *call);
void status_ready(struct call *call);
/* metrics.c */
void metrics_get(struct call *call);
/* admin.c */
void admin_reload(struct call *call);
void admin_backup(struct call *call);
void admin_erase(struct call *call);
void admin_tokens_list(struct call *call);
void admin_tokens_post(struct call *call);
void admin_tokens_revoke(struct call *call);
/* triggers.c */
void triggers_list(struct call *call);
void triggers_signal(struct call *call);
void triggers_heartbeat(struct call *call);

/* away.c */
void away_list(struct call *call);
void away_post(struct call *call);
/* sandbox.c */
void sandbox_get(struct call *call);
void sandbox_post(struct call *call);
/* openapi.c */
void openapi_get(struct call *call);
void openapi_home(struct call *call);
