#include "core/switchboard.h"

#include <stdlib.h>

#include "base/check.h"

void switchboard_init(struct switchboard *board)
{
    *board = (struct switchboard){.epoch = 1};
}

void switchboard_done(struct switchboard *board)
{
    if (!board)
        return;
    free(board->stops);
    *board = (struct switchboard){0};
}

/* Drops what is lifted and whose receipt is complete. */
static void switchboard_sweep(struct switchboard *board)
{
    size_t kept = 0;
    for (size_t i = 0; i < board->stop_count; i++)
        if (!board->stops[i].is_lifted || board->stops[i].in_flight > 0)
            board->stops[kept++] = board->stops[i];
    board->stop_count = kept;
}

enum err switchboard_stop(struct switchboard *board, const struct stop *stop,
                          struct stop **out_stop)
{
    switchboard_sweep(board);
    if (board->stop_count >= LIMIT_STOPS)
        return ERR_LIMIT;
    if (board->stop_count == board->capacity) {
        size_t capacity = board->capacity ? board->capacity * 2 : 16;
        struct stop *stops = realloc(board->stops, capacity * sizeof *stops);
        if (!stops)
            return ERR_NO_MEMORY;
        board->stops = stops;
        board->capacity = capacity;
    }
    struct stop *slot = &board->stops[board->stop_count++];
    *slot = *stop;
    slot->epoch = board->epoch++; /* invariant 1 */
    *out_stop = slot;
    return ERR_OK;
}

struct stop *switchboard_find(struct switchboard *board, uint64_t id)
{
    for (size_t i = 0; i < board->stop_count; i++)
        if (board->stops[i].id == id)
            return &board->stops[i];
    return NULL;
}

bool switchboard_lift(struct switchboard *board, uint64_t id, int64_t now_unix_ms)
{
    struct stop *stop = switchboard_find(board, id);
    if (!stop || stop->is_lifted)
        return false;
    stop->is_lifted = true;
    stop->lifted_at_unix_ms = now_unix_ms;
    return true;
}

static bool scope_part_covers(const char *name, struct slice at, struct slices was)
{
    return name[0] == '\0' || slice_is(at, name) || slices_have(was, slice_text(name));
}

bool scope_covers(const struct stop *stop, const struct scope *at)
{
    return scope_part_covers(stop->names[0], at->workflow, at->workflow_was) &&
           scope_part_covers(stop->names[1], at->step, at->step_was) &&
           scope_part_covers(stop->names[2], at->upstream, (struct slices){0}) &&
           scope_part_covers(stop->names[3], at->risk, (struct slices){0});
}

struct stop *switchboard_covers(const struct switchboard *board, const struct scope *at)
{
    for (size_t i = 0; i < board->stop_count; i++)
        if (!board->stops[i].is_lifted && scope_covers(&board->stops[i], at))
            return &board->stops[i];
    return NULL;
}

size_t switchboard_attempt_ended(struct switchboard *board, const struct scope *at,
                                 uint64_t epoch_at_start, unsigned state, int64_t now_unix_ms)
{
    CHECK(state < STOP_STATES);
    size_t stopped_count = 0;
    for (size_t i = 0; i < board->stop_count; i++) {
        struct stop *stop = &board->stops[i];
        if (stop->in_flight == 0 || epoch_at_start > stop->epoch || !scope_covers(stop, at))
            continue;
        stop->ended[state]++;
        if (--stop->in_flight == 0) { /* invariant 2 */
            stop->stopped_at_unix_ms = now_unix_ms;
            stopped_count++;
        }
    }
    return stopped_count;
}
