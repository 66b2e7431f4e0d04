/* bench/expr_cost - processor time of one evaluation or rendering, on input that is parsed already.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "policy/template.h"

enum { COST_MEMORY = 1024 * 1024, COST_TURNS = 1000000 };

static const char cost_json[] =
    "{\"invoice\":\"INV-2041\",\"stage\":2,\"balance\":12000.50,\"email\":\"ana@example.org\","
    "\"team\":\"refunds\",\"subject\":\"Where is my money? I asked twice already.\","
    "\"items\":[{\"price\":10,\"n\":1},{\"price\":20,\"n\":2},{\"price\":30,\"n\":3}],\"due\":"
    "\"2026-11-20T00:00:00Z\"}";

static const char *const cost_texts[] = {
    "input.balance <= 0 || input.balance > 10000",
    "confidence < 0.8 && risk == 'high'",
    "input.team in ['refunds', 'billing', 'legal']",
    "has(input.stage) && input.stage >= 2",
    "input.items.exists(i, i.price * i.n > 50)",
    "input.email.endsWith('@example.org')",
    "input.email.matches('^[^@]+@example[.](org|net)$')",
    "now - timestamp(input.due) > duration('72h')",
};

/* A bench has nobody to tell: what fails ends it. */
static void cost_must(bool is_good, const char *what)
{
    if (!is_good) {
        (void)fprintf(stderr, "expr_cost: %s\n", what);
        exit(1);
    }
}

static double cost_cpu_ns(void)
{
    struct rusage usage;
    cost_must(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage");
    return ((double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec) * 1e9 +
           ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) * 1e3;
}

static void cost_tell(double begin_ns, int turns, const char *text)
{
    printf("%8.0f ns   %s\n", (cost_cpu_ns() - begin_ns) / turns, text);
}

static void cost_expr(struct arena *arena, const struct expr_scope *scope, const char *text)
{
    const struct expr *expr = NULL;
    struct expr_problem problem;
    cost_must(expr_compile(arena, slice_text(text), UINT32_MAX, &expr, &problem), text);
    for (int with_saw = 0; with_saw < 2; with_saw++) {
        double begin = cost_cpu_ns();
        for (int i = 0; i < COST_TURNS; i++) {
            struct arena scratch;
            struct expr_saw saw = {.count = 0};
            struct expr_work work = {.scratch = &scratch, .saw = with_saw ? &saw : NULL};
            bool is_true = false;
            arena_init(&scratch, COST_MEMORY);
            cost_must(expr_eval_bool(expr, scope, &work, &is_true) == EXPR_OK, text);
            arena_done(&scratch);
        }
        if (with_saw)
            printf("  recorded ");
        cost_tell(begin, COST_TURNS, with_saw ? "" : text);
    }
}

static void cost_body(struct arena *arena, const struct expr_scope *scope)
{
    static const char body[] = "{\"to\":\"${input.email}\",\"template\":\"reminder\",\"invoice\":"
                               "\"${input.invoice}\",\"text\":\"Reminder ${input.stage} for "
                               "${input.invoice}, ${input.balance} EUR\"}";
    json_t *json = json_loads(body, 0, NULL);
    const struct template_tree *tree = NULL;
    struct expr_problem problem;
    struct buf out;
    cost_must(template_tree_compile(arena, json, UINT32_MAX, &tree, &problem), "body");
    buf_init(&out, COST_MEMORY);
    double begin = cost_cpu_ns();
    for (int i = 0; i < COST_TURNS; i++) {
        struct expr_work work = {.scratch = arena};
        buf_reset(&out);
        cost_must(template_tree_render_text(tree, scope, &work, &out) == EXPR_OK, "body");
    }
    cost_tell(begin, COST_TURNS, buf_text(&out));
    buf_done(&out);
    json_decref(json);
}

int main(void)
{
    json_t *input = json_loads(cost_json, 0, NULL);
    struct expr_scope scope = {.input = input,
                               .has_confidence = true,
                               .confidence = 0.75,
                               .risk = SLICE("high"),
                               .now_unix_ms = 1764000000000};
    struct arena arena;
    arena_init(&arena, COST_MEMORY);
    for (size_t i = 0; i < sizeof cost_texts / sizeof *cost_texts; i++)
        cost_expr(&arena, &scope, cost_texts[i]);
    cost_body(&arena, &scope);
    arena_done(&arena);
    json_decref(input);
    return 0;
}
