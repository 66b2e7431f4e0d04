#include "cli/curl.h"

#include "base/uri.h"

enum curl_effect {
    CURL_METHOD,
    CURL_HEADER,
    CURL_DATA, /* joined by "&"; @ reads a file: refused */
    CURL_RAW,  /* as CURL_DATA, but @ is text */
    CURL_JSON, /* data, with the JSON headers */
    CURL_USER,
    CURL_URL,
    CURL_COOKIE,
    CURL_AGENT,
    CURL_HEAD,
    CURL_INSECURE,
    CURL_SKIP,       /* a flag that changes nothing of the request */
    CURL_SKIP_VALUE, /* the same with a value */
    CURL_REFUSED     /* changes the request in a way that has no place in a policy */
};
struct curl_option {
    const char *name; /* long */
    char letter;      /* 0 = none */
    enum curl_effect effect;
};
static const struct curl_option curl_options[] = {
    {"request", 'X', CURL_METHOD},
    {"header", 'H', CURL_HEADER},
    {"data", 'd', CURL_DATA},
    {"data-ascii", 0, CURL_DATA},
    {"data-binary", 0, CURL_DATA},
    {"data-raw", 0, CURL_RAW},
    {"json", 0, CURL_JSON},
    {"user", 'u', CURL_USER},
    {"url", 0, CURL_URL},
    {"cookie", 'b', CURL_COOKIE},
    {"user-agent", 'A', CURL_AGENT},
    {"head", 'I', CURL_HEAD},
    {"insecure", 'k', CURL_INSECURE},
    {"silent", 's', CURL_SKIP},
    {"show-error", 'S', CURL_SKIP},
    {"location", 'L', CURL_SKIP},
    {"verbose", 'v', CURL_SKIP},
    {"include", 'i', CURL_SKIP},
    {"fail", 'f', CURL_SKIP},
    {"fail-with-body", 0, CURL_SKIP},
    {"compressed", 0, CURL_SKIP},
    {"http1.1", 0, CURL_SKIP},
    {"http2", 0, CURL_SKIP},
    {"globoff", 'g', CURL_SKIP},
    {"no-progress-meter", 0, CURL_SKIP},
    {"output", 'o', CURL_SKIP_VALUE},
    {"write-out", 'w', CURL_SKIP_VALUE},
    {"max-time", 'm', CURL_SKIP_VALUE},
    {"connect-timeout", 0, CURL_SKIP_VALUE},
    {"retry", 0, CURL_SKIP_VALUE},
    {"retry-delay", 0, CURL_SKIP_VALUE},
    {"retry-max-time", 0, CURL_SKIP_VALUE},
    {"retry-all-errors", 0, CURL_SKIP},
    {"retry-connrefused", 0, CURL_SKIP},
    {"referer", 'e', CURL_SKIP_VALUE},
    {"form", 'F', CURL_REFUSED},
    {"get", 'G', CURL_REFUSED},
    {"data-urlencode", 0, CURL_REFUSED},
    {"upload-file", 'T', CURL_REFUSED},
    {"cert", 'E', CURL_REFUSED},
    {"proxy", 'x', CURL_REFUSED},
    {"config", 'K', CURL_REFUSED},
};
enum { CURL_OPTION_COUNT = sizeof curl_options / sizeof *curl_options };

struct curl_parser {
    struct arena *arena;
    const struct slice *words;
    size_t word_count, at;
    struct buf body;
    bool has_body, has_json;
    struct curl_command request;
    struct slice mistake;
};

static bool curl_fail(struct curl_parser *parser, const char *what, struct slice about)
{
    parser->mistake = arena_fmt(parser->arena, "%s: %.*s", what, SLICE_FMT(slice_first(about, 80)));
    return false;
}

static char curl_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool curl_is_same_name(struct slice a, struct slice b)
{
    size_t same = 0;
    while (same < a.size && same < b.size && curl_lower(a.at[same]) == curl_lower(b.at[same]))
        same++;
    return same == a.size && same == b.size;
}

