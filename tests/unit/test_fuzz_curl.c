/* The corpus of fuzz_curl, replayed without a fuzzer. */
#include "fuzz/fuzz_curl.c"
#include "unit/replay.h"

int main(void)
{
    return replay_main("curl", 50);
}
