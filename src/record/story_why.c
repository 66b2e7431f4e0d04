/* The WHY of each state and reason, apart from story.c because it is most of the words. */
#include "base/check.h"
#include "core/chain.h"
#include "core/switchboard.h"
#include "record/fallback.h"
#include "record/ids.h"
#include "record/path.h"
#include "record/story.h"
#include "record/upstream_row.h"

enum { WHY_TEXT_MAX = 300 };

static void why_add_upstream(const struct view *view, struct buf *out)
{
    if (view->upstream.size > 0)
        wording_add_line(out, view->upstream, LIMIT_NAME);
    else
        buf_add_text(out, "the upstream");
}

/* Lines are named only when they are those of the policy that decided. */
static const struct step *why_step(const struct view *view)
{
    struct path path;
    if (view->decided_step)
        return view->decided_step;
    return path_of_view(view, &path) ? path.step : view->step;
}

static void why_add_class_origin(const struct view *view, struct buf *out)
{
    const struct step *step = why_step(view);
    if (step)
        wording_add_origin(out, &step->idempotency_origin, &step->call_origin);
}

/* ---- a person's words ---- */

static void why_add_person(const struct view *view, struct buf *out)
{
    const struct bundle_words *words = NULL;
    const struct record *last = story_last(view, &words);
    if (last && last->actor.size > 0)
        story_add_principal(view->config, last->actor, out);
    else
        buf_add_text(out, "a person");
    buf_add_text(out, " said so");
    if (words && words->reason.size > 0) {
        buf_add_text(out, ": ");
        wording_add_quoted(out, words->reason, WHY_TEXT_MAX);
    }
    if (words && words->evidence.size > 0) {
        buf_add_text(out, ", evidence: ");
        wording_add_quoted(out, words->evidence, WHY_TEXT_MAX);
    }
}

/* ---- the gate ---- */

static void why_add_stop(const struct view *view, struct buf *out)
{
    const struct stop *stop = view->stop;
    buf_add_text(out, "stopped");
    if (!stop)
        return;
    if (stop->by[0]) {
        buf_add_text(out, " by ");
        story_add_principal(view->config, slice_text(stop->by), out);
    }
    buf_add_text(out, " at ");
    story_add_time(view, stop->at_unix_ms, ZONE_SECONDS, out);
}

/* The gate that decided, as a cause. */
static void why_add_gate(const struct view *view, enum reason reason, struct buf *out)
{
    struct path path;
    if (reason == REASON_STOP) {
        why_add_stop(view, out);
        return;
    }
    bool is_switch =
        reason == REASON_ON_FALLBACK || reason == REASON_ON_REVIEW || reason == REASON_ON_CAUTION;
    if (is_switch || !path_of_view(view, &path) || path.decided_by >= path.count) {
        buf_add_text(out, wording_of_reason(reason));
        return;
    }
    if (reason == REASON_MODE_REVIEW) {
        buf_add_text(out, wording_of_reason(reason));
        if (path.step && path.step->workflow)
            wording_add_origin(out, &path.step->workflow->origin, NULL);
        return;
    }
    if (reason == REASON_STALE) {
        buf_add_text(out, "its facts may be old: submitted at ");
        story_add_time(view, view->action->submitted_unix_ms, ZONE_MINUTES, out);
        return;
    }
    if (reason == REASON_UPSTREAM_DOWN) {
        why_add_upstream(view, out);
        buf_add_text(out, " does not answer");
        if (view->outage.since_unix_ms > 0) {
            buf_add_text(out, " since ");
            story_add_time(view, view->outage.since_unix_ms, ZONE_SECONDS, out);
            buf_add_text(out, ": ");
            upstream_cause_add_words(view->outage.cause, view->outage.count, view->outage.of, out);
        }
        return;
    }
    path_add_cause(&path, path.decided_by, out);
}

static bool why_is_gate(enum reason reason)
{
    return reason == REASON_STOP || reason == REASON_ON_FALLBACK || reason == REASON_ON_REVIEW ||
           reason == REASON_ON_CAUTION || reason == REASON_RULE ||
           reason == REASON_LOW_CONFIDENCE || reason == REASON_MODE_REVIEW ||
           reason == REASON_STALE || reason == REASON_UNDECIDABLE ||
           reason == REASON_UPSTREAM_DOWN || reason == REASON_ORDER;
}

/* ---- why there is no other try ---- */

