/* tests/unit/view_cases.h - each state of an action, and what may have led to it, by name. */
#pragma once
#include "unit/view_fixture.h"

static inline void view_case_as_designed(struct fixture *f)
{
    (void)f;
}

static inline void view_case_uncertain_after_crash(struct fixture *f)
{
    f->action.reason = f->action.last_reason = REASON_CRASH;
    f->view.has_outcome = false;
}

static inline void view_case_uncertain_keeps_over(struct fixture *f)
{
    f->action.idempotency = IDEMPOTENCY_BY_KEY;
    f->action.reason = REASON_KEEPS_OVER;
    f->action.keeps_ms = 86400000;
    f->action.starts = f->action.starts_total = 2;
}

static inline void view_case_uncertain_tries_used(struct fixture *f)
{
    f->action.idempotency = IDEMPOTENCY_BY_KEY;
    f->action.reason = REASON_ATTEMPTS_SPENT;
    f->action.starts = f->action.starts_total = 3;
    fixture_answer(f, OUTCOME_UNCERTAIN, REASON_STATUS, 503);
}

static inline void view_case_uncertain_401_after_timeout(struct fixture *f)
{
    f->action.idempotency = IDEMPOTENCY_BY_KEY;
    f->action.reason = REASON_STATUS;
    f->action.starts = f->action.starts_total = 2;
    fixture_answer(f, OUTCOME_FAILED, REASON_STATUS, 401);
}

static inline void view_case_uncertain_at_gate(struct fixture *f)
{
    f->action.idempotency = IDEMPOTENCY_BY_KEY;
    f->action.reason = REASON_RULE;
    f->decided.path[2].truth = TRUTH_TRUE;
    f->view.submit.saw[0].value = SLICE("0");
    fixture_gate(f, SAYS_REJECT, 2);
}

static inline void view_case_uncertain_lease(struct fixture *f)
{
    f->step.terms.is_caller = true;
    f->step.kind = KIND_COMMAND;
    f->view.upstream = SLICE("");
    f->action.reason = f->action.last_reason = REASON_LEASE;
    f->view.has_outcome = false;
}

static inline void view_case_uncertain_quarantine(struct fixture *f)
{
    f->action.reason = REASON_QUARANTINE;
}

static inline void view_case_done_sent(struct fixture *f)
{
    fixture_end(f, STATE_DONE, REASON_STATUS);
    fixture_answer(f, OUTCOME_OK, REASON_STATUS, 202);
}

static inline void view_case_done_third_try(struct fixture *f)
{
    view_case_done_sent(f);
    f->action.starts = f->action.starts_total = 3;
}

static inline void view_case_done_by_person(struct fixture *f)
{
    fixture_end(f, STATE_DONE, REASON_PERSON);
    f->action.ended_unix_ms = FIXTURE_AT(14, 9, 30);
    f->view.history = f->history;
    f->view.history_count = 1;
    f->history[0].record = (struct record){.kind = RECORD_RESOLVED, .actor = SLICE("ben")};
    f->history[0].words =
        (struct bundle_words){SLICE("seen in the mailer's log"), SLICE("mail 7711")};
}

static inline void view_case_done_granted(struct fixture *f)
{
    view_case_done_by_person(f);
    f->action.reason = REASON_STATUS;
    f->view.history_count = 2;
    f->history[1].record = (struct record){.kind = RECORD_OUTCOME};
}

static inline void view_case_done_by_hand(struct fixture *f)
{
    fixture_unstarted(f, STATE_IN_REVIEW, REASON_MODE_REVIEW);
    view_case_done_by_person(f);
    f->action.reason = REASON_PERSON_BY_HAND;
    f->action.cause = CAUSE_RULE;
}

static inline void view_case_done_late(struct fixture *f)
{
    fixture_end(f, STATE_DONE, REASON_LATE);
    fixture_answer(f, OUTCOME_OK, REASON_STATUS, 200);
}

