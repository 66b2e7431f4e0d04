#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "record/inbox_json.h"

enum { INBOX_LIMIT = 100 };

/* All that waits for people, most urgent first; each caller sees what it may see. */
void inbox_get(struct call *call)
{
    struct slice workflow = {0}, limit_text = {0};
    const struct parameter fields[] = {{"workflow", &workflow}, {"limit", &limit_text}};
    uint64_t limit = INBOX_LIMIT;
    if (!parameter_read(call, fields, 2) ||
        !parameter_count(call, "limit", limit_text, LIMIT_PAGE, &limit))
        return;
    size_t count = (size_t)limit;
    struct view *views = ARENA_ARRAY(&call->arena, count, struct view);
    enum err err = views ? call->engine->inbox(call->engine->impl, workflow, count, &call->arena,
                                               views, &count)
                         : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    buf_add_text(&out, "{\"items\":[");
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (!call_may_see(call, call->config, views[i].workflow, views[i].step_name,
                          views[i].submit.actor))
            continue;
        buf_add_text(&out, shown++ ? "," : "");
        inbox_json_add(&out, &views[i]);
    }
    buf_add_text(&out, "],\"next\":null}");
    reply_json(call, 200, &out);
    buf_done(&out);
}
