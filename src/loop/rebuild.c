/* loop/rebuild.c - what triggers have counted, made again from the stored labels (R21, R22): of a
 * definition that has changed, and when a wrong one was right after all.
 * A label counts in the order in which it came, with what it is worth now. */
#include "loop/triggers.h"

#include <stdlib.h>

#include "base/map.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/rows.h"
#include "record/label_row.h"

/* A changed definition reads labels of what was submitted in so long: a test forgets sooner. */
#define REBUILD_MS (90LL * 24 * 3600 * 1000)

/* One label at one trigger. */
struct rebuild_sample {
    uint32_t slot;
    uint64_t action, seq;
    int64_t at_unix_ms;
    bool is_bad;
};

struct rebuild {
    struct engine *engine;
    uint64_t cleared; /* the action whose label is right from now on; 0 = none */
    struct rebuild_sample *samples;
    size_t count, capacity;
};

/* They come in the order of their actions: where there are too many, the newer half is kept. */
static bool rebuild_push(struct rebuild *rebuild, struct rebuild_sample sample)
{
    if (rebuild->count == LIMIT_LABEL_ROWS) {
        rebuild->count /= 2;
        memmove(rebuild->samples, rebuild->samples + rebuild->count,
                rebuild->count * sizeof *rebuild->samples);
    }
    if (rebuild->count == rebuild->capacity) {
        size_t capacity = rebuild->capacity * 2 + 256;
        struct rebuild_sample *samples = realloc(rebuild->samples, capacity * sizeof *samples);
        if (!samples)
            return false;
        rebuild->samples = samples;
        rebuild->capacity = capacity;
    }
    rebuild->samples[rebuild->count++] = sample;
    return true;
}