static inline void view_case_done_observe(struct fixture *f)
{
    view_case_done_sent(f);
    f->action.mode = MODE_OBSERVE;
    f->decided.path[3] = (struct gate_step){GATE_RULE, SAYS_REVIEW, 1, TRUTH_TRUE};
    f->decided.would = SAYS_REVIEW;
    f->decided.would_reason = REASON_RULE;
    f->view.submit.saw[0].value = f->view.submit.saw[1].value = SLICE("12000");
}

/* The gate asked finance; the start had a person's word. */
static inline void view_case_done_edited(struct fixture *f)
{
    view_case_done_sent(f);
    f->decided.path[3] = (struct gate_step){GATE_RULE, SAYS_REVIEW, 1, TRUTH_TRUE};
    f->view.submit.saw[0].value = f->view.submit.saw[1].value = SLICE("12000");
    f->view.history = f->history;
    f->view.history_count = 2;
    f->history[0].record = (struct record){
        .kind = RECORD_EDITED, .actor = SLICE("ben"), .at_unix_ms = FIXTURE_AT(14, 2, 10)};
    f->view.submit.edit_note = SLICE("new address");
    f->history[1].record = (struct record){.kind = RECORD_OUTCOME};
    f->view.submit.edit_json = SLICE("[{\"field\":\"balance\",\"from\":12000,\"to\":20000},"
                                     "{\"field\":\"note\",\"from\":null,\"to\":\"ask Eve\"}]");
}

static inline void view_case_done_approved(struct fixture *f)
{
    view_case_done_edited(f);
    f->history[0].record.kind = RECORD_APPROVED;
    f->history[0].words = (struct bundle_words){.reason = SLICE("as agreed")};
    f->view.submit.edit_json = (struct slice){0};
}

static inline void view_case_done_erased(struct fixture *f)
{
    view_case_done_sent(f);
    f->view.is_erased = true;
    f->view.erased_unix_ms = FIXTURE_AT(14, 5, 0);
    f->view.submit = (struct bundle_submit){0};
}

static inline void view_case_done_other_policy(struct fixture *f)
{
    view_case_done_sent(f);
    f->view.policy_version = SLICE("ffffffffffffffff");
}

static inline void view_case_done_no_step(struct fixture *f)
{
    view_case_done_sent(f);
    f->view.step = NULL;
}

static inline void view_case_attempting(struct fixture *f)
{
    f->action.state = STATE_ATTEMPTING;
    f->action.reason = REASON_NONE;
    f->action.may_have_happened = false;
    f->action.attempt_is_open = true;
    f->action.people_due_unix_ms = 0;
    f->view.now_unix_ms = FIXTURE_AT(14, 2, 13);
}

static inline void view_case_attempting_permit(struct fixture *f)
{
    view_case_attempting(f);
    f->step.terms.is_caller = true;
    f->step.kind = KIND_COMMAND;
    f->action.due_kind = DUE_START_BY;
    f->action.due_unix_ms = FIXTURE_AT(14, 2, 21);
}

static inline void view_case_attempting_lease(struct fixture *f)
{
    view_case_attempting_permit(f);
    f->action.permit_is_begun = true;
    f->action.due_kind = DUE_LEASE;
    f->action.due_unix_ms = FIXTURE_AT(14, 7, 11);
}

static inline void view_case_waiting_busy(struct fixture *f)
{
    f->action.state = STATE_WAITING;
    f->action.reason = REASON_STATUS;
    f->action.may_have_happened = false;
    f->action.people_due_unix_ms = 0;
    f->action.due_kind = DUE_RETRY;
    f->action.due_unix_ms = FIXTURE_AT(14, 2, 13);
    fixture_answer(f, OUTCOME_BUSY, REASON_STATUS, 429);
}

static inline void view_case_waiting_for_room(struct fixture *f)
{
    view_case_waiting_busy(f);
    fixture_unstarted(f, STATE_WAITING, REASON_NO_ROOM);
}

