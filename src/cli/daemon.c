#include "cli/daemon.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "base/uri.h"
#include "cli/curl.h"
#include "cli/local.h"

enum {
    DAEMON_ANSWER_MAX = 16 * 1024 * 1024,
    DAEMON_CONNECT_MS = 5000,
    DAEMON_TIMEOUT_MS = 30000,
    DAEMON_HEADERS = 8,
    DAEMON_TOKEN_MAX = 4096
};
static const char daemon_url_default[] = "http://127.0.0.1:7070";

/* http://HOST:PORT of `listen: HOST:PORT` text of a config file; an address for "any" becomes
 * loopback. false when it has no such line, or port 0. Pure. */
static bool daemon_url_of_config(struct slice config, struct buf *out)
{
    struct slice listen = slice_text(daemon_url_default + strlen("http://"));
    struct slice tls;
    struct uri_authority place;
    (void)local_line(config, "listen", &listen); /* absent: the default stays */
    if (!uri_split_authority(listen, &place) || place.port == 0)
        return false;
    bool is_any = slice_is(place.host, "0.0.0.0") || slice_is(place.host, "::");
    buf_add_text(out, local_line(config, "tls", &tls) ? "https://" : "http://");
    if (is_any)
        buf_add_text(out, place.is_ipv6 ? "[::1]" : "127.0.0.1");
    else
        buf_add_fmt(out, place.is_ipv6 ? "[%.*s]" : "%.*s", SLICE_FMT(place.host));
    buf_add_fmt(out, ":%u", (unsigned)place.port);
    return true;
}

/* From `listen:` of the config file. Without such a file: the default, unless it was named. */
static bool daemon_place_by_config(struct invocation *invocation)
{
    const struct cli_world *world = invocation->world;
    const char *path = local_config_path(invocation);
    struct buf config, url;
    bool is_found = false;
    buf_init(&config, LIMIT_POLICY_FILE);
    buf_init(&url, LIMIT_HTTP_LINE);
    enum err err = world->read_file(world->impl, path, &config);
    if (err != ERR_OK && invocation_has(invocation, "config"))
        say_error(invocation, "interlock: %s cannot be read: %s\n", path, err_text(err));
    else if (err != ERR_OK)
        is_found = daemon_url_of_config((struct slice){0}, &url);
    else if (!(is_found = daemon_url_of_config(buf_slice(&config), &url)))
        say_error(invocation,
                  "interlock: `listen:` of %s does not say a port. Where the daemon is stands in\n"
                  "its line \"interlock ready on …\": give it by --url or INTERLOCK_URL.\n",
                  path);
    invocation->url = arena_copy(&invocation->place_arena, buf_slice(&url));
    buf_done(&config);
    buf_done(&url);
    return is_found;
}

static void daemon_place_token(struct invocation *invocation)
{
    const struct cli_world *world = invocation->world;
    const char *given = world->environment(world->impl, "INTERLOCK_TOKEN");
    if (given && *given) {
        invocation->token = arena_copy(&invocation->place_arena, slice_text(given));
        return;
    }
    struct slice path = local_beside(invocation, SLICE("secrets/cli-token"));
    struct buf token;
    buf_init(&token, DAEMON_TOKEN_MAX);
    if (path.at && world->read_file(world->impl, path.at, &token) == ERR_OK) {
        struct slice text = buf_slice(&token);
        while (text.size > 0 && strchr(" \r\n", text.at[text.size - 1]))
            text.size--;
        invocation->token = arena_copy(&invocation->place_arena, text);
    }
    buf_done(&token);
}

/* Where the daemon is, and who asks. false: told. */
static bool daemon_place(struct invocation *invocation)
{
    const struct cli_world *world = invocation->world;
    const char *url = invocation_option(invocation, "url");
    const char *from = "--url";
    struct uri uri;
    if (invocation->is_placed)
        return true;
    if (!url) {
        url = world->environment(world->impl, "INTERLOCK_URL");
        from = "INTERLOCK_URL";
    }
    if (url && *url) {
        struct slice text = slice_text(url);
        while (text.size > 0 && text.at[text.size - 1] == '/')
            text.size--;
        if (!uri_split(text, &uri) || uri.query.size > 0) {
            (void)invocation_wrong(invocation, "%s is no http(s) URL: %s", from, url);
            return false;
        }
        invocation->url = arena_copy(&invocation->place_arena, text);
    } else if (!daemon_place_by_config(invocation)) {
        return false;
    }
    daemon_place_token(invocation);
    invocation->is_placed = true;
    return true;
}

struct daemon_call {
    struct invocation *invocation;
    bool is_done;
    struct upstream_answer answer; /* its slices are copies in the arena */
    struct slice next;
};

/* The times of an answer are told in the installation's zone, as its sentences are. */
static void daemon_take_zone(struct invocation *invocation, struct slice name)
{
    const struct cli_world *world = invocation->world;
    if (slice_equal(name, invocation->zone.name))
        return;
    name = arena_copy(&invocation->place_arena, name);
    if (!world->zone(world->impl, name, &invocation->zone))
        invocation->zone = (struct zone){0};
}

