/* loop/away.c - who is away, and who acts in their place (R28).
 * Owns: the list in memory, and its rows.
 * Invariants:
 *   1. The list says what is durable: it changes when the write has come back.
 *   2. Who is back has no row; who was away until a time that is over counts as there, and its row
 *      goes with a record that says so. */
#include "loop/admin.h"

#include <stdlib.h>

#include "loop/engine_state.h"
#include "loop/steps.h"
#include "loop/submit.h"
#include "record/number.h"

static void away_row_encode(const struct away *away, struct buf *out)
{
    number_add_varint(out, (uint64_t)away->until_unix_ms);
    number_add_varint(out, away->is_by_admin);
    buf_add(out, away->cover);
}

static bool away_row_decode(const struct store_row *row, struct away *out)
{
    uint64_t until = 0;
    uint64_t by_admin = 0;
    struct slice rest = row->value;
    if (!number_take_varint(&rest, &until) || until > INT64_MAX ||
        !number_take_varint(&rest, &by_admin) || by_admin > 1)
        return false;
    *out = (struct away){.person = row->key,
                         .cover = rest,
                         .until_unix_ms = (int64_t)until,
                         .is_by_admin = by_admin == 1};
    return true;
}

/* The rows as they are stored, in place of the list in memory. */
enum err engine_load_away(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    struct arena *arena = &engine->away_arena[engine->away_turn ^ 1];
    struct store_row *rows = NULL;
    size_t count = 0;
    arena_init(arena, ENGINE_SCRATCH);
    rows = ARENA_ARRAY(arena, LIMIT_PAGE, struct store_row);
    struct away *items = ARENA_ARRAY(arena, LIMIT_PAGE, struct away);
    enum err err = rows && items ? store->list_rows(store->impl, STORE_AWAY, (struct slice){0},
                                                    LIMIT_PAGE, arena, rows, &count)
                                 : ERR_NO_MEMORY;
    size_t used = 0;
    for (size_t i = 0; err == ERR_OK && i < count; i++)
        used += away_row_decode(&rows[i], &items[used]);
    if (err != ERR_OK) {
        arena_done(arena);
        return err;
    }
    arena_done(&engine->away_arena[engine->away_turn]);
    engine->away_turn ^= 1;
    engine->away = (struct away_list){.items = items, .count = used};
    return ERR_OK;
}

static void away_saved(struct pending *pending)
{
    if (engine_load_away(pending->engine) != ERR_OK)
        engine_fail(pending->engine, "who is away cannot be read");
    struct engine_reply reply = {.outcome = ENGINE_TAKEN};
    pending->done(pending->arg, &reply);
}

static void away_put(void *impl, const struct principal *principal, const struct away *away,
                     engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    (void)engine_now(engine);
    if (engine->has_failed || engine->unsaved >= ENGINE_UNSAVED_ACT) {
        engine_refuse(done, arg, ENGINE_STORE_FAILED, "the store cannot save it now");
        return;
    }
    if (engine->away.count >= LIMIT_PAGE && !away_find(&engine->away, away->person, 0)) {
        engine_refuse(done, arg, ENGINE_NO_ROOM, "LIMIT_PAGE people are away already");
        return;
    }
    struct buf value;
    buf_init(&value, LIMIT_ROW);
    away_row_encode(away, &value);
    bool is_back = away->until_unix_ms == 0;
    struct store_row row = {.table = STORE_AWAY,
                            .key = away->person,
                            .value = is_back ? (struct slice){0} : buf_slice(&value),
                            .is_removed = is_back};
    struct record record = {.kind = RECORD_AWAY,
                            .actor = principal->name,
                            .subject = away->person,
                            .number = (uint64_t)away->until_unix_ms};
    struct pending pending = {.saved = away_saved, .done = done, .arg = arg};
    struct control control = {.record = record, .rows = &row, .row_count = 1};
    engine_save_control(engine, &control, &pending);
    buf_done(&value);
    engine_set_alarm(engine);
}

static void away_dropped(struct pending *pending)
{
    struct engine *engine = pending->engine;
    engine->is_away_dropping = false;
    if (engine_load_away(engine) != ERR_OK)
        engine_fail(engine, "who is away cannot be read");
}

void engine_run_away(struct engine *engine)
{
    const struct away *over = NULL;
    for (size_t i = 0; !over && i < engine->away.count; i++) {
        const struct away *away = &engine->away.items[i];
        if (away->until_unix_ms <= engine->now_unix_ms ||
            !config_person(engine_config(engine), away->person))
            over = away;
    }
    if (!over || engine->is_away_dropping || engine->is_closing || engine->has_failed ||
        engine->unsaved >= ENGINE_UNSAVED_ADMIT)
        return;
    struct store_row row = {.table = STORE_AWAY, .key = over->person, .is_removed = true};
    struct control control = {
        .record = {.kind = RECORD_AWAY, .subject = over->person}, .rows = &row, .row_count = 1};
    struct pending pending = {.saved = away_dropped};
    engine->is_away_dropping = true;
    engine_save_control(engine, &control, &pending);
}

static const struct away_list *away_list(void *impl)
{
    return &((struct engine *)impl)->away;
}

void engine_port_away(struct engine_port *port)
{
    port->away_put = away_put;
    port->away = away_list;
}
