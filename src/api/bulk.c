/* Many verdicts in one call. */
#include "api/batch.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/header.h"
#include "api/reply.h"
#include "base/limits.h"
#include "base/uri.h"
#include "record/member.h"
#include "record/scan.h"

static void bulk_done(struct batch *batch)
{
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    buf_add_text(&out, "{\"results\":[");
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        buf_add_text(&out, i ? ",{" : "{");
        member_add_text(&out, "id", item->id);
        member_add_u64(&out, "status", (uint64_t)item->status);
        member_add_raw(&out, "answer", item->answer);
        buf_add_byte(&out, '}');
    }
    buf_add_text(&out, "]}");
    reply_json(batch->call, 200, &out);
    buf_done(&out);
}

/* The id of an item, as text; false: it has none. */
static bool bulk_read_id(struct call *call, struct slice raw, struct slice *out_id)
{
    struct scan_walk walk;
    struct slice key, value;
    *out_id = (struct slice){0};
    scan_open(&walk, raw);
    while (scan_next(&walk, &key, &value))
        if (scan_is(key, "id") && !scan_text(value, &call->arena, out_id))
            return false;
    return !walk.is_bad && out_id->size > 0;
}

/* The request that it would be alone. */
static bool bulk_add(struct batch *batch, struct slice raw)
{
    struct call *call = batch->call;
    struct slice id;
    struct buf path;
    if (batch->count == batch->count_max) {
        reply_refuse(call, TROUBLE_BAD_BODY, "at most %d verdicts at once (LIMIT_BULK)",
                     LIMIT_BULK);
        return false;
    }
    buf_init(&path, LIMIT_NAME * 4);
    bool is_good = bulk_read_id(call, raw, &id);
    if (is_good) {
        buf_add_text(&path, "/v1/reviews/");
        uri_encode_segment(&path, id);
        buf_add_text(&path, "/verdict");
    }
    if (is_good && buf_ok(&path))
        batch_add(batch, call_copy(call, buf_slice(&path)), raw)->id = id;
    else
        reply_refuse(call, TROUBLE_BAD_BODY,
                     "verdict %zu: {\"id\": the review's, \"verdict\": …} as for one alone",
                     batch->count + 1);
    is_good = is_good && buf_ok(&path);
    buf_done(&path);
    return is_good;
}

static bool bulk_read(struct batch *batch, struct slice list)
{
    struct scan_walk walk;
    struct slice key, value;
    scan_open(&walk, list);
    while (scan_type(list) == SCAN_ARRAY && scan_next(&walk, &key, &value))
        if (!bulk_add(batch, value))
            return false;
    if (batch->count > 0)
        return true;
    reply_refuse(batch->call, TROUBLE_BAD_BODY, "\"verdicts\" is a list of at least one verdict");
    return false;
}

/* One verdict a line; blank lines are passed over. */
static bool bulk_read_lines(struct batch *batch)
{
    struct call *call = batch->call;
    struct batch_lines lines = {.rest = call->request->body};
    struct slice line;
    while (batch_next_line(&lines, &line))
        if (!body_check_line(call, line, lines.number) || !bulk_add(batch, line))
            return false;
    if (batch->count > 0)
        return true;
    reply_refuse(call, TROUBLE_BAD_BODY, "there is no line: send one verdict a line");
    return false;
}

struct bulk_body {
    struct slice verdicts;
};

void verdicts_post(struct call *call)
{
    static const struct body_field fields[] = {{.name = "verdicts",
                                                .type = BODY_ANY,
                                                .is_required = true,
                                                .at = offsetof(struct bulk_body, verdicts)}};
    struct bulk_body body = {0};
    struct batch *batch = batch_new(call, LIMIT_BULK, bulk_done);
    bool is_lines = header_is_lines(call->request);
    if (!batch || (!is_lines && !body_read(call, fields, 1, &body)))
        return;
    if (is_lines ? bulk_read_lines(batch) : bulk_read(batch, body.verdicts))
        batch_run(batch);
}
