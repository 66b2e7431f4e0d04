/* The corpus of fuzz_policy, replayed without a fuzzer. */
#include "fuzz/fuzz_policy.c"
#include "unit/replay.h"

int main(void)
{
    return replay_main("policy", 100);
}
