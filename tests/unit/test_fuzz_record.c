/* The corpus of fuzz_record, replayed without a fuzzer. */
#include "fuzz/fuzz_record.c"
#include "unit/replay.h"

int main(void)
{
    return replay_main("record", 40);
}
