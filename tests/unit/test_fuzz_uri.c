/* The corpus of fuzz_uri, replayed without a fuzzer. */
#include "fuzz/fuzz_uri.c"
#include "unit/replay.h"

int main(void)
{
    return replay_main("uri", 20);
}