bool curl_name_is(struct slice name, const char *lower)
{
    return curl_is_same_name(name, slice_text(lower));
}

static bool curl_takes_value(enum curl_effect effect)
{
    return effect != CURL_HEAD && effect != CURL_INSECURE && effect != CURL_SKIP;
}

static bool curl_add_header(struct curl_parser *parser, struct slice name, struct slice value)
{
    struct curl_command *request = &parser->request;
    if (request->header_count == LIMIT_HEADERS)
        return curl_fail(parser, "too many headers", name);
    for (size_t i = 0; i < request->header_count; i++)
        if (curl_is_same_name(request->headers[i].name, name))
            return curl_fail(parser, "a header is there twice", name);
    request->headers[request->header_count++] = (struct curl_header){name, value};
    return true;
}

/* RFC 9110 5.6.2 */
static bool curl_is_token(struct slice text)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && (c == 0 || !strchr(marks, c)))
            return false;
    }
    return text.size > 0 && text.size <= LIMIT_NAME;
}

static bool curl_take_header(struct curl_parser *parser, struct slice value)
{
    size_t colon = slice_find(value, ':');
    struct slice name = slice_trim(slice_first(value, colon));
    if (value.size && value.at[0] == '@')
        return curl_fail(parser, "headers from a file are not read; write them out", value);
    if (colon == value.size || !curl_is_token(name))
        return curl_fail(parser, "a header is NAME: VALUE, not", value);
    for (size_t i = 0; i < value.size; i++)
        if ((unsigned char)value.at[i] < ' ' || value.at[i] == 0x7f)
            return curl_fail(parser, "a header has a control character", name);
    return curl_add_header(parser, name, slice_trim(slice_from(value, colon + 1)));
}

static bool curl_take_body(struct curl_parser *parser, enum curl_effect effect, struct slice value)
{
    if (effect != CURL_RAW && value.size && value.at[0] == '@')
        return curl_fail(parser, "data from a file is not read; put an example in its place",
                         value);
    if (parser->has_body && effect != CURL_JSON)
        buf_add_byte(&parser->body, '&');
    buf_add(&parser->body, value);
    parser->has_body = true;
    parser->has_json |= effect == CURL_JSON;
    return buf_ok(&parser->body) || curl_fail(parser, "the data is too long", value);
}

static bool curl_take_url(struct curl_parser *parser, struct slice value)
{
    struct curl_command *request = &parser->request;
    struct uri uri;
    if (request->url.size)
        return curl_fail(parser, "a second URL", value);
    size_t hash = slice_find(value, '#');
    value = slice_first(value, hash);
    if (!slice_starts(value, SLICE("http://")) && !slice_starts(value, SLICE("https://")))
        value = arena_fmt(parser->arena, "http://%.*s", SLICE_FMT(value)); /* curl's own guess */
    if (!uri_split(value, &uri))
        return curl_fail(parser, "not an http or https URL without user and password", value);
    request->url = value;
    return true;
}

static bool curl_apply(struct curl_parser *parser, const struct curl_option *option,
                       struct slice value)
{
    struct curl_command *request = &parser->request;
    switch (option->effect) {
    case CURL_METHOD:
        request->method = value;
        return curl_is_token(value) || curl_fail(parser, "not a method", value);
    case CURL_HEADER:
        return curl_take_header(parser, value);
    case CURL_DATA:
    case CURL_RAW:
    case CURL_JSON:
        return curl_take_body(parser, option->effect, value);
    case CURL_USER:
        request->user = value;
        return true;
    case CURL_URL:
        return curl_take_url(parser, value);
    case CURL_COOKIE:
        return curl_add_header(parser, SLICE("Cookie"), value);
    case CURL_AGENT:
        return curl_add_header(parser, SLICE("User-Agent"), value);
    case CURL_HEAD:
        request->method = SLICE("HEAD");
        return true;
    case CURL_INSECURE:
        request->is_insecure = true;
        return true;
    case CURL_SKIP:
    case CURL_SKIP_VALUE:
        return true;
    case CURL_REFUSED:
        break;
    }
    return curl_fail(parser, "this option of curl has no counterpart in a policy",
                     slice_text(option->name));
}

