#include "api/body.h"

#include "api/header.h"
#include "api/reply.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"
#include "policy/near.h"
#include "record/scan.h"

/* One object being read: the parsed tree for its values, the bytes for its raw members. */
struct body_source {
    struct call *call;
    json_t *object;
    struct slice raw;
    const char *name; /* of the member that it is, or "" */
    const struct body_field *fields;
    size_t count;
};

static struct slice body_pointer(const struct body_source *source, const char *member)
{
    struct buf text;
    buf_init(&text, 4 * LIMIT_NAME);
    if (source->name[0])
        text_add_pointer_part(&text, slice_text(source->name));
    text_add_pointer_part(&text, slice_first(slice_text(member), LIMIT_NAME)); /* from outside */
    struct slice copy = arena_copy(&source->call->arena, buf_slice(&text));
    buf_done(&text);
    return copy;
}

/* Answers 422 for one member. Always false. */
static bool body_refuse(const struct body_source *source, const char *member, struct slice detail)
{
    reply_trouble(source->call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                                  .detail = detail,
                                                  .pointer = body_pointer(source, member)});
    return false;
}

static const char *body_wanted(enum body_type type)
{
    switch (type) {
    case BODY_TEXT:
        return "a text";
    case BODY_NAME:
        return "a name";
    case BODY_BOOL:
        return "true or false";
    case BODY_NUMBER:
        return "a number";
    case BODY_U16:
        return "a number from 1 to 65535";
    case BODY_OBJECT:
        return "an object";
    case BODY_ANY:
        return "a value";
    case BODY_ELSEWHERE:
        return "elsewhere";
    }
    CHECK_UNREACHABLE();
}

static bool body_take_text(json_t *value, size_t size_max, struct slice *out)
{
    struct slice text = slice_of(json_string_value(value), json_string_length(value));
    if (!json_is_string(value) || text.size > size_max)
        return false;
    *out = text;
    return true;
}

/* The member's own bytes. The tree has it, so it is there. */
static struct slice body_raw(const struct body_source *source, const char *name)
{
    struct scan_walk walk;
    struct slice key, value, text;
    scan_open(&walk, source->raw);
    while (scan_next(&walk, &key, &value))
        if (scan_text(key, &source->call->arena, &text) && slice_is(text, name))
            return value;
    return (struct slice){0};
}

static bool body_take(const struct body_source *source, const struct body_field *field,
                      json_t *value, char *out)
{
    double number = json_number_value(value);
    switch (field->type) {
    case BODY_TEXT:
        return body_take_text(value, field->size_max, (struct slice *)(void *)out);
    case BODY_NAME:
        return json_string_length(value) > 0 &&
               body_take_text(value, LIMIT_NAME, (struct slice *)(void *)out);
    case BODY_BOOL:
        *(bool *)(void *)out = json_is_true(value);
        return json_is_boolean(value);
    case BODY_NUMBER:
        *(double *)(void *)out = number;
        return json_is_number(value);
    case BODY_U16:
        if (!json_is_integer(value) || number < 1 || number > UINT16_MAX)
            return false;
        *(uint16_t *)(void *)out = (uint16_t)json_integer_value(value);
        return true;
    case BODY_OBJECT:
    case BODY_ANY:
        *(struct slice *)(void *)out = body_raw(source, field->name);
        return field->type == BODY_ANY || json_is_object(value);
    case BODY_ELSEWHERE:
        return false;
    }
    CHECK_UNREACHABLE();
}

static bool body_take_field(const struct body_source *source, const struct body_field *field,
                            void *out)
{
    struct arena *arena = &source->call->arena;
    json_t *value = json_object_get(source->object, field->name);
    if (!value && field->is_required)
        return body_refuse(
            source, field->name,
            arena_fmt(arena, "\"%s\" is missing: %s", field->name, body_wanted(field->type)));
    if (!value)
        return true;
    if (field->type == BODY_ELSEWHERE)
        return body_refuse(source, field->name, slice_text(field->hint));
    if (field->has_at != BODY_NO_HAS)
        *(bool *)(void *)((char *)out + field->has_at) = true;
    if (body_take(source, field, value, (char *)out + field->at))
        return true;
    if (json_is_string(value) && field->type == BODY_TEXT)
        return body_refuse(
            source, field->name,
            arena_fmt(arena, "\"%s\" is longer than %zu bytes", field->name, field->size_max));
    return body_refuse(
        source, field->name,
        arena_fmt(arena, "\"%s\" must be %s", field->name, body_wanted(field->type)));
}