static inline void view_case_waiting_by_key(struct fixture *f)
{
    view_case_waiting_busy(f);
    f->action.may_have_happened = true;
    f->action.idempotency = IDEMPOTENCY_BY_KEY;
    f->action.reason = REASON_TIMEOUT;
    f->step.idempotency_origin = (struct origin){ORIGIN_FILE, SLICE("interlock.yaml"), 31, 5};
    fixture_answer(f, OUTCOME_UNCERTAIN, REASON_TIMEOUT, 0);
}

static inline void view_case_waiting_not_sent(struct fixture *f)
{
    view_case_waiting_busy(f);
    f->view.outcome.what = SLICE("connection refused");
    f->action.reason = REASON_NO_CONNECTION;
    fixture_answer(f, OUTCOME_NOT_SENT, REASON_NO_CONNECTION, 0);
}

static inline void view_case_review_rule(struct fixture *f)
{
    fixture_unstarted(f, STATE_IN_REVIEW, REASON_RULE);
    f->decided.path[3].truth = TRUTH_TRUE;
    f->view.submit.saw[0].value = f->view.submit.saw[1].value = SLICE("12000");
    fixture_gate(f, SAYS_REVIEW, 3);
}

static inline void view_case_review_of_own(struct fixture *f)
{
    view_case_review_rule(f);
    f->view.submit.actor = SLICE("ana");
}

static inline void view_case_review_undecidable(struct fixture *f)
{
    fixture_unstarted(f, STATE_IN_REVIEW, REASON_UNDECIDABLE);
    f->decided.path[2].truth = TRUTH_UNDECIDABLE;
    f->view.submit.saw_count = 0;
    fixture_gate(f, SAYS_REVIEW, 2);
}

static inline void view_case_review_confidence(struct fixture *f)
{
    fixture_unstarted(f, STATE_IN_REVIEW, REASON_LOW_CONFIDENCE);
    f->step.terms.has_confidence = true;
    f->step.terms.confidence_at_least = 0.8;
    f->step.confidence_origin = fixture_line(24);
    f->view.submit.has_confidence = true;
    f->view.submit.confidence = 0.61;
    fixture_gate(f, SAYS_REVIEW, 4);
}

static inline void view_case_review_no_confidence(struct fixture *f)
{
    view_case_review_confidence(f);
    f->view.submit.has_confidence = false;
}

static inline void view_case_review_mode(struct fixture *f)
{
    fixture_unstarted(f, STATE_IN_REVIEW, REASON_MODE_REVIEW);
    f->workflow.mode = MODE_REVIEW;
    fixture_gate(f, SAYS_REVIEW, 5);
}

static inline void view_case_review_stale(struct fixture *f)
{
    fixture_unstarted(f, STATE_IN_REVIEW, REASON_STALE);
    f->action.submitted_unix_ms = FIXTURE_AT(14, 2, 11) - 86400000;
    fixture_gate(f, SAYS_REVIEW, 6);
}

static inline void view_case_review_after_hold(struct fixture *f)
{
    fixture_unstarted(f, STATE_IN_REVIEW, REASON_HOLD_ENDED);
}

static inline void view_case_held_stop(struct fixture *f)
{
    fixture_unstarted(f, STATE_HELD, REASON_STOP);
    f->action.people_due_unix_ms = 0;
    f->action.hold_for = HOLD_FOR_STOP;
    f->action.due_kind = DUE_HOLD_END;
    f->action.due_unix_ms = f->action.hold_end_unix_ms = FIXTURE_AT(14, 2, 11) + 86400000;
    f->action.cause = CAUSE_STOPPED;
    f->view.stop_incident = 0x00c93ffffffffff0;
    f->view.stop = &f->stop;
    f->stop = (struct stop){.at_unix_ms = FIXTURE_AT(13, 58, 2), .by = "ana"};
    memcpy(f->stop.names[0], "invoice-reminders", sizeof "invoice-reminders");
    fixture_gate(f, SAYS_HOLD, 1);
}

