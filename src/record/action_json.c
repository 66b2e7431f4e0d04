#include "record/action_json.h"

#include "record/ids.h"
#include "record/label_json.h"
#include "record/look.h"
#include "record/member.h"
#include "record/path.h"
#include "record/story.h"

enum { ACTION_JSON_SENTENCE = 4096 };

typedef void action_json_story_fn(const struct view *view, struct buf *out);

/* A sentence of story.h as a member. */
static void action_json_add_sentence(struct buf *out, const char *name, const struct view *view,
                                     action_json_story_fn *story)
{
    struct buf sentence;
    buf_init(&sentence, ACTION_JSON_SENTENCE);
    story(view, &sentence);
    member_add_text(out, name, buf_slice(&sentence));
    buf_done(&sentence);
}

static void action_json_add_who(struct buf *out, const struct view *view)
{
    struct view_who who;
    member_add_name(out, "who");
    if (!view_who(view, &who)) {
        buf_add_text(out, "null");
        return;
    }
    buf_add_byte(out, '{');
    member_add_text(out, "group", who.group);
    member_add_text(out, "person", who.person);
    member_add_time(out, "by", who.by_unix_ms);
    member_add_word(out, "to_do", who.to_do);
    buf_add_byte(out, '}');
}

/* It ended and was not done: who was told. */
static void action_json_add_told(struct buf *out, const struct view_told *told)
{
    member_add_name(out, "told");
    buf_add_byte(out, '{');
    member_add_text(out, "group", told->group);
    member_add_text(out, "person", told->person);
    member_add_text(out, "channel", told->channel);
    member_add_time(out, "at", told->at_unix_ms);
    member_add_id(out, "incident", ID_INCIDENT, told->incident);
    member_add_text(out, "acknowledged_by", told->acknowledged_by);
    buf_add_byte(out, '}');
}

void note_json_add(struct buf *out, const struct view_record *said)
{
    buf_add_byte(out, '{');
    member_add_text(out, "by", said->record.actor);
    member_add_time(out, "at", said->record.at_unix_ms);
    member_add_text(out, "note", said->words.reason);
    buf_add_byte(out, '}');
}

/* What people wrote beside it, the newest last; where its history was read. */
static void action_json_add_notes(struct buf *out, const struct view *view)
{
    bool is_first = true;
    if (view->history_count == 0)
        return;
    member_add_name(out, "notes");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < view->history_count; i++) {
        const struct view_record *said = &view->history[i];
        if (said->record.kind != RECORD_SAID || said->is_erased || said->words.reason.size == 0)
            continue;
        buf_add_text(out, is_first ? "" : ",");
        is_first = false;
        note_json_add(out, said);
    }
    buf_add_byte(out, ']');
}

static void action_json_add_next(struct buf *out, const struct view *view)
{
    struct buf what;
    int64_t at = 0;
    buf_init(&what, ACTION_JSON_SENTENCE);
    member_add_name(out, "next");
    if (story_next(view, &at, &what)) {
        buf_add_byte(out, '{');
        member_add_time(out, "at", at);
        member_add_text(out, "what", buf_slice(&what));
        buf_add_byte(out, '}');
    } else {
        buf_add_text(out, "null");
    }
    buf_done(&what);
}

/* In observe: what auto would have done, and for what reason. */
static void action_json_add_would(struct buf *out, const struct view *view, const struct path *path)
{
    if (view->action->mode != MODE_OBSERVE)
        return;
    member_add_name(out, "would");
    buf_add_byte(out, '{');
    member_add_word(out, "says", says_name(path->would));
    member_add_word(out, "reason", path->would > SAYS_GO ? reason_name(path->would_reason) : NULL);
    buf_add_byte(out, '}');
}

static void action_json_add_decision(struct buf *out, const struct view *view)
{
    struct path path;
    bool has_path = path_of_view(view, &path);
    member_add_name(out, "decision");
    buf_add_byte(out, '{');
    if (state_is_end(view->action->state))
        action_json_add_sentence(out, "final", view, story_add_final);
    else
        member_add_word(out, "final", NULL);
    member_add_word(out, "says", has_path ? says_name(path.says) : NULL);
    member_add_name(out, "path");
    if (has_path)
        path_add_json(&path, out);
    else
        buf_add_text(out, "[]");
    buf_add_byte(out, '}');
    if (has_path)
        action_json_add_would(out, view, &path);
}

/* Where the step stands, in the policy that is in force. */
static void action_json_add_policy(struct buf *out, const struct view *view)
{
    struct buf at;
    buf_init(&at, ACTION_JSON_SENTENCE);
    const struct step *step = view->decided_step ? view->decided_step : view->step;
    if (step && step->origin.kind == ORIGIN_FILE)
        buf_add_fmt(&at, "%.*s:%d", SLICE_FMT(step->origin.file), step->origin.line);
    member_add_name(out, "policy");
    buf_add_byte(out, '{');
    member_add_text(out, "version", view->policy_version);
    member_add_text(out, "at", buf_slice(&at));
    buf_add_byte(out, '}');
    buf_done(&at);
}

