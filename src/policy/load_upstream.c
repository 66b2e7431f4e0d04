#include "base/uri.h"
#include "policy/load.h"
#include "policy/near.h"

static bool load_is_token(struct slice text, const char *more)
{
    if (text.size == 0)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.at[i];
        bool is_alnum = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9');
        struct slice signs = slice_text(more);
        if (!is_alnum && slice_find(signs, byte) == signs.size)
            return false;
    }
    return true;
}

bool load_is_header_name(struct slice name)
{
    return name.size <= LIMIT_NAME && load_is_token(name, "!#$%&'*+-.^_`|~"); /* RFC 9110 5.6.2 */
}

/* { file: } or { env: }; a text is IL401. load_secret: also into config->secrets, which are loaded
 * at start. */
static bool load_secret_checked(struct load *load, const struct yaml *node,
                                struct secret_ref *out_secret)
{
    const struct yaml *at[SECRET_FIELD_COUNT];
    struct secret_ref secret = {.source = SECRET_FILE, .origin = read_origin(node)};
    if (node->kind == YAML_TEXT && !yaml_is_null(node)) {
        struct problem *problem = read_problem(load, IL401, node);
        problem->source_line = SLICE("(not shown: it may hold a secret)");
        problem_help(load->problems, problem,
                     "Put it into a file that only interlock can read, or into a variable:");
        problem_help(load->problems, problem, "  %.*s: { file: secrets/NAME }   or   { env: NAME }",
                     SLICE_FMT(node->key ? node->key->text : SLICE("secret")));
        return false;
    }
    if (!read_map(load, node, &fields_secret, at))
        return false;
    if (!at[SECRET_FIELD_FILE] == !at[SECRET_FIELD_ENV]) {
        problem_message(load->problems, read_problem_key(load, IL013, node),
                        "a secret is either { file: } or { env: }");
        return false;
    }
    const struct yaml *place = at[SECRET_FIELD_FILE];
    if (at[SECRET_FIELD_ENV]) {
        secret.source = SECRET_ENV;
        place = at[SECRET_FIELD_ENV];
    }
    if (!read_line(load, place, &secret.place))
        return false;
    if (secret.source == SECRET_ENV && !load_is_token(secret.place, "_")) {
        problem_message(load->problems, read_problem(load, IL013, place),
                        "`%.*s` is not the name of a variable", SLICE_FMT(secret.place));
        return false;
    }
    *out_secret = secret;
    return true;
}

bool load_secret(struct load *load, const struct yaml *node, struct secret_ref *out_secret)
{
    struct secret_ref secret;
    struct config *config = load->config;
    if (!load_secret_checked(load, node, &secret))
        return false;
    size_t count = config->secret_count;
    if ((count & (count - 1)) == 0) { /* full: twice the room */
        struct secret_ref *more =
            ARENA_ARRAY(load->arena, count ? 2 * count : 1, struct secret_ref);
        if (!more)
            return false;
        if (count > 0)
            memcpy(more, config->secrets, count * sizeof *more);
        load->secrets = more;
        config->secrets = more;
    }
    secret.index = count;
    load->secrets[config->secret_count++] = secret;
    *out_secret = secret;
    return true;
}

/* A user and password inside a URL: told without showing them. */
static bool load_url_tells_user(struct load *load, const struct yaml *node)
{
    size_t scheme = slice_find(node->text, ':');
    struct slice rest = slice_from(node->text, scheme);
    if (!slice_starts(rest, SLICE("://")))
        return false;
    rest = slice_from(rest, 3);
    rest = slice_first(rest, slice_find(rest, '/'));
    if (slice_find(rest, '@') == rest.size)
        return false;
    struct problem *problem = read_problem(load, IL401, node);
    problem->source_line = SLICE("(not shown: it may hold a secret)");
    problem_message(load->problems, problem, "a secret in clear text: a url must not name a user");
    problem_help(load->problems, problem,
                 "Use `auth: { basic: { user: NAME, password: { file: secrets/NAME } } }`.");
    return true;
}

bool load_url(struct load *load, const struct yaml *node, struct slice *out_url)
{
    struct uri uri;
    struct slice text;
    if (!read_line(load, node, &text) || load_url_tells_user(load, node))
        return false;
    if (!uri_split(text, &uri)) {
        problem_message(load->problems, read_problem(load, IL013, node),
                        "this is not an http or https url: `%.*s`",
                        SLICE_FMT(slice_first(text, 200)));
        return false;
    }
    if (!uri.is_https && !uri_host_is_loopback(uri.host)) {
        struct problem *problem = read_problem(load, IL402, node);
        problem_message(load->problems, problem, "http to another machine: %.*s",
                        SLICE_FMT(uri.host));
        problem_note(load->problems, problem, "what is sent can be read and changed on the way");
        problem_help(
            load->problems, problem,
            "Write https, or let a proxy on this machine speak TLS: http://127.0.0.1:PORT");
        return false;
    }
    *out_url = text;
    return true;
}

