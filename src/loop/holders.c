/* loop/holders.c - what still holds a scope whose own stop is lifted: people are not told that it
 * runs while another stop binds it.
 * Owns: nothing; it reads the switchboard. */
#include "loop/restarts.h"

#include <string.h>

#include "base/arena.h"
#include "loop/engine_state.h"
#include "policy/config.h"
#include "record/ids.h"
#include "record/receipt.h"

enum { HOLDERS_SHOWN = 2 };

/* One that came after the lift is another story. */
static bool holders_has(const struct engine *engine, const struct stop *stop,
                        const struct stop *lifted)
{
    return !stop->is_lifted && !stop->is_lifting && stop->incident != 0 &&
           stop->incident != lifted->incident && stop->position != POSITION_CAUTION &&
           (lifted->lifted_at_unix_ms == 0 || stop->at_unix_ms <= lifted->lifted_at_unix_ms) &&
           engine_stops_meet(engine, stop, lifted);
}

/* Does it name nothing but what the lifted one names? They meet. */
static bool holders_is_whole(const struct stop *stop, const struct stop *lifted)
{
    for (int i = 1; i < 4; i++)
        if (stop->names[i][0] && !lifted->names[i][0])
            return false;
    return !stop->names[0][0] || lifted->names[0][0];
}

static void holders_add_one(struct buf *out, const struct stop *stop)
{
    receipt_add_scope(out, stop);
    if (stop->position == POSITION_STOPPED)
        buf_add_text(out, stop->is_ramping ? " starting again (" : " stopped (");
    else
        buf_add_fmt(out, " on %s (", position_name(stop->position));
    text_add_id(out, ID_INCIDENT, stop->incident);
    buf_add_byte(out, ')');
}

/* Those that hold all of it first: one of them is enough. */
static size_t holders_add(struct engine *engine, const struct stop *lifted, bool is_whole,
                          struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (!holders_has(engine, stop, lifted) || holders_is_whole(stop, lifted) != is_whole)
            continue;
        if (count++ >= HOLDERS_SHOWN)
            continue;
        buf_add_text(out, count > 1 ? ", " : "");
        holders_add_one(out, stop);
    }
    if (count > HOLDERS_SHOWN)
        buf_add_fmt(out, " and %zu more", count - HOLDERS_SHOWN);
    return count;
}

void engine_holders_add(struct engine *engine, const struct stop *lifted, struct buf *out,
                        bool *out_is_whole)
{
    *out_is_whole = holders_add(engine, lifted, true, out) > 0;
    if (!*out_is_whole)
        (void)holders_add(engine, lifted, false, out);
}

void engine_holders_view(struct engine *engine, struct arena *arena, struct incident_view *view)
{
    struct stop lifted = {.incident = view->id, .lifted_at_unix_ms = view->closed_unix_ms};
    struct buf out;
    if (view->journal.kind != INCIDENT_STOP || (view->is_open && view->ramp.size == 0))
        return;
    memcpy(lifted.names, view->journal.names, sizeof lifted.names);
    buf_init(&out, LIMIT_SUMMARY * 4);
    engine_holders_add(engine, &lifted, &out, &view->is_held);
    view->holders = arena_copy(arena, buf_slice(&out));
    buf_done(&out);
}
