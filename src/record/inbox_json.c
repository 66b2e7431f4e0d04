#include "record/inbox_json.h"

#include "base/text.h"
#include "record/ids.h"
#include "record/member.h"
#include "record/story.h"

enum { INBOX_SENTENCE = 4096 };

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

static void inbox_json_add_verdicts(struct buf *out, const struct view *view)
{
    const struct wording_verb *verb = wording_verb_of(view->step);
    member_add_name(out, "verdicts");
    buf_add_byte(out, '[');
    if (view->action->state == STATE_IN_REVIEW) {
        inbox_json_add_verdict(out, "approve", "* now, as shown", verb->act);
        inbox_json_add_verdict(out, "reject", "do not *", verb->act);
    } else {
        inbox_json_add_verdict(out, "happened", "it was *", verb->done);
        if (!state_is_end(view->action->state)) /* an end is final, also a contradicted one */
            inbox_json_add_verdict(out, "not_happened_send", "it was not *: try once more now",
                                   verb->done);
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

/* The summary, or what is known without one. */
static void inbox_json_add_title(struct buf *out, const struct view *view)
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

static void inbox_json_add_why(struct buf *out, const struct view *view)
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
    member_add_text(out, "why", buf_slice(&why));
    buf_done(&why);
}

void inbox_json_add(struct buf *out, const struct view *view)
{
    struct view_who who = {0};
    bool is_review = view->action->state == STATE_IN_REVIEW;
    (void)view_who(view, &who); /* without people: the members are null */
    buf_add_byte(out, '{');
    bool is_contradiction = state_is_end(view->action->state); /* nothing else that ended asks */
    member_add_word(out, "kind",
                    is_review          ? "review"
                    : is_contradiction ? "contradiction"
                                       : "uncertain");
    inbox_json_add_id(out, view);
    member_add_id(out, "action", ID_ACTION, view->action->id);
    member_add_text(out, "workflow", view->workflow);
    member_add_text(out, "step", view->step_name);
    member_add_text(out, "key", view->submit.key);
    inbox_json_add_title(out, view);
    inbox_json_add_why(out, view);
    member_add_name(out, "who");
    buf_add_byte(out, '{');
    member_add_text(out, "group", who.group);
    member_add_text(out, "person", who.person);
    buf_add_byte(out, '}');
    member_add_time(out, "by", who.by_unix_ms);
    inbox_json_add_verdicts(out, view);
    if (is_review) {
        member_add_name(out, "digest");
        buf_add_byte(out, '"');
        text_add_hex(out, slice_of(view->action->request_digest, ACTION_DIGEST));
        buf_add_byte(out, '"');
    }
    buf_add_byte(out, '}');
}
