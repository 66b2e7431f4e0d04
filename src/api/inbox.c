#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/inbox_json.h"

enum { INBOX_LIMIT = 100 };
static const char inbox_cursor[] = "n_";

/* "n_….n_…": by when, and the id, of the last place that was looked at. */
static bool inbox_parse_cursor(struct slice text, struct engine_inbox_query *query)
{
    size_t dot = slice_find(text, '.');
    uint64_t by = 0;
    if (!text_parse_id(slice_first(text, dot), inbox_cursor, &by) || by > INT64_MAX ||
        dot == text.size)
        return false;
    query->after_by_unix_ms = (int64_t)by;
    return text_parse_id(slice_from(text, dot + 1), inbox_cursor, &query->after_id);
}

static void inbox_add_cursor(struct buf *out, const struct engine_inbox_page *page)
{
    text_add_id(out, inbox_cursor, (uint64_t)page->next_by_unix_ms);
    buf_add_byte(out, '.');
    text_add_id(out, inbox_cursor, page->next_id);
}

static bool inbox_read_query(struct call *call, struct engine_inbox_query *query)
{
    struct slice kind = {0}, cursor = {0}, limit_text = {0};
    const struct parameter fields[] = {{"workflow", &query->workflow},
                                       {"who", &query->who},
                                       {"kind", &kind},
                                       {"cursor", &cursor},
                                       {"limit", &limit_text}};
    uint64_t limit = INBOX_LIMIT;
    if (!parameter_read(call, fields, sizeof fields / sizeof *fields) ||
        !parameter_count(call, "limit", limit_text, LIMIT_PAGE, &limit))
        return false;
    query->limit = (size_t)limit;
    query->has_kind = kind.at != NULL;
    if (query->has_kind && !inbox_kind_parse(kind, &query->kind))
        return parameter_refuse(
            call, "kind", "review, uncertain, contradiction, audit, stop, restart or incident");
    if (cursor.at && !inbox_parse_cursor(cursor, query))
        return parameter_refuse(call, "cursor", "the `next` of an answer");
    return true;
}

static bool inbox_may_see(const struct call *call, const struct inbox_item *item)
{
    const struct view *view = &item->view;
    if (item->stop)
        return call_may_see_stops(call, slice_text(item->stop->names[0]));
    return call_may_see(call, call->config, view->workflow, view->step_name, view->submit.actor);
}

/* All that waits for people, most urgent first; each caller sees what it may see, so a page can be
 * short and still have a next. */
void inbox_get(struct call *call)
{
    struct engine_inbox_query query = {0};
    struct engine_inbox_page page = {0};
    if (!inbox_read_query(call, &query))
        return;
    struct inbox_item *items = ARENA_ARRAY(&call->arena, query.limit, struct inbox_item);
    enum err err = items
                       ? call->engine->inbox(call->engine->impl, &query, &call->arena, items, &page)
                       : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    reply_begin_list(&out);
    size_t shown = 0;
    for (size_t i = 0; i < page.count; i++) {
        if (!inbox_may_see(call, &items[i]))
            continue;
        buf_add_text(&out, shown++ ? "," : "");
        inbox_json_add(&out, &items[i]);
    }
    struct buf cursor;
    buf_init(&cursor, LIMIT_NAME);
    if (page.has_next)
        inbox_add_cursor(&cursor, &page);
    reply_list(call, buf_slice(&cursor), &out);
    buf_done(&cursor);
}