/* 422 with all the names that there are, and the one that was probably meant. */
static bool body_refuse_unknown(const struct body_source *source, const char *member)
{
    struct near near;
    struct buf text;
    buf_init(&text, LIMIT_REASON);
    near_init(&near, slice_text(member));
    buf_add_text(&text, "\"");
    buf_add(&text, slice_first(slice_text(member), LIMIT_NAME));
    buf_add_text(&text, "\" is not known here");
    for (size_t i = 0; i < source->count; i++)
        if (source->fields[i].type != BODY_ELSEWHERE)
            near_offer(&near, slice_text(source->fields[i].name));
    struct slice best = near.best;
    if (best.size > 0)
        buf_add_fmt(&text, "; did you mean \"%.*s\"?", SLICE_FMT(best));
    else if (source->count == 0)
        buf_add_text(&text, "; this call takes no members");
    for (size_t i = 0; best.size == 0 && i < source->count; i++)
        if (source->fields[i].type != BODY_ELSEWHERE)
            buf_add_fmt(&text, "%s%s", i ? ", " : "; known: ", source->fields[i].name);
    struct slice detail = arena_copy(&source->call->arena, buf_slice(&text));
    buf_done(&text);
    return body_refuse(source, member, detail);
}

static bool body_read_object(const struct body_source *source, void *out)
{
    const char *member;
    json_t *value;
    json_object_foreach(source->object, member, value)
    {
        size_t i = 0;
        while (i < source->count && strcmp(source->fields[i].name, member) != 0)
            i++;
        if (i == source->count)
            return body_refuse_unknown(source, member);
    }
    for (size_t i = 0; i < source->count; i++)
        if (!body_take_field(source, &source->fields[i], out))
            return false;
    return true;
}

/* Counted before a parser recurses over them. */
bool body_is_shallow(struct slice bytes)
{
    size_t depth = 0;
    bool is_in_text = false;
    for (size_t at = 0; at < bytes.size; at++) {
        char c = bytes.at[at];
        if (is_in_text && c == '\\')
            at++;
        else if (c == '"')
            is_in_text = !is_in_text;
        else if (!is_in_text && (c == '{' || c == '[') && ++depth > LIMIT_JSON_DEPTH)
            return false;
        else if (!is_in_text && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return true;
}

static bool body_parse(struct call *call)
{
    struct slice body = call->request->body;
    json_error_t error;
    if (!header_is_json(call->request)) {
        reply_refuse(call, TROUBLE_BAD_TYPE,
                     "send UTF-8 JSON without a content coding, and say so: "
                     "Content-Type: application/json");
        return false;
    }
    if (!body_is_shallow(body)) {
        reply_refuse(call, TROUBLE_BAD_JSON, "it nests deeper than %d (LIMIT_JSON_DEPTH)",
                     LIMIT_JSON_DEPTH);
        return false;
    }
    call->body = json_loadb(body.size ? body.at : "", body.size, JSON_REJECT_DUPLICATES, &error);
    if (!call->body) {
        reply_refuse(call, TROUBLE_BAD_JSON, "line %d, column %d: %s", error.line, error.column,
                     error.text);
        return false;
    }
    if (!json_is_object(call->body)) {
        reply_refuse(call, TROUBLE_BAD_BODY, "the body must be one JSON object");
        return false;
    }
    return true;
}

bool body_check_line(struct call *call, struct slice line, size_t number)
{
    json_error_t error;
    if (!body_is_shallow(line)) {
        reply_refuse(call, TROUBLE_BAD_JSON, "line %zu nests deeper than %d (LIMIT_JSON_DEPTH)",
                     number, LIMIT_JSON_DEPTH);
        return false;
    }
    json_t *value = json_loadb(line.at, line.size, JSON_REJECT_DUPLICATES, &error);
    bool is_object = json_is_object(value);
    if (!value)
        reply_refuse(call, TROUBLE_BAD_JSON, "line %zu, column %d: %s", number, error.column,
                     error.text);
    else if (!is_object)
        reply_refuse(call, TROUBLE_BAD_BODY, "line %zu must be one JSON object", number);
    json_decref(value);
    return is_object;
}

static bool body_is_blank(struct slice body)
{
    for (size_t i = 0; i < body.size; i++)
        if (!memchr(" \t\r\n", body.at[i], 4))
            return false;
    return true;
}

bool body_read(struct call *call, const struct body_field *fields, size_t count, void *out)
{
    struct body_source source = {.call = call, .name = "", .fields = fields, .count = count};
    source.raw = call->request->body;
    if (body_is_blank(source.raw)) {
        size_t i = 0;
        while (i < count && !fields[i].is_required)
            i++;
        if (i == count)
            return true;
        reply_refuse(call, TROUBLE_BAD_JSON, "the body is empty: send a JSON object with \"%s\"",
                     fields[i].name);
        return false;
    }
    if (!body_parse(call))
        return false;
    source.object = call->body;
    return body_read_object(&source, out);
}

bool body_read_any(struct call *call)
{
    return body_parse(call);
}

bool body_read_member(struct call *call, const char *name, const struct body_field *fields,
                      size_t count, void *out)
{
    struct body_source source = {.call = call, .name = name, .fields = fields, .count = count};
    source.object = json_object_get(call->body, name);
    if (!source.object)
        return true;
    struct body_source whole = {.call = call, .raw = call->request->body};
    source.raw = body_raw(&whole, name);
    return body_read_object(&source, out);
}
