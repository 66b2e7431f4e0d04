/* The corpus of fuzz_expr, replayed without a fuzzer. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fuzz/fuzz_expr.c"

enum { INPUT_MAX = 64 * 1024, PATH_SIZE = 4096 };

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(INPUT_MAX);
    assert_non_null(bytes);
    size_t size = fread(bytes, 1, INPUT_MAX, file);
    (void)fclose(file);                       /* only read */
    uint8_t *exact = malloc(size ? size : 1); /* so that a read past the end is seen */
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    assert_int_equal(LLVMFuzzerTestOneInput(exact, size), 0);
    free(exact);
    free(bytes);
}

static void corpus_holds(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    const char *root = getenv("INTERLOCK_ROOT");
    struct buf folder;
    buf_init(&folder, PATH_SIZE / 2);
    buf_add_fmt(&folder, "%s/tests/fuzz/corpus/expr", root ? root : ".");
    DIR *dir = opendir(buf_text(&folder));
    assert_non_null(dir);
    int count = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", buf_text(&folder), entry->d_name); /* it fits */
        run_file(path);
        count++;
    }
    (void)closedir(dir); /* only read */
    buf_done(&folder);
    assert_true(count > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corpus_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
