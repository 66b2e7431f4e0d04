#include "record/fallback.h"

#include "core/chain.h"
#include "record/wording.h"
#include "record/zone.h"

void fallback_add_entry(struct buf *out, const struct what *what)
{
    switch (what->kind) {
    case WHAT_REVIEW:
        buf_add_text(out, "review");
        return;
    case WHAT_HOLD:
        buf_add_text(out, "hold ");
        zone_add_span(out, what->ms);
        return;
    case WHAT_REFUSE:
        buf_add_text(out, "refuse");
        return;
    case WHAT_SKIP:
        buf_add_text(out, "skip");
        return;
    case WHAT_ANSWER:
    case WHAT_ROUTE:
        buf_add_text(out,
                     what->kind == WHAT_ANSWER || what->is_template ? "template " : "upstream ");
        wording_add_line(out, what->name, LIMIT_NAME);
        return;
    case WHAT_END:
        buf_add_text(out, "end");
        return;
    }
}

static void fallback_add_why(struct buf *out, const struct what *what, enum pass_why why)
{
    static const char *const words[PASS_COUNT] = {
        [PASS_UNKNOWN] = "did not do it",
        [PASS_FULL] = "full",
        [PASS_FAILED] = "will not do it",
        [PASS_UNAVAILABLE] = "its tries are over",
        [PASS_DOWN] = "does not answer",
        [PASS_RENDER] = "needs a field that this input does not have",
        [PASS_USED] = "was tried already",
        [PASS_PAST_DUE] = "nobody decided by its due time",
        [PASS_HOLD_ENDED] = "its time ran out",
    };
    if (why == PASS_FULL && what && what->at_most > 0)
        buf_add_fmt(out, "%u of %u are %s", what->at_most, what->at_most,
                    what->kind == WHAT_HOLD ? "held" : "open");
    else
        buf_add_text(out, words[(unsigned)why < PASS_COUNT ? why : PASS_UNKNOWN]);
}

void fallback_add_passed(struct buf *out, const struct view *view)
{
    const struct action *a = view->action;
    for (size_t i = 0; i < a->passed_count; i++) {
        const struct what *what =
            view->step ? chain_entry(&view->step->terms, a->passed[i].entry) : NULL;
        buf_add_text(out, i == 0 ? " (" : "; ");
        if (what)
            fallback_add_entry(out, what);
        else
            buf_add_fmt(out, "entry %u", (unsigned)a->passed[i].entry);
        buf_add_text(out, ": ");
        fallback_add_why(out, what, a->passed[i].why);
    }
    if (a->passed_count > 0)
        buf_add_byte(out, ')');
}

bool fallback_add_name(struct buf *out, const struct view *view)
{
    const struct action *a = view->action;
    const struct what *what = view->step ? chain_entry(&view->step->terms, a->entry) : NULL;
    if (a->entry == 0 || a->cause == CAUSE_NONE)
        return false;
    if (what)
        fallback_add_entry(out, what);
    else
        buf_add_fmt(out, "entry %u", (unsigned)a->entry);
    return true;
}

bool fallback_add_place(struct buf *out, const struct view *view)
{
    size_t start = out->size;
    buf_add_fmt(out, "%s: ", cause_name(view->action->cause));
    if (!fallback_add_name(out, view)) {
        buf_cut(out, start);
        return false;
    }
    fallback_add_passed(out, view);
    return true;
}

static void fallback_add_ask(struct buf *out, struct slice people)
{
    buf_add_text(out, "ask ");
    wording_add_line(out, people, LIMIT_NAME);
}

/* "ask support while fewer than 40 wait" */
static void fallback_add_act(struct buf *out, const struct what *what, struct slice people)
{
    switch (what->kind) {
    case WHAT_REVIEW:
        fallback_add_ask(out, people);
        if (what->at_most > 0)
            buf_add_fmt(out, " while fewer than %u wait", what->at_most);
        return;
    case WHAT_HOLD:
        buf_add_text(out, "wait in the safe queue up to ");
        zone_add_span(out, what->ms);
        if (what->at_most > 0)
            buf_add_fmt(out, " while fewer than %u wait", what->at_most);
        return;
    case WHAT_REFUSE:
        buf_add_text(out, "refuse it");
        return;
    case WHAT_SKIP:
        buf_add_text(out, "skip it");
        return;
    case WHAT_ANSWER:
        buf_add_text(out, "answer with the template ");
        wording_add_line(out, what->name, LIMIT_NAME);
        return;
    case WHAT_ROUTE:
        buf_add_text(out, what->is_template ? "send the template " : "try ");
        wording_add_line(out, what->name, LIMIT_NAME);
        return;
    case WHAT_END:
        buf_add_text(out, "fail, and say so");
        return;
    }
}

struct slice fallback_people(const struct step *step)
{
    const struct group *group = step->reviewers;
    if (!group && step->workflow)
        group = step->workflow->duties.reviewers ? step->workflow->duties.reviewers
                                                 : step->workflow->duties.owner;
    return group ? group->name : SLICE("people");
}

void fallback_add_chain(struct buf *out, const struct step *step, uint8_t entry,
                        struct slice people)
{
    const struct what *what = chain_entry(&step->terms, entry);
    if (what && what->kind == WHAT_REFUSE && entry == CAUSE_UNAVAILABLE)
        buf_add_text(out, "fail, and say so");
    else if (what)
        fallback_add_act(out, what, people);
    for (int i = 0; what && i < LIMIT_CHAIN * 2; i++) {
        bool is_hold = what->kind == WHAT_HOLD;
        uint8_t next = what->then != 0 ? what->then : what->next;
        bool is_then = what->then != 0 && (is_hold || what->is_then_at_due);
        if (is_hold && what->then == 0 && what->next == 0)
            buf_add_text(out, ", then expire");
        what = chain_entry(&step->terms, next);
        if (!what)
            return;
        buf_add_text(out, is_then ? ", then " : ", else ");
        fallback_add_act(out, what, people);
    }
}