static inline void view_case_held_ramp(struct fixture *f)
{
    view_case_held_stop(f);
    f->view.is_ramping = true;
    f->view.ramp = SLICE("5 one by one … ok · 10 % … 12 ok · 50 %");
}

static inline void view_case_held_asked(struct fixture *f)
{
    view_case_held_stop(f);
    f->view.restart_by = SLICE("ana");
    f->view.approver = SLICE("ben");
    f->view.approvers = SLICE("ben, cyd (finance-leads)");
}

static inline void view_case_held_drain(struct fixture *f)
{
    view_case_held_stop(f);
    f->view.is_draining = true;
}

static inline void view_case_held_granted(struct fixture *f)
{
    view_case_held_stop(f);
    f->action.is_granted = true;
    f->action.approved_until_unix_ms = FIXTURE_AT(23, 0, 0);
}

static inline void view_case_held_upstream(struct fixture *f)
{
    view_case_held_stop(f);
    f->action.reason = REASON_UPSTREAM_DOWN;
    f->action.hold_for = HOLD_FOR_UPSTREAM;
    f->action.cause = CAUSE_UNAVAILABLE;
    f->view.probe_at_unix_ms = FIXTURE_AT(14, 10, 40);
    f->view.outage = (struct view_outage){
        .since_unix_ms = FIXTURE_AT(14, 1, 10), .cause = BREAKER_FOR_FAILURES, .count = 5, .of = 5};
    f->decided.path[1].says = SAYS_GO;
    f->decided.path[6] = (struct gate_step){.gate = GATE_UPSTREAM};
    fixture_gate(f, SAYS_HOLD, 6);
}

/* After a crash the budget starts empty. */
static inline void view_case_held_budget(struct fixture *f)
{
    view_case_held_upstream(f);
    f->action.may_have_happened = true;
    f->action.last_outcome = OUTCOME_UNCERTAIN;
    f->action.last_reason = REASON_CRASH;
    f->action.reason = REASON_NO_TOKEN;
    f->action.starts = f->action.starts_total = 1;
    f->action.attempt_unix_ms = FIXTURE_AT(14, 2, 16);
    f->view.outage = (struct view_outage){0};
}

static inline void view_case_held_after_tries(struct fixture *f)
{
    view_case_held_upstream(f);
    view_case_done_sent(f);
    fixture_answer(f, OUTCOME_NOT_SENT, REASON_NO_CONNECTION, 0);
    f->view.has_outcome = true;
    f->view.outcome.what = SLICE("connection refused");
    f->action.state = STATE_HELD;
    f->action.reason = REASON_ATTEMPTS_SPENT;
    f->action.starts = f->action.starts_total = 3;
    f->action.attempt_unix_ms = FIXTURE_AT(14, 2, 16);
}

static inline void view_case_held_rule(struct fixture *f)
{
    view_case_held_upstream(f);
    f->action.reason = REASON_RULE;
    f->action.hold_for = HOLD_FOR_RULE;
    f->rules[1].says = RULE_HOLD;
    f->decided.path[6] = (struct gate_step){.gate = GATE_FRESHNESS, .says = SAYS_GO};
    f->decided.path[3].truth = TRUTH_TRUE;
    f->view.submit.saw[0].value = f->view.submit.saw[1].value = SLICE("12000");
    fixture_gate(f, SAYS_HOLD, 3);
}

static inline void view_case_held_rule_soon(struct fixture *f)
{
    view_case_held_rule(f);
    f->action.due_unix_ms = f->action.hold_end_unix_ms = f->view.now_unix_ms + 59999;
}

static inline void view_case_superseded(struct fixture *f)
{
    fixture_unstarted(f, STATE_CANCELLED, REASON_SUPERSEDED);
    f->action.ended_unix_ms = FIXTURE_AT(14, 9, 30);
    f->action.due_kind = DUE_NONE;
    f->action.due_unix_ms = f->action.people_due_unix_ms = 0;
    f->view.newer = 0x00c93fffffffffff;
    f->view.newer_key = SLICE("INV-2041:3");
}

