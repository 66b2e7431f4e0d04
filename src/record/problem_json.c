#include "record/problem_json.h"

#include "record/action_json.h"
#include "record/member.h"
#include "record/story.h"

enum { PROBLEM_SENTENCE = 4096 };

static void problem_json_add_detail(struct buf *out, const struct problem_json *problem)
{
    struct buf sentence;
    buf_init(&sentence, PROBLEM_SENTENCE);
    struct slice detail = problem->detail;
    if (detail.size == 0 && problem->view && !problem->view->is_for_stranger) {
        story_add_what(problem->view, &sentence);
        detail = buf_slice(&sentence);
    }
    if (detail.size > 0)
        member_add_text(out, "detail", detail);
    buf_done(&sentence);
}

void problem_json_add(struct buf *out, const struct problem_json *problem)
{
    buf_add_byte(out, '{');
    member_add_name(out, "type");
    buf_add_text(out, "\"" PROBLEM_TYPE);
    buf_add_text(out, problem->code);
    buf_add_byte(out, '"');
    member_add_word(out, "title", problem->title);
    member_add_name(out, "status");
    buf_add_i64(out, problem->status);
    problem_json_add_detail(out, problem);
    if (problem->pointer.size > 0)
        member_add_text(out, "pointer", problem->pointer);
    member_add_bool(out, "retryable", problem->is_retryable);
    if (problem->view)
        action_json_add_members(out, problem->view);
    buf_add_byte(out, '}');
}
