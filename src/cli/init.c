/* The questions of `interlock init`, and the writing. */
#include "cli/init.h"

#include "base/text.h"
#include "base/uri.h"
#include "cli/command.h"
#include "policy/config.h"

enum {
    INIT_TEXT_MAX = 64 * 1024,
    INIT_SECRET_BYTES = 32,
    INIT_TRIES = 3,
    INIT_FILES = 6,
    INIT_CHECKED = 2
};

struct init_file {
    struct slice path;
    struct buf text;
    bool is_secret;
};

static enum kind init_kind_of(struct slice name)
{
    enum kind kind = 0;
    while (kind < KIND_COUNT && !slice_is(name, kind_name(kind)))
        kind++;
    return kind;
}

/* Takes one answer, from a flag or from the keyboard. false: out_mistake says why. */
typedef bool init_take_fn(struct init_plan *plan, struct slice answer, struct slice *out_mistake);

static bool init_take_name(struct slice answer, struct slice *out_name, struct slice *out_mistake)
{
    if (!init_name_is_good(answer)) {
        *out_mistake = SLICE("a name is letters, digits, - and _, and begins with a letter");
        return false;
    }
    *out_name = answer;
    return true;
}

static bool init_take_workflow(struct init_plan *plan, struct slice answer,
                               struct slice *out_mistake)
{
    return init_take_name(answer, &plan->workflow, out_mistake);
}

static bool init_take_purpose(struct init_plan *plan, struct slice answer,
                              struct slice *out_mistake)
{
    if (answer.size > LIMIT_SUMMARY || !text_is_utf8(answer)) {
        *out_mistake = SLICE("one sentence, in UTF-8");
        return false;
    }
    plan->purpose = answer;
    return true;
}

static bool init_take_kind(struct init_plan *plan, struct slice answer, struct slice *out_mistake)
{
    enum kind kind = init_kind_of(answer);
    if (kind == KIND_COUNT) {
        *out_mistake = SLICE(
            "a kind is one of lookup llm email message payment ticket record webhook command");
        return false;
    }
    plan->kind = kind;
    plan->has_kind = true;
    return true;
}

static bool init_take_key(struct init_plan *plan, struct slice answer, struct slice *out_mistake)
{
    if (slice_find(answer, '$') == answer.size) {
        *out_mistake = SLICE("a key is made of fields of the input, as ${input.invoice}");
        return false;
    }
    plan->key = answer;
    return true;
}

static bool init_take_step(struct init_plan *plan, struct slice answer, struct slice *out_mistake)
{
    return init_take_name(answer, &plan->step, out_mistake);
}

static bool init_take_owner(struct init_plan *plan, struct slice answer, struct slice *out_mistake)
{
    return init_take_name(answer, &plan->owner, out_mistake);
}

static bool init_take_restart(struct init_plan *plan, struct slice answer,
                              struct slice *out_mistake)
{
    return init_take_name(answer, &plan->restart, out_mistake);
}

static bool init_take_listen(struct init_plan *plan, struct slice answer, struct slice *out_mistake)
{
    struct uri_authority place;
    if (!uri_split_authority(answer, &place) || !place.has_port) {
        *out_mistake = SLICE("HOST:PORT, as 127.0.0.1:7070");
        return false;
    }
    plan->listen = answer;
    return true;
}

static bool init_take_call(struct init_plan *plan, struct slice answer, struct slice *out_mistake)
{
    struct init_plan before = *plan;
    if (plan->has_kind && plan->kind == KIND_COMMAND) {
        *out_mistake = SLICE("a command is run by its caller: there is no call to make");
        return false;
    }
    if (init_take_curl(plan, answer, out_mistake))
        return true;
    json_decref(plan->body);
    *plan = before;
    return false;
}

