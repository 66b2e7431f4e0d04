#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/action_json.h"
#include "record/explain.h"
#include "record/ids.h"
#include "record/label_row.h"

enum { ACTIONS_LIMIT = 50 };

static const char actions_cursor[] = "c_"; /* then the id of the last one seen */

/* Its audit and labels, where it has any; false: answered. */
static bool actions_read_labels(struct call *call, struct view *view)
{
    struct label_row *row = ARENA_NEW(&call->arena, struct label_row);
    enum err err =
        row ? call->engine->label_of(call->engine->impl, view->action->id, &call->arena, row)
            : ERR_NO_MEMORY;
    if (err == ERR_OK)
        view->labels = row;
    if (err == ERR_OK || err == ERR_NOT_FOUND)
        return true;
    reply_err(call, err);
    return false;
}

/* One action with its history; NULL: answered. */
static struct view *actions_read_whole(struct call *call)
{
    struct view *view = ARENA_NEW(&call->arena, struct view);
    enum err err = view ? call->engine->view(call->engine->impl, call->id, true, &call->arena, view)
                        : ERR_NO_MEMORY;
    if (err == ERR_OK)
        return actions_read_labels(call, view) ? view : NULL;
    reply_err(call, err);
    return NULL;
}

void actions_get(struct call *call)
{
    const struct view *view = parameter_read(call, NULL, 0) ? actions_read_whole(call) : NULL;
    if (view)
        reply_action_read(call, view);
}

/* The same facts in two forms: the text of `interlock explain`, or the action with its history. */
void actions_explain(struct call *call)
{
    bool is_text = false;
    struct view *view = parameter_format(call, NULL, 0, &is_text) ? actions_read_whole(call) : NULL;
    if (!view)
        return;
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    if (is_text) {
        explain_add(&out, view);
        reply_text(call, 200, &out);
    } else {
        reply_mask_response(call, view);
        action_json_add(&out, view);
        reply_json(call, 200, &out);
    }
    buf_done(&out);
}

struct actions_filter {
    struct slice state, incident, cursor, limit;
};

static bool actions_read_query(struct call *call, struct engine_query *query)
{
    struct actions_filter filter = {0};
    const struct parameter fields[] = {
        {"key", &query->key},       {"run", &query->run},     {"workflow", &query->workflow},
        {"step", &query->step},     {"state", &filter.state}, {"incident", &filter.incident},
        {"cursor", &filter.cursor}, {"limit", &filter.limit},
    };
    uint64_t limit = ACTIONS_LIMIT;
    if (!parameter_read(call, fields, sizeof fields / sizeof *fields) ||
        !parameter_count(call, "limit", filter.limit, LIMIT_PAGE, &limit))
        return false;
    query->limit = (size_t)limit;
    query->has_state = filter.state.at != NULL;
    if (query->has_state && !state_parse(filter.state, &query->state))
        return parameter_refuse(call, "state",
                                "uncertain, attempting, waiting, in_review, held, done, failed, "
                                "rejected, expired or cancelled");
    if (filter.incident.at && !text_parse_id(filter.incident, ID_INCIDENT, &query->incident))
        return parameter_refuse(call, "incident", "the id of an incident, i_…");
    if (filter.cursor.at && !text_parse_id(filter.cursor, actions_cursor, &query->before))
        return parameter_refuse(call, "cursor", "the `next` of an answer");
    return true;
}

/* Who had a word of it: its history; few are asked for by key or run. Else: "a person". */
static void actions_read_people(struct call *call, struct view *view)
{
    struct view *whole = view->action->reviews > 0 ? ARENA_NEW(&call->arena, struct view) : NULL;
    uint64_t id = view->action->id;
    if (!whole || call->engine->view(call->engine->impl, id, true, &call->arena, whole) != ERR_OK)
        return;
    view->history = whole->history;
    view->history_count = whole->history_count;
}

/* Newest first. What the caller may not see is left out, so a page can be short and have a next. */
void actions_list(struct call *call)
{
    struct engine_query query = {0};
    if (!actions_read_query(call, &query))
        return;
    size_t count = query.limit;
    uint64_t next = 0;
    struct view *views = ARENA_ARRAY(&call->arena, query.limit, struct view);
    enum err err =
        views ? call->engine->list(call->engine->impl, &query, &call->arena, views, &count, &next)
              : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    reply_begin_list(&out);
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (!call_may_see(call, call->config, views[i].workflow, views[i].step_name,
                          views[i].submit.actor))
            continue;
        if (!actions_read_labels(call, &views[i])) { /* answered */
            buf_done(&out);
            return;
        }
        buf_add_text(&out, shown++ ? "," : "");
        if (query.key.size > 0 || query.run.size > 0)
            actions_read_people(call, &views[i]);
        reply_mask_response(call, &views[i]);
        action_json_add(&out, &views[i]);
    }
    struct buf cursor;
    buf_init(&cursor, LIMIT_NAME);
    if (next != 0)
        text_add_id(&cursor, actions_cursor, next);
    reply_list(call, buf_slice(&cursor), &out);
    buf_done(&cursor);
}
