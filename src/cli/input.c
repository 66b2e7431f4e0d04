#include "cli/input.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"

static bool input_is_json(struct slice text, bool wants_object)
{
    json_error_t error;
    json_t *json =
        text.size
            ? json_loadb(text.at, text.size,
                         JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error)
            : NULL;
    bool is_json = json && (!wants_object || json_is_object(json));
    json_decref(json);
    return is_json;
}

static bool input_is_number(struct slice text)
{
    return text.size > 0 && strchr("-0123456789", text.at[0]) && input_is_json(text, false);
}

/* Must the value stand as it is? Else it is a text. A value of the wrong type stays a text: the
 * gate's own message says what it should be. */
static bool input_is_raw(const struct field *field, struct slice value)
{
    if (!field || field->is_list)
        return input_is_json(value, false);
    switch (field->type) {
    case FIELD_ANY:
        return input_is_json(value, false);
    case FIELD_TEXT:
    case FIELD_DATE:
        return false;
    case FIELD_NUMBER:
    case FIELD_INTEGER:
        return input_is_number(value);
    case FIELD_BOOLEAN:
        return slice_is(value, "true") || slice_is(value, "false");
    }
    return false;
}

static const struct field *input_field(const struct step *step, struct slice name)
{
    for (size_t i = 0; step && i < step->field_count; i++)
        if (slice_equal(step->fields[i].name, name))
            return &step->fields[i];
    return NULL;
}

static bool input_is_twice(const struct invocation *invocation, size_t first, size_t at,
                           struct slice name)
{
    for (size_t i = first; i < at; i++) {
        struct slice other = slice_text(invocation->arguments[i]);
        if (slice_equal(slice_first(other, slice_find(other, '=')), name))
            return true;
    }
    return false;
}

static bool input_add(struct invocation *invocation, size_t first, size_t at,
                      const struct step *step, struct buf *out)
{
    struct slice text = slice_text(invocation->arguments[at]);
    struct slice name = slice_first(text, slice_find(text, '='));
    struct slice value = slice_from(text, name.size + 1);
    if (name.size == 0 || name.size == text.size) {
        (void)invocation_wrong(invocation, "an input is NAME=VALUE, not \"%s\"",
                               invocation->arguments[at]);
        return false;
    }
    if (!text_is_utf8(text)) {
        (void)invocation_wrong(invocation, "argument %zu is not UTF-8", at + 1);
        return false;
    }
    if (input_is_twice(invocation, first, at, name)) {
        (void)invocation_wrong(invocation, "%.*s stands there twice", SLICE_FMT(name));
        return false;
    }
    buf_add_text(out, at > first ? "," : "");
    buf_add_json_text(out, name);
    buf_add_byte(out, ':');
    if (input_is_raw(input_field(step, name), value))
        buf_add(out, value);
    else
        buf_add_json_text(out, value);
    return true;
}

bool input_object(struct invocation *invocation, const char *option, struct slice *out_json)
{
    const char *text = invocation_option(invocation, option);
    *out_json = slice_text(text);
    if (!text || input_is_json(*out_json, true))
        return true;
    (void)invocation_wrong(invocation, "--%s is no JSON object", option);
    return false;
}

bool input_build(struct invocation *invocation, size_t first, const struct step *step,
                 struct slice *out_json)
{
    struct slice whole;
    if (!input_object(invocation, "input", &whole))
        return false;
    if (whole.at && invocation->argument_count > first) {
        (void)invocation_wrong(invocation, "either --input or NAME=VALUE, not both");
        return false;
    }
    if (whole.at) {
        *out_json = whole;
        return true;
    }
    struct buf json;
    bool is_good = true;
    buf_init(&json, LIMIT_HTTP_BODY);
    buf_add_byte(&json, '{');
    for (size_t at = first; at < invocation->argument_count && is_good; at++)
        is_good = input_add(invocation, first, at, step, &json);
    buf_add_byte(&json, '}');
    if (is_good && !buf_ok(&json)) {
        (void)invocation_wrong(invocation, "the input is over %d bytes (LIMIT_HTTP_BODY)",
                               LIMIT_HTTP_BODY);
        is_good = false;
    }
    if (is_good)
        *out_json = arena_copy(&invocation->arena, buf_slice(&json));
    buf_done(&json);
    return is_good;
}

bool input_confidence(struct invocation *invocation, bool *out_has, double *out_value)
{
    const char *text = invocation_option(invocation, "confidence");
    *out_has = text != NULL;
    if (!text)
        return true;
    char *end = NULL;
    double value = strtod(text, &end);
    if (!input_is_number(slice_text(text)) || *end || !(value >= 0 && value <= 1)) {
        (void)invocation_wrong(invocation, "--confidence is a number from 0 to 1");
        return false;
    }
    *out_value = value;
    return true;
}
