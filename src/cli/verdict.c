/* What people say about one action: approve, reject, resolve, cancel, again. */
#include "cli/verdict.h"
#include "base/limits.h"
#include "cli/command.h"
#include "cli/found.h"
#include "record/ids.h"

void verdict_begin(struct verdict_body *body)
{
    buf_init(&body->json, LIMIT_HTTP_BODY_MAX);
    buf_add_byte(&body->json, '{');
}

static void verdict_add_name(struct verdict_body *body, const char *name)
{
    if (body->json.size > 1)
        buf_add_byte(&body->json, ',');
    buf_add_json_text(&body->json, slice_text(name));
    buf_add_byte(&body->json, ':');
}

void verdict_add(struct verdict_body *body, const char *name, const char *text)
{
    if (!text)
        return;
    verdict_add_name(body, name);
    buf_add_json_text(&body->json, slice_text(text));
}

void verdict_add_raw(struct verdict_body *body, const char *name, struct slice json)
{
    verdict_add_name(body, name);
    buf_add(&body->json, json);
}

static void verdict_add_flag(struct verdict_body *body, const char *name, bool value)
{
    verdict_add_raw(body, name, value ? SLICE("true") : SLICE("false"));
}

struct slice verdict_end(struct invocation *invocation, struct verdict_body *body)
{
    buf_add_byte(&body->json, '}');
    struct slice copy = arena_copy(&invocation->arena, buf_slice(&body->json));
    buf_done(&body->json);
    return copy;
}

/* The review that an action waits for, which was typed as `what`; else the last one: a word about
 * what is decided is the daemon's to answer, and to record. false: told. */
static bool verdict_read_review(struct invocation *invocation, struct slice action,
                                const char *what, struct slice *out_review)
{
    struct daemon_answer answer;
    struct daemon_question question = {
        .method = "GET", .target = daemon_target(invocation, "/v1/actions/", action, "")};
    if (!daemon_ask(invocation, &question, &answer))
        return false;
    if (!daemon_is_good(&answer)) {
        invocation->exit = daemon_tell(invocation, &answer);
        return false;
    }
    invocation->exit = CLI_REFUSED;
    json_t *object = daemon_json(invocation, &answer);
    const char *review = daemon_text(object, "review");
    if (!*review)
        review = daemon_text(object, "last_review");
    *out_review = arena_copy(&invocation->arena, slice_text(review));
    if (object && out_review->size == 0)
        say_error(invocation,
                  "interlock: %s waits for no review: it is %s. How it stands: interlock explain "
                  "%.*s\n",
                  what, daemon_text(object, "state"), SLICE_FMT(action));
    json_decref(object);
    return out_review->size > 0;
}

int verdict_find_review(struct invocation *invocation, const char *what, struct slice *out_review)
{
    struct slice action;
    uint64_t id;
    *out_review = slice_text(what);
    if (text_parse_id(*out_review, ID_INCIDENT, &id)) {
        say_error(invocation,
                  "interlock: %s is an incident: its restart is approved, or rejected, by itself, "
                  "or not at "
                  "all\n",
                  what);
        return CLI_REFUSED;
    }
    if (slice_starts(*out_review, SLICE(ID_REVIEW)))
        return CLI_DONE;
    int code = found_one(invocation, what, &action);
    if (code != CLI_DONE)
        return code;
    return verdict_read_review(invocation, action, what, out_review) ? CLI_DONE : invocation->exit;
}

/* --edit FIELD=VALUE, as often as wanted, as words: the daemon knows their types. Empty: none.
 * false: wrong use, told. */
static bool verdict_read_edit(struct invocation *invocation, struct slice *out_json)
{
    struct verdict_body edit;
    size_t count = 0;
    verdict_begin(&edit);
    for (size_t i = 0; i < invocation->option_count; i++) {
        if (strcmp(invocation->options[i].name, "edit") != 0)
            continue;
        struct slice text = slice_text(invocation->options[i].value);
        size_t at = slice_find(text, '=');
        if (at == 0 || at == text.size) {
            buf_done(&edit.json);
            (void)invocation_wrong(invocation, "--edit FIELD=VALUE, not \"%.*s\"", SLICE_FMT(text));
            return false;
        }
        struct slice value = slice_from(text, at + 1);
        struct buf name;
        buf_init(&name, LIMIT_HTTP_BODY_MAX);
        buf_add(&name, slice_first(text, at));
        verdict_add(&edit, buf_text(&name), value.at);
        buf_done(&name);
        count++;
    }
    *out_json = verdict_end(invocation, &edit);
    if (count == 0)
        *out_json = (struct slice){0};
    return true;
}

