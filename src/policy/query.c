#include "policy/query.h"

#include "base/uri.h"

static bool query_add_value(struct slice name, const json_t *value, bool *has_query,
                            struct buf *target)
{
    struct buf text;
    struct expr_value typed = expr_value_from_json(value);
    buf_init(&text, LIMIT_HTTP_LINE);
    bool is_good = expr_value_add_text(&text, &typed) == ERR_OK;
    if (is_good) {
        buf_add_byte(target, *has_query ? '&' : '?');
        uri_encode_segment(target, name);
        buf_add_byte(target, '=');
        uri_encode_segment(target, buf_slice(&text));
        *has_query = true;
    }
    buf_done(&text);
    return is_good;
}

static bool query_add(struct slice name, const json_t *value, bool *has_query, struct buf *target)
{
    if (!json_is_array(value))
        return query_add_value(name, value, has_query, target);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!query_add_value(name, json_array_get(value, i), has_query, target))
            return false;
    return true;
}

bool query_render(const struct template_tree *query, const struct expr_scope *scope,
                  struct expr_work *work, struct buf *target)
{
    json_t *map = NULL;
    bool has_query = slice_find(buf_slice(target), '?') < target->size;
    if (template_tree_render_json(query, scope, work, &map) != EXPR_OK)
        return false;
    bool is_good = true;
    for (void *at = json_object_iter(map); at && is_good; at = json_object_iter_next(map, at)) {
        struct slice name = slice_text(json_object_iter_key(at));
        is_good = query_add(name, json_object_iter_value(at), &has_query, target);
        if (!is_good)
            work->problem.message =
                arena_fmt(work->scratch,
                          "the query parameter `%.*s` is neither text, number nor "
                          "boolean",
                          SLICE_FMT(name));
    }
    json_decref(map);
    return is_good;
}
