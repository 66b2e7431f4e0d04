/* The corpus of fuzz_record, replayed without a fuzzer. */
#include "fuzz/fuzz_record.c"
#include "unit/replay.h"

static void corpus_holds(void **state)
{
    (void)state;
    replay_corpus("record", 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corpus_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
