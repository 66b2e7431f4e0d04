/* The corpus of fuzz_http_reader, replayed without a fuzzer. */
#include "fuzz/fuzz_http_reader.c"
#include "unit/replay.h"

int main(void)
{
    return replay_main("http_reader", 100);
}
