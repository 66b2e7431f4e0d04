/* The corpus of fuzz_expr, replayed without a fuzzer. */
#include "fuzz/fuzz_expr.c"
#include "unit/replay.h"

int main(void)
{
    return replay_main("expr", 51);
}
