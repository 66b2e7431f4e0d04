#include "record/story.h"

#include "base/check.h"
#include "core/chain.h"
#include "core/switchboard.h"
#include "record/fallback.h"
#include "record/ids.h"

enum { STORY_TEXT_MAX = 200 };

/* Came after the state that the action is in, and did not make it. */
static bool story_is_aside(const struct record *record)
{
    return (record->kind == RECORD_LATE && record->reason != REASON_LATE) ||
           record->kind == RECORD_SETTLED || record->kind == RECORD_ERASED ||
           record->kind == RECORD_CLAIMED || record->kind == RECORD_UNCLAIMED ||
           record->kind == RECORD_ASSIGNED || record->kind == RECORD_SAID ||
           record->kind == RECORD_SHOWN || record->kind == RECORD_REFUSED ||
           record->kind == RECORD_REORDERED || record->kind == RECORD_LABELLED ||
           record->kind == RECORD_UNLABELLED;
}

const struct record *story_last(const struct view *view, const struct bundle_words **out_words)
{
    const struct record *record = view->last;
    *out_words = NULL;
    for (size_t i = view->history_count; i > 0; i--) {
        const struct view_record *newest = &view->history[i - 1];
        if (story_is_aside(&newest->record))
            continue;
        if (record && newest->record.seq != record->seq && !story_is_aside(record))
            break; /* view->last is newer than the history */
        *out_words = newest->is_erased ? NULL : &newest->words;
        return &newest->record;
    }
    return record && !story_is_aside(record) ? record : NULL;
}

void story_add_time(const struct view *view, int64_t unix_ms, enum zone_detail detail,
                    struct buf *out)
{
    zone_add_time(out, view->zone, (struct zone_time){unix_ms, view->now_unix_ms}, detail);
}

void story_add_principal(const struct config *config, struct slice name, struct buf *out)
{
    const struct person *person = config ? config_person(config, name) : NULL;
    bool has_name = person && person->full_name.size > 0;
    wording_add_line(out, has_name ? person->full_name : name, LIMIT_NAME);
}

static void story_add_upstream(const struct view *view, struct buf *out)
{
    if (view->upstream.size > 0)
        wording_add_line(out, view->upstream, LIMIT_NAME);
    else
        buf_add_text(out, "the upstream");
}

static bool story_is_caller(const struct view *view)
{
    return view->step && view->step->terms.is_caller;
}

/* ---- the last attempt ---- */

static void story_add_try_at(const struct view *view, int64_t unix_ms, struct buf *out)
{
    buf_add_text(out, " at ");
    story_add_time(view, unix_ms, ZONE_SECONDS, out);
    if (view->action->starts_total > 1)
        buf_add_fmt(out, " (try %u)", (unsigned)view->action->starts_total);
}

static void story_add_try(const struct view *view, struct buf *out)
{
    story_add_try_at(view, view->action->attempt_unix_ms, out);
}

/* "no answer in 10 s", "connection refused" */
static void story_add_result(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    bool is_of_wire = a->last_reason == REASON_NO_ANSWER ||
                      a->last_reason == REASON_NO_CONNECTION ||
                      a->last_reason == REASON_CERTIFICATE;
    if (a->last_reason == REASON_TIMEOUT && a->timeout_ms > 0) {
        buf_add_text(out, "no answer in ");
        zone_add_span(out, a->timeout_ms);
    } else if (is_of_wire && view->has_outcome && view->outcome.what.size > 0) {
        wording_add_line(out, view->outcome.what, STORY_TEXT_MAX);
    } else {
        buf_add_text(out, wording_of_attempt(a->last_reason));
    }
}

/* What a status alone does not say. */
static void story_add_reading(const struct view *view, struct buf *out)
{
    enum reason reason = view->action->last_reason;
    if (reason != REASON_STATUS && reason != REASON_STATUS_DECLARED &&
        reason != REASON_SUCCESS_TRUE && reason != REASON_NONE)
        buf_add_fmt(out, ": %s", wording_of_reason(reason));
}

/* An attempt that the caller makes: "given to billing-cron at 14:02:11, no report came". */
static void story_add_caller_attempt(const struct view *view, struct buf *out)
{
    buf_add_text(out, "given to ");
    story_add_principal(view->config, view->submit.actor, out);
    story_add_try(view, out);
    buf_add_text(out, ", ");
    if (view->action->last_reason == REASON_REPORTED)
        buf_add_fmt(out, "reported as %s", outcome_name(view->action->last_outcome));
    else
        story_add_result(view, out);
}

