/* `interlock try`: the gate and the request of the files in this folder, for one input. The same
 * functions as in the daemon; nothing is sent or recorded. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/local.h"
#include "policy/facts.h"
#include "policy/input_check.h"
#include "policy/input_words.h"
#include "policy/near.h"
#include "policy/template.h"
#include "record/render.h"
#include "record/try_text.h"

enum { TRY_TEXT_MAX = 1024 * 1024 };

struct
try {
    struct invocation *invocation;
    const struct step *step;
    json_t *input, *context;
    struct expr_scope scope;
    struct expr_work work;
    struct buf key, body;
};

static int try_unknown(struct invocation *invocation, const char *what, struct slice name,
                       const struct near *near)
{
    if (near->best.size > 0)
        say_error(invocation, "interlock: there is no %s \"%.*s\"; did you mean \"%.*s\"?\n", what,
                  SLICE_FMT(name), SLICE_FMT(near->best));
    else
        say_error(invocation, "interlock: there is no %s \"%.*s\"\n", what, SLICE_FMT(name));
    return CLI_REFUSED;
}

static int try_find_step(struct invocation *invocation, const struct config *config,
                         const struct step **out_step)
{
    struct slice workflow_name = slice_text(invocation_argument(invocation, 0));
    struct slice step_name = slice_text(invocation_argument(invocation, 1));
    const struct workflow *workflow = config_workflow(config, workflow_name);
    struct near near;
    if (!workflow) {
        near_init(&near, workflow_name);
        for (size_t i = 0; i < config->workflow_count; i++)
            near_offer(&near, config->workflows[i].name);
        return try_unknown(invocation, "workflow", workflow_name, &near);
    }
    *out_step = config_step(config, workflow_name, step_name);
    if (*out_step)
        return CLI_DONE;
    near_init(&near, step_name);
    for (size_t i = 0; i < workflow->step_count; i++)
        near_offer(&near, workflow->steps[i].name);
    return try_unknown(invocation, "step", step_name, &near);
}

/* NULL: it has a number that no JSON reader takes. */
static json_t *try_parse_input(struct try *try, const struct input_typed *typed)
{
    json_t *json = json_loadb(typed->json.at, typed->json.size, JSON_REJECT_DUPLICATES, NULL);
    if (!json || !typed->is_words)
        return json;
    struct buf input;
    buf_init(&input, LIMIT_HTTP_BODY_MAX);
    bool is_good = input_from_words(try->step, false, json, &input) && buf_ok(&input);
    json_decref(json);
    json = is_good ? json_loadb(input.at, input.size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    buf_done(&input);
    return json;
}

/* Input, context and confidence as the daemon would see them. */
static int try_read_input(struct try *try)
{
    struct invocation *invocation = try->invocation;
    struct input_typed typed;
    struct slice context;
    struct input_problem problem;
    if (!input_read(invocation, 2, &typed) || !input_object(invocation, "context", &context) ||
        !input_confidence(invocation, &try->scope.has_confidence, &try->scope.confidence))
        return CLI_WRONG_USE;
    try->input = try_parse_input(try, &typed);
    if (context.size > 0)
        try->context = json_loadb(context.at, context.size, JSON_REJECT_DUPLICATES, NULL);
    if (!try->input || (context.size > 0 && !try->context)) {
        say_error(invocation,
                  "interlock: a number in the input is beyond what JSON readers take\n");
        return CLI_REFUSED;
    }
    if (!input_check(try->step, try->input, try->work.scratch, &problem)) {
        say_error(invocation, "interlock: the input is refused (422): %.*s\n  at %.*s\n",
                  SLICE_FMT(problem.message), SLICE_FMT(problem.pointer));
        return CLI_REFUSED;
    }
    return CLI_DONE;
}

static int try_tell(const struct try *try, const char *what, const struct expr_problem *problem)
{
    say_error(try->invocation, "interlock: the submit is refused (422): %s: %.*s\n", what,
              SLICE_FMT(problem->message));
    return CLI_REFUSED;
}

/* The scope of rules and request; the key as the policy makes it. */
static int try_make_scope(struct try *try)
{
    const char *run = invocation_option(try->invocation, "run");
    try->scope.input = try->input;
    try->scope.context = try->context;
    try->scope.run = run ? slice_text(run) : SLICE("");
    try->scope.step = try->step->name;
    try->scope.principal = SLICE("somebody");
    try->scope.now_unix_ms = try->invocation->world->now_unix_ms;
    try->scope.provider_key = SLICE("PROVIDER-KEY"); /* needs the key of the installation */
    if (try->step->key &&
        template_render_key(try->step->key, &try->scope, &try->work, &try->key) != EXPR_OK)
        return try_tell(try, "the key cannot be made", &try->work.problem);
    if (try->key.size == 0)
        buf_add_text(&try->key, "KEY-OF-THE-CALLER");
    try->scope.key = buf_slice(&try->key);
    return CLI_DONE;
}

static int try_say(struct try *try, const struct bundle_request *request)
{
    struct gate_facts facts = {0};
    struct facts_saw read = {0};
    struct gate_answer answer = {0};
    struct bundle_saw saw[LIMIT_SAW];
    struct try_case shown = {.step = try->step,
                             .gate = &answer,
                             .saw = saw,
                             .has_confidence = try->scope.has_confidence,
                             .confidence = try->scope.confidence,
                             .request = try->step->terms.is_caller ? NULL : request};
    facts_evaluate(try->step, &try->scope, try->work.scratch, &facts, &read);
    for (; shown.saw_count < read.count; shown.saw_count++)
        saw[shown.saw_count] = (struct bundle_saw){read.items[shown.saw_count].path_index,
                                                   read.items[shown.saw_count].name,
                                                   read.items[shown.saw_count].value};
    struct gate_question question = {
        .terms = &try->step->terms, .facts = &facts, .rules = try->step->rules};
    gate_decide(&question, &answer);
    struct buf text;
    buf_init(&text, TRY_TEXT_MAX);
    if (invocation_has(try->invocation, "json")) {
        try_json_add(&text, &shown);
        buf_add_byte(&text, '\n');
    } else {
        try_text_add(&text, &shown);
    }
    say_bytes(try->invocation, buf_slice(&text));
    bool is_whole = buf_ok(&text);
    buf_done(&text);
    return is_whole ? CLI_DONE : CLI_REFUSED;
}

static int try_run(struct try *try)
{
    struct bundle_request request = {0};
    struct expr_problem problem = {0};
    int code = try_read_input(try);
    if (code == CLI_DONE)
        code = try_make_scope(try);
    if (code != CLI_DONE)
        return code;
    if (!render_request(try->step, NULL, &try->scope, try->work.scratch, &request, &try->body,
                        &problem))
        return try_tell(try, "the request cannot be rendered", &problem);
    return try_say(try, &request);
}

int command_run_try(struct invocation *invocation)
{
    struct local local = {0};
    struct try try = {.invocation = invocation, .work = {.scratch = &invocation->arena}};
    int code = CLI_REFUSED;
    buf_init(&try.key, LIMIT_KEY);
    buf_init(&try.body, LIMIT_REQUEST);
    if (local_read(invocation, NULL, 0, &local)) {
        local_load(&local);
        if (local.config)
            code = try_find_step(invocation, local.config, &try.step);
        else
            local_tell_problems(invocation, &local);
    }
    if (try.step)
        code = try_run(&try);
    json_decref(try.input);
    json_decref(try.context);
    buf_done(&try.body);
    buf_done(&try.key);
    local_done(&local);
    return code;
}
