/* cli: each block of cli.cases is one call of the command line in a world of memory. A block:
 *   == NAME
 *   file: PATH            then its lines, each behind "| "
 *   env: NAME=VALUE       type: LINE (a terminal)      answer: STATUS [next=N] BODY | unreached
 * WHAT | lost WHAT run: ARGUMENTS and the transcript that is wanted: out: err: asked: wrote:
 * waited: serve: verify: exit: shown: text: lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/cli_world_impl.h"

enum { CASES_MAX = 1024 * 1024 };

static struct slice read_cases(struct buf *out, const char *name)
{
    const char *root = getenv("INTERLOCK_ROOT");
    struct buf path;
    buf_init(&path, 4096);
    buf_add_fmt(&path, "%s/tests/unit/%s", root ? root : ".", name);
    FILE *file = fopen(buf_text(&path), "rb");
    assert_non_null(file);
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        buf_add(out, slice_of(block, n));
    assert_int_equal(fclose(file), 0);
    assert_true(buf_ok(out));
    buf_done(&path);
    return buf_slice(out);
}

struct block {
    struct world world;
    size_t step_count;
    struct slice steps[WORLD_LINES]; /* "run: …" and "show: …", in their order */
    struct buf want, file_text;
    struct slice file_path;
};

/* The rest of a line after "NAME: ", if it begins so. */
static bool line_is(struct slice line, const char *name, struct slice *out_rest)
{
    struct slice prefix = slice_text(name);
    if (!slice_starts(line, prefix))
        return false;
    *out_rest = slice_from(line, prefix.size);
    if (out_rest->size > 0 && out_rest->at[0] == ' ')
        *out_rest = slice_from(*out_rest, 1);
    return true;
}

static void end_file(struct block *block)
{
    if (block->file_path.size)
        world_add_file(&block->world, block->file_path, buf_slice(&block->file_text), false);
    block->file_path = (struct slice){0};
    buf_reset(&block->file_text);
}

static void read_line(struct block *block, struct slice line)
{
    struct world *world = &block->world;
    struct slice rest;
    if (line_is(line, "|", &rest)) {
        buf_add(&block->file_text, rest);
        buf_add_byte(&block->file_text, '\n');
        return;
    }
    end_file(block);
    if (line_is(line, "file:", &rest)) {
        block->file_path = rest;
    } else if (line_is(line, "env:", &rest)) {
        world->variables[world->variable_count++] = arena_copy(&world->arena, rest);
    } else if (line_is(line, "type:", &rest)) {
        world->keyboard[world->typed_count++] = rest;
        world->cli.is_terminal = true;
    } else if (line_is(line, "answer:", &rest)) {
        struct buf text;
        buf_init(&text, CASES_MAX);
        for (size_t i = 0; i < rest.size; i++)
            if (rest.at[i] == '~')
                buf_add_byte(&text, '\n'); /* the end of a line within an answer */
            else
                buf_add_byte(&text, rest.at[i]);
        world->answers[world->answer_count++] = arena_copy(&world->arena, buf_slice(&text));
        buf_done(&text);
    } else if (line_is(line, "run:", &rest) || line_is(line, "show:", &rest) ||
               line_is(line, "passes:", &rest) || line_is(line, "fails:", &rest) ||
               line_is(line, "proposed:", &rest)) {
        block->steps[block->step_count++] = line;
    } else if (line.size > 0 && line.at[0] != '#') {
        buf_add(&block->want, line);
        buf_add_byte(&block->want, '\n');
    }
}

/* The last "interlock try …" that init proposed: its arguments. */
static struct slice proposed_try(const struct world *world)
{
    struct slice lead = SLICE("  interlock try "), found = {0};
    struct slice rest = buf_slice(&world->transcript);
    for (; rest.size > 0; rest = slice_from(rest, 1))
        if (slice_starts(rest, lead))
            found = slice_from(rest, lead.size - 4);
    assert_true(found.size > 0);
    return slice_first(found, slice_find(found, '\n'));
}

/* A run, or the lines of a file, into the transcript. */
static void run_step(struct world *world, struct slice step)
{
    struct slice rest;
    if (line_is(step, "run:", &rest)) {
        (void)world_run(world, rest); /* its code is in the transcript */
        return;
    }
    if (line_is(step, "proposed:", &rest)) {
        struct slice words = proposed_try(world);
        step = arena_fmt(&world->arena, "passes: %.*s %.*s", SLICE_FMT(words), SLICE_FMT(rest));
    }
    bool is_pass = line_is(step, "passes:", &rest);
    if (is_pass || line_is(step, "fails:", &rest)) {
        size_t before = world->transcript.size, files = world->file_count;
        int code = world_run(world, rest);
        if (is_pass ? code == 0 : code == 1 && world->file_count == files)
            buf_cut(&world->transcript, before); /* how it says so is tested elsewhere */
        return;
    }
    assert_true(line_is(step, "show:", &rest));
    const struct world_file *file = world_file(world, rest);
    buf_add_fmt(&world->transcript, "%s\n", file ? "shown:" : "shown: no such file");
    if (file)
        world_add_lines(world, "text", file->text);
}

static bool run_block(struct slice name, struct slice lines)
{
    struct block block = {0};
    const char *only = getenv("CASE");
    world_init(&block.world);
    buf_init(&block.want, CASES_MAX);
    buf_init(&block.file_text, CASES_MAX);
    while (lines.size > 0) {
        struct slice line = slice_first(lines, slice_find(lines, '\n'));
        lines = slice_from(lines, line.size + 1);
        read_line(&block, line);
    }
    end_file(&block);
    bool is_good = true;
    if (!only || slice_is(name, only)) {
        for (size_t i = 0; i < block.step_count; i++)
            run_step(&block.world, block.steps[i]);
        is_good = slice_equal(buf_slice(&block.world.transcript), buf_slice(&block.want));
    }
    if (!is_good) {
        printf("== %.*s (again: CASE='%.*s')\n-- got\n", SLICE_FMT(name), SLICE_FMT(name));
        (void)fputs(buf_text(&block.world.transcript), stdout); /* only a report */
        printf("-- want\n%s--\n", buf_text(&block.want));
    }
    buf_done(&block.want);
    buf_done(&block.file_text);
    world_done(&block.world);
    return is_good;
}

static void run_cases(const char *name)
{
    struct buf text;
    buf_init(&text, CASES_MAX);
    struct slice rest = read_cases(&text, name);
    size_t count = 0, failed = 0;
    while (rest.size > 0) {
        struct slice head = slice_first(rest, slice_find(rest, '\n'));
        rest = slice_from(rest, head.size + 1);
        if (!slice_starts(head, SLICE("== ")))
            continue;
        size_t size = 0;
        while (size < rest.size && !slice_starts(slice_from(rest, size), SLICE("== ")))
            size += slice_find(slice_from(rest, size), '\n') + 1;
        failed += !run_block(slice_from(head, 3), slice_first(rest, size));
        rest = slice_from(rest, size);
        count++;
    }
    buf_done(&text);
    assert_true(count > 0);
    assert_int_equal(failed, 0);
}

static void test_cases(void **state)
{
    (void)state; /* none */
    run_cases("cli.cases");
}

static void test_help(void **state)
{
    (void)state; /* none */
    run_cases("cli_help.cases");
}

static void test_init(void **state)
{
    (void)state; /* none */
    run_cases("cli_init.cases");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_init),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
