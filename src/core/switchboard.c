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

static enum err switchboard_add(struct switchboard *board, const struct stop *stop,
                                struct stop **out_stop)
{
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

enum err switchboard_stop(struct switchboard *board, const struct stop *stop,
                          struct stop **out_stop)
{
    switchboard_sweep(board);
    return switchboard_add(board, stop, out_stop);
}

enum err switchboard_try(struct switchboard *board, const struct stop *stop, struct stop **out_stop)
{
    if (board->stop_count >= LIMIT_STOPS)
        switchboard_sweep(board);
    return switchboard_add(board, stop, out_stop);
}

void switchboard_end_try(struct switchboard *board, uint64_t id)
{
    struct stop *stop = switchboard_find(board, id);
    CHECK(stop && stop->is_lifted && stop->in_flight == 0); /* I7: nothing else is taken away */
    size_t place = (size_t)(stop - board->stops);
    memmove(stop, stop + 1, (board->stop_count - place - 1) * sizeof *stop);
    board->stop_count--;
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

/* Does it bind an action there? */
static bool switchboard_binds(const struct stop *stop, const struct scope *at)
{
    if (stop->is_lifted || !scope_covers(stop, at))
        return false;
    for (size_t i = 0; stop->is_ramping && at->let_in && i < at->let_in->count; i++)
        if (at->let_in->incidents[i] == stop->incident)
            return false;
    return true;
}

void switchboard_ask_again(struct switchboard *board)
{
    board->epoch++;
}

static unsigned switchboard_bit(const struct stop *stop)
{
    switch (stop->position) {
    case POSITION_FALLBACK:
        return stop->names[2][0] ? RESTRICT_UPSTREAM : RESTRICT_PRIMARY;
    case POSITION_REVIEW:
        return RESTRICT_APPROVAL;
    case POSITION_CAUTION:
        return RESTRICT_CAUTION;
    case POSITION_RUNNING:
        return RESTRICT_NONE;
    case POSITION_STOPPED:
    case POSITION_COUNT:
        break;
    }
    return RESTRICT_STARTS;
}

static bool switchboard_spares(const struct stop *stop, const struct start_right *right)
{
    return stop->spares_started && right && right->is_started && right->epoch <= stop->epoch;
}

/* The first stop in force that covers the place with one of these restrictions. right: of a start,
 * or NULL. */
static struct stop *switchboard_first(const struct switchboard *board, const struct scope *at,
                                      unsigned restrictions, const struct start_right *right)
{
    for (size_t i = 0; i < board->stop_count; i++) {
        struct stop *stop = &board->stops[i];
        if ((switchboard_bit(stop) & restrictions) && switchboard_binds(stop, at) &&
            !switchboard_spares(stop, right))
            return stop;
    }
    return NULL;
}

struct stop *switchboard_covers(const struct switchboard *board, const struct scope *at)
{
    return switchboard_first(board, at, RESTRICT_STARTS, NULL);
}

unsigned switchboard_restrictions(const struct switchboard *board, const struct scope *at,
                                  const struct stop **out_stop)
{
    unsigned all = RESTRICT_NONE;
    unsigned strictest = RESTRICT_NONE;
    *out_stop = NULL;
    for (size_t i = 0; i < board->stop_count; i++) {
        const struct stop *stop = &board->stops[i];
        if (!switchboard_binds(stop, at))
            continue;
        unsigned bit = switchboard_bit(stop);
        all |= bit;
        if (bit != RESTRICT_NONE && (strictest == RESTRICT_NONE || bit < strictest)) {
            strictest = bit; /* the bits stand in order of force */
            *out_stop = stop;
        }
    }
    return all;
}

struct stop *switchboard_forbids(const struct switchboard *board, const struct scope *at,
                                 const struct start_right *right)
{
    unsigned forbidding = RESTRICT_STARTS | RESTRICT_UPSTREAM;
    if (right->is_primary && !right->is_persons)
        forbidding |= RESTRICT_PRIMARY;
    if (!right->is_read && !right->is_persons)
        forbidding |= RESTRICT_APPROVAL;
    return switchboard_first(board, at, forbidding, right);
}

struct stop *switchboard_holds(const struct switchboard *board, const struct scope *at,
                               bool is_by_fallback)
{
    unsigned holding = RESTRICT_STARTS | RESTRICT_UPSTREAM;
    return switchboard_first(board, at, is_by_fallback ? holding | RESTRICT_PRIMARY : holding,
                             NULL);
}

enum position restriction_position(unsigned restrictions)
{
    if (restrictions & RESTRICT_STARTS)
        return POSITION_STOPPED;
    if (restrictions & (RESTRICT_UPSTREAM | RESTRICT_PRIMARY))
        return POSITION_FALLBACK;
    if (restrictions & RESTRICT_APPROVAL)
        return POSITION_REVIEW;
    return restrictions & RESTRICT_CAUTION ? POSITION_CAUTION : POSITION_STOPPED;
}

static const char *const position_names[POSITION_COUNT] = {
    [POSITION_STOPPED] = "stopped", [POSITION_FALLBACK] = "fallback", [POSITION_REVIEW] = "review",
    [POSITION_CAUTION] = "caution", [POSITION_RUNNING] = "running",
};

const char *position_name(enum position position)
{
    CHECK((unsigned)position < POSITION_COUNT);
    return position_names[position];
}

bool position_parse(struct slice name, enum position *out_position)
{
    for (unsigned i = 0; i < POSITION_COUNT; i++)
        if (slice_is(name, position_names[i])) {
            *out_position = (enum position)i;
            return true;
        }
    return false;
}

/* Was it under way when the stop came? */
static bool switchboard_counts(const struct stop *stop, const struct scope *at,
                               const struct attempt_end *end)
{
    return end->epoch_at_start <= stop->epoch && stop->epoch < end->epoch_at_end &&
           scope_covers(stop, at);
}

size_t switchboard_attempt_ended(struct switchboard *board, const struct scope *at,
                                 const struct attempt_end *end)
{
    CHECK(end->state < STOP_STATES);
    size_t stopped_count = 0;
    for (size_t i = 0; i < board->stop_count; i++) {
        struct stop *stop = &board->stops[i];
        if (stop->in_flight == 0 || !switchboard_counts(stop, at, end))
            continue;
        stop->ended[end->state]++;
        if (--stop->in_flight == 0) { /* invariant 2 */
            stop->stopped_at_unix_ms = end->now_unix_ms;
            stopped_count++;
        }
    }
    return stopped_count;
}
