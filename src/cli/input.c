#include "cli/input.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "policy/input_words.h"

static bool input_is_object(struct slice text)
{
    enum { FLAGS = JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL };
    json_t *json = json_loadb(text.at, text.size, FLAGS, NULL);
    bool is_object = json_is_object(json);
    json_decref(json);
    return is_object;
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

static bool input_add(struct invocation *invocation, size_t first, size_t at, struct buf *out)
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
    buf_add_json_text(out, value);
    return true;
}

bool input_object(struct invocation *invocation, const char *option, struct slice *out_json)
{
    const char *text = invocation_option(invocation, option);
    *out_json = slice_text(text);
    if (!text || input_is_object(*out_json))
        return true;
    (void)invocation_wrong(invocation, "--%s is no JSON object", option);
    return false;
}

bool input_read(struct invocation *invocation, size_t first, struct input_typed *out_typed)
{
    *out_typed = (struct input_typed){0};
    if (!input_object(invocation, "input", &out_typed->json))
        return false;
    if (out_typed->json.at && invocation->argument_count > first) {
        (void)invocation_wrong(invocation, "either --input or NAME=VALUE, not both");
        return false;
    }
    if (out_typed->json.at)
        return true;
    struct buf json;
    bool is_good = true;
    buf_init(&json, LIMIT_HTTP_BODY_MAX);
    buf_add_byte(&json, '{');
    for (size_t at = first; at < invocation->argument_count && is_good; at++)
        is_good = input_add(invocation, first, at, &json);
    buf_add_byte(&json, '}');
    if (is_good && !buf_ok(&json)) {
        (void)invocation_wrong(invocation, "the input is over %d bytes (LIMIT_HTTP_BODY_MAX)",
                               LIMIT_HTTP_BODY_MAX);
        is_good = false;
    }
    *out_typed =
        (struct input_typed){arena_copy(&invocation->arena, buf_slice(&json)), .is_words = true};
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
    if (!word_is_number(slice_text(text)) || *end || !(value >= 0 && value <= 1)) {
        (void)invocation_wrong(invocation, "--confidence is a number from 0 to 1");
        return false;
    }
    *out_value = value;
    return true;
}
