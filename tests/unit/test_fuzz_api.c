/* The corpus of fuzz_api, replayed without a fuzzer. */
#include "fuzz/fuzz_api.c"
#include "unit/replay.h"

static void corpus_holds(void **state)
{
    (void)state;
    replay_corpus("api", 51);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corpus_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
