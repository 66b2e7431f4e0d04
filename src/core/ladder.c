#include "core/ladder.h"

#include <stddef.h>

#include "base/check.h"

static unsigned ladder_levels_of(uint8_t rung)
{
    const unsigned known = LADDER_FIRST | LADDER_OWNERS | LADDER_DUTIES;
    if (rung == 0)
        return 0;
    if (rung < LADDER_RUNG_REPEAT)
        return 1U << (rung - 1);
    if (rung < LADDER_RUNG_ADMINS)
        return known;
    return rung == LADDER_RUNG_ADMINS ? LADDER_ADMINS : known | LADDER_ADMINS;
}

/* How long a rung may stay without an answer. */
static int64_t ladder_wait_ms(const struct ladder *ladder, uint8_t rung)
{
    if (rung == 1)
        return ladder->times.level_2_ms;
    if (rung == 2)
        return ladder->times.level_3_ms - ladder->times.level_2_ms;
    return rung < LADDER_RUNG_NOBODY ? ladder->times.level_3_ms : LADDER_AGAIN_MS;
}

/* One rung up, or the last one again. */
static void ladder_climb(struct ladder *ladder, struct ladder_effects *out)
{
    if (ladder->rung < LADDER_RUNG_NOBODY)
        ladder->rung++;
    ladder->told = 0;
    ladder->lost = 0;
    out->levels |= ladder_levels_of(ladder->rung);
    out->is_loud = ladder->rung == LADDER_RUNG_NOBODY;
    out->is_changed = true;
}

/* All rungs that are due, as one (invariant 2). `due` is when the next one was. */
static void ladder_catch_up(struct ladder *ladder, int64_t due_unix_ms, int64_t now_unix_ms,
                            struct ladder_effects *out)
{
    do {
        ladder_climb(ladder, out);
        due_unix_ms += ladder_wait_ms(ladder, ladder->rung);
    } while (due_unix_ms <= now_unix_ms && ladder->rung < LADDER_RUNG_NOBODY);
    ladder->next_unix_ms = now_unix_ms + ladder_wait_ms(ladder, ladder->rung);
}

static void ladder_open(struct ladder *ladder, const struct ladder_event *event,
                        struct ladder_effects *out)
{
    *ladder = (struct ladder){.times = event->times, .opened_unix_ms = event->now_unix_ms};
    if (ladder->times.level_3_ms <= ladder->times.level_2_ms)
        ladder->times.level_3_ms = ladder->times.level_2_ms * 2;
    ladder_catch_up(ladder, event->now_unix_ms, event->now_unix_ms, out);
}

static void ladder_on_time(struct ladder *ladder, int64_t now_unix_ms, struct ladder_effects *out)
{
    if (now_unix_ms < ladder->next_unix_ms)
        return;
    if (ladder->state == LADDER_ACKNOWLEDGED) { /* invariant 4 */
        ladder->state = LADDER_RUNNING;
        ladder->rung = 0;
        ladder->rounds++;
        out->is_new_round = true;
    }
    ladder_catch_up(ladder, ladder->next_unix_ms, now_unix_ms, out);
}

/* Nobody hears this rung: the next one, now. The last one has none. */
static void ladder_unheard(struct ladder *ladder, int64_t now_unix_ms, struct ladder_effects *out)
{
    if (ladder->state == LADDER_RUNNING && ladder->lost >= ladder->told &&
        ladder->rung < LADDER_RUNG_NOBODY)
        ladder_catch_up(ladder, now_unix_ms, now_unix_ms, out);
}

void ladder_step(struct ladder *ladder, const struct ladder_event *event,
                 struct ladder_effects *out_effects)
{
    struct ladder_effects effects = {0};
    if (event->kind != LADDER_OPEN && ladder->state == LADDER_CLOSED) {
        *out_effects = effects;
        return;
    }
    switch (event->kind) {
    case LADDER_OPEN:
        ladder_open(ladder, event, &effects);
        break;
    case LADDER_TIMER:
        ladder_on_time(ladder, event->now_unix_ms, &effects);
        break;
    case LADDER_TOLD:
        if (event->rung != ladder->rung)
            break;
        ladder->told += event->count;
        effects.is_changed = true;
        ladder_unheard(ladder, event->now_unix_ms, &effects);
        break;
    case LADDER_LOST:
        if (event->rung != ladder->rung)
            break;
        ladder->lost++;
        effects.is_changed = true;
        ladder_unheard(ladder, event->now_unix_ms, &effects);
        break;
    case LADDER_ACK:
        effects.is_changed = true;
        effects.must_acknowledge = true;
        ladder->state = LADDER_ACKNOWLEDGED;
        ladder->acknowledged_unix_ms = event->now_unix_ms;
        ladder->next_unix_ms = event->now_unix_ms + LADDER_HOLD_MS;
        break;
    case LADDER_CLOSE:
        effects.is_changed = true;
        effects.must_recover = true;
        ladder->state = LADDER_CLOSED;
        ladder->closed_unix_ms = event->now_unix_ms;
        ladder->next_unix_ms = 0;
        break;
    }
    *out_effects = effects;
    CHECK((ladder->state == LADDER_CLOSED) == (ladder->next_unix_ms == 0)); /* invariant 1 */
}

bool ladder_is_loud(const struct ladder *ladder)
{
    return ladder->state == LADDER_RUNNING && ladder->rung == LADDER_RUNG_NOBODY;
}

int64_t ladder_retry_ms(uint32_t tries)
{
    static const int64_t waits_ms[LADDER_TRIES] = {0, 2000, 10000, 60000, 300000};
    return tries < LADDER_TRIES ? waits_ms[tries] : -1;
}
