#include "api/header.h"

#include "base/limits.h"

enum { TRACE_SIZE = 55, TOKEN_MAX = 512 };

/* The value, when the header is there exactly once. Names are in lower case. */
static enum header_found header_single(const struct door_request *request, const char *name,
                                       struct slice *out_value)
{
    const struct slice *found = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        if (!slice_is(request->headers[i].name, name))
            continue;
        if (found)
            return HEADER_TWICE;
        found = &request->headers[i].value;
    }
    if (!found)
        return HEADER_ABSENT;
    *out_value = slice_trim(*found);
    return HEADER_GOOD;
}

static char header_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool header_is_word(struct slice s, const char *word)
{
    size_t size = strlen(word);
    if (s.size != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (header_lower(s.at[i]) != word[i])
            return false;
    return true;
}

static bool header_is_visible(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.at[i] < '!' || s.at[i] > '~')
            return false;
    return true;
}

/* Takes the part before the next `byte` off; the separator goes too. */
static struct slice header_take(struct slice *rest, char byte)
{
    size_t at = slice_find(*rest, byte);
    struct slice part = slice_trim(slice_first(*rest, at));
    *rest = slice_from(*rest, at + 1);
    return part;
}

enum header_found header_bearer(const struct door_request *request, struct slice *out_token)
{
    struct slice value;
    enum header_found found = header_single(request, "authorization", &value);
    if (found != HEADER_GOOD)
        return found;
    struct slice scheme = header_take(&value, ' ');
    struct slice token = slice_trim(value);
    if (!header_is_word(scheme, "bearer") || token.size == 0 || token.size > TOKEN_MAX ||
        !header_is_visible(token))
        return HEADER_BAD;
    *out_token = token;
    return HEADER_GOOD;
}

/* The inside of an sf-string; parameters after it are refused, the key has none. */
static enum header_found header_unquote(struct slice value, struct arena *arena,
                                        struct slice *out_key)
{
    char *at = arena_alloc(arena, value.size);
    if (!at)
        return HEADER_BAD;
    size_t size = 0;
    for (size_t i = 1; i < value.size; i++) {
        char c = value.at[i];
        if (c == '"') {
            if (i + 1 != value.size)
                return HEADER_BAD;
            *out_key = slice_of(at, size);
            return HEADER_GOOD;
        }
        if (c == '\\') {
            if (++i == value.size || (value.at[i] != '"' && value.at[i] != '\\'))
                return HEADER_BAD;
            c = value.at[i];
        }
        at[size++] = c;
    }
    return HEADER_BAD;
}

bool header_is_key(struct slice key)
{
    return key.size > 0 && key.size <= LIMIT_KEY && header_is_visible(key);
}

enum header_found header_key(const struct door_request *request, struct arena *arena,
                             struct slice *out_key)
{
    struct slice value;
    enum header_found found = header_single(request, "idempotency-key", &value);
    if (found != HEADER_GOOD)
        return found;
    if (value.size > 0 && value.at[0] == '"') {
        found = header_unquote(value, arena, &value);
        if (found != HEADER_GOOD)
            return found;
    }
    if (!header_is_key(value))
        return HEADER_BAD;
    *out_key = value;
    return HEADER_GOOD;
}

/* One preference: NAME[=VALUE][;parameters]. The first of a name counts (RFC 7240 section 2). */
static bool header_prefer_one(struct slice one, struct header_prefer *prefer)
{
    struct slice pair = header_take(&one, ';');
    struct slice name = header_take(&pair, '=');
    struct slice value = slice_trim(pair);
    if (header_is_word(name, "respond-async")) {
        prefer->is_async = true;
        return true;
    }
    if (!header_is_word(name, "wait") || prefer->has_wait)
        return true;
    if (value.size >= 2 && value.at[0] == '"' && value.at[value.size - 1] == '"')
        value = slice_first(slice_from(value, 1), value.size - 2);
    uint64_t seconds;
    if (!slice_to_u64(value, UINT32_MAX, &seconds))
        return false;
    prefer->has_wait = true;
    prefer->is_cut = seconds > WAIT_MAX_MS / 1000;
    prefer->wait_ms = prefer->is_cut ? WAIT_MAX_MS : (int64_t)seconds * 1000;
    return true;
}

