/* Values as JSON, as text, and as what an expression saw. */
#include <math.h>

#include "policy/expr_number.h"
#include "policy/expr_time.h"
#include "policy/expr_value.h"

/* A value that an expression made can hold the same list many times over. Each value writes a byte
 * at least, so the maximum of the buffer bounds the work. */
struct expr_writer {
    struct buf *out;
    int depth;
};

static enum err expr_write(struct expr_writer *writer, const struct expr_value *value);

static void expr_write_time_text(struct buf *out, const struct expr_value *value)
{
    if (value->type == EXPR_TIMESTAMP)
        expr_time_add_text(out, value->time);
    else
        expr_duration_add_text(out, value->duration_ns);
}

static enum err expr_write_double(struct buf *out, double value)
{
    size_t before = out->size;
    if (!isfinite(value))
        return ERR_INVALID;
    expr_double_add_text(out, value);
    /* 12.0 stays a real number for whoever reads it again. */
    for (size_t i = before; i < out->size; i++)
        if (out->at[i] == '.' || out->at[i] == 'e')
            return ERR_OK;
    buf_add_text(out, ".0");
    return ERR_OK;
}

static enum err expr_write_list(struct expr_writer *writer, const struct expr_list *list)
{
    buf_add_byte(writer->out, '[');
    for (size_t i = 0; i < list->count; i++) {
        struct expr_value item = expr_list_at(list, i);
        if (i > 0)
            buf_add_byte(writer->out, ',');
        enum err err = expr_write(writer, &item);
        if (err != ERR_OK)
            return err;
    }
    buf_add_byte(writer->out, ']');
    return ERR_OK;
}

static enum err expr_write_map(struct expr_writer *writer, const struct expr_value *map)
{
    struct expr_walk walk = expr_walk_start(map);
    struct expr_value key;
    struct expr_value value;
    bool is_first = true;
    buf_add_byte(writer->out, '{');
    while (expr_walk_next(&walk, &key)) {
        /* jansson has no keys with a NUL in them, so nobody could read such a document. */
        if (key.type != EXPR_STRING || slice_find(key.string, '\0') < key.string.size ||
            !expr_map_field(&map->map, key.string, &value))
            return ERR_INVALID;
        if (!is_first)
            buf_add_byte(writer->out, ',');
        is_first = false;
        buf_add_json_text(writer->out, key.string);
        buf_add_byte(writer->out, ':');
        enum err err = expr_write(writer, &value);
        if (err != ERR_OK)
            return err;
    }
    buf_add_byte(writer->out, '}');
    return ERR_OK;
}

static enum err expr_write_group(struct expr_writer *writer, const struct expr_value *value)
{
    enum { DEPTH_MAX = LIMIT_JSON_DEPTH + LIMIT_EXPR_DEPTH };
    if (++writer->depth > DEPTH_MAX)
        return ERR_LIMIT;
    enum err err = value->type == EXPR_LIST ? expr_write_list(writer, &value->list)
                                            : expr_write_map(writer, value);
    writer->depth--;
    return err;
}

static enum err expr_write(struct expr_writer *writer, const struct expr_value *value)
{
    struct buf *out = writer->out;
    if (!buf_ok(out))
        return ERR_LIMIT;
    switch (value->type) {
    case EXPR_NULL:
        buf_add_text(out, "null");
        return ERR_OK;
    case EXPR_BOOL:
        buf_add_text(out, value->boolean ? "true" : "false");
        return ERR_OK;
    case EXPR_INT:
        buf_add_i64(out, value->integer);
        return ERR_OK;
    case EXPR_UINT:
        buf_add_u64(out, value->unsigned_integer);
        return value->unsigned_integer > INT64_MAX ? ERR_INVALID : ERR_OK;
    case EXPR_DOUBLE:
        return expr_write_double(out, value->real);
    case EXPR_STRING:
        buf_add_json_text(out, value->string);
        return ERR_OK;
    case EXPR_TIMESTAMP:
    case EXPR_DURATION:
        buf_add_byte(out, '"');
        expr_write_time_text(out, value);
        buf_add_byte(out, '"');
        return ERR_OK;
    case EXPR_LIST:
    case EXPR_MAP:
        return expr_write_group(writer, value);
    case EXPR_TYPE:
        break;
    }
    return ERR_INVALID;
}

enum err expr_value_write(struct buf *out, const struct expr_value *value)
{
    struct expr_writer writer = {.out = out};
    enum err err = expr_write(&writer, value);
    return err == ERR_OK && !buf_ok(out) ? ERR_LIMIT : err;
}

enum err expr_value_add_json(struct buf *out, const struct expr_value *value)
{
    size_t before = out->size;
    enum err err = expr_value_write(out, value);
    if (err != ERR_OK)
        buf_cut(out, before);
    return err;
}

/* NULL: not JSON of the scope and no plain value, or no memory. */
static json_t *expr_json_copy(const struct expr_value *value)
{
    switch (value->type) {
    case EXPR_NULL:
        return json_null();
    case EXPR_BOOL:
        return json_boolean(value->boolean);
    case EXPR_INT:
        return json_integer(value->integer);
    case EXPR_DOUBLE:
        return json_real(value->real);
    case EXPR_STRING:
        return json_stringn(value->string.at ? value->string.at : "", value->string.size);
    case EXPR_LIST:
        return value->list.json ? json_deep_copy(value->list.json) : NULL;
    case EXPR_MAP:
        return value->map.json ? json_deep_copy(value->map.json) : NULL;
    case EXPR_UINT:
    case EXPR_TIMESTAMP:
    case EXPR_DURATION:
    case EXPR_TYPE:
        break;
    }
    return NULL;
}

enum err expr_value_to_json(const struct expr_value *value, json_t **out)
{
    json_t *json = expr_json_copy(value);
    struct buf text;
    buf_init(&text, LIMIT_REQUEST);
    enum err err = json ? ERR_OK : expr_value_add_json(&text, value);
    if (!json && err == ERR_OK)
        json = json_loadb(text.at, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!json && err == ERR_OK)
        err = ERR_NO_MEMORY;
    if (err == ERR_OK)
        *out = json;
    buf_done(&text);
    return err;
}

enum err expr_value_add_text(struct buf *out, const struct expr_value *value)
{
    switch (value->type) {
    case EXPR_BOOL:
        buf_add_text(out, value->boolean ? "true" : "false");
        return ERR_OK;
    case EXPR_INT:
        buf_add_i64(out, value->integer);
        return ERR_OK;
    case EXPR_UINT:
        buf_add_u64(out, value->unsigned_integer);
        return ERR_OK;
    case EXPR_DOUBLE:
        if (!isfinite(value->real))
            return ERR_INVALID;
        expr_double_add_text(out, value->real);
        return ERR_OK;
    case EXPR_STRING:
        buf_add(out, value->string);
        return ERR_OK;
    case EXPR_TIMESTAMP:
    case EXPR_DURATION:
        expr_write_time_text(out, value);
        return ERR_OK;
    case EXPR_NULL:
    case EXPR_LIST:
    case EXPR_MAP:
    case EXPR_TYPE:
        break;
    }
    return ERR_INVALID;
}