static bool curl_next_word(struct curl_parser *parser, const struct curl_option *option,
                           struct slice *out_value)
{
    if (parser->at == parser->word_count)
        return curl_fail(parser, "a value is missing after", slice_text(option->name));
    *out_value = parser->words[parser->at++];
    return true;
}

static bool curl_take_long(struct curl_parser *parser, struct slice word)
{
    struct slice name = slice_from(word, 2), value = {0};
    for (size_t i = 0; i < CURL_OPTION_COUNT; i++) {
        const struct curl_option *option = &curl_options[i];
        if (!slice_is(name, option->name))
            continue;
        if (curl_takes_value(option->effect) && !curl_next_word(parser, option, &value))
            return false;
        return curl_apply(parser, option, value);
    }
    return curl_fail(parser, "an option of curl that is not known here", word);
}

/* -sSLX POST: flags may be written together; a value may follow its letter at once. */
static bool curl_take_short(struct curl_parser *parser, struct slice word)
{
    for (size_t at = 1; at < word.size; at++) {
        const struct curl_option *option = NULL;
        struct slice value = slice_from(word, at + 1);
        for (size_t i = 0; i < CURL_OPTION_COUNT && !option; i++)
            if (curl_options[i].letter == word.at[at])
                option = &curl_options[i];
        if (!option)
            return curl_fail(parser, "an option of curl that is not known here", word);
        bool takes = curl_takes_value(option->effect);
        if (takes && value.size == 0 && !curl_next_word(parser, option, &value))
            return false;
        if (!curl_apply(parser, option, value))
            return false;
        if (takes)
            break;
    }
    return true;
}

static bool curl_take_word(struct curl_parser *parser, struct slice word)
{
    if (slice_starts(word, SLICE("--")))
        return curl_take_long(parser, word);
    if (word.size > 1 && word.at[0] == '-')
        return curl_take_short(parser, word);
    return curl_take_url(parser, word);
}

static bool curl_says_json(const struct curl_command *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct slice value = request->headers[i].value;
        bool is_type = curl_name_is(request->headers[i].name, "content-type");
        for (size_t at = 0; is_type && at + 4 <= value.size; at++)
            if (memcmp(value.at + at, "json", 4) == 0)
                return true;
    }
    return false;
}

static void curl_finish(struct curl_parser *parser)
{
    struct curl_command *request = &parser->request;
    request->body = arena_copy(parser->arena, buf_slice(&parser->body));
    request->is_form = parser->has_body && !parser->has_json && !curl_says_json(request);
    if (request->method.size == 0)
        request->method = parser->has_body ? SLICE("POST") : SLICE("GET");
}

bool curl_parse(struct slice text, struct arena *arena, struct curl_command *out_command,
                struct slice *out_mistake)
{
    struct slice words[CURL_WORDS];
    struct curl_parser parser = {.arena = arena, .words = words};
    if (!curl_words(text, arena, words, &parser.word_count, out_mistake))
        return false;
    buf_init(&parser.body, LIMIT_HTTP_BODY);
    bool is_good =
        parser.word_count > 0 && (slice_is(words[0], "curl") || slice_is(words[0], "curl.exe"));
    if (!is_good)
        (void)curl_fail(&parser, "that is not a curl command", text);
    parser.at = 1;
    while (is_good && parser.at < parser.word_count) {
        struct slice word = parser.words[parser.at++];
        is_good = curl_take_word(&parser, word);
    }
    if (is_good && parser.request.url.size == 0)
        is_good = curl_fail(&parser, "there is no URL in it", text);
    if (is_good) {
        curl_finish(&parser);
        *out_command = parser.request;
    } else {
        *out_mistake = parser.mistake;
    }
    buf_done(&parser.body);
    return is_good;
}