static void load_upstream_url(struct load *load, const struct yaml *node, struct upstream *upstream)
{
    struct uri uri;
    struct slice url;
    if (!load_url(load, node, &url) || !uri_split(url, &uri))
        return;
    if (uri.query.size > 0 || slice_find(url, '?') < url.size) {
        struct problem *problem = read_problem(load, IL013, node);
        problem_message(load->problems, problem, "the url of an upstream has no query");
        problem_help(load->problems, problem, "Write it in the `call` or `query` of the step.");
        return;
    }
    while (url.size > 0 && url.at[url.size - 1] == '/')
        url.size--;
    upstream->url = url;
}

static void load_auth(struct load *load, const struct yaml *node, struct upstream *upstream)
{
    const struct yaml *at[AUTH_FIELD_COUNT], *basic[AUTH_BASIC_FIELD_COUNT],
        *header[AUTH_HEADER_FIELD_COUNT];
    if (node->kind == YAML_TEXT) {
        problem_help(load->problems, read_problem(load, IL401, node),
                     "auth: { bearer: { file: secrets/NAME } }");
        return;
    }
    if (!read_map(load, node, &fields_auth, at))
        return;
    if (node->count != 1) {
        problem_message(load->problems, read_problem_key(load, IL013, node),
                        "`auth` is one of bearer, basic, header");
        return;
    }
    const struct yaml *secret = at[AUTH_FIELD_BEARER];
    upstream->auth = AUTH_BEARER;
    if (at[AUTH_FIELD_BASIC] && read_map(load, at[AUTH_FIELD_BASIC], &fields_auth_basic, basic)) {
        upstream->auth = AUTH_BASIC;
        secret = basic[AUTH_BASIC_PASSWORD];
        if (!basic[AUTH_BASIC_USER])
            (void)read_missing(load, at[AUTH_FIELD_BASIC], "user", NULL);
        else if (read_line(load, basic[AUTH_BASIC_USER], &upstream->auth_name) &&
                 slice_find(upstream->auth_name, ':') < upstream->auth_name.size)
            problem_message(load->problems, read_problem(load, IL013, basic[AUTH_BASIC_USER]),
                            "a user name of basic auth has no colon");
        if (!secret)
            (void)read_missing(load, at[AUTH_FIELD_BASIC], "password", NULL);
    }
    if (at[AUTH_FIELD_HEADER] &&
        read_map(load, at[AUTH_FIELD_HEADER], &fields_auth_header, header)) {
        upstream->auth = AUTH_HEADER;
        secret = header[AUTH_HEADER_VALUE];
        if (!header[AUTH_HEADER_NAME])
            (void)read_missing(load, at[AUTH_FIELD_HEADER], "name", NULL);
        else if (read_line(load, header[AUTH_HEADER_NAME], &upstream->auth_name) &&
                 !load_is_header_name(upstream->auth_name))
            problem_message(load->problems, read_problem(load, IL013, header[AUTH_HEADER_NAME]),
                            "`%.*s` is not the name of a header", SLICE_FMT(upstream->auth_name));
        if (!secret)
            (void)read_missing(load, at[AUTH_FIELD_HEADER], "value", NULL);
    }
    if (!secret || !load_secret(load, secret, &upstream->auth_secret))
        upstream->auth = AUTH_NONE; /* told */
}

static void load_key_header(struct load *load, const struct yaml *node, struct upstream *upstream,
                            struct draft_upstream *draft)
{
    const struct yaml **at = draft->key_header;
    if (!read_map(load, node, &fields_key_header, at))
        return;
    upstream->has_key_header = true;
    upstream->key_header = SLICE("Idempotency-Key");
    if (at[KEY_HEADER_HEADER] && read_line(load, at[KEY_HEADER_HEADER], &upstream->key_header) &&
        !load_is_header_name(upstream->key_header))
        problem_message(load->problems, read_problem(load, IL013, at[KEY_HEADER_HEADER]),
                        "`%.*s` is not the name of a header", SLICE_FMT(upstream->key_header));
    const struct yaml *keeps = at[KEY_HEADER_KEEPS];
    bool is_unknown = keeps && keeps->kind == YAML_TEXT && slice_is(keeps->text, "unknown");
    if (keeps && !is_unknown)
        (void)read_duration(load, keeps, (struct read_range){KIND_MINUTE, KIND_MS_MAX},
                            &upstream->keeps_ms); /* told; the careful default stays */
    if (at[KEY_HEADER_QUOTED])
        (void)read_bool(load, at[KEY_HEADER_QUOTED], &upstream->is_key_quoted); /* told */
}