/* In this order: the call is understood with the kind in mind, the key with the call. */
static const struct init_question {
    const char *flag, *question;
    init_take_fn *take;
} init_questions[] = {
    {"workflow", "1. What is the automation called?", init_take_workflow},
    {"purpose", "2. What does it do, in a sentence?", init_take_purpose},
    {"kind",
     "3. What does it do to the world? lookup llm email message payment ticket record webhook "
     "command",
     init_take_kind},
    {"from-curl", "4. The call as a curl command (Enter: a built-in sandbox instead)",
     init_take_call},
    {"key", "5. What makes two requests the same?", init_take_key},
    {"owner", "6. Who answers for it (a name)?", init_take_owner},
    {"restart", "7. Who else may let it run again after a stop?", init_take_restart},
    {"step", NULL, init_take_step},
    {"listen", NULL, init_take_listen},
};
enum { INIT_QUESTION_COUNT = sizeof init_questions / sizeof *init_questions };

/* What Enter means, shown in brackets; empty: to be found out later. */
static struct slice init_default(const struct init_plan *plan, const char *flag)
{
    if (strcmp(flag, "workflow") == 0 && !plan->has_call)
        return SLICE("invoice-reminders");
    if (strcmp(flag, "kind") == 0 && !plan->has_call)
        return slice_is(plan->workflow, "invoice-reminders") ? SLICE("email") : (struct slice){0};
    if (strcmp(flag, "key") == 0)
        return init_guess_key(plan);
    if (strcmp(flag, "owner") == 0)
        return plan->owner;
    return (struct slice){0};
}

/* false: the input has ended, or three answers were no good. */
static bool init_ask(struct invocation *invocation, struct init_plan *plan,
                     const struct init_question *question)
{
    const struct cli_world *world = invocation->world;
    struct slice fallback = init_default(plan, question->flag), mistake;
    struct buf line;
    bool is_taken = false;
    buf_init(&line, INIT_TEXT_MAX);
    for (int i = 0; i < INIT_TRIES && !is_taken; i++) {
        if (fallback.size)
            say(invocation, "%s [%.*s] ", question->question, SLICE_FMT(fallback));
        else
            say(invocation, "%s ", question->question);
        buf_reset(&line);
        if (!world->read_line(world->impl, &line))
            break;
        struct slice answer = slice_trim(buf_slice(&line));
        if (answer.size == 0 && fallback.size == 0) {
            is_taken = true;
            break;
        }
        answer = arena_copy(&invocation->arena, answer.size ? answer : fallback);
        is_taken = question->take(plan, answer, &mistake);
        if (!is_taken)
            say(invocation, "   %.*s\n", SLICE_FMT(mistake));
    }
    buf_done(&line);
    return is_taken;
}

static bool init_has_use(const struct init_plan *plan, const char *flag)
{
    bool is_read = plan->has_kind && (plan->kind == KIND_LOOKUP || plan->kind == KIND_LLM);
    if (strcmp(flag, "key") == 0)
        return plan->has_call && !is_read;
    return strcmp(flag, "from-curl") != 0 || !plan->has_kind || plan->kind != KIND_COMMAND;
}

/* Flags first: they are defaults and facts for the questions. */
static bool init_take_flags(struct invocation *invocation, struct init_plan *plan)
{
    for (size_t i = 0; i < INIT_QUESTION_COUNT; i++) {
        const char *value = invocation_option(invocation, init_questions[i].flag);
        struct slice mistake;
        if (value && !init_questions[i].take(plan, slice_text(value), &mistake)) {
            (void)invocation_wrong(invocation, "--%s: %.*s", init_questions[i].flag,
                                   SLICE_FMT(mistake));
            return false;
        }
    }
    return true;
}

static bool init_questions_ask(struct invocation *invocation, struct init_plan *plan)
{
    say(invocation, "Seven questions; Enter takes what stands in brackets, or a default.\n");
    for (size_t i = 0; i < INIT_QUESTION_COUNT; i++) {
        const struct init_question *question = &init_questions[i];
        if (!question->question || invocation_has(invocation, question->flag) ||
            !init_has_use(plan, question->flag))
            continue;
        if (!init_ask(invocation, plan, question)) {
            say_error(invocation, "interlock: nothing was written\n");
            return false;
        }
    }
    return true;
}