static void daemon_done(void *arg, const struct upstream_answer *answer)
{
    struct daemon_call *call = arg;
    struct arena *arena = &call->invocation->arena;
    call->answer.phase = answer->phase;
    call->answer.status = answer->status;
    call->answer.is_cut = answer->is_cut;
    call->answer.is_certificate_bad = answer->is_certificate_bad;
    call->answer.body = arena_copy(arena, answer->body);
    call->answer.what = arena_copy(arena, answer->what);
    for (size_t i = 0; i < answer->header_count; i++)
        if (curl_name_is(answer->headers[i].name, "interlock-next"))
            call->next = arena_copy(arena, answer->headers[i].value);
        else if (curl_name_is(answer->headers[i].name, "interlock-zone"))
            daemon_take_zone(call->invocation, answer->headers[i].value);
    call->is_done = true;
}

static void daemon_tell_unreached(const struct daemon_call *call)
{
    const struct invocation *invocation = call->invocation;
    struct slice what = call->answer.what.size ? call->answer.what : SLICE("no answer");
    if (call->answer.phase != UPSTREAM_NOT_SENT)
        say_error(invocation,
                  "interlock: asked %.*s, and then: %.*s.\nWhether it was taken is not known. "
                  "Asking again is safe: the same key is the same action.\n",
                  SLICE_FMT(invocation->url), SLICE_FMT(what));
    else
        say_error(invocation,
                  "interlock: %.*s is not reachable: %.*s.\n"
                  "Is the daemon running (interlock serve), and is that where it is (--url, "
                  "INTERLOCK_URL)?\n",
                  SLICE_FMT(invocation->url), SLICE_FMT(what));
}

static size_t daemon_headers(struct invocation *invocation, const struct daemon_question *question,
                             struct upstream_header headers[DAEMON_HEADERS])
{
    struct arena *arena = &invocation->arena;
    size_t n = 0;
    headers[n++] = (struct upstream_header){
        SLICE("accept"), question->wants_text ? SLICE("text/plain, application/problem+json;q=0.5")
                         : question->wants_markdown
                             ? SLICE("text/markdown, application/problem+json;q=0.5")
                             : SLICE("application/json")};
    if (question->body.size)
        headers[n++] = (struct upstream_header){SLICE("content-type"), SLICE("application/json")};
    if (question->has_wait)
        headers[n++] = (struct upstream_header){
            SLICE("prefer"),
            question->wait_ms > 0
                ? arena_fmt(arena, "wait=%lld", (long long)(question->wait_ms / 1000))
                : SLICE("respond-async")};
    if (question->key.size) {
        struct buf key;
        buf_init(&key, LIMIT_KEY * 2 + 2);
        buf_add_byte(&key, '"');
        for (size_t i = 0; i < question->key.size; i++) {
            if (question->key.at[i] == '"' || question->key.at[i] == '\\')
                buf_add_byte(&key, '\\');
            buf_add_byte(&key, question->key.at[i]);
        }
        buf_add_byte(&key, '"');
        headers[n++] =
            (struct upstream_header){SLICE("idempotency-key"), arena_copy(arena, buf_slice(&key))};
        buf_done(&key);
    }
    return n;
}

bool daemon_ask(struct invocation *invocation, const struct daemon_question *question,
                struct daemon_answer *out_answer)
{
    const struct cli_world *world = invocation->world;
    struct daemon_call call = {.invocation = invocation};
    struct upstream_header headers[DAEMON_HEADERS];
    invocation->exit = CLI_WRONG_USE;
    if (!daemon_place(invocation))
        return false;
    invocation->exit = CLI_NOT_REACHED;
    struct upstream_header secret = {
        SLICE("authorization"),
        arena_fmt(&invocation->arena, "Bearer %.*s", SLICE_FMT(invocation->token))};
    struct upstream_endpoint endpoint = {.name = SLICE("interlock"),
                                         .base_url = invocation->url,
                                         .secret_headers = &secret,
                                         .secret_header_count = invocation->token.size > 0};
    struct upstream_call ask = {.endpoint = &endpoint,
                                .method = slice_text(question->method),
                                .target = question->target,
                                .headers = headers,
                                .header_count = daemon_headers(invocation, question, headers),
                                .body = question->body,
                                .timeout_ms = DAEMON_TIMEOUT_MS + question->wait_ms,
                                .connect_timeout_ms = DAEMON_CONNECT_MS,
                                .answer_max = DAEMON_ANSWER_MAX,
                                .body_max = LIMIT_CALL_BODY,
                                .done = daemon_done,
                                .arg = &call};
    enum err err = world->upstream->call(world->upstream->impl, &ask);
    if (err != ERR_OK) {
        say_error(invocation, "interlock: cannot ask: %s\n", err_text(err));
        return false;
    }
    if (!world->run_until(world->impl, &call.is_done)) {
        say_error(invocation, "interlock: broken off\n");
        return false;
    }
    if (call.answer.phase != UPSTREAM_ANSWERED || call.answer.is_cut) {
        if (!question->is_quiet)
            daemon_tell_unreached(&call);
        return false;
    }
    *out_answer = (struct daemon_answer){
        .status = call.answer.status, .body = call.answer.body, .next = call.next};
    return true;
}