/* One line for each of many: its id, and how it stands or why not. */
static int verdict_say_results(struct invocation *invocation, const json_t *results)
{
    int code = CLI_DONE;
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *result = json_array_get(results, i);
        const json_t *answer = json_object_get(result, "answer");
        json_int_t status = json_integer_value(json_object_get(result, "status"));
        bool is_good = status >= 200 && status < 300;
        const char *why = daemon_text(answer, is_good ? "what" : "detail");
        say(invocation, "%s  %s  %s\n", daemon_text(result, "id"),
            is_good ? daemon_text(answer, "state") : "not taken",
            *why ? why : daemon_text(answer, "title"));
        if (!is_good)
            code = CLI_REFUSED;
    }
    return code;
}

/* Why, in whichever of the two words it was said. */
static const char *verdict_note(struct invocation *invocation)
{
    const char *note = invocation_option(invocation, "note");
    return note ? note : invocation_option(invocation, "because");
}

/* Many at once: each is found and answered for itself. What is not found is told, and stands in the
 * exit code; the others go on. */
static int verdict_give_many(struct invocation *invocation, const char *verdict)
{
    struct buf list;
    struct slice review;
    int missed = CLI_DONE;
    size_t found = 0;
    buf_init(&list, LIMIT_HTTP_BODY);
    buf_add_text(&list, "{\"verdicts\":[");
    for (size_t i = 0; i < invocation->argument_count; i++) {
        int code = verdict_find_review(invocation, invocation_argument(invocation, i), &review);
        if (code == CLI_NOT_REACHED) {
            buf_done(&list);
            return code;
        }
        missed = code != CLI_DONE ? code : missed;
        if (code != CLI_DONE)
            continue;
        struct verdict_body body;
        verdict_begin(&body);
        verdict_add(&body, "id", arena_fmt(&invocation->arena, "%.*s", SLICE_FMT(review)).at);
        verdict_add(&body, "verdict", verdict);
        verdict_add(&body, "note", verdict_note(invocation));
        buf_add_text(&list, found++ > 0 ? "," : "");
        buf_add(&list, verdict_end(invocation, &body));
    }
    if (found == 0) {
        buf_done(&list);
        return missed;
    }
    buf_add_text(&list, "]}");
    struct daemon_answer answer;
    struct daemon_question question = {
        .method = "POST", .target = SLICE("/v1/verdicts"), .body = buf_slice(&list)};
    bool is_asked = daemon_ask(invocation, &question, &answer);
    buf_done(&list);
    if (!is_asked)
        return invocation->exit;
    if (!daemon_is_good(&answer))
        return daemon_tell(invocation, &answer);
    json_t *results = daemon_json(invocation, &answer);
    if (!results)
        return CLI_REFUSED;
    if (invocation_has(invocation, "json"))
        say(invocation, "%.*s\n", SLICE_FMT(answer.body));
    int code = invocation_has(invocation, "json")
                   ? CLI_DONE
                   : verdict_say_results(invocation, json_object_get(results, "results"));
    json_decref(results);
    return code != CLI_DONE ? code : missed;
}

static int verdict_give(struct invocation *invocation, const char *verdict)
{
    struct slice edit = {0}, review;
    if (!verdict_read_edit(invocation, &edit))
        return CLI_WRONG_USE;
    if (invocation->argument_count > 1 && edit.size > 0)
        return invocation_wrong(invocation, "an edit is of one review: give one ID with --edit");
    if (invocation->argument_count > 1)
        return verdict_give_many(invocation, verdict);
    int code = verdict_find_review(invocation, invocation_argument(invocation, 0), &review);
    if (code != CLI_DONE)
        return code;
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add(&body, "verdict", edit.size > 0 ? "edit" : verdict);
    if (edit.size > 0)
        verdict_add_raw(&body, "words", edit);
    verdict_add(&body, "note", verdict_note(invocation));
    return found_act(invocation, daemon_target(invocation, "/v1/reviews/", review, "/verdict"),
                     verdict_end(invocation, &body));
}