void story_add_attempt(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    if (story_is_caller(view)) {
        story_add_caller_attempt(view, out);
    } else if (a->last_reason == REASON_WITHHELD) {
        buf_add_text(out, wording_of_attempt(a->last_reason));
        story_add_try(view, out);
    } else if (a->last_outcome == OUTCOME_NOT_SENT || a->last_reason == REASON_CERTIFICATE) {
        buf_add_text(out, "could not reach ");
        story_add_upstream(view, out);
        story_add_try(view, out);
        buf_add_text(out, ": ");
        story_add_result(view, out);
    } else if (a->last_status > 0 && a->last_outcome != OUTCOME_UNCERTAIN) {
        story_add_upstream(view, out);
        buf_add_fmt(out, " answered %d", a->last_status);
        bool is_end = state_is_end(a->state) && a->reason != REASON_PERSON;
        story_add_try_at(view, is_end ? a->ended_unix_ms : a->attempt_unix_ms, out);
        story_add_reading(view, out);
    } else {
        buf_add_text(out, "sent to ");
        story_add_upstream(view, out);
        story_add_try(view, out);
        buf_add_text(out, ", ");
        if (a->last_status > 0)
            buf_add_fmt(out, "answered %d", a->last_status);
        else
            story_add_result(view, out);
        if (a->last_status > 0)
            story_add_reading(view, out);
    }
}

/* "Not known whether it was sent: …" or "Not sent: …", with the last attempt if there was one. */
static void story_add_doubt(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    const char *done = wording_verb_of(view->step)->done;
    if (a->may_have_happened || a->state == STATE_UNCERTAIN)
        buf_add_fmt(out, "Not known whether it was %s", done);
    else
        buf_add_fmt(out, a->state == STATE_WAITING ? "Not %s yet" : "Not %s", done);
    if (a->starts_total > 0 && !a->attempt_is_open) {
        bool is_found = a->effect == EFFECT_WRITE && !a->may_have_happened &&
                        (a->state == STATE_IN_REVIEW || a->state == STATE_HELD) &&
                        a->last_outcome == OUTCOME_UNCERTAIN; /* a check, or a person */
        buf_add_text(out, is_found ? ", as was found since: " : ": ");
        story_add_attempt(view, out);
    }
    buf_add_byte(out, '.');
}

/* ---- WHAT ---- */

static void story_add_under_way(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    const struct wording_verb *verb = wording_verb_of(view->step);
    size_t start = out->size;
    if (story_is_caller(view)) {
        buf_add_text(out, a->permit_is_begun ? verb->doing : "A permit was given");
        buf_add_text(out, a->permit_is_begun ? " by " : " to ");
        story_add_principal(view->config, view->submit.actor, out);
        buf_add_text(out, a->permit_is_begun ? " since " : " at ");
        story_add_time(view, a->attempt_unix_ms, ZONE_SECONDS, out);
        buf_add_text(out, a->permit_is_begun ? "; its lease runs until " : "; to begin by ");
        story_add_time(view, a->due_unix_ms, ZONE_SECONDS, out);
    } else {
        buf_add_fmt(out, "%s: with ", verb->doing);
        story_add_upstream(view, out);
        buf_add_text(out, " since ");
        story_add_time(view, a->attempt_unix_ms, ZONE_SECONDS, out);
        if (a->starts_total > 1)
            buf_add_fmt(out, " (try %u)", (unsigned)a->starts_total);
    }
    wording_capital(out, start);
    buf_add_byte(out, '.');
}

/* " Held by a stop, which starts again a little at a time", and what a person said of it. */
static void story_add_stopped(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    const char *when = view->is_ramping    ? "at the end of the ramp"
                       : view->is_draining ? "in its turn, after those held before it"
                                           : "after the restart";
    buf_add_text(out, view->is_draining ? " Held by a stop that is lifted" : " Held by a stop");
    if (action_is_granted(a, view->now_unix_ms) || action_is_approved(a, view->now_unix_ms))
        buf_add_fmt(out, "; a person let it go: it starts %s", when);
    else if (view->is_ramping || view->is_draining)
        buf_add_fmt(out, "; it starts %s", when);
}

