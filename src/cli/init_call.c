/* From a curl command to the parts of a policy: upstream, secret, fields, body. */
#include <stdlib.h>

#include "base/text.h"
#include "base/uri.h"
#include "cli/init.h"

enum { INIT_DEPTH = 8 };

static bool init_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool init_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char init_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool init_name_is_good(struct slice name)
{
    if (name.size == 0 || name.size > LIMIT_NAME || !init_is_letter(name.at[0]))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (!init_is_letter(name.at[i]) && !init_is_digit(name.at[i]) && name.at[i] != '-' &&
            name.at[i] != '_')
            return false;
    return true;
}

/* Letters and digits, others as `gap`, no gap at either end; begins with a letter. */
static struct slice init_word(struct arena *arena, struct slice text, char gap)
{
    struct buf word;
    buf_init(&word, LIMIT_NAME);
    for (size_t i = 0; i < text.size && word.size < LIMIT_NAME - 4; i++) {
        char c = init_lower(text.at[i]);
        bool is_good = init_is_letter(c) || (init_is_digit(c) && word.size > 0);
        if (is_good)
            buf_add_byte(&word, c);
        else if (word.size > 0 && word.at[word.size - 1] != gap)
            buf_add_byte(&word, gap);
    }
    while (word.size > 0 && word.at[word.size - 1] == gap)
        buf_cut(&word, word.size - 1);
    struct slice copy = arena_copy(arena, buf_slice(&word));
    buf_done(&word);
    return copy;
}

struct slice init_name(struct arena *arena, struct slice text)
{
    return init_word(arena, text, '-');
}

static bool init_has(struct slice text, const char *part)
{
    size_t size = strlen(part);
    for (size_t at = 0; at + size <= text.size; at++) {
        size_t same = 0;
        while (same < size && init_lower(text.at[at + same]) == part[same])
            same++;
        if (same == size)
            return true;
    }
    return false;
}

static bool init_is_secret_name(struct slice name)
{
    static const char *const parts[] = {"secret",  "token",  "password", "passwd", "api-key",
                                        "api_key", "apikey", "auth",     "cookie", "credential"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (init_has(name, parts[i]))
            return true;
    return false;
}

/* A name of the expression language: not one of its words, and not taken yet. */
static struct slice init_field_name(struct init_plan *plan, struct slice text)
{
    static const char *const reserved[] = {
        "true", "false",  "null",    "in",       "as",        "for",   "if",
        "else", "return", "import",  "const",    "while",     "var",   "void",
        "let",  "loop",   "package", "function", "namespace", "break", "continue"};
    struct slice name = init_word(plan->arena, text, '_');
    if (name.size == 0)
        name = SLICE("value");
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (slice_is(name, reserved[i]))
            name = arena_fmt(plan->arena, "%s_", reserved[i]);
    struct slice base = name;
    for (size_t i = 0, n = 2; i < plan->field_count; i++)
        if (slice_equal(plan->fields[i].name, name)) {
            name = arena_fmt(plan->arena, "%.*s_%zu", SLICE_FMT(base), n++);
            i = (size_t)-1; /* the new name may be taken as well: from the first again */
        }
    return name;
}

/* A new input field; its template. */
static struct slice init_add_field(struct init_plan *plan, struct slice name, const char *type,
                                   struct slice example)
{
    if (plan->field_count == INIT_FIELDS)
        return (struct slice){0};
    struct init_field *field = &plan->fields[plan->field_count];
    *field = (struct init_field){.type = type, .example = example};
    field->name = init_field_name(plan, name);
    field->is_secret = init_is_secret_name(name);
    plan->field_count++;
    return arena_fmt(plan->arena, "${input.%.*s}", SLICE_FMT(field->name));
}

static const char *init_type_of(const json_t *value)
{
    if (json_is_string(value))
        return "text";
    if (json_is_number(value))
        return "number";
    if (json_is_boolean(value))
        return "boolean";
    if (json_is_array(value) && json_array_size(value) > 0) {
        const json_t *first = json_array_get(value, 0);
        return json_is_string(first)   ? "list of text"
               : json_is_number(first) ? "list of number"
                                       : "any";
    }
    return "any";
}

static struct slice init_example(struct init_plan *plan, const json_t *value)
{
    if (json_is_string(value))
        return arena_copy(plan->arena,
                          slice_of(json_string_value(value), json_string_length(value)));
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    struct slice copy = arena_copy(plan->arena, slice_text(text));
    free(text);
    return copy;
}

/* Replaces each value below an object by the template of a field. The depth is bounded; what lies
 * deeper is one field of any type. */
static bool init_template_object(struct init_plan *plan, json_t *object, struct slice prefix,
                                 int depth)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, name, value)
    {
        struct slice path = prefix.size ? arena_fmt(plan->arena, "%.*s_%s", SLICE_FMT(prefix), name)
                                        : arena_copy(plan->arena, slice_text(name));
        if (json_is_object(value) && json_object_size(value) > 0 && depth < INIT_DEPTH) {
            if (!init_template_object(plan, value, path, depth + 1))
                return false;
            continue;
        }
        struct slice text =
            init_add_field(plan, path, init_type_of(value), init_example(plan, value));
        if (text.size == 0 ||
            json_object_set_new(object, name, json_stringn(text.at, text.size)) != 0)
            return false;
    }
    return true;
}

