/* The corpus of fuzz_answer_head, replayed without a fuzzer. */
#include "fuzz/fuzz_answer_head.c"
#include "unit/replay.h"

int main(void)
{
    return replay_main("answer_head", 3);
}