static inline void view_case_held_order(struct fixture *f)
{
    view_case_held_upstream(f);
    f->action.reason = REASON_ORDER;
    f->action.hold_for = HOLD_FOR_ORDER;
    f->action.cause = CAUSE_NONE;
    f->view.order_before = f->action.id - 1;
    f->decided.path[6] = (struct gate_step){.gate = GATE_ORDER};
    fixture_gate(f, SAYS_HOLD, 6);
}

static inline void view_case_held_may_have_happened(struct fixture *f)
{
    view_case_held_upstream(f);
    f->action.may_have_happened = true;
    f->action.starts = f->action.starts_total = 3;
    f->action.attempt_unix_ms = FIXTURE_AT(14, 2, 11);
    f->action.reason = REASON_ATTEMPTS_SPENT;
    f->action.due_kind = DUE_KEEPS;
    f->view.probe_at_unix_ms = 0;
}

static inline void view_case_failed_status(struct fixture *f)
{
    fixture_end(f, STATE_FAILED, REASON_STATUS);
    fixture_answer(f, OUTCOME_FAILED, REASON_STATUS, 422);
}

static inline void view_case_failed_declared(struct fixture *f)
{
    fixture_end(f, STATE_FAILED, REASON_FAILURE_TRUE);
    fixture_answer(f, OUTCOME_FAILED, REASON_FAILURE_TRUE, 200);
}

static inline void view_case_failed_certificate(struct fixture *f)
{
    fixture_end(f, STATE_FAILED, REASON_CERTIFICATE);
    fixture_answer(f, OUTCOME_FAILED, REASON_CERTIFICATE, 0);
    f->view.outcome.what = SLICE("its certificate has expired");
}

static inline void view_case_failed_person(struct fixture *f)
{
    view_case_done_by_person(f);
    f->action.state = STATE_FAILED;
    f->history[0].words = (struct bundle_words){0};
}

static inline void view_case_failed_read(struct fixture *f)
{
    fixture_end(f, STATE_FAILED, REASON_WITHIN_OVER);
    f->step.kind = KIND_LOOKUP;
    f->action.effect = EFFECT_READ;
    f->action.starts = f->action.starts_total = 2;
    f->step.terms.within_ms = 30000;
}

static inline void view_case_rejected_rule(struct fixture *f)
{
    fixture_unstarted(f, STATE_REJECTED, REASON_RULE);
    fixture_end(f, STATE_REJECTED, REASON_RULE);
    f->decided.path[2].truth = TRUTH_TRUE;
    f->view.submit.saw[0].value = f->view.submit.saw[1].value = SLICE("-1.5");
    fixture_gate(f, SAYS_REJECT, 2);
}

static inline void view_case_rejected_person(struct fixture *f)
{
    view_case_review_rule(f);
    view_case_done_by_person(f);
    f->action.state = STATE_REJECTED;
    f->history[0].words = (struct bundle_words){SLICE("they have paid\nFINAL   sent"), SLICE("")};
}

static inline void view_case_expired(struct fixture *f)
{
    fixture_unstarted(f, STATE_EXPIRED, REASON_HOLD_ENDED);
    fixture_end(f, STATE_EXPIRED, REASON_HOLD_ENDED);
}

static inline void view_case_cancelled(struct fixture *f)
{
    view_case_rejected_person(f);
    f->action.state = STATE_CANCELLED;
}

static inline void view_case_again(struct fixture *f)
{
    view_case_done_sent(f);
    f->action.again_of = 0x00c93ffffffffffe;
    f->action.generation = 1;
}

static inline void view_case_complex_rule(struct fixture *f)
{
    view_case_done_sent(f);
    f->rules[0].text = SLICE("input.balance <= 0 || input.team == 'refunds'");
    f->rules[1].text = SLICE("input.team != \"refunds\"");
    f->decided.path[3].truth = TRUTH_TRUE;
    f->step.risks = f->risks;
    f->step.risk_count = 1;
    f->step.terms.risk_count = 1;
    f->decided.path[0].truth = TRUTH_TRUE;
    f->view.submit.saw_count = 4;
    f->view.submit.saw[1] = (struct bundle_saw){2, SLICE("input.team"), SLICE("\"sales\"")};
    f->view.submit.saw[2] = (struct bundle_saw){3, SLICE("input.team"), SLICE("\"sales\"")};
    f->view.submit.saw[3] = (struct bundle_saw){0, SLICE("input.stage"), SLICE("4")};
}

