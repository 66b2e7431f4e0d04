/* A review besides its verdicts: the card as text, and who has it in hand. The daemon makes the
 * texts; here they are asked for and printed. */
#include <stdlib.h>

#include "base/limits.h"
#include "cli/command.h"
#include "cli/daemon.h"
#include "cli/verdict.h"

/* ---- the card ---- */

static void review_say_line(struct invocation *invocation, const char *name, const char *text)
{
    if (*text)
        say(invocation, "%-7s %s\n", name, text);
}

static void review_say_json(struct invocation *invocation, const char *name, const json_t *value)
{
    char *text = json_is_null(value) ? NULL : json_dumps(value, JSON_COMPACT);
    if (text)
        review_say_line(invocation, name, text);
    free(text);
}

static void review_say_will(struct invocation *invocation, const json_t *will)
{
    if (!json_is_object(will))
        return;
    const json_t *sent = json_object_get(will, "body"); /* null: a request without a body */
    char *body = json_is_null(sent) ? NULL : json_dumps(sent, JSON_COMPACT | JSON_ENCODE_ANY);
    say(invocation, "%-7s %s %s %s%s%s\n", "SENDS", daemon_text(will, "method"),
        daemon_text(will, "upstream"), daemon_text(will, "target"), body ? " " : "",
        body ? body : "");
    free(body);
}

static void review_say_people(struct invocation *invocation, const json_t *card)
{
    const json_t *who = json_object_get(card, "who");
    const json_t *claimed = json_object_get(card, "claimed");
    const json_t *decided = json_object_get(card, "decided");
    const json_t *notes = json_object_get(card, "notes");
    if (json_is_object(who))
        say(invocation, "%-7s %s (%s), by %s\n", "WHO", daemon_text(who, "group"),
            daemon_text(who, "person"), daemon_time(invocation, daemon_text(who, "by")));
    if (json_is_object(claimed))
        say(invocation, "%-7s by %s, until %s\n", "CLAIMED", daemon_text(claimed, "by"),
            daemon_time(invocation, daemon_text(claimed, "until")));
    for (size_t i = 0; i < json_array_size(notes); i++)
        say(invocation, "%-7s %s: %s\n", "NOTE", daemon_text(json_array_get(notes, i), "by"),
            daemon_text(json_array_get(notes, i), "note"));
    if (json_is_object(decided))
        say(invocation, "%-7s %s by %s, %s%s%s\n", "DECIDED", daemon_text(decided, "verdict"),
            daemon_text(decided, "by"), daemon_time(invocation, daemon_text(decided, "at")),
            *daemon_text(decided, "note") ? ": " : "", daemon_text(decided, "note"));
}

static void review_say_verdicts(struct invocation *invocation, const json_t *card)
{
    const json_t *verdicts = json_object_get(card, "verdicts");
    for (size_t i = 0; i < json_array_size(verdicts); i++) {
        const json_t *verdict = json_array_get(verdicts, i);
        const char *name = daemon_text(verdict, "verdict");
        bool is_edit = strcmp(name, "edit") == 0;
        say(invocation, "%-7s interlock %s %s%s   # %s\n", i == 0 ? "DO" : "",
            is_edit ? "approve" : name, daemon_text(card, "id"),
            is_edit ? " --edit FIELD=VALUE" : "", daemon_text(verdict, "does"));
    }
}

static void review_say(struct invocation *invocation, const json_t *card)
{
    say(invocation, "%-7s %s   %s / %s   %s   %s\n", "REVIEW", daemon_text(card, "id"),
        daemon_text(card, "workflow"), daemon_text(card, "step"), daemon_text(card, "key"),
        daemon_text(card, "state"));
    review_say_line(invocation, "TITLE", daemon_text(card, "title"));
    review_say_line(invocation, "WHY", daemon_text(card, "why"));
    review_say_line(invocation, "SAYS", daemon_text(card, "because"));
    review_say_json(invocation, "INPUT", json_object_get(card, "input"));
    review_say_json(invocation, "FRESH", json_object_get(card, "fresh"));
    review_say_json(invocation, "CHANGED", json_object_get(card, "changed"));
    review_say_will(invocation, json_object_get(card, "will"));
    review_say_people(invocation, card);
    review_say_verdicts(invocation, card);
}

int command_run_review(struct invocation *invocation)
{
    struct slice review;
    bool is_reveal = invocation_has(invocation, "reveal");
    int code = verdict_find_review(invocation, invocation_argument(invocation, 0), &review);
    if (code != CLI_DONE)
        return code;
    struct daemon_question question = {
        .method = is_reveal ? "POST" : "GET",
        .target = daemon_target(invocation, "/v1/reviews/", review, is_reveal ? "/reveal" : ""),
        .body = is_reveal ? SLICE("{}") : (struct slice){0}};
    json_t *card = daemon_object(invocation, &question);
    if (!card)
        return invocation->exit;
    review_say(invocation, card);
    json_decref(card);
    return CLI_DONE;
}

/* ---- who has it in hand ---- */

/* POST /v1/reviews/ID/WHAT with these members; says the card as it is then. */
static int review_post(struct invocation *invocation, const char *what, struct slice body)
{
    struct slice review;
    int code = verdict_find_review(invocation, invocation_argument(invocation, 0), &review);
    if (code != CLI_DONE)
        return code;
    struct daemon_question act = {.method = "POST",
                                  .target = daemon_target(invocation, "/v1/reviews/", review, what),
                                  .body = body};
    json_t *action = daemon_object(invocation, &act);
    if (!action)
        return invocation->exit;
    json_decref(action);
    struct daemon_question look = {.method = "GET",
                                   .target = daemon_target(invocation, "/v1/reviews/", review, "")};
    json_t *card = daemon_object(invocation, &look);
    if (!card)
        return invocation->exit;
    review_say(invocation, card);
    json_decref(card);
    return CLI_DONE;
}

int command_run_claim(struct invocation *invocation)
{
    const char *minutes = invocation_option(invocation, "minutes");
    uint64_t count = 0;
    if (minutes && (!slice_to_u64(slice_text(minutes), LIMIT_CLAIM_MINUTES, &count) || count == 0))
        return invocation_wrong(invocation, "--minutes is a number from 1 to %d",
                                LIMIT_CLAIM_MINUTES);
    return review_post(invocation, "/claim",
                       count ? arena_fmt(&invocation->arena, "{\"minutes\":%d}", (int)count)
                             : SLICE("{}"));
}

int command_run_release(struct invocation *invocation)
{
    return review_post(invocation, "/release", SLICE("{}"));
}

int command_run_reassign(struct invocation *invocation)
{
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add(&body, "to", invocation_argument(invocation, 1));
    verdict_add(&body, "note", invocation_option(invocation, "note"));
    return review_post(invocation, "/reassign", verdict_end(invocation, &body));
}