void load_outcomes(struct load *load, const struct yaml *node, const struct status_rule **out_rules,
                   size_t *out_count)
{
    static const char *const names[] = {"busy", "uncertain", "failed", "ok"};
    static const enum status_meaning meanings[] = {MEANING_BUSY, MEANING_UNCERTAIN, MEANING_FAILED,
                                                   MEANING_OK};
    if (!read_is_map(load, node))
        return;
    struct status_rule *rules = ARENA_ARRAY(load->arena, node->count + 1, struct status_rule);
    if (!rules)
        return;
    for (const struct yaml *child = node->first; child; child = child->next) {
        uint64_t status = 0;
        size_t meaning = 0;
        if (!slice_to_u64(child->key->text, 599, &status) || status < 200) {
            problem_message(load->problems, read_problem_key(load, IL013, child),
                            "`%.*s` is not a final HTTP status (200 to 599)",
                            SLICE_FMT(slice_first(child->key->text, LIMIT_NAME)));
            continue;
        }
        if (!read_choice(load, child, names, 4, &meaning))
            continue;
        if (status < 300 && (meaning == 0 || meaning == 2)) {
            struct problem *problem = read_problem(load, IL013, child);
            problem_message(load->problems, problem,
                            "a %d is ok or uncertain: it may have happened", (int)status);
            problem_help(load->problems, problem,
                         "What says for certain that nothing was done is a `failure:` expression "
                         "of the step.");
            continue;
        }
        rules[(*out_count)++] = (struct status_rule){(int)status, meanings[meaning]};
    }
    *out_rules = rules;
}

static void load_upstream_headers(struct load *load, const struct yaml *node,
                                  struct upstream *upstream)
{
    if (!read_is_map(load, node))
        return;
    struct header_template *headers =
        ARENA_ARRAY(load->arena, node->count + 1, struct header_template);
    if (!headers)
        return;
    upstream->headers = headers;
    for (const struct yaml *child = node->first; child; child = child->next) {
        struct slice name = child->key->text;
        if (!load_header_is_allowed(load, child) || upstream->header_count == LIMIT_HEADERS)
            continue;
        if (load_header_is_secret(name)) {
            struct problem *problem = read_problem_key(load, IL401, child);
            problem->source_line = SLICE("(not shown: it may hold a secret)");
            problem_help(load->problems, problem,
                         "Write  auth: { header: { name: %.*s, value: { file: secrets/NAME } } }",
                         SLICE_FMT(name));
            continue;
        }
        const struct template *value = compile_template(load, child, 0);
        if (value)
            headers[upstream->header_count++] = (struct header_template){name, value};
    }
}

/* breaker: { open: DUR, probe: GET /path, told_after: DUR } */
static void load_breaker(struct load *load, const struct yaml *node, struct upstream *upstream)
{
    const struct yaml *at[BREAKER_FIELD_COUNT];
    struct words words;
    if (!read_map(load, node, &fields_breaker, at))
        return;
    if (at[BREAKER_OPEN])
        (void)read_duration(load, at[BREAKER_OPEN], (struct read_range){KIND_SECOND, KIND_DAY},
                            &upstream->breaker_open_ms); /* told */
    if (at[BREAKER_TOLD_AFTER])
        (void)read_duration(load, at[BREAKER_TOLD_AFTER],
                            (struct read_range){KIND_SECOND, KIND_DAY},
                            &upstream->breaker_told_ms); /* told */
    if (!at[BREAKER_PROBE] || !words_init(&words, load, at[BREAKER_PROBE]))
        return;
    struct slice method = words_peek(&words);
    bool is_read = words_take(&words, "GET") || words_take(&words, "HEAD");
    struct slice target = words_peek(&words);
    if (!is_read || target.size == 0 || target.at[0] != '/') {
        (void)words_refuse(&words, "GET /path");
        return;
    }
    (void)words_next(&words);
    if (!words_are_over(&words)) {
        (void)words_refuse(&words, "the end");
        return;
    }
    upstream->probe_method = method;
    upstream->probe_target = target;
}

/* drain: at most N/s */
static void load_drain(struct load *load, const struct yaml *node, struct upstream *upstream)
{
    struct words words;
    uint64_t rate = 0;
    if (!words_init(&words, load, node))
        return;
    if (!words_take_all(&words, "at most")) {
        (void)words_refuse(&words, "at most N/s");
        return;
    }
    struct slice word = words_peek(&words);
    bool is_rate = word.size > 2 && slice_is(slice_from(word, word.size - 2), "/s") &&
                   slice_to_u64(slice_first(word, word.size - 2), 1000000, &rate) && rate > 0;
    if (!is_rate) {
        (void)words_refuse(&words, "a rate, as in 5/s,");
        return;
    }
    (void)words_next(&words);
    if (!words_are_over(&words))
        (void)words_refuse(&words, "the end");
    upstream->drain_milli = (int64_t)rate * 1000;
}