static void story_add_held(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    story_add_doubt(view, out);
    switch (a->hold_for) {
    case HOLD_FOR_STOP:
        story_add_stopped(view, out);
        break;
    case HOLD_FOR_UPSTREAM:
        buf_add_text(out, a->reason == REASON_NO_TOKEN
                              ? " Waits in the safe queue for the retry budget of "
                              : " Waits in the safe queue until ");
        story_add_upstream(view, out);
        buf_add_text(out, a->reason == REASON_NO_TOKEN ? "" : " answers");
        break;
    case HOLD_FOR_ORDER:
        buf_add_text(out, " Waits until ");
        if (view->order_before != 0)
            text_add_id(out, ID_ACTION, view->order_before);
        else
            buf_add_text(out, "an older action");
        buf_add_text(out, " of the same thing has ended");
        break;
    case HOLD_FOR_RULE:
    case HOLD_FOR_POLICY:
        buf_add_text(out, " Held until ");
        story_add_time(
            view, a->hold_end_unix_ms,
            a->hold_end_unix_ms - view->now_unix_ms < 60000 ? ZONE_SECONDS : ZONE_MINUTES, out);
        break;
    case HOLD_FOR_FACT:
        buf_add_text(out, " Waits for a fresh fact");
        break;
    case HOLD_FOR_COUNT:
        CHECK_UNREACHABLE();
    }
    buf_add_byte(out, '.');
}

static void story_add_waiting(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    story_add_doubt(view, out);
    if (a->reason == REASON_FALLBACK) {
        buf_add_text(out, " Next: ");
        if (!fallback_add_name(out, view))
            buf_add_text(out, "its fallback");
    } else if (a->reason == REASON_NO_ROOM) {
        buf_add_text(out, " Waits for a free call at ");
        story_add_upstream(view, out);
    } else {
        buf_add_text(out, " Next try at ");
        story_add_time(view, a->due_unix_ms, ZONE_SECONDS, out);
    }
    buf_add_byte(out, '.');
}

/* " by Ana Ruiz" when the newest record says who it was. */
static void story_add_by(const struct view *view, const char *before, struct buf *out)
{
    const struct bundle_words *words = NULL;
    const struct record *last = story_last(view, &words);
    buf_add_text(out, before);
    if (last && last->actor.size > 0)
        story_add_principal(view->config, last->actor, out);
    else
        buf_add_text(out, "a person");
}

static void story_add_done(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    size_t start = out->size;
    if (a->reason == REASON_TEMPLATE) {
        buf_add_fmt(out, "Not %s: answered by a template at ", wording_verb_of(view->step)->done);
        story_add_time(view, a->ended_unix_ms, ZONE_SECONDS, out);
        buf_add_byte(out, '.');
        return;
    }
    buf_add_text(out, wording_verb_of(view->step)->done);
    wording_capital(out, start);
    if (a->reason == REASON_PERSON || a->reason == REASON_PERSON_BY_HAND) {
        story_add_by(view, a->reason == REASON_PERSON ? ", says " : " by hand, says ", out);
        buf_add_text(out, " (");
        story_add_time(view, a->ended_unix_ms, ZONE_MINUTES, out);
        buf_add_text(out, ").");
        return;
    }
    if (a->reason == REASON_BY_CHECK) {
        buf_add_text(out, ", says the check (");
        story_add_time(view, a->ended_unix_ms, ZONE_SECONDS, out);
        buf_add_text(out, "); ");
    } else {
        buf_add_text(out, ": ");
    }
    story_add_attempt(view, out);
    buf_add_text(out, a->reason == REASON_LATE ? "; the answer came late." : ".");
}

static void story_add_refused(const struct view *view, const char *word, struct buf *out)
{
    const struct action *a = view->action;
    buf_add_fmt(out, "Not %s: %s", wording_verb_of(view->step)->done, word);
    if (a->reason == REASON_PERSON)
        story_add_by(view, " by ", out);
    buf_add_text(out, " at ");
    story_add_time(view, a->ended_unix_ms, ZONE_SECONDS, out);
    buf_add_byte(out, '.');
}