/* Callers' bytes cannot forge a line, hide one, or get out of a quoted word of a command. */
static inline void view_case_hostile(struct fixture *f)
{
    f->view.submit.key = SLICE("it's; rm -rf ~");
    f->view.submit.summary = SLICE("pay\nFINAL   sent\x1b[2J \xe2\x80\xae tfel \xff");
    f->view.submit.because = SLICE("\"\r\nWHO     nobody");
    f->view.outcome.what = SLICE("bad\tnews");
    f->action.reason = f->action.last_reason = REASON_NO_ANSWER;
}

static inline void view_case_hostile_key(struct fixture *f)
{
    f->view.submit.key = SLICE("it's-me;$(reboot)");
}

/* ---- what interlock asks for ---- */

static struct upstream view_case_billing = {.name = {"billing", 7}};
static const struct refresh view_case_refresh = {.call = {.upstream = &view_case_billing}};

static inline void view_case_uncertain_asked(struct fixture *f)
{
    f->action.idempotency = IDEMPOTENCY_BY_CHECK;
    f->action.due_kind = DUE_CHECK;
    f->action.due_unix_ms = FIXTURE_AT(14, 12, 31);
    f->action.people_due_unix_ms = 0;
    f->view.request.method = SLICE("POST");
    f->view.request.target = SLICE("/v1/messages");
    f->view.check_call = SLICE("GET https://mail.example.org/v1/messages?reference=INV-2041:2");
}

static inline void view_case_uncertain_cannot_tell(struct fixture *f)
{
    view_case_uncertain_asked(f);
    f->action.due_kind = DUE_NONE;
    f->action.due_unix_ms = 0;
    f->action.people_due_unix_ms = FIXTURE_AT(18, 2, 21);
    f->action.reason = REASON_CHECK_CANNOT_TELL;
    f->action.asks = 5;
    static const struct slice masked[] = {{"email", 5}};
    f->step.masked = masked;
    f->step.masked_count = 1; /* a target may show what is masked */
}

static inline void view_case_uncertain_look(struct fixture *f)
{
    f->action.idempotency = IDEMPOTENCY_BY_KEY;
    f->action.reason = REASON_KEEPS_OVER;
    f->view.request.method = SLICE("POST");
    f->view.request.target = SLICE("/v1/messages");
    f->view.request.provider_key = SLICE("ABCDEFGH");
}

static inline void view_case_done_by_check(struct fixture *f)
{
    f->action.idempotency = IDEMPOTENCY_BY_CHECK;
    fixture_end(f, STATE_DONE, REASON_BY_CHECK);
}

static inline void view_case_waiting_check_says_not(struct fixture *f)
{
    f->action.idempotency = IDEMPOTENCY_BY_CHECK;
    f->action.state = STATE_WAITING;
    f->action.reason = REASON_CHECK_SAYS_NOT;
    f->action.may_have_happened = false;
    f->action.due_kind = DUE_RETRY;
    f->action.due_unix_ms = FIXTURE_AT(14, 10, 0);
    f->action.people_due_unix_ms = 0;
}

static inline void view_case_held_fact(struct fixture *f)
{
    fixture_unstarted(f, STATE_HELD, REASON_FACT);
    f->step.refresh = &view_case_refresh;
    f->action.hold_for = HOLD_FOR_FACT;
    f->action.due_kind = DUE_FACT;
    f->action.due_unix_ms = FIXTURE_AT(15, 20, 1);
    f->action.hold_end_unix_ms = FIXTURE_AT(18, 0, 0);
    f->action.people_due_unix_ms = 0;
    fixture_gate(f, SAYS_HOLD, 6);
}