static void action_json_add_response(struct buf *out, const struct view *view)
{
    bool is_there = view->has_outcome && !view->is_erased;
    member_add_raw(out, "response", is_there ? view->outcome.response_json : SLICE(""));
    if (view->is_erased)
        member_add_time(out, "erased_at", view->erased_unix_ms);
    if (view->permit_token.size == 0)
        return;
    member_add_name(out, "permit");
    buf_add_byte(out, '{');
    member_add_text(out, "token", view->permit_token);
    member_add_time(out, "start_by", view->start_by_unix_ms);
    buf_add_byte(out, '}');
}

/* call: caller: what to do in place of the work itself; null where it has, or had, a permit. */
static const char *action_json_instead(const struct action *a)
{
    switch (a->state) {
    case STATE_ATTEMPTING:
        return NULL;
    case STATE_DONE:
        return a->reason == REASON_TEMPLATE ? "answer" : NULL;
    case STATE_IN_REVIEW:
    case STATE_UNCERTAIN:
        return "wait_for_person";
    case STATE_HELD:
    case STATE_WAITING:
        return "wait";
    case STATE_FAILED:
    case STATE_REJECTED:
    case STATE_EXPIRED:
    case STATE_CANCELLED:
    case STATE_COUNT:
        break;
    }
    return "nothing";
}

static void action_json_add_facts(struct buf *out, const struct view *view)
{
    const struct action *a = view->action;
    bool is_degraded = a->state == STATE_DONE && a->cause != CAUSE_NONE;
    member_add_text(out, "run", view->submit.run);
    member_add_text(out, "key", view->submit.key);
    member_add_word(out, "state", state_name(a->state));
    member_add_word(out, "reason", a->reason != REASON_NONE ? reason_name(a->reason) : NULL);
    member_add_word(out, "degraded", is_degraded ? cause_name(a->cause) : NULL);
    if (view->step && view->step->terms.is_caller)
        member_add_word(out, "instead", action_json_instead(a));
    member_add_u64(out, "attempts", a->starts_total);
    member_add_bool(out, "replayed", view->is_replayed);
    member_add_time(out, "submitted_at", a->submitted_unix_ms);
    member_add_time(out, "ended_at", a->ended_unix_ms);
    if (a->again_of != 0)
        member_add_id(out, "again_of", ID_ACTION, a->again_of);
    member_add_text(out, "by", view->submit.actor);
    member_add_text(out, "summary", view->submit.summary);
    member_add_text(out, "because", view->submit.because);
}

/* R14: a late outcome that says otherwise; `settled` once a person has said which is true. */
static void action_json_add_contradiction(struct buf *out, const struct action *a)
{
    static const char *const settled[OUTCOME_COUNT] = {
        [OUTCOME_OK] = "happened", [OUTCOME_FAILED] = "not_happened"};
    member_add_name(out, "contradiction");
    buf_add_byte(out, '{');
    member_add_u64(out, "attempt", a->contradiction_attempt);
    member_add_word(out, "outcome", outcome_name(a->contradiction_outcome));
    member_add_time(out, "at", a->contradicted_unix_ms);
    member_add_word(out, "settled", settled[a->contradiction_verdict]);
    buf_add_byte(out, '}');
}

void action_json_add_members(struct buf *out, const struct view *view)
{
    const struct action *a = view->action;
    member_add_id(out, "action", ID_ACTION, a->id);
    if (view->is_for_stranger) {
        member_add_word(out, "state", state_name(a->state));
        return;
    }
    member_add_text(out, "workflow", view->workflow);
    member_add_text(out, "step", view->step_name);
    action_json_add_facts(out, view);
    action_json_add_response(out, view);
    action_json_add_sentence(out, "what", view, story_add_what);
    action_json_add_sentence(out, "why", view, story_add_why);
    action_json_add_who(out, view);
    if (view->told.is_due)
        action_json_add_told(out, &view->told);
    action_json_add_next(out, view);
    look_add_fact_json(view, out);
    look_add_json(view, out);
    if (a->stop_id != 0 && a->state == STATE_HELD)
        member_add_id(out, "incident", ID_INCIDENT, view->stop_incident);
    if (a->contradicted_unix_ms != 0)
        action_json_add_contradiction(out, a);
    if (a->state == STATE_IN_REVIEW) {
        member_add_name(out, "review");
        buf_add_byte(out, '"');
        id_add_review(out, a->id, a->reviews);
        buf_add_byte(out, '"');
        if (view_claimer(view).size > 0) {
            member_add_text(out, "claimed_by", view_claimer(view));
            member_add_time(out, "claimed_until", view->claimed_until_unix_ms);
        }
    } else if (a->reviews > 0) { /* decided, or nobody decided in time */
        member_add_name(out, "last_review");
        buf_add_byte(out, '"');
        id_add_review(out, a->id, a->reviews);
        buf_add_byte(out, '"');
    }
    action_json_add_notes(out, view);
    if (view->labels) {
        member_add_name(out, "labels");
        buf_add_byte(out, '{');
        label_json_add_members(out, view->labels);
        buf_add_byte(out, '}');
    }
    action_json_add_decision(out, view);
    action_json_add_policy(out, view);
}

void action_json_add(struct buf *out, const struct view *view)
{
    buf_add_byte(out, '{');
    action_json_add_members(out, view);
    buf_add_byte(out, '}');
}