static void story_add_failed(const struct view *view, struct buf *out)
{
    if (view->action->reason != REASON_PERSON && view->action->starts_total > 0) {
        story_add_doubt(view, out);
        return;
    }
    buf_add_fmt(out, "Not %s", wording_verb_of(view->step)->done);
    if (view->action->reason == REASON_PERSON)
        story_add_by(view, ", says ", out);
    buf_add_byte(out, '.');
}

/* The record in which a person settled the contradiction; NULL: not in this history. */
static const struct view_record *story_settled(const struct view *view)
{
    for (size_t i = view->history_count; i > 0; i--)
        if (view->history[i - 1].record.kind == RECORD_SETTLED)
            return &view->history[i - 1];
    return NULL;
}

/* R14: " But try 1 was reported as ok at 14:05:11. Both are on record." */
static void story_add_contradiction(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    const char *done = wording_verb_of(view->step)->done;
    buf_add_fmt(out, " But the late outcome of try %u says %s (",
                (unsigned)a->contradiction_attempt, outcome_name(a->contradiction_outcome));
    story_add_time(view, a->contradicted_unix_ms, ZONE_SECONDS, out);
    buf_add_text(out, "): ");
    if (a->contradiction_verdict == OUTCOME_UNCERTAIN) {
        buf_add_text(out, "a person must say which is true.");
        return;
    }
    const struct view_record *settled = story_settled(view);
    if (settled)
        story_add_principal(view->config, settled->record.actor, out);
    else
        buf_add_text(out, "a person");
    buf_add_fmt(out, " then said that it was %s%s",
                a->contradiction_verdict == OUTCOME_OK ? "" : "not ", done);
    if (settled && !settled->is_erased && settled->words.evidence.size > 0) {
        buf_add_text(out, ", on this evidence: ");
        wording_add_quoted(out, settled->words.evidence, STORY_TEXT_MAX);
    }
    buf_add_byte(out, '.');
}