static bool init_take_body(struct init_plan *plan, const struct curl_command *request,
                           struct slice *out_mistake)
{
    json_error_t error;
    if (request->body.size == 0)
        return true;
    json_t *body = json_loadb(request->body.at, request->body.size, JSON_REJECT_DUPLICATES, &error);
    if (!body || !json_is_object(body)) {
        *out_mistake = SLICE("the data is no JSON object; interlock sends JSON bodies only");
        json_decref(body);
        return false;
    }
    plan->body = body;
    if (init_template_object(plan, body, (struct slice){0}, 0))
        return true;
    *out_mistake = arena_fmt(plan->arena, "the data has more than %d values", INIT_FIELDS);
    return false;
}

/* Digits, or long and hexadecimal: a segment that names one thing, not a kind of things. */
static bool init_is_id_segment(struct slice segment)
{
    size_t digits = 0, hex = 0;
    for (size_t i = 0; i < segment.size; i++) {
        char c = init_lower(segment.at[i]);
        digits += init_is_digit(c);
        hex += init_is_digit(c) || (c >= 'a' && c <= 'f') || c == '-' || c == '_';
    }
    if (slice_find(segment, '$') < segment.size)
        return true; /* a variable of somebody's shell */
    bool is_number = segment.size > 0 && digits == segment.size;
    bool is_mixed = digits >= 2 && segment.size >= 4 && !init_is_digit(segment.at[0]) &&
                    segment.size <= 40 && !(segment.at[0] == 'v' && segment.size < 4);
    return is_number || is_mixed || (segment.size >= 16 && hex == segment.size);
}

/* "/tickets/4711/team" -> "/tickets/${input.ticket}/team". */
static void init_take_path(struct init_plan *plan, struct slice path, struct buf *target)
{
    struct slice before = SLICE("id");
    while (path.size > 0) {
        struct slice rest = slice_from(path, 1);
        struct slice segment = slice_first(rest, slice_find(rest, '/'));
        path = slice_from(rest, segment.size);
        buf_add_byte(target, '/');
        struct buf plain;
        buf_init(&plain, LIMIT_HTTP_LINE);
        bool is_id = init_is_id_segment(segment) && uri_decode(segment, &plain);
        if (is_id) {
            struct slice name = before;
            if (name.size > 2 && name.at[name.size - 1] == 's')
                name.size--;
            buf_add(target,
                    init_add_field(plan, name, "text", arena_copy(plan->arena, buf_slice(&plain))));
        } else {
            buf_add(target, segment);
            before = segment;
        }
        buf_done(&plain);
    }
}

