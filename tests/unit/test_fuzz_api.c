/* The corpus of fuzz_api, replayed without a fuzzer. */
#include "fuzz/fuzz_api.c"
#include "unit/replay.h"

int main(void)
{
    return replay_main("api", 51);
}
