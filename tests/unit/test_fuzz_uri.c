/* The corpus of fuzz_uri, replayed without a fuzzer. */
#include "fuzz/fuzz_uri.c"
#include "unit/replay.h"

static void corpus_holds(void **state)
{
    (void)state;
    replay_corpus("uri", 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corpus_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