static inline void view_case_rejected_fresh(struct fixture *f)
{
    view_case_rejected_rule(f);
    f->view.has_fact = true;
    f->action.fact_unix_ms = FIXTURE_AT(15, 20, 1);
    f->view.fact = (struct bundle_fact){.from = SLICE("billing GET /invoices/INV-2041"),
                                        .set_json = SLICE("{\"balance\":-1.5,\"paid\":true}")};
}

/* low_confidence: review, at most 40 open, then template named; then template general-queue.
 * failed: upstream backup, then template general-queue. */
static inline void view_fallbacks(struct fixture *f)
{
    static const struct what more[] = {
        {.kind = WHAT_REVIEW, .ms = 14400000},
        {.kind = WHAT_ANSWER, .is_template = true, .name = {"named", 5}, .next = CAUSE_COUNT + 2},
        {.kind = WHAT_ANSWER, .is_template = true, .name = {"general-queue", 13}}};
    struct step_terms *terms = &f->step.terms;
    terms->more = more;
    terms->more_count = 3;
    terms->has_confidence = true;
    terms->confidence_at_least = 0.8;
    terms->what[CAUSE_LOW_CONFIDENCE] = (struct what){.kind = WHAT_REVIEW,
                                                      .ms = 14400000,
                                                      .at_most = 40,
                                                      .then = CAUSE_COUNT + 1,
                                                      .next = CAUSE_COUNT + 2};
    terms->what[CAUSE_FAILED] = (struct what){
        .kind = WHAT_ROUTE, .route = 1, .name = {"backup", 6}, .next = CAUSE_COUNT + 2};
}

static inline void view_case_done_template(struct fixture *f)
{
    view_case_review_confidence(f);
    view_fallbacks(f);
    f->action.state = STATE_DONE;
    f->action.reason = REASON_TEMPLATE;
    f->action.cause = CAUSE_LOW_CONFIDENCE;
    f->action.people_due_unix_ms = 0;
    f->action.reviews = 0;
    f->action.ended_unix_ms = FIXTURE_AT(14, 2, 9);
    f->action.entry = CAUSE_COUNT + 2;
    f->action.passed[0] = (struct pass){CAUSE_LOW_CONFIDENCE, PASS_FULL};
    f->action.passed[1] = (struct pass){CAUSE_COUNT + 1, PASS_RENDER};
    f->action.passed_count = 2;
}

static inline void view_case_done_backup(struct fixture *f)
{
    view_case_done_sent(f);
    view_fallbacks(f);
    f->view.upstream = SLICE("backup");
    f->action.cause = CAUSE_FAILED;
    f->action.entry = CAUSE_FAILED;
    f->action.route = 1;
    f->action.starts_total = 2;
}

static inline void view_case_waiting_fallback(struct fixture *f)
{
    view_case_done_backup(f);
    f->action.state = STATE_WAITING;
    f->action.reason = REASON_FALLBACK;
    f->action.starts_total = 1;
    f->action.ended_unix_ms = 0;
    f->action.due_kind = DUE_RETRY;
    f->action.due_unix_ms = FIXTURE_AT(14, 2, 12);
    fixture_answer(f, OUTCOME_FAILED, REASON_STATUS, 422);
}

static inline void view_case_failed_after_fallback(struct fixture *f)
{
    view_case_failed_status(f);
    view_fallbacks(f);
    f->action.cause = CAUSE_FAILED;
    f->action.passed[0] = (struct pass){CAUSE_FAILED, PASS_DOWN};
    f->action.passed[1] = (struct pass){CAUSE_COUNT + 2, PASS_RENDER};
    f->action.passed_count = 2;
}