static enum err rebuild_take(struct rebuild *rebuild, const struct label_row *row)
{
    struct engine *engine = rebuild->engine;
    const struct step *step = config_step_of(engine_config(engine), row->workflow, row->step);
    bool is_sample = row->use == LABEL_SAMPLE;
    size_t count = 0;
    if (!step || row->count == 0 || (!is_sample && row->use != LABEL_COMPLAINT))
        return ERR_OK;
    const uint32_t *feeds =
        engine_feeds(engine, step, is_sample ? SIGNAL_MISCLASSIFIED : SIGNAL_COMPLAINTS, &count);
    for (size_t i = 0; i < count; i++) {
        const struct trigger_slot *slot = &engine->triggers.slots[feeds[i]];
        struct slice risk = slot->trigger->risk;
        if (!slot->is_rebuilding || row->started_unix_ms <= slot->row.restarted_unix_ms ||
            (risk.size > 0 && !slice_equal(risk, row->risk)))
            continue;
        bool is_right = row->is_cleared || row->action == rebuild->cleared;
        if (!rebuild_push(rebuild, (struct rebuild_sample){.slot = feeds[i],
                                                           .action = row->action,
                                                           .seq = row->first.seq,
                                                           .at_unix_ms = row->first.at_unix_ms,
                                                           .is_bad = row->first.is_wrong &&
                                                                     !(is_sample && is_right)}))
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

/* ---- the labels, as they will be when all that is queued is saved ---- */

static enum err rebuild_read_row(void *arg, const struct store_row *stored, bool *out_is_enough)
{
    struct rebuild *rebuild = arg;
    struct label_row row = {0};
    (void)out_is_enough;
    enum err err = label_row_decode(stored->value, &row);
    const struct entry *entry = err == ERR_OK ? entry_peek(rebuild->engine, row.action) : NULL;
    if (err != ERR_OK || (entry && entry->label)) /* memory is newer */
        return err;
    return rebuild_take(rebuild, &row);
}

static enum err rebuild_read_memory(struct rebuild *rebuild, uint64_t from_id)
{
    size_t cursor = 0;
    const struct entry *entry = NULL;
    enum err err = ERR_OK;
    while (err == ERR_OK && (entry = map_next(&rebuild->engine->entries, &cursor)) != NULL) {
        struct label_row row = {0};
        if (!entry->label || entry->row.action.id < from_id)
            continue;
        err = label_row_decode(slice_of(entry->label, entry->label_size), &row);
        if (err == ERR_OK)
            err = rebuild_take(rebuild, &row);
    }
    return err;
}

static int rebuild_compare(const void *a, const void *b)
{
    const struct rebuild_sample *left = a;
    const struct rebuild_sample *right = b;
    return (left->seq > right->seq) - (left->seq < right->seq);
}

/* Of each slot that is rebuilding: its samples in the order in which they came. */
static enum err rebuild_read(struct rebuild *rebuild, uint64_t from_id)
{
    unsigned char after[LABEL_ROW_KEY];
    label_row_key(from_id > 0 ? from_id - 1 : 0, after);
    enum err err = rows_each(rebuild->engine, STORE_LABELS, slice_of(after, sizeof after),
                             rebuild_read_row, rebuild);
    if (err == ERR_OK)
        err = rebuild_read_memory(rebuild, from_id);
    if (rebuild->count > 0)
        qsort(rebuild->samples, rebuild->count, sizeof *rebuild->samples, rebuild_compare);
    return err;
}

/* What they make together, from the last restart on. */
static void rebuild_play(const struct rebuild *rebuild, const struct trigger_slot *slot,
                         struct trigger_state *out)
{
    const struct triggers *triggers = &rebuild->engine->triggers;
    bool is_count = slot->terms.statistic == TRIGGER_COUNT;
    trigger_init(out, 0);
    if (slot->row.restarted_unix_ms != 0 && slot->row.from_ids[1] == 0)
        trigger_restart(out, &slot->terms, slot->row.restarted_unix_ms);
    for (size_t i = 0; i < rebuild->count; i++) {
        const struct rebuild_sample *sample = &rebuild->samples[i];
        struct trigger_event event = {.kind = is_count ? TRIGGER_AMOUNT : TRIGGER_SAMPLE,
                                      .now_unix_ms = sample->at_unix_ms,
                                      .is_bad = sample->is_bad,
                                      .amount = 1};
        if (&triggers->slots[sample->slot] == slot && (!is_count || sample->is_bad))
            trigger_replay(out, &slot->terms, &event);
    }
}

/* ---- a definition that has changed ---- */

static bool rebuild_is_of_labels(const struct trigger_slot *slot)
{
    return slot->trigger->signal == SIGNAL_MISCLASSIFIED ||
           slot->trigger->signal == SIGNAL_COMPLAINTS;
}

static void rebuild_whole(struct rebuild *rebuild, struct trigger_slot *slot)
{
    struct trigger_row *row = &slot->row;
    struct trigger_event now = {.kind = TRIGGER_TICK, .now_unix_ms = rebuild->engine->now_unix_ms};
    row->from_ids[0] = row->from_ids[1] = row->block_samples = 0;
    for (size_t i = 0; i < rebuild->count; i++) {
        int64_t id = (int64_t)rebuild->samples[i].action;
        if (&rebuild->engine->triggers.slots[rebuild->samples[i].slot] == slot &&
            (row->from_ids[0] == 0 || id < row->from_ids[0]))
            row->from_ids[0] = id;
    }
    rebuild_play(rebuild, slot, &row->state);
    trigger_replay(&row->state, &slot->terms, &now);
    if (row->from_ids[0] != 0)
        slot_is_moved(rebuild->engine, slot);
}

enum err engine_rebuild_triggers(struct engine *engine)
{
    struct triggers *triggers = &engine->triggers;
    struct rebuild rebuild = {.engine = engine};
    int64_t since_unix_ms = engine->now_unix_ms - REBUILD_MS;
    bool has_one = false;
    for (size_t i = 0; i < triggers->count; i++) {
        struct trigger_slot *slot = &triggers->slots[i];
        slot->is_rebuilding = slot->is_rebuilding && rebuild_is_of_labels(slot);
        has_one = has_one || slot->is_rebuilding;
    }
    if (!has_one)
        return ERR_OK;
    enum err err = rebuild_read(&rebuild, since_unix_ms > 0 ? (uint64_t)since_unix_ms << 20 : 0);
    for (size_t i = 0; err == ERR_OK && i < triggers->count; i++) {
        struct trigger_slot *slot = &triggers->slots[i];
        if (!slot->is_rebuilding)
            continue;
        rebuild_whole(&rebuild, slot);
        slot->is_rebuilding = false;
    }
    free(rebuild.samples);
    return err;
}

/* ---- a wrong one that was right ---- */

void slot_note_sample(struct trigger_slot *slot, uint64_t action)
{
    struct trigger_row *row = &slot->row;
    const struct trigger_state *state = &row->state;
    bool is_block_over =
        state->s_micro == 0 && state->samples - row->block_samples >= TRIGGER_RECENT;
    if (row->from_ids[0] == 0 || is_block_over) {
        bool is_known = row->from_ids[0] != 0 || state->samples == 0;
        row->from_ids[1] = row->from_ids[0];
        row->from_ids[0] = is_known ? (int64_t)action : 1; /* else of a row of an older version */
        row->block_samples = state->samples;
    } else if ((int64_t)action < row->from_ids[0]) {
        row->from_ids[0] = (int64_t)action;
    }
}

static int64_t rebuild_from(const struct trigger_row *row)
{
    bool has_older = row->from_ids[1] != 0 && row->from_ids[1] < row->from_ids[0];
    return has_older ? row->from_ids[1] : row->from_ids[0];
}

static void rebuild_test(struct rebuild *rebuild, struct trigger_slot *slot,
                         int64_t first_label_unix_ms)
{
    struct trigger_state *state = &slot->row.state;
    struct trigger_state made;
    trigger_take_back(state, &slot->terms, first_label_unix_ms);
    rebuild_play(rebuild, slot, &made);
    state->s_micro = made.s_micro;
    state->rising_unix_ms = made.rising_unix_ms;
    state->recent_count = made.recent_count;
    memcpy(state->recent, made.recent, sizeof state->recent);
    if (state->level == TRIGGER_WARNED && state->s_micro == 0) {
        state->level = TRIGGER_NORMAL;
        slot->is_calm = true;
        rebuild->engine->triggers.has_due = true;
    }
    slot_is_moved(rebuild->engine, slot);
}

void engine_take_back_label(struct engine *engine, uint64_t action, int64_t first_label_unix_ms)
{
    struct triggers *triggers = &engine->triggers;
    struct rebuild rebuild = {.engine = engine, .cleared = action};
    int64_t from = 0;
    bool has_one = false;
    for (size_t i = 0; i < triggers->count; i++) {
        const struct trigger_slot *slot = &triggers->slots[i];
        int64_t own = rebuild_from(&slot->row);
        if (!slot->is_rebuilding)
            continue;
        from = has_one && from < own ? from : own;
        has_one = true;
    }
    enum err err = has_one ? rebuild_read(&rebuild, (uint64_t)from) : ERR_OK;
    for (size_t i = 0; i < triggers->count; i++) {
        struct trigger_slot *slot = &triggers->slots[i];
        if (slot->is_rebuilding && err == ERR_OK)
            rebuild_test(&rebuild, slot, first_label_unix_ms);
        slot->is_rebuilding = false;
    }
    if (err != ERR_OK)
        engine_fail(engine, "labels cannot be read again");
    free(rebuild.samples);
}
