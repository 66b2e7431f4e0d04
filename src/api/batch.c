#include "api/batch.h"

#include "api/reply.h"
#include "base/check.h"

static void batch_respond(struct door_exchange *exchange, const struct door_response *response)
{
    struct batch_item *item = (struct batch_item *)(void *)exchange;
    struct batch *batch = item->batch;
    struct call *call = batch->call;
    CHECK(batch->open > 0 && item->status == 0);
    call_enter(call);
    item->status = response->status;
    struct slice media = response->content_type;
    bool is_json = media.size >= 4 && slice_is(slice_from(media, media.size - 4), "json");
    item->answer = is_json ? call_copy(call, response->body) : (struct slice){0};
    batch->open--;
    if (batch->open == 0 && batch->is_begun)
        batch->done(batch);
    call_leave(call);
}

/* Invariant 3. */
static void batch_gone(struct call *call)
{
    struct batch *batch = call->stream;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i].status == 0)
            batch->items[i].exchange.on_gone(&batch->items[i].exchange);
}

struct batch *batch_new(struct call *call, size_t count_max, void (*done)(struct batch *batch))
{
    const struct door_request *request = call->request;
    struct batch *batch = ARENA_NEW(&call->arena, struct batch);
    struct batch_item *items = ARENA_ARRAY(&call->arena, count_max, struct batch_item);
    struct door_header *headers =
        ARENA_ARRAY(&call->arena, request->header_count + 1, struct door_header);
    if (!batch || !items || !headers) {
        reply_err(call, ERR_NO_MEMORY);
        return NULL;
    }
    *batch = (struct batch){
        .call = call, .headers = headers, .items = items, .count_max = count_max, .done = done};
    for (size_t i = 0; i < request->header_count; i++)
        if (!slice_is(request->headers[i].name, "content-type") &&
            !slice_is(request->headers[i].name, "accept"))
            headers[batch->header_count++] = request->headers[i]; /* each part is JSON */
    return batch;
}

struct batch_item *batch_add(struct batch *batch, struct slice path, struct slice body)
{
    if (batch->count == batch->count_max)
        return NULL;
    struct batch_item *item = &batch->items[batch->count++];
    *item = (struct batch_item){.batch = batch, .request = *batch->call->request};
    item->request.path = path;
    item->request.body = body;
    item->request.headers = batch->headers;
    item->request.header_count = batch->header_count;
    item->exchange = (struct door_exchange){.request = &item->request, .respond = batch_respond};
    return item;
}

void batch_run(struct batch *batch)
{
    struct call *call = batch->call;
    call->stream = batch;
    call->gone = batch_gone;
    batch->open = batch->count;
    for (size_t i = 0; i < batch->count; i++)
        call->handle(call->api, &batch->items[i].exchange);
    batch->is_begun = true;
    if (batch->open == 0)
        batch->done(batch);
}

bool batch_next_line(struct batch_lines *lines, struct slice *out_line)
{
    while (lines->rest.size > 0) {
        size_t end = slice_find(lines->rest, '\n');
        *out_line = slice_first(lines->rest, end);
        lines->rest = slice_from(lines->rest, end < lines->rest.size ? end + 1 : end);
        lines->number++;
        while (out_line->size > 0 && memchr(" \t\r", out_line->at[out_line->size - 1], 3))
            out_line->size--;
        if (out_line->size > 0)
            return true;
    }
    return false;
}
