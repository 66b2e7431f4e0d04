#include "record/inbox_json.h"

#include "base/check.h"
#include "base/text.h"
#include "record/ids.h"
#include "record/look.h"
#include "record/member.h"
#include "record/receipt.h"
#include "record/review_json.h"
#include "record/story.h"

enum { INBOX_SENTENCE = 4096 };
#define INBOX_ACK "{\"verdict\":\"ack\",\"does\":\"You take care of it; nobody else is told on\"}"
#define INBOX_SEEN "{\"verdict\":\"ack\",\"does\":\"You have seen it; it leaves the inbox\"}"

static const char *const inbox_kind_names[INBOX_KIND_COUNT] = {
#define X(name, text) [name] = text,
    INBOX_KIND_LIST(X)
#undef X
};

enum inbox_kind inbox_kind_of(const struct action *action)
{
    if (state_is_end(action->state)) /* nothing else that ended asks */
        return INBOX_CONTRADICTION;
    return action->state == STATE_IN_REVIEW ? INBOX_REVIEW : INBOX_UNCERTAIN;
}

static const char *inbox_kind_name(enum inbox_kind kind)
{
    CHECK((unsigned)kind < INBOX_KIND_COUNT);
    return inbox_kind_names[kind];
}

bool inbox_kind_parse(struct slice name, enum inbox_kind *out_kind)
{
    for (unsigned i = 0; i < INBOX_KIND_COUNT; i++)
        if (slice_is(name, inbox_kind_names[i])) {
            *out_kind = (enum inbox_kind)i;
            return true;
        }
    return false;
}

/* A button: the word to answer with, and what follows from it, as a sentence. */
static void inbox_json_add_verdict(struct buf *out, const char *verdict, const char *format,
                                   const char *word)
{
    struct buf does;
    buf_init(&does, INBOX_SENTENCE);
    struct slice rest = slice_text(format);
    size_t at = slice_find(rest, '*'); /* where the verb goes */
    buf_add(&does, slice_first(rest, at));
    buf_add_text(&does, word);
    buf_add(&does, slice_from(rest, at + 1));
    wording_capital(&does, 0);
    buf_add_text(out, out->at[out->size - 1] == '[' ? "{" : ",{");
    member_add_word(out, "verdict", verdict);
    member_add_text(out, "does", buf_slice(&does));
    buf_add_byte(out, '}');
    buf_done(&does);
}

/* "It was not sent: send now" */
static void inbox_json_add_again(struct buf *out, const struct wording_verb *verb)
{
    struct buf format;
    buf_init(&format, INBOX_SENTENCE);
    buf_add_fmt(&format, "it was not *: %s now", verb->act);
    inbox_json_add_verdict(out, "not_happened_send", buf_text(&format), verb->done);
    buf_done(&format);
}

void inbox_json_add_verdicts(struct buf *out, const struct view *view)
{
    const struct wording_verb *verb = wording_verb_of(view->step);
    member_add_name(out, "verdicts");
    buf_add_byte(out, '[');
    if (view->action->state == STATE_IN_REVIEW && !view->step) { /* its policy is gone */
        inbox_json_add_verdict(out, "reject", "do not *", verb->act);
    } else if (view->action->state == STATE_IN_REVIEW) {
        struct buf act; /* "send to m…@example.org" */
        buf_init(&act, INBOX_SENTENCE);
        buf_add_text(&act, verb->act);
        buf_add_text(&act, " to ");
        size_t empty = act.size;
        review_add_recipient(view, &act);
        bool has_recipient = act.size > empty;
        inbox_json_add_verdict(out, "approve", "* now, as shown",
                               has_recipient ? buf_text(&act) : verb->act);
        buf_done(&act);
        bool is_change = strcmp(verb->act, "change") == 0; /* "change it and change" */
        inbox_json_add_verdict(out, "edit", is_change ? "edit it, then *" : "change it and *",
                               verb->act);
        inbox_json_add_verdict(out, "reject", "do not *", verb->act);
    } else {
        inbox_json_add_verdict(out, "happened", "it was *", verb->done);
        if (!state_is_end(view->action->state)) /* an end is final, also a contradicted one */
            inbox_json_add_again(out, verb);
        inbox_json_add_verdict(out, "not_happened", "it was not *: leave it", verb->done);
    }
    buf_add_byte(out, ']');
}

static void inbox_json_add_id(struct buf *out, const struct view *view)
{
    member_add_name(out, "id");
    buf_add_byte(out, '"');
    if (view->action->state == STATE_IN_REVIEW)
        id_add_review(out, view->action->id, view->action->reviews);
    else
        text_add_id(out, ID_ACTION, view->action->id);
    buf_add_byte(out, '"');
}

void inbox_json_add_title(struct buf *out, const struct view *view)
{
    struct buf title;
    buf_init(&title, INBOX_SENTENCE);
    if (view->submit.summary.size > 0) {
        wording_add_line(&title, view->submit.summary, LIMIT_SUMMARY);
    } else {
        wording_add_line(&title, view->step_name, LIMIT_NAME);
        buf_add_byte(&title, ' ');
        wording_add_line(&title, view->submit.key, LIMIT_KEY);
    }
    member_add_text(out, "title", buf_slice(&title));
    buf_done(&title);
}