static void load_one_upstream(struct load *load, const struct yaml *node, struct upstream *upstream,
                              struct draft_upstream *draft)
{
    const struct yaml **at = draft->at;
    int64_t concurrency = LIMIT_CONCURRENCY;
    draft->node = node;
    if (!read_is_name(node->key->text))
        (void)read_name(load, node->key, &upstream->name); /* tells it */
    *upstream = (struct upstream){
        .name = node->key->text, .origin = read_origin(node), .keeps_ms = KIND_KEEPS_UNKNOWN_MS};
    if (slice_is(upstream->name, "caller"))
        problem_message(load->problems, read_problem_key(load, IL014, node),
                        "`caller` means the caller itself: an upstream needs another name");
    if (!read_map(load, node, &fields_upstream, at))
        return;
    if (at[UPSTREAM_SANDBOX])
        (void)read_bool(load, at[UPSTREAM_SANDBOX], &upstream->is_sandbox); /* told */
    if (at[UPSTREAM_URL])
        load_upstream_url(load, at[UPSTREAM_URL], upstream);
    if (upstream->is_sandbox == (at[UPSTREAM_URL] != NULL)) {
        struct problem *problem = read_problem_key(load, IL011, node);
        problem_message(load->problems, problem, "an upstream has either `url` or `sandbox: true`");
    }
    if (at[UPSTREAM_AUTH])
        load_auth(load, at[UPSTREAM_AUTH], upstream);
    if (at[UPSTREAM_IDEMPOTENCY])
        load_key_header(load, at[UPSTREAM_IDEMPOTENCY], upstream, draft);
    if (at[UPSTREAM_HEADERS])
        load_upstream_headers(load, at[UPSTREAM_HEADERS], upstream);
    if (at[UPSTREAM_OUTCOMES])
        load_outcomes(load, at[UPSTREAM_OUTCOMES], &upstream->statuses, &upstream->status_count);
    if (at[UPSTREAM_CONCURRENCY])
        (void)read_int(load, at[UPSTREAM_CONCURRENCY], (struct read_range){1, 10000},
                       &concurrency); /* told */
    upstream->concurrency = (int)concurrency;
    if (at[UPSTREAM_TIMEOUT])
        (void)read_duration(load, at[UPSTREAM_TIMEOUT], (struct read_range){100, KIND_HOUR},
                            &upstream->timeout_ms); /* told */
    if (at[UPSTREAM_TLS_CA])
        (void)read_line(load, at[UPSTREAM_TLS_CA], &upstream->tls_ca); /* told */
    if (at[UPSTREAM_BREAKER])
        load_breaker(load, at[UPSTREAM_BREAKER], upstream);
    if (at[UPSTREAM_DRAIN])
        load_drain(load, at[UPSTREAM_DRAIN], upstream);
}

void load_upstreams(struct load *load, const struct yaml *node)
{
    struct config *config = load->config;
    if (!node || !read_is_map(load, node))
        return;
    config->upstreams = ARENA_ARRAY(load->arena, node->count, struct upstream);
    load->draft->upstreams = ARENA_ARRAY(load->arena, node->count, struct draft_upstream);
    if (!config->upstreams || !load->draft->upstreams)
        return;
    for (const struct yaml *child = node->first; child; child = child->next) {
        size_t i = config->upstream_count++;
        load_one_upstream(load, child, &config->upstreams[i], &load->draft->upstreams[i]);
    }
}

const struct upstream *load_upstream_named(struct load *load, const struct yaml *node,
                                           size_t text_at, struct slice name)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < load->config->upstream_count; i++) {
        struct upstream *upstream = &load->config->upstreams[i];
        if (slice_equal(upstream->name, name)) {
            load->draft->upstreams[i].is_used = true;
            return upstream;
        }
        near_offer(&near, upstream->name);
    }
    if (!load->draft->installation)
        return NULL;
    struct problem *problem = read_problem_in(load, IL015, node, text_at);
    problem_message(load->problems, problem, "there is no upstream `%.*s`",
                    SLICE_FMT(slice_first(name, LIMIT_NAME)));
    struct buf hint;
    buf_init(&hint, LIMIT_NAME * (NEAR_OFFERS + 2));
    near_add_hint(&hint, &near);
    problem_help(load->problems, problem, "%s%s%s", buf_text(&hint),
                 near.best.size == 0 && hint.size > 0 ? " " : "",
                 near.best.size == 0 ? "Declare it in interlock.yaml under `upstreams:`." : "");
    buf_done(&hint);
    return NULL;
}
