/* The corpus of fuzz_expr, replayed without a fuzzer. */
#include "fuzz/fuzz_expr.c"
#include "unit/replay.h"

static void corpus_holds(void **state)
{
    (void)state;
    replay_corpus("expr", 51);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corpus_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
