#include "loop/rows.h"

#include "base/arena.h"
#include "base/buf.h"
#include "loop/engine_state.h"

enum { ROWS_KEY = 4 * LIMIT_NAME };

static enum err rows_page(const struct store_row *rows, size_t count, rows_each_fn *each, void *arg,
                          bool *out_is_enough)
{
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && !*out_is_enough && i < count; i++)
        err = each(arg, &rows[i], out_is_enough);
    return err;
}

enum err rows_each(struct engine *engine, enum store_table table, struct slice after,
                   rows_each_fn *each, void *arg)
{
    const struct store_port *store = &engine->options.store;
    struct buf last;
    size_t count = LIMIT_PAGE;
    bool is_enough = false;
    enum err err = ERR_OK;
    buf_init(&last, ROWS_KEY);
    buf_add(&last, after);
    while (err == ERR_OK && !is_enough && count == LIMIT_PAGE) {
        struct arena arena;
        arena_init(&arena, ENGINE_SCRATCH);
        struct store_row *rows = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_row);
        err = rows ? store->list_rows(store->impl, table, buf_slice(&last), LIMIT_PAGE, &arena,
                                      rows, &count)
                   : ERR_NO_MEMORY;
        if (err == ERR_OK)
            err = rows_page(rows, count, each, arg, &is_enough);
        buf_reset(&last);
        if (err == ERR_OK && count > 0)
            buf_add(&last, rows[count - 1].key);
        if (!buf_ok(&last))
            err = ERR_CORRUPT;
        arena_done(&arena);
    }
    buf_done(&last);
    return err;
}
