/* Many submits in one call, one a line, each with its own key and answer. The answer is whole when
 * each line has one, in their order; a line that is wrong or refused stops no other. */
#include "api/submit_lines.h"

#include "api/batch.h"
#include "api/reply.h"
#include "base/limits.h"
#include "record/member.h"

enum { LINE_FRAME = 96 }; /* of a line of the answer, what is beside the answer of its submit */

static void lines_done(struct batch *batch)
{
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        size_t rest = (batch->count - i) * LINE_FRAME;
        bool has_room = out.size + item->answer.size + rest <= LIMIT_HTTP_ANSWER;
        buf_add_byte(&out, '{');
        member_add_u64(&out, "line", item->line);
        member_add_u64(&out, "status", (uint64_t)item->status);
        member_add_raw(&out, "answer", has_room ? item->answer : (struct slice){0});
        buf_add_text(&out, "}\n");
    }
    reply_lines(batch->call, 200, &out);
    buf_done(&out);
}

static_assert(LIMIT_SUBMIT_LINES * LINE_FRAME < LIMIT_HTTP_ANSWER, "each line has a status");

void submit_lines_post(struct call *call)
{
    struct batch_lines lines = {.rest = call->request->body};
    struct slice line;
    size_t count = 0;
    while (batch_next_line(&lines, &line))
        count++;
    if (count == 0 || count > LIMIT_SUBMIT_LINES) { /* before any of them is taken */
        reply_refuse(call, TROUBLE_BAD_BODY,
                     count == 0 ? "there is no line: send one submit a line"
                                : "%zu lines, at most %d (LIMIT_SUBMIT_LINES): none was taken; "
                                  "send them in several calls",
                     count, LIMIT_SUBMIT_LINES);
        return;
    }
    struct batch *batch = batch_new(call, count, lines_done);
    if (!batch)
        return;
    lines = (struct batch_lines){.rest = call->request->body};
    while (batch_next_line(&lines, &line))
        batch_add(batch, call->request->path, line)->line = lines.number;
    batch_run(batch);
}