void inbox_json_add_why(struct buf *out, const struct view *view)
{
    struct buf why;
    buf_init(&why, INBOX_SENTENCE);
    if (view->action->state != STATE_IN_REVIEW) {
        story_add_what(view, &why);
        buf_add_byte(&why, ' ');
    }
    size_t start = why.size;
    story_add_why(view, &why);
    wording_capital(&why, start);
    if (view->action->state == STATE_IN_REVIEW && view->action->reason == REASON_HOLD_ENDED &&
        view->action->starts_total > 0) { /* what was waited for, and did not come */
        buf_add_text(&why, "; ");
        story_add_attempt(view, &why);
    }
    member_add_text(out, "why", buf_slice(&why));
    buf_done(&why);
}

static void inbox_json_add_who(struct buf *out, const struct view_who *who)
{
    member_add_name(out, "who");
    buf_add_byte(out, '{');
    member_add_text(out, "group", who->group);
    member_add_text(out, "person", who->person);
    buf_add_byte(out, '}');
}

/* An action that was drawn: the step's question, and its labels as the answers. */
static void inbox_json_add_audit(struct buf *out, const struct inbox_item *item)
{
    const struct view *view = &item->view;
    struct who_question question = view_question(view, WHO_DUTY_DECIDE);
    struct who_answer answer = {0};
    struct view_who who = {0};
    question.actor = (struct slice){0}; /* also who asked for it may say whether it was right */
    if (who_find(&question, &answer))
        who.group = answer.group->name;
    if (answer.person)
        who.person = answer.person->name;
    member_add_id(out, "id", ID_ACTION, view->action->id);
    member_add_id(out, "action", ID_ACTION, view->action->id);
    member_add_text(out, "workflow", view->workflow);
    member_add_text(out, "step", view->step_name);
    member_add_text(out, "key", view->submit.key);
    inbox_json_add_title(out, view);
    struct buf why;
    buf_init(&why, INBOX_SENTENCE);
    if (view->step)
        wording_add_line(&why, view->step->audit.ask, LIMIT_SUMMARY);
    buf_add_text(&why, " (drawn at random; it ran by itself)");
    member_add_text(out, "why", buf_slice(&why));
    buf_done(&why);
    inbox_json_add_who(out, &who);
    member_add_time(out, "by", item->by_unix_ms);
    member_add_name(out, "verdicts");
    buf_add_byte(out, '[');
    for (size_t i = 0; view->step && i < view->step->audit.label_count; i++) {
        struct buf does;
        buf_init(&does, INBOX_SENTENCE);
        buf_add_text(&does, i == 0 ? "It was right" : "It was wrong: ");
        if (i > 0)
            buf_add(&does, view->step->audit.labels[i]);
        buf_add_text(out, i ? ",{" : "{");
        member_add_text(out, "verdict", view->step->audit.labels[i]);
        member_add_text(out, "does", buf_slice(&does));
        buf_add_byte(out, '}');
        buf_done(&does);
    }
    buf_add_byte(out, ']');
}

static void inbox_json_add_action(struct buf *out, const struct inbox_item *item)
{
    const struct view *view = &item->view;
    struct view_who who = {0};
    bool is_review = view->action->state == STATE_IN_REVIEW;
    (void)view_who(view, &who); /* without people: the members are null */
    inbox_json_add_id(out, view);
    member_add_id(out, "action", ID_ACTION, view->action->id);
    member_add_text(out, "workflow", view->workflow);
    member_add_text(out, "step", view->step_name);
    member_add_text(out, "key", view->submit.key);
    inbox_json_add_title(out, view);
    inbox_json_add_why(out, view);
    inbox_json_add_who(out, &who);
    member_add_time(out, "by", who.by_unix_ms);
    look_add_json(view, out);
    inbox_json_add_verdicts(out, view);
    if (is_review) {
        member_add_name(out, "digest");
        buf_add_byte(out, '"');
        text_add_hex(out, slice_of(view->action->request_digest, ACTION_DIGEST));
        buf_add_byte(out, '"');
    }
}

