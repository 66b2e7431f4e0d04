/* Many verdicts in one call: each is the call that it would be alone, with its own rights, record
 * and answer. Nothing is granted beyond them. */
#include "api/body.h"
#include "api/handlers.h"
#include "api/header.h"
#include "api/reply.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/uri.h"
#include "record/member.h"
#include "record/scan.h"

struct bulk;
struct bulk_item {
    struct door_exchange exchange; /* first: a handler gives it back */
    struct door_request request;
    struct bulk *bulk;
    struct slice id;
    int status; /* 0 = not answered yet */
    struct slice answer;
};
struct bulk {
    struct call *call;
    struct door_header *headers; /* of the call, without its media type */
    size_t header_count;
    struct bulk_item items[LIMIT_BULK];
    size_t count, open;
    bool is_begun;
};

static void bulk_reply(struct bulk *bulk)
{
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    buf_add_text(&out, "{\"results\":[");
    for (size_t i = 0; i < bulk->count; i++) {
        const struct bulk_item *item = &bulk->items[i];
        buf_add_text(&out, i ? ",{" : "{");
        member_add_text(&out, "id", item->id);
        member_add_u64(&out, "status", (uint64_t)item->status);
        member_add_raw(&out, "answer", item->answer);
        buf_add_byte(&out, '}');
    }
    buf_add_text(&out, "]}");
    reply_json(bulk->call, 200, &out);
    buf_done(&out);
}

static void bulk_respond(struct door_exchange *exchange, const struct door_response *response)
{
    struct bulk_item *item = (struct bulk_item *)(void *)exchange;
    struct bulk *bulk = item->bulk;
    struct call *call = bulk->call;
    CHECK(bulk->open > 0);
    call_enter(call);
    item->status = response->status;
    struct slice media = response->content_type;
    bool is_json = media.size >= 4 && slice_is(slice_from(media, media.size - 4), "json");
    item->answer = is_json ? call_copy(call, response->body) : (struct slice){0};
    bulk->open--;
    if (bulk->open == 0 && bulk->is_begun)
        bulk_reply(bulk);
    call_leave(call);
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
static bool bulk_make(struct bulk *bulk, struct bulk_item *item, struct slice raw)
{
    struct call *call = bulk->call;
    struct buf path;
    if (!bulk_read_id(call, raw, &item->id))
        return false;
    buf_init(&path, LIMIT_NAME * 4);
    buf_add_text(&path, "/v1/reviews/");
    uri_encode_segment(&path, item->id);
    buf_add_text(&path, "/verdict");
    item->bulk = bulk;
    item->request = *call->request;
    item->request.path = call_copy(call, buf_slice(&path));
    item->request.body = raw;
    item->request.headers = bulk->headers; /* each is JSON, also as a line */
    item->request.header_count = bulk->header_count;
    item->exchange = (struct door_exchange){.request = &item->request, .respond = bulk_respond};
    bool is_good = buf_ok(&path);
    buf_done(&path);
    return is_good;
}

static bool bulk_add(struct bulk *bulk, struct slice raw)
{
    struct call *call = bulk->call;
    if (bulk->count == LIMIT_BULK) {
        reply_refuse(call, TROUBLE_BAD_BODY, "at most %d verdicts at once (LIMIT_BULK)",
                     LIMIT_BULK);
        return false;
    }
    if (!bulk_make(bulk, &bulk->items[bulk->count], raw)) {
        reply_refuse(call, TROUBLE_BAD_BODY,
                     "verdict %zu: {\"id\": the review's, \"verdict\": …} as for one alone",
                     bulk->count + 1);
        return false;
    }
    bulk->count++;
    return true;
}

static bool bulk_read(struct bulk *bulk, struct slice list)
{
    struct scan_walk walk;
    struct slice key, value;
    scan_open(&walk, list);
    while (scan_type(list) == SCAN_ARRAY && scan_next(&walk, &key, &value))
        if (!bulk_add(bulk, value))
            return false;
    if (bulk->count > 0)
        return true;
    reply_refuse(bulk->call, TROUBLE_BAD_BODY, "\"verdicts\" is a list of at least one verdict");
    return false;
}

/* One verdict a line; blank lines are passed over. */
static bool bulk_read_lines(struct bulk *bulk)
{
    struct call *call = bulk->call;
    struct slice rest = call->request->body;
    for (size_t number = 1; rest.size > 0; number++) {
        size_t end = slice_find(rest, '\n');
        struct slice line = slice_first(rest, end);
        rest = slice_from(rest, end < rest.size ? end + 1 : end);
        if (line.size > 0 && line.at[line.size - 1] == '\r')
            line.size--;
        if (line.size > 0 && (!body_check_line(call, line, number) || !bulk_add(bulk, line)))
            return false;
    }
    if (bulk->count > 0)
        return true;
    reply_refuse(call, TROUBLE_BAD_BODY, "there is no line: send one verdict a line");
    return false;
}

static bool bulk_copy_headers(struct bulk *bulk)
{
    const struct door_request *request = bulk->call->request;
    bulk->headers = ARENA_ARRAY(&bulk->call->arena, request->header_count + 1, struct door_header);
    for (size_t i = 0; bulk->headers && i < request->header_count; i++)
        if (!slice_is(request->headers[i].name, "content-type"))
            bulk->headers[bulk->header_count++] = request->headers[i];
    return bulk->headers != NULL;
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
    struct bulk *bulk = ARENA_NEW(&call->arena, struct bulk);
    if (bulk)
        bulk->call = call;
    if (!bulk || !bulk_copy_headers(bulk)) {
        reply_err(call, ERR_NO_MEMORY);
        return;
    }
    bool is_lines = header_is_lines(call->request);
    if (!is_lines && !body_read(call, fields, 1, &body))
        return;
    if (!(is_lines ? bulk_read_lines(bulk) : bulk_read(bulk, body.verdicts)))
        return;
    bulk->open = bulk->count;
    for (size_t i = 0; i < bulk->count; i++)
        call->handle(call->api, &bulk->items[i].exchange);
    bulk->is_begun = true;
    if (bulk->open == 0)
        bulk_reply(bulk);
}
