/* The proof, page by page from the daemon, or over files without one. */
#include <stdlib.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/daemon.h"

enum { VERIFY_HASH = 32 };

struct verify_head {
    uint64_t seq; /* 0 = none was given */
    unsigned char hash[VERIFY_HASH];
};

/* "SEQ:HASH". false: wrong use, told. */
static bool verify_read_head(struct invocation *invocation, struct verify_head *out_head)
{
    struct slice text = slice_text(invocation_option(invocation, "head"));
    size_t colon = slice_find(text, ':');
    if (text.size == 0)
        return true;
    if (slice_to_u64(slice_first(text, colon), INT64_MAX, &out_head->seq) && out_head->seq > 0 &&
        text_parse_hex(slice_from(text, colon + 1), out_head->hash, VERIFY_HASH))
        return true;
    (void)invocation_wrong(invocation, "--head is SEQ:HASH as an earlier verify printed it");
    return false;
}

/* One page; NULL: told. */
static json_t *verify_page(struct invocation *invocation, const char *cursor)
{
    struct daemon_answer answer;
    struct daemon_question question = {
        .method = "GET",
        .target = *cursor ? daemon_target(invocation,
                                          "/v1/decisions/verify?cursor=", slice_text(cursor), "")
                          : SLICE("/v1/decisions/verify")};
    if (!daemon_ask(invocation, &question, &answer))
        return NULL;
    if (daemon_is_good(&answer))
        return daemon_json(invocation, &answer);
    invocation->exit = daemon_tell(invocation, &answer);
    return NULL;
}

/* All pages up to the end, or to what is broken. NULL: told. */
static json_t *verify_all(struct invocation *invocation)
{
    json_t *page = NULL;
    do {
        struct arena kept = invocation_turn_begin(invocation);
        json_t *next = verify_page(invocation, page ? daemon_text(page, "next") : "");
        invocation_turn_end(invocation, kept);
        json_decref(page);
        page = next;
    } while (page && *daemon_text(page, "next") && json_is_true(json_object_get(page, "good")));
    return page;
}

/* Is the noted record still there with the noted hash? false: it is not, or told. */
static bool verify_has_head(struct invocation *invocation, const struct verify_head *head)
{
    struct daemon_answer answer;
    struct daemon_question question = {.method = "GET",
                                       .target = arena_fmt(&invocation->arena,
                                                           "/v1/decisions?limit=1&from=%llu",
                                                           (unsigned long long)head->seq)};
    if (!daemon_ask(invocation, &question, &answer))
        return false;
    if (!daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        return false;
    }
    invocation->exit = CLI_REFUSED;
    json_t *record = answer.body.size > 0 ? daemon_json(invocation, &answer) : NULL;
    unsigned char hash[VERIFY_HASH];
    bool is_same = (uint64_t)json_integer_value(json_object_get(record, "seq")) == head->seq &&
                   text_parse_hex(slice_text(daemon_text(record, "hash")), hash, sizeof hash) &&
                   memcmp(hash, head->hash, sizeof hash) == 0;
    json_decref(record);
    if (!is_same)
        say(invocation,
            "BROKEN  record %llu is not the one that was noted: records were cut off or replaced\n",
            (unsigned long long)head->seq);
    return is_same;
}

static int verify_say(struct invocation *invocation, const json_t *page)
{
    const json_t *broken = json_object_get(page, "broken");
    long long through = (long long)json_integer_value(json_object_get(page, "through"));
    if (json_is_object(broken)) {
        say(invocation, "BROKEN  at record %lld: %s\n",
            (long long)json_integer_value(json_object_get(broken, "seq")),
            daemon_text(broken, "what"));
        return CLI_REFUSED;
    }
    say(invocation,
        "GOOD    %lld records: chain, payloads and rows agree\n"
        "HEAD    %lld:%s\n"
        "Note it elsewhere: interlock verify --head SEQ:HASH shows later that nothing up to there\n"
        "was cut off.\n",
        through, through, daemon_text(page, "hash"));
    return CLI_DONE;
}

static int verify_by_daemon(struct invocation *invocation, const struct verify_head *head)
{
    json_t *page = verify_all(invocation);
    int code = CLI_REFUSED;
    if (!page)
        return invocation->exit;
    bool is_good = json_is_true(json_object_get(page, "good"));
    if (is_good && head->seq > 0 && !verify_has_head(invocation, head)) {
        code = invocation->exit;
    } else if (invocation_has(invocation, "json")) {
        char *json = json_dumps(page, JSON_COMPACT);
        say(invocation, "%s\n", json ? json : "");
        free(json);
        code = is_good ? CLI_DONE : CLI_REFUSED;
    } else {
        code = verify_say(invocation, page);
    }
    json_decref(page);
    return code;
}

int command_run_verify(struct invocation *invocation)
{
    const struct cli_world *world = invocation->world;
    struct verify_head head = {0};
    if (!verify_read_head(invocation, &head))
        return CLI_WRONG_USE;
    if (!invocation_has(invocation, "config"))
        return verify_by_daemon(invocation, &head);
    struct cli_verify verify = {.config = invocation_option(invocation, "config"),
                                .head = slice_text(invocation_option(invocation, "head")),
                                .is_json = invocation_has(invocation, "json")};
    return world->verify_store(world->impl, &verify);
}