/* Facts of the machine: who asks, where. */
static void init_look_around(struct invocation *invocation, struct init_plan *plan)
{
    const struct cli_world *world = invocation->world;
    const char *user = world->environment(world->impl, "USER");
    const char *zone = world->environment(world->impl, "TZ");
    if (!user)
        user = world->environment(world->impl, "LOGNAME");
    plan->owner = init_name(&invocation->arena, slice_text(user));
    if (!init_name_is_good(plan->owner))
        plan->owner = SLICE("me");
    if (zone && strchr(zone, '/') && zone[0] >= 'A' && zone[0] <= 'Z')
        plan->timezone = slice_text(zone);
}

/* The first INIT_CHECKED are the configuration and the policy. */
struct init_files {
    size_t count;
    struct init_file at[INIT_FILES];
};

static struct buf *init_add_file(struct invocation *invocation, struct init_files *files,
                                 struct slice name, bool is_secret)
{
    const char *folder = invocation_argument(invocation, 0);
    struct init_file *file = &files->at[files->count++];
    file->path = arena_fmt(&invocation->arena, "%s%s%.*s", folder ? folder : "", folder ? "/" : "",
                           SLICE_FMT(name));
    file->is_secret = is_secret;
    buf_init(&file->text, INIT_TEXT_MAX);
    return &file->text;
}

/* Texts and secrets, in memory. false: no random bytes, told. */
static bool init_make_files(struct invocation *invocation, const struct init_plan *plan,
                            struct init_files *files)
{
    const struct cli_world *world = invocation->world;
    unsigned char token[INIT_SECRET_BYTES], key[INIT_SECRET_BYTES];
    if (world->random(world->impl, token, sizeof token) != ERR_OK ||
        world->random(world->impl, key, sizeof key) != ERR_OK) {
        say_error(invocation, "interlock: the system gives no random bytes\n");
        return false;
    }
    struct slice policy =
        arena_fmt(&invocation->arena, "policies/%.*s.yaml", SLICE_FMT(plan->workflow));
    init_add_config(plan, init_add_file(invocation, files, SLICE("interlock.yaml"), false));
    init_add_policy(plan, init_add_file(invocation, files, policy, false));
    struct buf *text = init_add_file(invocation, files, SLICE("secrets/cli-token"), true);
    buf_add_text(text, "ilk_"); /* as the daemon's own tokens, so that scanners know it */
    text_add_base32(text, slice_of(token, sizeof token));
    buf_add_byte(text, '\n');
    text = init_add_file(invocation, files, SLICE("secrets/installation.key"), true);
    text_add_hex(text, slice_of(key, sizeof key));
    buf_add_byte(text, '\n');
    buf_add_text(init_add_file(invocation, files, SLICE("secrets/.gitignore"), true), "*\n");
    if (plan->secret_source == INIT_SECRET_FILE) {
        struct slice name =
            arena_fmt(&invocation->arena, "secrets/%.*s", SLICE_FMT(plan->upstream));
        text = init_add_file(invocation, files, name, true);
        buf_add(text, plan->secret);
        buf_add_byte(text, '\n');
    }
    return true;
}

/* What would be written must pass `check`: an answer may have been wrong in a way that only the
 * whole shows. false: told. */
static bool init_check(struct invocation *invocation, const struct init_files *files)
{
    struct arena arena;
    struct problems problems;
    struct config_file texts[INIT_CHECKED];
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    for (size_t i = 0; i < INIT_CHECKED; i++)
        texts[i] =
            (struct config_file){.name = files->at[i].path, .text = buf_slice(&files->at[i].text)};
    bool is_good = config_load(texts, INIT_CHECKED, &arena, &problems) != NULL;
    if (!is_good) {
        struct buf text;
        buf_init(&text, INIT_TEXT_MAX * 4);
        problems_add_text(&text, &problems);
        say_error(invocation,
                  "%sinterlock: what init would write is not good; nothing was written\n",
                  buf_text(&text));
        buf_done(&text);
    }
    arena_done(&arena);
    return is_good;
}