json_t *daemon_json(struct invocation *invocation, const struct daemon_answer *answer)
{
    json_error_t error;
    json_t *json = answer->body.size ? json_loadb(answer->body.at, answer->body.size,
                                                  JSON_REJECT_DUPLICATES, &error)
                                     : NULL;
    if (!json)
        say_error(invocation,
                  "interlock: %.*s answered %d with something that is not interlock's JSON.\n"
                  "Is that where the daemon is (--url, INTERLOCK_URL)?\n",
                  SLICE_FMT(invocation->url), answer->status);
    return json;
}

json_t *daemon_object(struct invocation *invocation, const struct daemon_question *question)
{
    struct daemon_answer answer;
    if (!daemon_ask(invocation, question, &answer))
        return NULL;
    if (!daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        return NULL;
    }
    json_t *object = daemon_json(invocation, &answer);
    invocation->exit = object ? CLI_DONE : CLI_REFUSED;
    if (!object || !invocation_has(invocation, "json"))
        return object;
    say(invocation, "%.*s\n", SLICE_FMT(answer.body));
    json_decref(object);
    return NULL;
}

const char *daemon_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

int daemon_tell(struct invocation *invocation, const struct daemon_answer *answer)
{
    json_t *problem = daemon_json(invocation, answer);
    if (!problem)
        return CLI_REFUSED;
    if (invocation_has(invocation, "json")) {
        say(invocation, "%.*s\n", SLICE_FMT(answer->body));
        json_decref(problem);
        return CLI_REFUSED;
    }
    const char *detail = daemon_text(problem, "detail");
    const char *title = daemon_text(problem, "title");
    const char *pointer = daemon_text(problem, "pointer");
    /* A scope is what people typed, not a body that they sent. */
    bool is_typed = *detail && slice_starts(slice_text(pointer), SLICE("/scope/"));
    if (is_typed)
        title = detail;
    say_error(invocation, "interlock: %s\n", *title ? title : "refused");
    if (*detail && !is_typed)
        say_error(invocation, "  %s\n", detail);
    if (*pointer && !is_typed)
        say_error(invocation, "  at %s\n", pointer);
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(problem, "errors"), i, item)
    {
        say_error(invocation, "  %s %s\n", daemon_text(item, "pointer"),
                  daemon_text(item, "detail"));
    }
    if (answer->status == 401 && invocation->token.size == 0)
        say_error(invocation,
                  "No token was given: set INTERLOCK_TOKEN, or call it in the folder of "
                  "interlock.yaml, where secrets/cli-token is.\n");
    json_decref(problem);
    return CLI_REFUSED;
}

int daemon_show(struct invocation *invocation, struct slice target)
{
    struct daemon_answer answer;
    struct daemon_question question = {
        .method = "GET", .target = target, .wants_text = !invocation_has(invocation, "json")};
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    if (!daemon_is_good(&answer))
        return invocation->exit = daemon_tell(invocation, &answer);
    say_bytes(invocation, answer.body);
    if (answer.body.size == 0 || answer.body.at[answer.body.size - 1] != '\n')
        say(invocation, "\n");
    return CLI_DONE;
}

struct slice daemon_target(struct invocation *invocation, const char *prefix, struct slice segment,
                           const char *suffix)
{
    struct buf target;
    buf_init(&target, LIMIT_HTTP_LINE);
    buf_add_text(&target, prefix);
    uri_encode_segment(&target, segment);
    buf_add_text(&target, suffix);
    struct slice copy = arena_copy(&invocation->arena, buf_slice(&target));
    buf_done(&target);
    return copy;
}

bool daemon_has_token(struct invocation *invocation)
{
    const struct cli_world *world = invocation->world;
    struct buf config, url;
    buf_init(&config, LIMIT_POLICY_FILE);
    buf_init(&url, LIMIT_HTTP_LINE);
    bool is_placed =
        daemon_is_elsewhere(invocation) ||
        (world->read_file(world->impl, local_config_path(invocation), &config) == ERR_OK &&
         daemon_url_of_config(buf_slice(&config), &url));
    buf_done(&config);
    buf_done(&url);
    daemon_place_token(invocation);
    return is_placed && invocation->token.size > 0;
}

bool daemon_is_elsewhere(const struct invocation *invocation)
{
    const char *url = invocation->world->environment(invocation->world->impl, "INTERLOCK_URL");
    return invocation_has(invocation, "url") || (url && *url);
}

const char *daemon_time(struct invocation *invocation, const char *time)
{
    int64_t unix_ms;
    struct buf out;
    if (!text_parse_time(slice_text(time), &unix_ms))
        return time;
    buf_init(&out, LIMIT_NAME * 4);
    zone_add_time(&out, &invocation->zone,
                  (struct zone_time){unix_ms, invocation->world->now_unix_ms}, ZONE_MINUTES);
    buf_add_byte(&out, ' ');
    buf_add(&out, zone_name(&invocation->zone));
    struct slice copy = arena_copy(&invocation->arena, buf_slice(&out));
    buf_done(&out);
    return copy.at ? copy.at : time;
}