static bool why_ends_tries(enum reason reason)
{
    return reason == REASON_HINT || reason == REASON_ATTEMPTS_SPENT ||
           reason == REASON_WITHIN_OVER || reason == REASON_NO_TOKEN ||
           reason == REASON_RETRY_AFTER || reason == REASON_KEEPS_OVER ||
           reason == REASON_OBSERVE || reason == REASON_RELEASES_SPENT ||
           reason == REASON_QUARANTINE || reason == REASON_HOLD_ENDED || reason == REASON_RETIRED ||
           reason == REASON_OVERTAKEN || reason == REASON_RENDER;
}

static void why_add_no_try(const struct view *view, enum reason reason, struct buf *out)
{
    const struct action *a = view->action;
    if (reason == REASON_ATTEMPTS_SPENT) {
        if (a->starts == 1)
            buf_add_text(out, "its one try is used");
        else
            buf_add_fmt(out, "all %u tries are used", (unsigned)a->starts);
    } else if (reason == REASON_WITHIN_OVER && view->step) {
        buf_add_text(out, "the ");
        zone_add_span(out, view->step->terms.within_ms);
        buf_add_text(out, " for its tries are over");
    } else if (reason == REASON_KEEPS_OVER && a->keeps_ms > 0) {
        why_add_upstream(view, out);
        buf_add_text(out, " recognises a repeat for ");
        zone_add_span(out, a->keeps_ms);
        buf_add_text(out, " only");
    } else if (reason == REASON_HINT || reason == REASON_RETRY_AFTER) {
        why_add_upstream(view, out);
        buf_add_text(out, reason == REASON_HINT ? " asks not to try again"
                                                : " asks to wait longer than a minute");
    } else {
        buf_add_text(out, wording_of_reason(reason));
    }
}

static void why_add_uncertain(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    bool is_recognised =
        a->idempotency == IDEMPOTENCY_BY_KEY || a->idempotency == IDEMPOTENCY_BY_NATURE;
    if (a->due_kind == DUE_CHECK) {
        why_add_upstream(view, out);
        buf_add_text(out, " cannot recognise a repeat, so the check is asked first");
        why_add_class_origin(view, out);
        return;
    }
    buf_add_text(out, "not tried again by itself: ");
    if (why_ends_tries(a->reason)) {
        why_add_no_try(view, a->reason, out);
    } else if (why_is_gate(a->reason)) {
        why_add_gate(view, a->reason, out);
        buf_add_text(out, ", and an earlier try may have happened");
    } else if (is_recognised && a->last_status > 0) {
        buf_add_text(out, "an earlier try may have happened, and this answer does not say");
    } else if (is_recognised) {
        buf_add_text(out, wording_of_reason(a->reason));
    } else if (view->step && view->step->terms.is_caller) {
        buf_add_text(out, "only who carried it out can say");
    } else if (a->reason == REASON_CHECK_CANNOT_TELL) {
        buf_add_fmt(out, "the check was asked %u times and could not tell", (unsigned)a->asks);
        why_add_class_origin(view, out);
    } else if (a->idempotency == IDEMPOTENCY_BY_CHECK && a->reason != REASON_PERSON) {
        buf_add_text(out, "its policy has no check any more");
    } else {
        why_add_upstream(view, out);
        buf_add_text(out, " cannot recognise a repeat");
        why_add_class_origin(view, out);
    }
}

/* ---- why another try is safe ---- */

/* "the call of the step was not possible: mailer does not answer since 14:01:10: 5 failures in a
 * row". What is not known any more is left out. */
static void why_add_unavailable(const struct view *view, struct buf *out)
{
    const struct view_outage *outage = &view->outage;
    const struct action *a = view->action;
    buf_add_text(out, "the call of the step was not possible");
    if (!view->step || !view->step->upstream)
        return;
    buf_add_text(out, ": ");
    wording_add_line(out, view->step->upstream->name, LIMIT_NAME);
    buf_add_byte(out, ' ');
    if (outage->since_unix_ms > 0) {
        buf_add_text(out, "does not answer since ");
        story_add_time(view, outage->since_unix_ms, ZONE_SECONDS, out);
        buf_add_text(out, ": ");
        upstream_cause_add_words(outage->cause, outage->count, outage->of, out);
    } else {
        buf_add_text(out, "was not available at ");
        story_add_time(view,
                       a->route == 0 && a->ended_unix_ms > 0 ? a->ended_unix_ms
                                                             : a->route_entered_unix_ms,
                       ZONE_SECONDS, out);
    }
}