static bool init_take_url(struct init_plan *plan, struct slice url, struct slice *out_mistake)
{
    struct uri uri;
    struct slice name, value, query;
    if (!uri_split(url, &uri)) {
        *out_mistake = SLICE("the URL cannot be read");
        return false;
    }
    if (!uri.is_https && !uri_host_is_loopback(uri.host)) {
        *out_mistake = arena_fmt(plan->arena,
                                 "http to %.*s would send everything in clear text; "
                                 "use its https URL",
                                 SLICE_FMT(uri.host));
        return false;
    }
    if (slice_find(uri.query, '$') < uri.query.size) {
        *out_mistake = SLICE("the URL's query has a $…; put in an example of what stands there");
        return false;
    }
    for (query = uri.query; uri_next_parameter(&query, &name, &value);)
        if (init_is_secret_name(name) || slice_is(name, "key")) {
            *out_mistake =
                arena_fmt(plan->arena,
                          "the URL holds a secret (%.*s=…), and URLs end up in logs; use "
                          "a header, if the provider takes one",
                          SLICE_FMT(name));
            return false;
        }
    size_t path_at = strlen(uri.is_https ? "https://" : "http://");
    while (path_at < url.size && url.at[path_at] != '/' && url.at[path_at] != '?')
        path_at++;
    struct buf target;
    buf_init(&target, LIMIT_HTTP_LINE);
    init_take_path(plan, uri.path.size ? uri.path : SLICE("/"), &target);
    if (uri.query.size)
        buf_add_fmt(&target, "?%.*s", SLICE_FMT(uri.query));
    plan->target = arena_copy(plan->arena, buf_slice(&target));
    plan->base_url = arena_copy(plan->arena, slice_first(url, path_at));
    buf_done(&target);
    struct slice label = slice_first(uri.host, slice_find(uri.host, '.'));
    if (slice_is(label, "api") || slice_is(label, "www")) {
        struct slice rest = slice_from(uri.host, label.size + 1);
        label = slice_first(rest, slice_find(rest, '.'));
    }
    plan->upstream = init_name(plan->arena, label);
    if (!init_name_is_good(plan->upstream))
        plan->upstream = SLICE("provider");
    return true;
}

/* `$NAME` or `${NAME}`, whole: a variable of the environment instead of a value. */
static bool init_is_variable(struct slice text, struct slice *out_name)
{
    if (text.size < 2 || text.at[0] != '$')
        return false;
    bool is_braced = text.size > 3 && text.at[1] == '{' && text.at[text.size - 1] == '}';
    text = is_braced ? slice_of(text.at + 2, text.size - 3) : slice_from(text, 1);
    for (size_t i = 0; i < text.size; i++)
        if (!init_is_letter(text.at[i]) && text.at[i] != '_' && !init_is_digit(text.at[i]))
            return false;
    *out_name = text;
    return text.size > 0;
}

static bool init_fail(struct slice *out_mistake, const char *mistake)
{
    *out_mistake = slice_text(mistake);
    return false;
}

static bool init_take_secret(struct init_plan *plan, enum auth_kind auth, struct slice name,
                             struct slice value, struct slice *out_mistake)
{
    if (plan->auth != AUTH_NONE) {
        return init_fail(out_mistake, "it has two secrets; an upstream has one `auth:`");
    }
    plan->auth = auth;
    plan->auth_name = name;
    plan->secret_source = INIT_SECRET_FILE;
    plan->secret = value;
    if (init_is_variable(value, &plan->secret))
        plan->secret_source = INIT_SECRET_ENV;
    return true;
}

static bool init_take_authorization(struct init_plan *plan, struct slice value,
                                    struct slice *out_mistake)
{
    struct slice scheme = slice_first(value, slice_find(value, ' '));
    struct slice rest = slice_trim(slice_from(value, scheme.size));
    if (curl_name_is(scheme, "bearer") && rest.size)
        return init_take_secret(plan, AUTH_BEARER, (struct slice){0}, rest, out_mistake);
    return init_take_secret(plan, AUTH_HEADER, SLICE("Authorization"), value, out_mistake);
}

static bool init_is_own_header(struct slice name)
{
    static const char *const names[] = {
        "content-type", "content-length", "accept",  "accept-encoding", "user-agent",
        "host",         "connection",     "expect",  "keep-alive",      "transfer-encoding",
        "te",           "trailer",        "upgrade", "traceparent"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (curl_name_is(name, names[i]))
            return true;
    return false;
}

static bool init_is_line(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
            return false;
    return text_is_utf8(text);
}

static bool init_take_headers(struct init_plan *plan, const struct curl_command *request,
                              struct slice *out_mistake)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const struct curl_header *header = &request->headers[i];
        if (init_is_own_header(header->name))
            continue; /* interlock says these itself */
        bool is_good = true;
        if (curl_name_is(header->name, "authorization"))
            is_good = init_take_authorization(plan, header->value, out_mistake);
        else if (curl_name_is(header->name, "idempotency-key") ||
                 curl_name_is(header->name, "x-idempotency-key"))
            plan->key_header = header->name;
        else if (init_is_secret_name(header->name) || init_has(header->name, "key"))
            is_good = init_take_secret(plan, AUTH_HEADER, header->name, header->value, out_mistake);
        else if (slice_find(header->value, '$') < header->value.size)
            is_good = init_fail(out_mistake, "a header has a $…; put in an example of its value");
        else
            plan->headers[plan->header_count++] = *header;
        if (!is_good)
            return false;
    }
    if (request->user.size == 0)
        return true;
    size_t colon = slice_find(request->user, ':');
    if (colon == 0 || !init_is_line(slice_first(request->user, colon)))
        return init_fail(out_mistake, "-u is USER:PASSWORD; the user is no plain text");
    return init_take_secret(plan, AUTH_BASIC, slice_first(request->user, colon),
                            slice_from(request->user, colon + 1), out_mistake);
}

