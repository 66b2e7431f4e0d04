/* policy/facts and policy/input_check: each case is a line of facts.cases. */
#include "cases.h"
#include "policy/config.h"
#include "policy/facts.h"
#include "policy/input_check.h"

static const char installation[] = "people: { ana: {}, ben: {} }\n"
                                   "upstreams: { mail: { sandbox: true } }\n";
static const char policy[] = "workflow: w\n"
                             "mode: observe\n"
                             "steps:\n"
                             "  s:\n"
                             "    kind: webhook\n"
                             "    call: mail POST /x\n"
                             "    key: ${input.invoice}\n"
                             "    input:\n"
                             "      invoice: text\n"
                             "      balance: number\n"
                             "      email: text\n"
                             "      stage?: integer\n"
                             "      team?: text\n"
                             "      due?: date\n"
                             "      tags?: list of text\n"
                             "      paid?: boolean\n"
                             "      more?: any\n"
                             "    mask: [email, more]\n"
                             "    risk:\n"
                             "      - high if input.balance > 10000\n"
                             "      - some if has(input.team) && input.team == \"legal\"\n"
                             "    rules:\n"
                             "      - paid: reject if input.balance <= 0\n"
                             "      - large: review if input.balance > 10000\n"
                             "      - lost: hold 1h if risk == \"normal\" && run == \"lost\"\n"
                             "      - mailed: allow if input.email != \"\"\n";

struct facts_world {
    struct arena arena;
    struct problems problems;
    const struct step *step;
};
static struct facts_world world;

static void world_load(const char *text)
{
    struct config_file files[] = {{SLICE("interlock.yaml"), slice_text(installation)},
                                  {SLICE("p.yaml"), slice_text(text)}};
    arena_init(&world.arena, CONFIG_ARENA_MAX);
    problems_init(&world.problems, &world.arena);
    const struct config *config = config_load(files, 2, &world.arena, &world.problems);
    if (!config) {
        struct buf told;
        buf_init(&told, 1 << 20);
        problems_add_text(&told, &world.problems);
        fail_msg("%s", buf_text(&told));
    }
    world.step = config_step(config, SLICE("w"), SLICE("s"));
    assert_non_null(world.step);
}

static char truth_letter(enum truth truth)
{
    return truth == TRUTH_TRUE ? 't' : truth == TRUTH_FALSE ? 'f' : 'u';
}

static void show_facts(const json_t *input, struct arena *scratch, struct buf *out)
{
    struct gate_facts facts;
    struct facts_saw saw;
    struct expr_scope scope = {
        .input = input, .run = SLICE("r"), .step = SLICE("s"), .principal = SLICE("cron")};
    facts_evaluate(world.step, &scope, scratch, &facts, &saw);
    uint8_t risk = gate_risk(&world.step->terms, &facts);
    buf_add(out, risk < world.step->risk_count ? world.step->risks[risk].name : SLICE("normal"));
    buf_add_byte(out, ' ');
    for (size_t i = 0; i < facts.risk_count; i++)
        buf_add_byte(out, truth_letter(facts.risks[i]));
    buf_add_byte(out, ' ');
    for (size_t i = 0; i < facts.rule_count; i++)
        buf_add_byte(out, truth_letter(facts.rules[i]));
    buf_add_text(out, " | ");
    for (size_t i = 0; i < saw.count; i++)
        buf_add_fmt(out, "%s%u %.*s=%.*s", i > 0 ? "; " : "", (unsigned)saw.items[i].path_index,
                    SLICE_FMT(saw.items[i].name), SLICE_FMT(saw.items[i].value));
}

static void run_line(const struct cases_line *line)
{
    struct arena scratch;
    struct buf got, want;
    struct input_problem problem;
    arena_init(&scratch, 1 << 20);
    buf_init(&got, 1 << 16);
    buf_init(&want, 1 << 16);
    json_t *input = json_loadb(line->parts[0].at, line->parts[0].size, 0, NULL);
    assert_non_null(input);
    if (input_check(world.step, input, &scratch, &problem))
        show_facts(input, &scratch, &got);
    else
        buf_add_fmt(&got, "%.*s %.*s", SLICE_FMT(problem.pointer), SLICE_FMT(problem.message));
    for (size_t i = 1; i < line->count; i++)
        buf_add_fmt(&want, "%s%.*s", i > 1 ? " | " : "", SLICE_FMT(line->parts[i]));
    if (!slice_equal(buf_slice(&got), buf_slice(&want)))
        fail_msg("%s:%d: got \"%s\", want \"%s\"", line->file, line->number, buf_text(&got),
                 buf_text(&want));
    json_decref(input);
    buf_done(&got);
    buf_done(&want);
    arena_done(&scratch);
}

static void cases_hold(void **state)
{
    (void)state;
    world_load(policy);
    assert_true(cases_run("facts.cases", run_line) >= 18);
    arena_done(&world.arena);
}

/* An undecidable class is the highest, and rules see it as that; all rules are asked all the same.
 * No value of a masked field is seen in any form. */
static void undecidable_is_careful(void **state)
{
    (void)state;
    static const char text[] =
        "workflow: w\n"
        "mode: observe\n"
        "steps:\n"
        "  s:\n"
        "    kind: webhook\n"
        "    call: mail POST /x\n"
        "    key: ${input.invoice}\n"
        "    mask: [email, e-mail]\n"
        "    risk:\n"
        "      - high if false || input.nothing == 1\n"
        "      - low if input.balance > 0\n"
        "    rules:\n"
        "      - a: review if risk == \"high\"\n"
        "      - b: reject if input.gone > 1\n"
        "      - c: review if confidence < 0.5\n"
        "      - d: review if has(input.email) && input.email.startsWith(\"a\")\n"
        "      - e: review if input[\"e-mail\"] == \"secret@example.org\"\n"
        "      - f: review if size(input) > 100\n"
        "      - g: reject if input.balance == 5\n";
    world_load(text);
    struct arena scratch;
    struct buf got;
    arena_init(&scratch, 1 << 20);
    buf_init(&got, 1 << 16);
    json_t *input =
        json_loads("{\"invoice\":\"I\",\"balance\":5,\"email\":\"a-secret@x\",\"e-mail\":"
                   "\"secret@example.org\"}",
                   0, NULL);
    show_facts(input, &scratch, &got);
    assert_true(slice_starts(buf_slice(&got), SLICE("high ut tuuttft | ")));
    assert_null(strstr(buf_text(&got), "secret"));
    assert_non_null(strstr(buf_text(&got), "input.balance=5"));
    json_decref(input);
    buf_done(&got);
    arena_done(&scratch);
    arena_done(&world.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(undecidable_is_careful),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