/* The gate that led into the fallback, where that is known; else its cause. */
static void why_add_fallback(const struct view *view, struct buf *out)
{
    static const char *const words[CAUSE_COUNT] = {
        [CAUSE_NONE] = "its fallback has it",
        [CAUSE_LOW_CONFIDENCE] = "the confidence is too low",
        [CAUSE_RULE] = "a rule keeps it from the call of the step",
        [CAUSE_FAILED] = "the upstream of the step will not do it",
        [CAUSE_EXPIRED] = "its time in the safe queue ran out",
    };
    const struct action *a = view->action;
    struct path path;
    bool is_gate = a->route == 0 && path_of_view(view, &path) && path.says > SAYS_GO &&
                   path.decided_by < path.count;
    if (a->cause == CAUSE_STOPPED)
        why_add_stop(view, out);
    else if (a->cause == CAUSE_UNAVAILABLE)
        why_add_unavailable(view, out);
    else if (is_gate && (a->cause == CAUSE_LOW_CONFIDENCE || a->cause == CAUSE_RULE))
        path_add_cause(&path, path.decided_by, out);
    else
        buf_add_text(out, words[a->cause]);
}

static void why_add_waiting(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    if (a->reason == REASON_FALLBACK) {
        why_add_fallback(view, out);
        return;
    }
    if (a->reason == REASON_NO_ROOM) {
        buf_add_text(out, wording_of_reason(a->reason));
        buf_add_text(out, " at ");
        why_add_upstream(view, out);
        return;
    }
    buf_add_text(out, "safe to try again: ");
    if (a->effect == EFFECT_READ) {
        buf_add_text(out, "it only asks");
    } else if (a->reason == REASON_CHECK_SAYS_NOT) {
        buf_add_text(out, wording_of_reason(a->reason));
    } else if (!a->may_have_happened) {
        why_add_upstream(view, out);
        buf_add_text(out, a->last_outcome == OUTCOME_BUSY ? " said that it did not take it"
                                                          : " got nothing of it");
    } else if (a->idempotency == IDEMPOTENCY_BY_NATURE) {
        buf_add_text(out, "doing it twice changes nothing");
        why_add_class_origin(view, out);
    } else {
        why_add_upstream(view, out);
        buf_add_text(out, " recognises a repeat by its key");
        why_add_class_origin(view, out);
    }
}

/* ---- ends ---- */

static void why_add_would(const struct view *view, struct buf *out)
{
    struct path path;
    if (!path_of_view(view, &path) || path.would == path.says)
        return;
    buf_add_text(out, "; mode observe: auto would ");
    path_add_says(&path, path.would, out);
    buf_add_text(out, ": ");
    size_t index = path_find_would(&path);
    if (index < path.count)
        path_add_cause(&path, index, out);
    else
        buf_add_text(out, wording_of_reason(path.would_reason));
}

/* The newest approval; NULL: none in this history. */
static const struct record *why_approval(const struct view *view)
{
    for (size_t i = view->history_count; i > 0; i--) {
        const struct record *record = &view->history[i - 1].record;
        if (record->kind == RECORD_APPROVED || record->kind == RECORD_EDITED)
            return record;
    }
    return NULL;
}

/* Did a person's word let it start? What the word answered stands in the path, and no longer in
 * what the gate said; what observe would have said does too, and is told on its own. */
static bool why_is_approved(const struct path *path)
{
    bool was_asked = path->says > SAYS_GO;
    for (size_t i = 0; i < path->count; i++)
        was_asked = was_asked || path->steps[i].says == SAYS_REVIEW;
    return was_asked && path->would == path->says;
}

bool story_add_verdict(const struct view *view, struct buf *out)
{
    struct path path;
    const struct record *approval = why_approval(view);
    if (!approval || approval->actor.size == 0 || !path_of_view(view, &path) ||
        path.says > SAYS_GO || !why_is_approved(&path))
        return false;
    buf_add_text(out,
                 approval->kind == RECORD_EDITED ? "changed and approved by " : "approved by ");
    story_add_principal(view->config, approval->actor, out);
    buf_add_byte(out, ' ');
    story_add_time(view, approval->at_unix_ms, ZONE_MINUTES, out);
    return true;
}

/* Who said of what was uncertain that it did not happen, and to try again; or NULL. */
static const struct record *why_granted(const struct view *view)
{
    for (size_t i = view->history_count; i > 0; i--)
        if (view->history[i - 1].record.kind == RECORD_RESOLVED)
            return &view->history[i - 1].record;
    return NULL;
}