/* The name itself, or with another word before or after it: "invoice", "invoice_id", "old_invoice".
 */
static bool init_is_called(struct slice field, const char *name)
{
    size_t size = strlen(name);
    if (field.size < size)
        return false;
    struct slice tail = slice_from(field, field.size - size);
    return slice_is(field, name) ||
           (slice_starts(field, slice_text(name)) && field.at[size] == '_') ||
           (slice_is(tail, name) && tail.at[-1] == '_');
}

static struct slice init_template_of(const struct init_plan *plan, const char *const *names,
                                     const char *type)
{
    for (; *names; names++)
        for (size_t i = 0; i < plan->field_count; i++) {
            const struct init_field *field = &plan->fields[i];
            bool is_type = type ? strcmp(field->type, type) == 0 : !strchr(field->type, ' ');
            if (is_type && !field->is_secret && init_is_called(field->name, *names))
                return arena_fmt(plan->arena, "${input.%.*s}", SLICE_FMT(field->name));
        }
    return (struct slice){0};
}

static void init_guess_roles(struct init_plan *plan)
{
    static const char *const mails[] = {"email", "mail", "to", "recipient", NULL};
    static const char *const others[] = {"phone", "mobile", "channel", NULL};
    static const char *const amounts[] = {"amount", "total", "price", "sum", NULL};
    struct slice mail = init_template_of(plan, mails, "text");
    struct slice other = init_template_of(plan, others, "text");
    plan->recipient = mail.size ? mail : other;
    plan->amount = init_template_of(plan, amounts, "number");
    if (plan->has_kind)
        return;
    bool is_read = slice_is(plan->method, "GET") || slice_is(plan->method, "HEAD");
    bool is_set = slice_is(plan->method, "PUT") || slice_is(plan->method, "DELETE") ||
                  slice_is(plan->method, "PATCH");
    plan->kind = is_read             ? KIND_LOOKUP
                 : is_set            ? KIND_RECORD
                 : plan->amount.size ? KIND_PAYMENT
                 : mail.size         ? KIND_EMAIL
                 : other.size        ? KIND_MESSAGE
                                     : KIND_WEBHOOK;
    plan->has_kind = true;
}

struct slice init_guess_key(const struct init_plan *plan)
{
    static const char *const names[] = {
        "idempotency_key", "reference", "invoice", "order", "ticket",
        "message_id",      "event_id",  "number",  "id",    NULL};
    return init_template_of(plan, names, NULL);
}

static bool init_is_method(struct slice method)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (slice_is(method, methods[i]))
            return true;
    return false;
}

bool init_take_curl(struct init_plan *plan, struct slice command, struct slice *out_mistake)
{
    struct curl_command request;
    if (!curl_parse(command, plan->arena, &request, out_mistake))
        return false;
    if (!init_is_method(request.method)) {
        return init_fail(out_mistake, "the method is none of GET HEAD POST PUT PATCH DELETE");
    }
    if (request.is_form && request.body.size && request.body.at[0] != '{') {
        return init_fail(out_mistake, "the data is a form; interlock sends JSON bodies only");
    }
    plan->has_call = true;
    plan->is_insecure = request.is_insecure;
    plan->method = request.method;
    if (!init_take_url(plan, request.url, out_mistake) ||
        !init_take_headers(plan, &request, out_mistake) ||
        !init_take_body(plan, &request, out_mistake))
        return false;
    init_guess_roles(plan);
    return true;
}
