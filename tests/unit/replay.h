/* tests/unit/replay.h - replays the corpus of a fuzzer without a fuzzer: for a test that includes
 * fuzz/fuzz_NAME.c and then this. */
#pragma once
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

enum { REPLAY_INPUT_MAX = 1024 * 1024, REPLAY_PATH_MAX = 4000 };

static inline void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *bytes = malloc(REPLAY_INPUT_MAX);
    assert_non_null(bytes);
    size_t size = fread(bytes, 1, REPLAY_INPUT_MAX, file);
    (void)fclose(file);                       /* only read */
    uint8_t *exact = malloc(size ? size : 1); /* so that a read past the end is seen */
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    assert_int_equal(LLVMFuzzerTestOneInput(exact, size), 0);
    free(exact);
    free(bytes);
}

struct replay {
    const char *corpus; /* folder of tests/fuzz/corpus */
    size_t count_min;   /* a corpus that has got lost is a failure */
};

static inline void replay_corpus(void **state)
{
    const struct replay *replay = *state;
    const char *root = getenv("INTERLOCK_ROOT");
    struct buf path;
    buf_init(&path, REPLAY_PATH_MAX);
    buf_add_fmt(&path, "%s/tests/fuzz/corpus/%s", root ? root : ".", replay->corpus);
    DIR *dir = opendir(buf_text(&path));
    assert_non_null(dir);
    size_t folder_size = path.size;
    size_t count = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        buf_cut(&path, folder_size);
        buf_add_fmt(&path, "/%s", entry->d_name);
        replay_file(buf_text(&path));
        count++;
    }
    (void)closedir(dir); /* only read */
    buf_done(&path);
    assert_true(count >= replay->count_min);
}

/* What main returns: all files of the corpus, of which there are at least count_min. */
static inline int replay_main(const char *corpus, size_t count_min)
{
    struct replay replay = {corpus, count_min};
    const struct CMUnitTest tests[] = {{"corpus_holds", replay_corpus, NULL, NULL, &replay}};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
