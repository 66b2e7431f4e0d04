#include "base/limits.h"
#include "cli/command.h"
#include "cli/found.h"
#include "cli/input.h"

enum { SUBMIT_WAIT_MAX_S = WAIT_MAX_MS / 1000 };

static void submit_add_text(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    buf_add_fmt(out, ",\"%s\":", name);
    buf_add_json_text(out, slice_text(value));
}

/* The JSON body. Words go as such: the daemon knows their types. false: wrong use, told. */
static bool submit_body(struct invocation *invocation, struct slice *out_body)
{
    struct input_typed input;
    struct slice context;
    bool has_confidence = false;
    double confidence = 0;
    if (!input_read(invocation, 2, &input) || !input_object(invocation, "context", &context) ||
        !input_confidence(invocation, &has_confidence, &confidence))
        return false;
    struct buf body;
    buf_init(&body, LIMIT_CALL_BODY);
    buf_add_text(&body, input.is_words ? "{\"words\":" : "{\"input\":");
    buf_add(&body, input.json);
    submit_add_text(&body, "run", invocation_option(invocation, "run"));
    submit_add_text(&body, "because", invocation_option(invocation, "because"));
    if (has_confidence)
        buf_add_fmt(&body, ",\"confidence\":%s", invocation_option(invocation, "confidence"));
    if (context.size)
        buf_add_fmt(&body, ",\"context\":%.*s", SLICE_FMT(context));
    buf_add_byte(&body, '}');
    *out_body = arena_copy(&invocation->arena, buf_slice(&body));
    buf_done(&body);
    return true;
}

static bool submit_wait(struct invocation *invocation, struct daemon_question *question)
{
    const char *text = invocation_option(invocation, "wait");
    uint64_t seconds = WAIT_DEFAULT_MS / 1000;
    question->wait_ms = WAIT_DEFAULT_MS;
    if (!text)
        return true;
    if (!slice_to_u64(slice_text(text), SUBMIT_WAIT_MAX_S, &seconds)) {
        (void)invocation_wrong(invocation, "--wait is a number of seconds, at most %d",
                               SUBMIT_WAIT_MAX_S);
        return false;
    }
    question->has_wait = true;
    question->wait_ms = (int64_t)seconds * 1000;
    return true;
}

/* The four lines of `try`, from the daemon: with its stops and what it knows of upstreams. */
static void submit_say_dry_run(struct invocation *invocation, const struct daemon_answer *answer)
{
    json_t *said = daemon_json(invocation, answer);
    if (!said)
        return;
    if (*daemon_text(said, "state")) { /* the key is known: this is what a submit would be told */
        found_say_action(invocation, answer);
        json_decref(said);
        return;
    }
    say(invocation, "WOULD    %s\nTHEN     %s\n", daemon_text(said, "would"),
        daemon_text(said, "then"));
    say(invocation, "IF DOWN  %s     IF NO ANSWER  %s\n", daemon_text(said, "if_down"),
        daemon_text(said, "if_no_answer"));
    if (*daemon_text(said, "if_late"))
        say(invocation, "IF LATE  %s\n", daemon_text(said, "if_late"));
    if (*daemon_text(said, "if_unsure"))
        say(invocation, "IF UNSURE  %s\n", daemon_text(said, "if_unsure"));
    say(invocation, "NOTHING was sent or recorded.\n");
    json_decref(said);
}

static int submit_ask(struct invocation *invocation, const struct daemon_question *question)
{
    struct daemon_answer answer;
    bool is_dry_run = invocation_has(invocation, "dry-run") && !invocation_has(invocation, "json");
    if (!daemon_ask(invocation, question, &answer))
        return invocation->exit;
    if (!is_dry_run || !daemon_is_good(&answer))
        return found_answer(invocation, &answer);
    submit_say_dry_run(invocation, &answer);
    return CLI_DONE;
}

int command_run_submit(struct invocation *invocation)
{
    const char *workflow = invocation_argument(invocation, 0);
    const char *name = invocation_argument(invocation, 1);
    bool is_dry_run = invocation_has(invocation, "dry-run");
    struct slice prefix =
        daemon_target(invocation, "/v1/workflows/", slice_text(workflow), "/steps/");
    struct daemon_question question = {
        .method = "POST",
        .target = daemon_target(invocation, prefix.at, slice_text(name),
                                is_dry_run ? "/actions?dry_run=1" : "/actions"),
        .key = slice_text(invocation_option(invocation, "key"))};
    if (!submit_wait(invocation, &question) || !submit_body(invocation, &question.body))
        return CLI_WRONG_USE;
    return submit_ask(invocation, &question);
}
