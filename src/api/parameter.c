#include "api/parameter.h"

#include "api/header.h"
#include "api/reply.h"
#include "base/check.h"
#include "base/text.h"
#include "base/uri.h"
#include "policy/near.h"

/* Decoded, valid UTF-8, in the arena; at == NULL when it is not. */
static struct slice parameter_decode(struct call *call, struct slice encoded)
{
    struct slice decoded = {0};
    struct buf text;
    buf_init(&text, encoded.size + 1);
    if (uri_decode_query(encoded, &text) && text_is_utf8(buf_slice(&text)))
        decoded = arena_copy(&call->arena, buf_slice(&text));
    buf_done(&text);
    return decoded;
}

static bool parameter_refuse_unknown(struct call *call, struct slice name,
                                     const struct parameter *fields, size_t count)
{
    struct near near;
    struct buf known;
    buf_init(&known, LIMIT_REASON);
    near_init(&near, name);
    for (size_t i = 0; i < count; i++) {
        near_offer(&near, slice_text(fields[i].name));
        buf_add_fmt(&known, "%s%s", i ? ", " : "", fields[i].name);
    }
    struct slice best = near.best;
    name = slice_first(name, LIMIT_NAME);
    if (best.size > 0)
        reply_refuse(call, TROUBLE_BAD_QUERY, "\"%.*s\" is not known here; did you mean \"%.*s\"?",
                     SLICE_FMT(name), SLICE_FMT(best));
    else
        reply_refuse(call, TROUBLE_BAD_QUERY, "\"%.*s\" is not known here; known: %s",
                     SLICE_FMT(name), count ? buf_text(&known) : "none");
    buf_done(&known);
    return false;
}

static bool parameter_take(struct call *call, struct slice name, struct slice value,
                           const struct parameter *fields, size_t count)
{
    name = parameter_decode(call, name);
    value = parameter_decode(call, value);
    if (!name.at || !value.at) {
        reply_refuse(call, TROUBLE_BAD_QUERY, "a bad escape, or bytes that are not UTF-8");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!slice_is(name, fields[i].name))
            continue;
        if (fields[i].out_value->at) {
            reply_refuse(call, TROUBLE_BAD_QUERY, "\"%s\" is there twice", fields[i].name);
            return false;
        }
        *fields[i].out_value = value;
        return true;
    }
    return parameter_refuse_unknown(call, name, fields, count);
}

bool parameter_read(struct call *call, const struct parameter *fields, size_t count)
{
    struct slice rest = call->request->query, name, value;
    while (uri_next_parameter(&rest, &name, &value))
        if (!parameter_take(call, name, value, fields, count))
            return false;
    return true;
}

bool parameter_format(struct call *call, const struct parameter *fields, size_t count,
                      bool *out_is_text)
{
    enum { PARAMETERS_MAX = 8 };
    struct parameter all[PARAMETERS_MAX];
    struct slice format = {0};
    CHECK(count < PARAMETERS_MAX);
    for (size_t i = 0; i < count; i++)
        all[i] = fields[i];
    all[count] = (struct parameter){"format", &format};
    if (!parameter_read(call, all, count + 1))
        return false;
    bool is_text = format.at ? slice_is(format, "text") : header_wants_text(call->request);
    if (format.at && !is_text && !slice_is(format, "json"))
        return parameter_refuse(call, "format", "text or json");
    *out_is_text = is_text;
    return true;
}

bool parameter_refuse(struct call *call, const char *name, const char *wanted)
{
    reply_refuse(call, TROUBLE_BAD_QUERY, "\"%s\" must be %s", name, wanted);
    return false;
}

bool parameter_count(struct call *call, const char *name, struct slice value, uint64_t max,
                     uint64_t *out_count)
{
    uint64_t count;
    if (!value.at)
        return true;
    if (!slice_to_u64(value, max, &count) || count == 0) {
        reply_refuse(call, TROUBLE_BAD_QUERY, "\"%s\" must be a number from 1 to %llu", name,
                     (unsigned long long)max);
        return false;
    }
    *out_count = count;
    return true;
}

bool parameter_flag(struct call *call, const char *name, struct slice value, bool *out_flag)
{
    if (!value.at)
        return true;
    bool is_yes = slice_is(value, "1") || slice_is(value, "true");
    if (!is_yes && !slice_is(value, "0") && !slice_is(value, "false"))
        return parameter_refuse(call, name, "1 or 0");
    *out_flag = is_yes;
    return true;
}