static const struct {
    const char *name;
    void (*change)(struct fixture *f);
} view_cases[] = {
    {"uncertain", view_case_as_designed},
    {"uncertain_after_crash", view_case_uncertain_after_crash},
    {"uncertain_keeps_over", view_case_uncertain_keeps_over},
    {"uncertain_asked", view_case_uncertain_asked},
    {"uncertain_cannot_tell", view_case_uncertain_cannot_tell},
    {"uncertain_look", view_case_uncertain_look},
    {"done_by_check", view_case_done_by_check},
    {"waiting_check_says_not", view_case_waiting_check_says_not},
    {"held_fact", view_case_held_fact},
    {"rejected_fresh", view_case_rejected_fresh},
    {"uncertain_tries_used", view_case_uncertain_tries_used},
    {"uncertain_401_after_timeout", view_case_uncertain_401_after_timeout},
    {"uncertain_at_gate", view_case_uncertain_at_gate},
    {"uncertain_lease", view_case_uncertain_lease},
    {"uncertain_quarantine", view_case_uncertain_quarantine},
    {"done", view_case_done_sent},
    {"done_third_try", view_case_done_third_try},
    {"done_by_person", view_case_done_by_person},
    {"done_by_hand", view_case_done_by_hand},
    {"done_late", view_case_done_late},
    {"done_observe", view_case_done_observe},
    {"done_approved", view_case_done_approved},
    {"done_edited", view_case_done_edited},
    {"done_granted", view_case_done_granted},
    {"done_erased", view_case_done_erased},
    {"done_other_policy", view_case_done_other_policy},
    {"done_no_step", view_case_done_no_step},
    {"attempting", view_case_attempting},
    {"attempting_permit", view_case_attempting_permit},
    {"attempting_lease", view_case_attempting_lease},
    {"waiting_busy", view_case_waiting_busy},
    {"waiting_for_room", view_case_waiting_for_room},
    {"waiting_by_key", view_case_waiting_by_key},
    {"waiting_not_sent", view_case_waiting_not_sent},
    {"review_rule", view_case_review_rule},
    {"review_of_own", view_case_review_of_own},
    {"review_undecidable", view_case_review_undecidable},
    {"review_confidence", view_case_review_confidence},
    {"review_no_confidence", view_case_review_no_confidence},
    {"review_mode", view_case_review_mode},
    {"review_stale", view_case_review_stale},
    {"review_after_hold", view_case_review_after_hold},
    {"held_stop", view_case_held_stop},
    {"held_ramp", view_case_held_ramp},
    {"held_asked", view_case_held_asked},
    {"held_drain", view_case_held_drain},
    {"held_granted", view_case_held_granted},
    {"held_upstream", view_case_held_upstream},
    {"held_after_tries", view_case_held_after_tries},
    {"held_budget", view_case_held_budget},
    {"held_rule", view_case_held_rule},
    {"held_rule_soon", view_case_held_rule_soon},
    {"superseded", view_case_superseded},
    {"held_order", view_case_held_order},
    {"held_may_have_happened", view_case_held_may_have_happened},
    {"failed_status", view_case_failed_status},
    {"failed_declared", view_case_failed_declared},
    {"failed_certificate", view_case_failed_certificate},
    {"failed_person", view_case_failed_person},
    {"failed_read", view_case_failed_read},
    {"rejected_rule", view_case_rejected_rule},
    {"rejected_person", view_case_rejected_person},
    {"expired", view_case_expired},
    {"cancelled", view_case_cancelled},
    {"done_template", view_case_done_template},
    {"done_backup", view_case_done_backup},
    {"waiting_fallback", view_case_waiting_fallback},
    {"failed_after_fallback", view_case_failed_after_fallback},
    {"again", view_case_again},
    {"complex_rule", view_case_complex_rule},
    {"hostile", view_case_hostile},
    {"hostile_key", view_case_hostile_key},
};

/* Sets up the case of this name. */
static inline void view_case(struct fixture *f, const char *name)
{
    fixture_init(f);
    for (size_t i = 0; i < sizeof view_cases / sizeof *view_cases; i++)
        if (strcmp(view_cases[i].name, name) == 0) {
            view_cases[i].change(f);
            return;
        }
    fail_msg("no case %s", name);
}