/* "ben stopped it at 14:02: the mailer sends twice" */
static void inbox_json_add_stop_why(struct buf *out, const struct inbox_item *item)
{
    struct buf why;
    buf_init(&why, INBOX_SENTENCE);
    story_add_principal(item->view.config, slice_text(item->stop->by), &why);
    if (item->stop->position == POSITION_STOPPED)
        buf_add_text(&why, " stopped it at ");
    else
        buf_add_fmt(&why, " put it on %s at ", position_name(item->stop->position));
    story_add_time(&item->view, item->stop->at_unix_ms, ZONE_MINUTES, &why);
    if (item->kind == INBOX_RESTART) {
        buf_add_text(&why, ". ");
        story_add_principal(item->view.config, item->asked_by, &why);
        buf_add_text(&why, " asks that it runs again: ");
        wording_add_line(&why, item->reason, LIMIT_REASON);
    } else if (item->reason.size > 0) {
        buf_add_text(&why, ": ");
        wording_add_line(&why, item->reason, LIMIT_REASON);
    } else {
        buf_add_text(&why, ". No reason was said");
    }
    if (item->is_stuck)
        buf_add_text(&why, ". Its restart was approved, and the ramp is stuck");
    if (item->no.size > 0) {
        buf_add_text(&why, ". ");
        buf_add(&why, item->no);
    }
    member_add_text(out, "why", buf_slice(&why));
    buf_done(&why);
}

/* Whom the scope of its stop falls to. */
static struct view_who inbox_json_find_who(const struct inbox_item *item,
                                           struct who_question question)
{
    struct who_answer answer = {0};
    struct view_who who = {0};
    const struct config *config = item->view.config;
    question.workflow =
        config ? config_workflow_of(config, slice_text(item->stop->names[0])) : NULL;
    if (who_find(&question, &answer))
        who.group = answer.group->name;
    if (answer.person)
        who.person = answer.person->name;
    return who;
}

/* "invoice-reminders is on review": the incident, and how the scope of its stop stands. */
static void inbox_json_add_scope(struct buf *out, const struct inbox_item *item, const char *verb,
                                 const char *how)
{
    struct buf title;
    buf_init(&title, INBOX_SENTENCE);
    receipt_add_scope(&title, item->stop);
    buf_add_fmt(&title, " %s %s", verb, how);
    if (item->stop->names[0][0] == '\0')
        wording_capital(&title, 0); /* no name: "Everything is stopped"; a name stays as it is */
    member_add_id(out, "id", ID_INCIDENT, item->stop->incident);
    member_add_text(out, "workflow", slice_text(item->stop->names[0]));
    member_add_text(out, "title", buf_slice(&title));
    buf_done(&title);
}

static void inbox_json_add_stop(struct buf *out, const struct inbox_item *item)
{
    struct who_question question = view_question(&item->view, WHO_DUTY_RESTART);
    question.stop = item->stop;
    question.actor = item->asked_by; /* I11 */
    struct view_who who = inbox_json_find_who(item, question);
    enum position position = item->stop->position;
    if (position == POSITION_STOPPED)
        inbox_json_add_scope(out, item, "is", "stopped");
    else
        inbox_json_add_scope(out, item, "is on", position_name(position));
    inbox_json_add_stop_why(out, item);
    inbox_json_add_who(out, &who);
    member_add_time(out, "by", item->by_unix_ms);
    member_add_name(out, "verdicts");
    bool is_first_ack = item->kind == INBOX_STOP && item->is_unanswered;
    buf_add_text(out, is_first_ack ? "[" INBOX_ACK "," : "[");
    buf_add_text(out, item->kind == INBOX_RESTART
                          ? "{\"verdict\":\"approve\",\"does\":\"Let it start again, a little "
                            "at a time as its policy says; what it held goes out at the end\"},"
                            "{\"verdict\":\"reject\",\"does\":\"Say no, with a reason: it stays "
                            "stopped\"}]"
                          : "{\"verdict\":\"restart\",\"does\":\"Ask that it starts again; "
                            "somebody else approves it\"}]");
}

/* Trouble that lasts, or what a trigger says, until somebody answers. */
static void inbox_json_add_incident(struct buf *out, const struct inbox_item *item)
{
    struct who_question question = view_question(&item->view, WHO_DUTY_SETTLE);
    question.actor = (struct slice){0};
    struct view_who who = inbox_json_find_who(item, question);
    if (item->is_undone)
        inbox_json_add_scope(out, item, "has ended actions", "that were not done");
    else
        inbox_json_add_scope(out, item, "is in", "trouble");
    member_add_text(out, "why", item->reason);
    inbox_json_add_who(out, &who);
    member_add_time(out, "by", item->by_unix_ms);
    member_add_name(out, "verdicts");
    buf_add_text(out, item->is_undone ? "[" INBOX_SEEN "]" : "[" INBOX_ACK "]");
}

void inbox_json_add(struct buf *out, const struct inbox_item *item)
{
    buf_add_byte(out, '{');
    member_add_word(out, "kind", inbox_kind_name(item->kind));
    switch (item->kind) {
    case INBOX_REVIEW:
    case INBOX_UNCERTAIN:
    case INBOX_CONTRADICTION:
        inbox_json_add_action(out, item);
        break;
    case INBOX_AUDIT:
        inbox_json_add_audit(out, item);
        break;
    case INBOX_STOP:
    case INBOX_RESTART:
        inbox_json_add_stop(out, item);
        break;
    case INBOX_INCIDENT:
        inbox_json_add_incident(out, item);
        break;
    case INBOX_KIND_COUNT:
        CHECK_UNREACHABLE();
    }
    buf_add_byte(out, '}');
}