static void why_add_go(const struct view *view, struct buf *out)
{
    struct path path;
    const struct record *approval = why_approval(view);
    const struct record *granted = why_granted(view);
    bool has_path = path_of_view(view, &path);
    bool is_granted =
        granted && granted->actor.size > 0 && !(approval && approval->seq > granted->seq);
    if (is_granted) {
        story_add_principal(view->config, granted->actor, out);
        buf_add_text(out, " said that it had not happened, and to try again");
    } else if (!has_path || !why_is_approved(&path)) {
        buf_add_text(out, "no gate was against it");
    } else {
        if (approval && approval->actor.size > 0)
            story_add_principal(view->config, approval->actor, out);
        else
            buf_add_text(out, "a person");
        buf_add_text(out, approval && approval->kind == RECORD_EDITED ? " changed and approved it"
                                                                      : " approved it");
    }
    if (has_path)
        why_add_would(view, out);
}

static void why_add_failed(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    if (a->reason == REASON_STATUS || a->reason == REASON_STATUS_DECLARED) {
        why_add_upstream(view, out);
        buf_add_fmt(out, " will not do it: that is what its %d means%s", a->last_status,
                    a->reason == REASON_STATUS_DECLARED ? " by the policy" : "");
    } else if (why_ends_tries(a->reason)) {
        why_add_no_try(view, a->reason, out);
        const struct what *what = view->step ? chain_entry(&view->step->terms, a->entry) : NULL;
        if (what && what->kind == WHAT_REFUSE)
            buf_add_text(out, "; then the policy says: refuse");
        else if (a->reason != REASON_OBSERVE) /* there it is not asked what else */
            buf_add_text(out, "; the policy names nothing else to do");
    } else if (why_is_gate(a->reason)) {
        why_add_gate(view, a->reason, out);
    } else if (a->reason == REASON_PERSON) {
        why_add_person(view, out);
    } else if (a->reason == REASON_LATE) {
        buf_add_text(out, "its answer came late, and says that it will not be done");
    } else {
        buf_add_text(out, wording_of_reason(a->reason));
    }
}

static void why_add_done(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    bool is_person = a->reason == REASON_PERSON || a->reason == REASON_PERSON_BY_HAND;
    if (!is_person && (a->reason == REASON_TEMPLATE || a->route > 0)) {
        why_add_fallback(view, out);
        return;
    }
    if (is_person)
        why_add_person(view, out);
    else if (a->reason == REASON_BY_CHECK)
        buf_add_text(out, wording_of_reason(a->reason));
    else
        why_add_go(view, out);
}

/* ": INV-2041:3 (a_…)" */
static void why_add_newer(const struct view *view, struct buf *out)
{
    buf_add_text(out, ": ");
    wording_add_line(out, view->newer_key, WHY_TEXT_MAX);
    buf_add_text(out, view->newer_key.size > 0 ? " (" : "");
    text_add_id(out, ID_ACTION, view->newer);
    buf_add_text(out, view->newer_key.size > 0 ? ")" : "");
}

/* In review, held, rejected, expired, cancelled: a gate, a person, a time, or spent tries. */
static void why_add_other(const struct view *view, struct buf *out)
{
    const struct action *a = view->action;
    if (why_is_gate(a->reason))
        why_add_gate(view, a->reason, out);
    else if (a->reason == REASON_PERSON)
        why_add_person(view, out);
    else if (why_ends_tries(a->reason))
        why_add_no_try(view, a->reason, out);
    else if (a->starts_total > 0 && a->reason == a->last_reason && a->last_status > 0)
        why_add_failed(view, out);
    else
        buf_add_text(out, wording_of_reason(a->reason));
    if (a->reason == REASON_SUPERSEDED && view->newer != 0)
        why_add_newer(view, out);
    fallback_add_passed(out, view);
}

void story_add_why(const struct view *view, struct buf *out)
{
    switch (view->action->state) {
    case STATE_UNCERTAIN:
        why_add_uncertain(view, out);
        return;
    case STATE_WAITING:
        why_add_waiting(view, out);
        return;
    case STATE_ATTEMPTING:
        why_add_go(view, out);
        return;
    case STATE_DONE:
        why_add_done(view, out);
        return;
    case STATE_FAILED:
        why_add_failed(view, out);
        return;
    case STATE_IN_REVIEW:
    case STATE_HELD:
    case STATE_REJECTED:
    case STATE_EXPIRED:
    case STATE_CANCELLED:
        why_add_other(view, out);
        return;
    case STATE_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}