/* All or nothing, as far as a file system can: first look, then write; nothing is overwritten. */
static int init_write(struct invocation *invocation, const struct init_files *files)
{
    const struct cli_world *world = invocation->world;
    bool is_free = true;
    for (size_t i = 0; i < files->count; i++)
        if (world->exists(world->impl, files->at[i].path.at)) {
            say_error(invocation, "interlock: %s is there already\n", files->at[i].path.at);
            is_free = false;
        }
    if (!is_free) {
        say_error(invocation, "Nothing was written: init never overwrites. Another folder: "
                              "interlock init DIR\n");
        return CLI_REFUSED;
    }
    for (size_t i = 0; i < files->count; i++) {
        const struct init_file *file = &files->at[i];
        enum err err = buf_ok(&file->text)
                           ? world->write_new(world->impl, file->path.at, buf_slice(&file->text),
                                              file->is_secret)
                           : ERR_LIMIT;
        if (err != ERR_OK) {
            say_error(invocation, "interlock: %s cannot be written: %s\n", file->path.at,
                      err_text(err));
            return CLI_REFUSED;
        }
        say(invocation, "%s  %s%s\n", i ? "     " : "wrote", file->path.at,
            file->is_secret ? "   (only you may read it)" : "");
    }
    return CLI_DONE;
}

static void init_say_next(struct invocation *invocation, const struct init_plan *plan)
{
    const char *folder = invocation_argument(invocation, 0);
    struct buf line;
    buf_init(&line, INIT_TEXT_MAX);
    init_add_try(plan, &line);
    say(invocation, "\nNext:\n");
    if (folder)
        say(invocation, "  cd %s\n", folder);
    say(invocation,
        "  interlock check\n"
        "  %s\n"
        "  interlock serve\n"
        "It observes at first: each call goes through once, and the record says what the rules\n"
        "would have done. Look at policies/%.*s.yaml: what makes two requests the same (key)?\n",
        buf_text(&line), SLICE_FMT(plan->workflow));
    if (plan->secret_source == INIT_SECRET_ENV)
        say(invocation, "The daemon takes its secret from the environment: %.*s\n",
            SLICE_FMT(plan->secret));
    if (plan->is_insecure)
        say(invocation, "-k was left out: interlock always verifies certificates (`tls_ca:` of the "
                        "upstream names others)\n");
    if (slice_equal(plan->owner, plan->restart))
        say(invocation,
            "Nobody but %.*s could let it run again after a stop: before `mode: auto` "
            "name a second person (restart:)\n",
            SLICE_FMT(plan->owner));
    buf_done(&line);
}

int command_run_init(struct invocation *invocation)
{
    const struct cli_world *world = invocation->world;
    struct init_plan plan = {.arena = &invocation->arena};
    struct init_files files = {0};
    bool is_asking = world->is_terminal && !invocation_has(invocation, "yes");
    int code = CLI_WRONG_USE;
    init_look_around(invocation, &plan);
    if (!init_take_flags(invocation, &plan))
        goto out;
    code = CLI_REFUSED;
    if (is_asking && !init_questions_ask(invocation, &plan))
        goto out;
    init_fill(&plan);
    if (!init_make_files(invocation, &plan, &files) || !init_check(invocation, &files))
        goto out;
    code = init_write(invocation, &files);
    if (code == CLI_DONE)
        init_say_next(invocation, &plan);
out:
    for (size_t i = 0; i < files.count; i++)
        buf_done(&files.at[i].text);
    json_decref(plan.body);
    return code;
}