int command_run_approve(struct invocation *invocation)
{
    const char *what = invocation_argument(invocation, 0);
    uint64_t id;
    if (text_parse_id(slice_text(what), ID_INCIDENT, &id) && !invocation_argument(invocation, 1) &&
        !invocation_has(invocation, "edit"))
        return incident_approve(invocation, what);
    return verdict_give(invocation, "approve");
}

int command_run_reject(struct invocation *invocation)
{
    const char *what = invocation_argument(invocation, 0);
    const char *why = verdict_note(invocation);
    uint64_t id;
    if (!text_parse_id(slice_text(what), ID_INCIDENT, &id) || invocation_argument(invocation, 1))
        return verdict_give(invocation, "reject");
    if (!why || !*why)
        return invocation_wrong(invocation, "who asked reads why not: --because \"…\"");
    return incident_reject(invocation, what, why);
}

int command_run_note(struct invocation *invocation)
{
    const char *note = invocation_option(invocation, "note");
    if (!note || !*note)
        return invocation_wrong(invocation, "what does it say? --note \"…\"");
    const char *what = invocation_argument(invocation, 0);
    struct slice action = {0};
    if (slice_starts(slice_text(what), SLICE(ID_REVIEW)))
        return verdict_give(invocation, "note");
    int code = found_one(invocation, what, &action);
    if (code != CLI_DONE)
        return code;
    struct daemon_answer answer;
    struct daemon_question question = {
        .method = "GET", .target = daemon_target(invocation, "/v1/actions/", action, "")};
    if (!daemon_ask(invocation, &question, &answer))
        return invocation->exit;
    if (!daemon_is_good(&answer))
        return daemon_tell(invocation, &answer);
    json_t *object = daemon_json(invocation, &answer);
    bool has_review = *daemon_text(object, "review");
    json_decref(object);
    if (has_review)
        return verdict_give(invocation, "note");
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add(&body, "note", note);
    return found_act(invocation, daemon_target(invocation, "/v1/actions/", action, "/note"),
                     verdict_end(invocation, &body));
}

int command_run_resolve(struct invocation *invocation)
{
    bool happened = invocation_has(invocation, "happened");
    bool send = invocation_has(invocation, "send");
    struct slice action;
    if (happened == invocation_has(invocation, "not-happened"))
        return invocation_wrong(invocation, "did it happen? --happened or --not-happened");
    if (happened && send)
        return invocation_wrong(invocation, "what happened is not sent again: --send goes with "
                                            "--not-happened");
    int code = found_one(invocation, invocation_argument(invocation, 0), &action);
    if (code != CLI_DONE)
        return code;
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add_flag(&body, "happened", happened);
    if (send)
        verdict_add_flag(&body, "send", true);
    verdict_add(&body, "evidence", invocation_option(invocation, "evidence"));
    return found_act(invocation, daemon_target(invocation, "/v1/actions/", action, "/resolve"),
                     verdict_end(invocation, &body));
}

static int verdict_with_reason(struct invocation *invocation, const char *path)
{
    const char *reason = invocation_option(invocation, "reason");
    struct slice action;
    if (!reason || !*reason)
        return invocation_wrong(invocation, "the record says why: --reason \"…\"");
    int code = found_one(invocation, invocation_argument(invocation, 0), &action);
    if (code != CLI_DONE)
        return code;
    struct verdict_body body;
    verdict_begin(&body);
    verdict_add(&body, "reason", reason);
    return found_act(invocation, daemon_target(invocation, "/v1/actions/", action, path),
                     verdict_end(invocation, &body));
}

int command_run_cancel(struct invocation *invocation)
{
    return verdict_with_reason(invocation, "/cancel");
}

int command_run_again(struct invocation *invocation)
{
    return verdict_with_reason(invocation, "/again");
}
