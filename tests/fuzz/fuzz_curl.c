/* cli/curl and cli/init: any text as a pasted command; what is understood becomes a plan and texts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "cli/init.h"
#include "policy/config.h"

enum { FUZZ_ARENA = 8 * 1024 * 1024, FUZZ_TEXT = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A limit is reached by the command, not by init: it is told, and nothing is written. */
static bool is_limit_reached(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        if (problems->items[i].code == IL005)
            return true;
    return false;
}

/* What init writes passes check without errors. */
static void check_plan(const struct init_plan *plan)
{
    struct arena arena;
    struct problems problems;
    struct buf config, policy, text;
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    buf_init(&config, FUZZ_TEXT);
    buf_init(&policy, FUZZ_TEXT);
    buf_init(&text, FUZZ_TEXT);
    init_add_config(plan, &config);
    init_add_policy(plan, &policy);
    init_add_try(plan, &text);
    const struct config_file files[] = {
        {.name = SLICE("interlock.yaml"), .text = buf_slice(&config)},
        {.name = SLICE("policies/x.yaml"), .text = buf_slice(&policy)}};
    if (buf_ok(&config) && buf_ok(&policy) && !config_load(files, 2, &arena, &problems)) {
        problems_add_text(&text, &problems);
        (void)fputs(buf_text(&text), stderr); /* only a report */
        CHECK(problems.error_count == 0 || is_limit_reached(&problems));
    }
    buf_done(&config);
    buf_done(&policy);
    buf_done(&text);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, FUZZ_ARENA);
    struct init_plan plan = {.arena = &arena, .owner = SLICE("ana")};
    struct slice mistake = {0};
    if (init_take_curl(&plan, slice_of(data, size), &mistake)) {
        init_fill(&plan);
        check_plan(&plan);
    } else {
        CHECK(mistake.size > 0);
    }
    json_decref(plan.body);
    arena_done(&arena);
    return 0;
}