enum header_found header_prefer(const struct door_request *request,
                                struct header_prefer *out_prefer)
{
    struct header_prefer prefer = {.wait_ms = WAIT_DEFAULT_MS};
    bool is_there = false;
    for (size_t i = 0; i < request->header_count; i++) {
        if (!slice_is(request->headers[i].name, "prefer"))
            continue;
        is_there = true;
        struct slice rest = request->headers[i].value;
        while (rest.size > 0)
            if (!header_prefer_one(header_take(&rest, ','), &prefer))
                return HEADER_BAD;
    }
    /* "respond-async, wait=10" means: asynchronous if it takes longer (RFC 7240 section 4.3). */
    if (prefer.is_async && !prefer.has_wait)
        prefer.wait_ms = 0;
    *out_prefer = prefer;
    return is_there ? HEADER_GOOD : HEADER_ABSENT;
}

static bool header_is_json_type(struct slice type)
{
    static const char suffix[] = "+json";
    size_t size = sizeof suffix - 1;
    return header_is_word(type, "application/json") ||
           (type.size > size && header_is_word(slice_from(type, type.size - size), suffix));
}

static bool header_is_coded(const struct door_request *request)
{
    struct slice value;
    enum header_found found = header_single(request, "content-encoding", &value);
    return found != HEADER_ABSENT && !(found == HEADER_GOOD && header_is_word(value, "identity"));
}

static bool header_is_utf8(struct slice parameters)
{
    while (parameters.size > 0) {
        struct slice parameter = header_take(&parameters, ';');
        if (header_is_word(header_take(&parameter, '='), "charset") &&
            !header_is_word(parameter, "utf-8") && !header_is_word(parameter, "\"utf-8\""))
            return false;
    }
    return true;
}

bool header_is_json(const struct door_request *request)
{
    struct slice value;
    enum header_found found = header_single(request, "content-type", &value);
    if (header_is_coded(request))
        return false;
    return found == HEADER_ABSENT ||
           (found == HEADER_GOOD && header_is_json_type(header_take(&value, ';')) &&
            header_is_utf8(value));
}

bool header_is_lines(const struct door_request *request)
{
    struct slice value;
    return !header_is_coded(request) &&
           header_single(request, "content-type", &value) == HEADER_GOOD &&
           header_is_word(header_take(&value, ';'), "application/x-ndjson") &&
           header_is_utf8(value);
}

/* Of these types and JSON, is that one named first? */
static bool header_wants(const struct door_request *request, const char *wanted)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (!slice_is(request->headers[i].name, "accept"))
            continue;
        struct slice rest = request->headers[i].value;
        while (rest.size > 0) {
            struct slice one = header_take(&rest, ',');
            struct slice type = header_take(&one, ';');
            if (header_is_word(type, wanted))
                return true;
            if (header_is_json_type(type) || header_is_word(type, "text/plain") ||
                header_is_word(type, "text/markdown"))
                return false;
        }
    }
    return false;
}

bool header_wants_text(const struct door_request *request)
{
    return header_wants(request, "text/plain");
}

bool header_wants_markdown(const struct door_request *request)
{
    return header_wants(request, "text/markdown");
}

static bool header_is_hex(struct slice s, bool *out_is_zero)
{
    *out_is_zero = true;
    for (size_t i = 0; i < s.size; i++) {
        char c = s.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *out_is_zero = *out_is_zero && c == '0';
    }
    return true;
}

struct slice header_trace(const struct door_request *request)
{
    static const struct {
        size_t at, size;
        bool may_be_zero;
    } parts[] = {{0, 2, true}, {3, 32, false}, {36, 16, false}, {53, 2, true}};
    struct slice value;
    if (header_single(request, "traceparent", &value) != HEADER_GOOD || value.size != TRACE_SIZE ||
        !slice_starts(value, SLICE("00-")) || value.at[35] != '-' || value.at[52] != '-')
        return (struct slice){0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        bool is_zero;
        struct slice part = slice_first(slice_from(value, parts[i].at), parts[i].size);
        if (!header_is_hex(part, &is_zero) || (is_zero && !parts[i].may_be_zero))
            return (struct slice){0};
    }
    return value;
}