static void story_add_state(const struct view *view, struct buf *out)
{
    switch (view->action->state) {
    case STATE_UNCERTAIN:
        story_add_doubt(view, out);
        return;
    case STATE_ATTEMPTING:
        story_add_under_way(view, out);
        return;
    case STATE_WAITING:
        story_add_waiting(view, out);
        return;
    case STATE_IN_REVIEW:
        story_add_doubt(view, out);
        buf_add_text(out, " A person decides.");
        return;
    case STATE_HELD:
        story_add_held(view, out);
        return;
    case STATE_DONE:
        story_add_done(view, out);
        return;
    case STATE_FAILED:
        story_add_failed(view, out);
        return;
    case STATE_REJECTED:
        story_add_refused(view, "rejected", out);
        return;
    case STATE_EXPIRED:
        story_add_refused(view, "expired", out);
        return;
    case STATE_CANCELLED:
        story_add_refused(view, "cancelled", out);
        return;
    case STATE_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

void story_add_what(const struct view *view, struct buf *out)
{
    story_add_state(view, out);
    if (view->action->contradicted_unix_ms != 0)
        story_add_contradiction(view, out);
}

/* ---- FINAL, DO, next ---- */

void story_add_final(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    if (!state_is_end(a->state)) {
        buf_add_text(out, "none yet");
        return;
    }
    size_t start = out->size;
    bool is_template = a->state == STATE_DONE && a->reason == REASON_TEMPLATE;
    if (is_template)
        buf_add_text(out, "answered by ");
    else if (a->state == STATE_DONE)
        buf_add_text(out, wording_verb_of(view->step)->done);
    if (is_template || (a->state == STATE_DONE && a->route > 0)) {
        buf_add_text(out, is_template ? "" : " by ");
        if (!fallback_add_name(out, view)) {
            buf_cut(out, start);
            buf_add_text(out, "done by its fallback");
        }
    }
    if (a->state != STATE_DONE)
        buf_add_text(out, wording_of_state(a->state));
    buf_add_text(out, ", ");
    story_add_time(view, a->ended_unix_ms, ZONE_SECONDS, out);
    if (a->state != STATE_DONE) {
        fallback_add_passed(out, view);
        return;
    }
    size_t before = out->size;
    buf_add_text(out, ", ");
    if (!story_add_verdict(view, out))
        buf_cut(out, before);
    if (a->cause == CAUSE_NONE)
        return;
    buf_add_fmt(out, ", degraded: %s", cause_name(a->cause));
}

void story_add_handle(const struct view *view, struct buf *out)
{
    struct slice key = view->submit.key;
    bool is_whole = view->submit.key_shown.size == 0; /* a masked one finds nothing */
    bool can_type =
        is_whole && key.size > 0 && key.size <= 64 && text_is_utf8(key) && !view->is_erased;
    for (size_t i = 0; i < key.size; i++)
        can_type = can_type && (unsigned char)key.at[i] > ' ' && (unsigned char)key.at[i] < 0x7f;
    if (can_type)
        wording_add_shell(out, key);
    else
        text_add_id(out, ID_ACTION, view->action->id);
}

static void story_add_command(const struct view *view, const char *verb, const char *rest,
                              struct buf *out)
{
    buf_add_fmt(out, "interlock %s ", verb);
    story_add_handle(view, out);
    buf_add_text(out, rest);
}

struct story_choice {
    const char *verb, *rest;
};

/* A line for each: either can be pasted as it stands. On one line, with a bar between them, a shell
 * would give both answers. */
static void story_add_choices(const struct view *view, struct story_choice one,
                              struct story_choice other, struct buf *out)
{
    story_add_command(view, one.verb, one.rest, out);
    buf_add_text(out, "\n        ");
    story_add_command(view, other.verb, other.rest, out);
}

/* What did not happen ends as failed; a third answer does it now. An end takes no new try. */
static void story_add_resolve(const struct view *view, struct buf *out)
{
    story_add_choices(view, (struct story_choice){"resolve", " --happened"},
                      (struct story_choice){"resolve", " --not-happened"}, out);
    if (state_is_end(view->action->state))
        return;
    buf_add_text(out, "\n        ");
    story_add_command(view, "resolve", " --not-happened --send", out);
}

/* "interlock approve i_…   # ana asks for a restart; who may: ben (support-leads)" */
static void story_add_approval(const struct view *view, struct buf *out)
{
    buf_add_text(out, "interlock approve ");
    text_add_id(out, ID_INCIDENT, view->stop_incident);
    buf_add_text(out, "   # ");
    wording_add_line(out, view->restart_by, LIMIT_NAME);
    buf_add_text(out, " asks for a restart; who may approve it: ");
    wording_add_line(out, view->approvers, LIMIT_REASON);
}

void story_add_do(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    if (state_is_end(a->state) && action_is_contradicted(a)) {
        story_add_resolve(view, out);
        return;
    }
    switch (a->state) {
    case STATE_UNCERTAIN:
        story_add_resolve(view, out);
        return;
    case STATE_IN_REVIEW:
        if (!view->step) { /* its policy is gone: nothing of it starts */
            story_add_command(view, "reject", "", out);
            return;
        }
        story_add_choices(view, (struct story_choice){"approve", ""},
                          (struct story_choice){"reject", ""}, out);
        return;
    case STATE_HELD:
        if (a->hold_for != HOLD_FOR_STOP || view->is_ramping || view->is_draining)
            break;
        if (view->restart_by.size > 0) {
            story_add_approval(view, out);
            return;
        }
        buf_add_text(out, "interlock restart ");
        if (view->stop_incident != 0)
            text_add_id(out, ID_INCIDENT, view->stop_incident);
        else
            wording_add_shell(out, view->workflow);
        buf_add_text(out, " --reason TEXT");
        return;
    case STATE_FAILED:
    case STATE_REJECTED:
    case STATE_EXPIRED:
    case STATE_CANCELLED:
        buf_add_text(out, "nothing; a new try: ");
        story_add_command(view, "again", " --reason TEXT", out);
        return;
    case STATE_ATTEMPTING:
    case STATE_WAITING:
    case STATE_DONE:
    case STATE_COUNT:
        break;
    }
    buf_add_text(out, "nothing");
}

/* "its fallback goes on: template general-queue" */
static void story_add_goes_on(const struct what *entry, struct buf *out)
{
    buf_add_text(out, "its fallback goes on");
    if (!entry)
        return;
    buf_add_text(out, ": ");
    fallback_add_entry(out, entry);
}

static void story_add_after_hold(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    const struct what *what = view->step ? chain_entry(&view->step->terms, a->entry) : NULL;
    if (a->due_kind == DUE_KEEPS) {
        buf_add_text(out, "a person settles it: a repeat is not recognised any longer");
        return;
    }
    if (a->hold_for == HOLD_FOR_RULE) {
        buf_add_text(out, "the gate is asked again");
        return;
    }
    if (a->may_have_happened) {
        buf_add_text(out, "a person settles it");
        return;
    }
    if (!what || what->kind != WHAT_HOLD) {
        buf_add_text(out, "a person decides");
        return;
    }
    if (what->then == 0 && view->step->terms.what[CAUSE_EXPIRED].kind == WHAT_END) {
        buf_add_text(out, "it expires");
        return;
    }
    what = chain_entry(&view->step->terms, what->then != 0 ? what->then : CAUSE_EXPIRED);
    if (what && what->kind == WHAT_REVIEW)
        buf_add_text(out, "a person decides");
    else
        story_add_goes_on(what, out);
}

/* Nobody decides until its due time: what then. */
static void story_add_past_due(const struct view *view, struct buf *out)
{
    const struct step_terms *terms = view->step ? &view->step->terms : NULL;
    const struct what *what = terms ? chain_entry(terms, view->action->entry) : NULL;
    bool is_known = what && what->kind == WHAT_REVIEW && what->then != 0;
    story_add_goes_on(is_known ? chain_entry(terms, what->then) : NULL, out);
}

static void story_add_asked(const struct ask_call *call, struct buf *out)
{
    if (call)
        wording_add_line(out, call->upstream->name, LIMIT_NAME);
    else
        buf_add_text(out, "the upstream");
}

bool story_next(const struct view *view, int64_t *out_at_unix_ms, struct buf *out_what)
{
    const struct action *a = view->action;
    *out_at_unix_ms = a->due_unix_ms;
    if (a->state == STATE_WAITING) {
        if (view->probe_at_unix_ms > a->due_unix_ms)
            *out_at_unix_ms = view->probe_at_unix_ms;
        buf_add_text(out_what, a->reason == REASON_FALLBACK ? "its fallback goes on"
                               : a->starts_total > 0        ? "another try"
                                                            : "a try");
        return true;
    }
    if (a->state == STATE_ATTEMPTING) {
        if (story_is_caller(view)) {
            buf_add_text(out_what, a->permit_is_begun ? "its report is due" : "its start is due");
            return true;
        }
        *out_at_unix_ms = a->timeout_ms > 0 ? a->attempt_unix_ms + a->timeout_ms : 0;
        buf_add_text(out_what, "the answer of ");
        story_add_upstream(view, out_what);
        buf_add_text(out_what, " is due");
        return true;
    }
    if (action_is_asked(a)) {
        buf_add_text(out_what, "the check is asked");
        return true;
    }
    if (a->state == STATE_IN_REVIEW && a->due_kind == DUE_REVIEW) {
        story_add_past_due(view, out_what);
        return true;
    }
    if (a->state != STATE_HELD)
        return false;
    if (a->hold_for == HOLD_FOR_STOP && view->is_ramping) {
        *out_at_unix_ms = 0;
        buf_add_text(out_what, "the end of the ramp");
        if (view->ramp.size > 0)
            buf_add_fmt(out_what, " (%.*s)", SLICE_FMT(view->ramp));
        return true;
    }
    if (a->hold_for == HOLD_FOR_STOP && view->is_draining) {
        *out_at_unix_ms = 0;
        buf_add_text(out_what, "its turn, after those held before it");
        return true;
    }
    if (a->hold_for == HOLD_FOR_FACT && a->due_unix_ms < a->hold_end_unix_ms) {
        story_add_asked(view->step && view->step->refresh ? &view->step->refresh->call : NULL,
                        out_what);
        buf_add_text(out_what, " is asked for the facts of now");
        return true;
    }
    if (a->hold_for == HOLD_FOR_UPSTREAM && view->probe_at_unix_ms > 0 &&
        view->probe_at_unix_ms < a->due_unix_ms) {
        *out_at_unix_ms = view->probe_at_unix_ms;
        if (a->reason == REASON_NO_TOKEN) {
            buf_add_text(out_what, "another try");
            return true;
        }
        story_add_upstream(view, out_what);
        buf_add_text(out_what, " is asked again");
        return true;
    }
    story_add_after_hold(view, out_what);
    return true;
}
