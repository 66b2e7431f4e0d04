/* Settings of a sandbox from JSON. */
#include <jansson.h>

#include "base/limits.h"
#include "upstream/sandbox.h"

/* What a reader of one member may say. */
struct sandbox_json {
    struct sandbox_settings settings;
    bool is_forget;
    bool has_status, has_times;
    struct buf *out; /* the sentence */
};

static bool sandbox_json_say(struct sandbox_json *to, const char *name, const char *what)
{
    buf_reset(to->out);
    buf_add_fmt(to->out, "`%s` must be %s", name, what);
    return false;
}

static bool sandbox_json_bool(struct sandbox_json *to, const char *name, const json_t *value,
                              bool *out)
{
    if (!json_is_boolean(value))
        return sandbox_json_say(to, name, "true or false");
    *out = json_is_true(value);
    return true;
}

static bool sandbox_json_number(struct sandbox_json *to, const char *name, const json_t *value,
                                int64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return sandbox_json_say(to, name, "a whole number from 0 on");
    *out = json_integer_value(value);
    return true;
}

static bool sandbox_json_count(struct sandbox_json *to, const char *name, const json_t *value,
                               int64_t *out)
{
    if (json_is_null(value)) {
        *out = SANDBOX_FOR_EVER;
        return true;
    }
    return sandbox_json_number(to, name, value, out);
}

static bool sandbox_json_text(struct sandbox_json *to, const char *name, const json_t *value,
                              struct slice *out)
{
    size_t size = json_is_string(value) ? json_string_length(value) : 0;
    if (size == 0 || size > LIMIT_NAME)
        return sandbox_json_say(to, name, "the name of a header");
    *out = slice_of(json_string_value(value), size);
    return true;
}

static bool sandbox_json_status(struct sandbox_json *to, const json_t *value)
{
    int64_t status = 0;
    if (!sandbox_json_number(to, "status", value, &status))
        return false;
    if (status != 0 && (status < 200 || status > 599))
        return sandbox_json_say(to, "status", "0, or 200 to 599");
    to->settings.status = (int)status;
    to->has_status = true;
    return true;
}

static bool sandbox_json_member(struct sandbox_json *to, const char *name, const json_t *value)
{
    struct sandbox_settings *settings = &to->settings;
    struct slice n = slice_text(name);
    if (slice_is(n, "down"))
        return sandbox_json_bool(to, name, value, &settings->is_down);
    if (slice_is(n, "lose"))
        return sandbox_json_count(to, name, value, &settings->lose_count);
    if (slice_is(n, "status"))
        return sandbox_json_status(to, value);
    if (slice_is(n, "times")) {
        to->has_times = true;
        return sandbox_json_count(to, name, value, &settings->status_count);
    }
    if (slice_is(n, "retry_after_s"))
        return sandbox_json_number(to, name, value, &settings->retry_after_s);
    if (slice_is(n, "slow_ms"))
        return sandbox_json_number(to, name, value, &settings->delay_ms);
    if (slice_is(n, "remembers_keys"))
        return sandbox_json_bool(to, name, value, &settings->remembers_keys);
    if (slice_is(n, "key_header"))
        return sandbox_json_text(to, name, value, &settings->key_header);
    if (slice_is(n, "forget"))
        return sandbox_json_bool(to, name, value, &to->is_forget);
    buf_reset(to->out);
    buf_add_fmt(to->out,
                "`%.64s` is no setting: down, lose, status, times, retry_after_s, slow_ms, "
                "remembers_keys, key_header, forget",
                name);
    return false;
}

static bool sandbox_json_read(struct sandbox_json *to, json_t *object)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object)) {
        buf_add_text(to->out, "settings are a JSON object");
        return false;
    }
    json_object_foreach(object, name, value)
    {
        if (!sandbox_json_member(to, name, value))
            return false;
    }
    if (to->has_status && !to->has_times)
        to->settings.status_count = 1;
    if (to->settings.delay_ms > LIMIT_SANDBOX_DELAY_MS)
        return sandbox_json_say(to, "slow_ms", "at most 600000 (LIMIT_SANDBOX_DELAY_MS)");
    return true;
}

enum err sandbox_ask(struct sandbox *sandbox, struct slice name, struct slice settings_json,
                     struct buf *out)
{
    struct sandbox_json to = {.settings = sandbox_settings(sandbox, name), .out = out};
    if (settings_json.size == 0)
        return sandbox_report(sandbox, name, out);
    json_error_t error;
    json_t *object =
        json_loadb(settings_json.at, settings_json.size, JSON_REJECT_DUPLICATES, &error);
    enum err err = ERR_INVALID;
    if (!object)
        buf_add_fmt(out, "not JSON: %s, line %d", error.text, error.line);
    else if (sandbox_json_read(&to, object))
        err = sandbox_control(sandbox, name, &to.settings);
    if (err == ERR_OK && to.is_forget)
        sandbox_forget(sandbox, name);
    json_decref(object);
    return err == ERR_OK ? sandbox_report(sandbox, name, out) : err;
}
