/* loop/feeds.c - what happens to actions, as the triggers get it: starts before they happen, then
 * what came of them. Keeps I13 and R22: a start that would exceed does not happen. */
#include "loop/triggers.h"

#include <math.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/steps.h"
#include "policy/template.h"
#include "record/identity.h"

/* ---- one event of one trigger ---- */

/* A level that stays as it is needs no write: it is looked at again after a start. */
static bool feed_is_news(const struct trigger_slot *slot, const struct trigger_state *before)
{
    const struct trigger_state *state = &slot->row.state;
    return slot->terms.statistic != TRIGGER_LEVEL || before->level != state->level ||
           (before->normal_since_unix_ms == 0) != (state->normal_since_unix_ms == 0) ||
           before->is_known_over != state->is_known_over ||
           before->known_value != state->known_value;
}

void slot_feed(struct engine *engine, struct trigger_slot *slot, struct trigger_event event)
{
    struct triggers *triggers = &engine->triggers;
    struct trigger_answer answer;
    const struct trigger_state *state = &slot->row.state;
    const struct trigger_state before = {.level = state->level,
                                         .normal_since_unix_ms = state->normal_since_unix_ms,
                                         .is_known_over = state->is_known_over,
                                         .known_value = state->known_value};
    event.now_unix_ms = engine->now_unix_ms;
    trigger_step(&slot->row.state, &slot->terms, &event, &answer);
    if (answer.is_crossing) {
        slot->row.answer = answer;
        slot->row.is_trip_due = true;
        slot->row.tripped_unix_ms = engine->now_unix_ms;
    }
    slot->warns |= answer.is_warning;
    slot->is_calm |= answer.is_warning_over;
    slot->clears |= answer.is_clearing;
    if (answer.is_warning)
        slot->row.answer = answer;
    triggers->has_due |=
        answer.is_crossing || answer.is_warning || answer.is_warning_over || answer.is_clearing;
    if (feed_is_news(slot, &before))
        slot_is_moved(engine, slot);
}

/* A yes or no of one action: a share counts both, a count the bad ones. */
static void feed_sample(struct engine *engine, struct trigger_slot *slot, bool is_bad)
{
    if (slot->terms.statistic != TRIGGER_COUNT)
        slot_feed(engine, slot, (struct trigger_event){.kind = TRIGGER_SAMPLE, .is_bad = is_bad});
    else if (is_bad)
        slot_feed(engine, slot, (struct trigger_event){.kind = TRIGGER_AMOUNT, .amount = 1});
}

static void feed_samples(struct engine *engine, const struct entry *entry, enum signal signal,
                         bool is_bad)
{
    size_t count = 0;
    const uint32_t *feeds = engine_feeds(engine, entry->step, signal, &count);
    for (size_t i = 0; i < count; i++) {
        struct trigger_slot *slot = &engine->triggers.slots[feeds[i]];
        if (slot_takes_risk(slot, entry->step, entry->row.action.risk))
            feed_sample(engine, slot, is_bad);
    }
}

/* ---- rows by a keyed hash ---- */

static struct map_key memo_map_key(const unsigned char hash[STORE_KEY_SIZE])
{
    struct map_key key;
    memcpy(&key.high, hash, sizeof key.high);
    memcpy(&key.low, hash + sizeof key.high, sizeof key.low);
    return key;
}

/* Forgets what is durable, the longest unused first. */
static void memo_make_room(struct engine *engine)
{
    enum { MEMOS_KEPT = 4096 };
    struct triggers *triggers = &engine->triggers;
    while (triggers->memo_count > MEMOS_KEPT) {
        struct trigger_memo *memo = LIST_ENTRY(triggers->memos.next, struct trigger_memo, link);
        if (memo->submit == 0 || memo->submit > engine->submits_told)
            return;
        (void)map_remove(&triggers->memo_map,
                         memo_map_key(memo->key + memo->key_size - STORE_KEY_SIZE));
        list_remove(&memo->link);
        free(memo);
        triggers->memo_count--;
    }
}

struct trigger_memo *engine_memo(struct engine *engine, enum store_table table, struct slice key)
{
    struct triggers *triggers = &engine->triggers;
    const unsigned char *hash = (const unsigned char *)key.at + key.size - STORE_KEY_SIZE;
    struct trigger_memo *memo = map_get(&triggers->memo_map, memo_map_key(hash));
    if (memo)
        return memo;
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct slice stored = {0};
    memo_make_room(engine);
    memo = calloc(1, sizeof *memo);
    arena_init(&arena, 4096);
    enum err err = memo ? store->get_row(store->impl, table, key, &arena, &stored) : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = repeat_row_decode(stored, &memo->state);
    if (err == ERR_OK || err == ERR_NOT_FOUND)
        err = map_put(&triggers->memo_map, memo_map_key(hash), memo);
    arena_done(&arena);
    if (err != ERR_OK) {
        free(memo);
        engine_fail(engine, err_text(err));
        return NULL;
    }
    memo->table = table;
    memo->key_size = key.size;
    memo->submit = 1; /* as it is in the store */
    memcpy(memo->key, key.at, key.size);
    list_add_before(triggers->memos.next, &memo->link); /* nobody has used it yet */
    triggers->memo_count++;
    return memo;
}

bool engine_has_memo(const struct engine *engine, struct slice key)
{
    return map_get(&engine->triggers.memo_map,
                   memo_map_key((const unsigned char *)key.at + key.size - STORE_KEY_SIZE)) != NULL;
}

void memo_is_moved(struct engine *engine, struct trigger_memo *memo)
{
    struct triggers *triggers = &engine->triggers;
    if (memo->is_dirty)
        return;
    list_remove(&memo->link);
    list_add_before(&triggers->memos, &memo->link);
    memo->is_dirty = true;
    triggers->dirty_memos++;
}

/* ---- starts ---- */

/* In millionths. What is negative is not taken off: a refund does not make room for a payment. */
static bool start_amount(const struct expr_value *value, int64_t *out)
{
    double real = value->type == EXPR_INT      ? (double)value->integer
                  : value->type == EXPR_UINT   ? (double)value->unsigned_integer
                  : value->type == EXPR_DOUBLE ? value->real
                                               : (double)NAN;
    if (isnan(real))
        return false;
    real = fabs(real) * TRIGGER_MILLION;
    *out = real < (double)INT64_MAX ? (int64_t)ceil(real) : INT64_MAX;
    if (value->type == EXPR_INT && *out < INT64_MAX)
        *out = llabs(value->integer) * TRIGGER_MILLION; /* exact */
    return true;
}

static bool start_recipient(struct engine *engine, const struct trigger_slot *slot,
                            const struct start_question *question,
                            unsigned char out[STORE_KEY_SIZE])
{
    const struct step *step = question->step;
    struct expr_work work = {.scratch = question->scratch};
    struct expr_value value;
    struct buf text, hex;
    bool is_good = false;
    buf_init(&text, LIMIT_EXPR_STRING);
    buf_init(&hex, DIGEST_SHORT * 2);
    if (slot->trigger->argument)
        is_good = expr_eval(slot->trigger->argument, question->scope, &work, &value) == EXPR_OK &&
                  expr_value_add_text(&text, &value) == ERR_OK;
    else if (step->recipient)
        is_good = template_render_text(step->recipient, question->scope, &work, &text) == EXPR_OK;
    text_add_hex(&hex, slice_of(slot->counts, sizeof slot->counts)); /* its workflow is in it */
    struct identity_name name = {.step = buf_slice(&hex), .text = buf_slice(&text)};
    if (is_good)
        identity_recipient(engine->identity, &name, out);
    buf_done(&hex);
    buf_done(&text);
    return is_good;
}

static struct trigger_memo *start_memo(struct engine *engine, const struct trigger_slot *slot,
                                       const unsigned char hash[STORE_KEY_SIZE])
{
    unsigned char key[DIGEST_SHORT + STORE_KEY_SIZE];
    memcpy(key, slot->counts, DIGEST_SHORT);
    memcpy(key + DIGEST_SHORT, hash, STORE_KEY_SIZE);
    return engine_memo(engine, STORE_REPEATS, slice_of(key, sizeof key));
}

static struct trigger_start_item *start_add(struct trigger_start *start, uint32_t slot)
{
    if (start->count == start->capacity) {
        size_t capacity = start->capacity * 2 + 8;
        struct trigger_start_item *items = realloc(start->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        start->items = items;
        start->capacity = capacity;
    }
    start->items[start->count] = (struct trigger_start_item){.slot = slot, .amount = 1};
    return &start->items[start->count++];
}

/* What waited for an upstream or a stop leaves at the pace of its queue, and counts apart; so does
 * what was there before the restart, wherever it has waited since. A delay that a rule asks for, or
 * an older action of the same thing, is no such queue. */
static bool start_is_backlog(const struct trigger_slot *slot, const struct action *action)
{
    bool is_held = action->state == STATE_HELD;
    bool is_stored = is_held || action->state == STATE_WAITING;
    return (is_held &&
            (action->hold_for == HOLD_FOR_STOP || action->hold_for == HOLD_FOR_UPSTREAM ||
             (action->hold_for == HOLD_FOR_FACT && action->is_release_wanted))) ||
           (is_stored && action->submitted_unix_ms <= slot->row.restarted_unix_ms);
}

/* What it needs cannot be made of the input: people look at it; it counts at the others alone. */
static bool start_drop(struct engine *engine)
{
    engine->triggers.start.count--;
    return false;
}

/* What this start counts at one trigger. false: it cannot be told. */
static bool start_measure(struct engine *engine, const struct start_question *question,
                          uint32_t index)
{
    const struct trigger_slot *slot = &engine->triggers.slots[index];
    struct expr_work work = {.scratch = question->scratch};
    struct expr_value value;
    bool is_volume = slot->trigger->signal == SIGNAL_VOLUME;
    if (!slot_takes_risk(slot, question->step, question->risk) ||
        (is_volume && start_is_backlog(slot, question->action)))
        return true;
    struct trigger_start_item *item = start_add(&engine->triggers.start, index);
    if (!item)
        return false;
    switch (slot->trigger->signal) {
    case SIGNAL_SUM:
        return (expr_eval(slot->trigger->argument, question->scope, &work, &value) == EXPR_OK &&
                start_amount(&value, &item->amount)) ||
               start_drop(engine);
    case SIGNAL_REPEAT:
        item->has_memo = true;
        return start_recipient(engine, slot, question, item->memo) || start_drop(engine);
    default:
        return true;
    }
}

static bool start_measure_all(struct engine *engine, const struct start_question *question)
{
    static const enum signal signals[] = {SIGNAL_VOLUME, SIGNAL_SUM, SIGNAL_REPEAT};
    struct trigger_start *start = &engine->triggers.start;
    bool is_good = true;
    start->action = question->action->id;
    start->count = 0;
    for (size_t s = 0; s < sizeof signals / sizeof *signals; s++) {
        size_t count = 0;
        const uint32_t *feeds = engine_feeds(engine, question->step, signals[s], &count);
        for (size_t i = 0; i < count; i++)
            is_good = start_measure(engine, question, feeds[i]) && is_good;
    }
    return is_good;
}

/* Starts to the same recipient, this one among them. */
static int64_t start_repeats(struct engine *engine, const struct trigger_slot *slot,
                             const struct trigger_start_item *item)
{
    const struct trigger_memo *memo = start_memo(engine, slot, item->memo);
    return memo ? 1 + repeat_count(&memo->state, slot->trigger->terms.window_ms,
                                   slot->row.restarted_unix_ms, engine->now_unix_ms)
                : 1;
}

/* Since when: the first of those starts. */
static int64_t start_began(struct engine *engine, const struct trigger_slot *slot,
                           const struct trigger_start_item *item, int64_t repeats)
{
    const struct trigger_memo *memo = start_memo(engine, slot, item->memo);
    return memo && repeats > 1 ? memo->state.starts_unix_ms[repeats - 2] : engine->now_unix_ms;
}

/* Would it exceed? Then the trigger trips, and the start is not counted. */
static bool start_trips(struct engine *engine, const struct trigger_start_item *item)
{
    struct trigger_slot *slot = &engine->triggers.slots[item->slot];
    struct trigger_event event = {.kind = TRIGGER_START, .amount = item->amount};
    if (slot->terms.move == MOVE_ALERT || slot->row.state.level == TRIGGER_TRIPPED)
        return false;
    if (item->has_memo) {
        event.kind = TRIGGER_VALUE;
        event.amount = start_repeats(engine, slot, item);
        if (event.amount <= slot->terms.limit)
            return false;
    } else if (!trigger_exceeds(&slot->row.state, &slot->terms, engine->now_unix_ms,
                                item->amount)) {
        return false;
    }
    slot_feed(engine, slot, event);
    slot->row.answer.must_not_start = true;
    if (item->has_memo)
        slot->row.answer.began_unix_ms = start_began(engine, slot, item, event.amount);
    return true;
}

enum start_says engine_test_start(struct engine *engine, const struct start_question *question)
{
    struct trigger_start *start = &engine->triggers.start;
    bool is_tripped = false;
    if (question->action->starts_total > 0 || question->action->id == 0)
        return START_MAY; /* counted at its first start; a dry run starts nothing */
    if (!start_measure_all(engine, question))
        return START_CANNOT_TELL;
    for (size_t i = 0; i < start->count; i++)
        is_tripped = start_trips(engine, &start->items[i]) || is_tripped;
    if (!is_tripped)
        return START_MAY;
    engine_run_trips(engine);
    return START_TRIPPED;
}

/* Triggers that count the same share a row: it is moved once. */
static bool start_is_first(const struct engine *engine, const struct trigger_start_item *item)
{
    const struct trigger_start *start = &engine->triggers.start;
    const struct trigger_slot *slots = engine->triggers.slots;
    for (const struct trigger_start_item *other = start->items; other < item; other++)
        if (other->has_memo &&
            memcmp(slots[other->slot].counts, slots[item->slot].counts, DIGEST_SHORT) == 0)
            return false;
    return true;
}

/* How often each recipient was told, before this start is added. */
static void start_measure_repeats(struct engine *engine)
{
    struct trigger_start *start = &engine->triggers.start;
    for (size_t i = 0; i < start->count; i++) {
        struct trigger_start_item *item = &start->items[i];
        struct trigger_slot *slot = &engine->triggers.slots[item->slot];
        if (!item->has_memo)
            continue;
        item->repeats = start_repeats(engine, slot, item);
        item->began_unix_ms = start_began(engine, slot, item, item->repeats);
    }
}

/* It starts: it was tested in this turn. */
static void feed_start(struct engine *engine, const struct entry *entry)
{
    struct trigger_start *start = &engine->triggers.start;
    if (start->action != entry->row.action.id)
        return;
    start->action = 0;
    start_measure_repeats(engine);
    for (size_t i = 0; i < start->count; i++) {
        const struct trigger_start_item *item = &start->items[i];
        struct trigger_slot *slot = &engine->triggers.slots[item->slot];
        if (!item->has_memo) {
            slot_feed(engine, slot,
                      (struct trigger_event){.kind = TRIGGER_AMOUNT, .amount = item->amount});
            continue;
        }
        struct trigger_memo *memo = start_memo(engine, slot, item->memo);
        if (!memo)
            return;
        if (start_is_first(engine, item)) {
            repeat_add(&memo->state, engine->now_unix_ms);
            memo_is_moved(engine, memo);
        }
        if (slot->row.state.level != TRIGGER_TRIPPED || item->repeats > slot->terms.limit)
            slot_feed(engine, slot,
                      (struct trigger_event){.kind = TRIGGER_VALUE, .amount = item->repeats});
        if (slot->row.is_trip_due && slot->row.tripped_unix_ms == engine->now_unix_ms)
            slot->row.answer.began_unix_ms = item->began_unix_ms;
    }
}

/* ---- what came of it ---- */

/* Withheld by a stop, and what recovery found open, say nothing of the upstream (R22). */
static bool feed_is_attempt(const struct action_event *event, const struct action_effects *effects)
{
    return effects->has_verdict && !effects->is_late && event->kind != EVENT_CRASHED &&
           event->kind != EVENT_QUARANTINE && effects->verdict.reason != REASON_WITHHELD &&
           effects->verdict.reason != REASON_NOT_BEGUN;
}

static void feed_latency(struct engine *engine, const struct entry *entry)
{
    size_t count = 0;
    const struct action *action = &entry->row.action;
    const uint32_t *feeds = engine_feeds(engine, entry->step, SIGNAL_LATENCY, &count);
    for (size_t i = 0; i < count; i++) {
        struct trigger_slot *slot = &engine->triggers.slots[feeds[i]];
        int64_t took_ms = action->ended_unix_ms - action->submitted_unix_ms;
        if (slot_takes_risk(slot, entry->step, action->risk))
            feed_sample(engine, slot, took_ms > slot->trigger->late_ms);
    }
}

static bool feed_is_low(const struct gate_answer *gate)
{
    for (size_t i = 0; i < gate->path_count; i++)
        if (gate->path[i].gate == GATE_CONFIDENCE)
            return gate->path[i].says != SAYS_GO && gate->path[i].says != SAYS_NOTE;
    return false;
}

static void feed_end(struct engine *engine, const struct entry *entry, const struct action *before)
{
    const struct action *action = &entry->row.action;
    if (!state_is_end(action->state) || state_is_end(before->state))
        return;
    if (action->state == STATE_DONE) {
        feed_samples(engine, entry, SIGNAL_DEGRADED, action->cause != CAUSE_NONE);
        feed_latency(engine, entry);
    }
}

/* A share counts an action once: as uncertain, or at its end if it never was. */
static void feed_uncertain(struct engine *engine, const struct entry *entry,
                           const struct action *before, bool is_new)
{
    const struct action *action = &entry->row.action;
    bool was = !is_new && action_counts_as(before) == STATE_UNCERTAIN;
    bool is = action_counts_as(action) == STATE_UNCERTAIN;
    bool is_end = state_is_end(action->state) && (is_new || !state_is_end(before->state));
    if (is && !was)
        feed_samples(engine, entry, SIGNAL_UNCERTAIN, true);
    else if (!is && !was && is_end && action->starts_total > 0)
        feed_samples(engine, entry, SIGNAL_UNCERTAIN, false);
}

void engine_feed_step(struct engine *engine, const struct entry *entry, const struct action *before,
                      const struct action_event *event, const struct step_note *note)
{
    const struct action_effects *effects = note->effects;
    if (!entry->step)
        return;
    if ((effects->must_send || effects->must_permit) && before->starts_total == 0)
        feed_start(engine, entry);
    if (note->is_admission) {
        engine_saw(engine, entry->step);
        if (entry->step->terms.has_confidence && note->gate)
            feed_samples(engine, entry, SIGNAL_LOW_CONFIDENCE, feed_is_low(note->gate));
    }
    if (feed_is_attempt(event, effects))
        feed_samples(engine, entry, SIGNAL_ERRORS, effects->verdict.outcome != OUTCOME_OK);
    if (note->kind == RECORD_APPROVED || note->kind == RECORD_EDITED ||
        note->kind == RECORD_DECLINED)
        feed_samples(engine, entry, SIGNAL_OVERRIDES, note->kind != RECORD_APPROVED);
    feed_uncertain(engine, entry, before, note->is_admission);
    feed_end(engine, entry, before);
    engine_see_backlog(engine, entry->step);
}

/* ---- labels (R21) ---- */

void engine_feed_label(struct engine *engine, const struct entry *entry,
                       const struct label_event *event, enum label_use use)
{
    static const enum signal signals[] = {SIGNAL_MISCLASSIFIED, SIGNAL_COMPLAINTS};
    bool clears = event->is_drawn && label_clears(event);
    if (!entry->step)
        return;
    for (size_t s = 0; s < sizeof signals / sizeof *signals; s++) {
        size_t count = 0;
        bool is_sample = signals[s] == SIGNAL_MISCLASSIFIED;
        const uint32_t *feeds = engine_feeds(engine, entry->step, signals[s], &count);
        for (size_t i = 0; i < count; i++) {
            struct trigger_slot *slot = &engine->triggers.slots[feeds[i]];
            if (!slot_takes_risk(slot, entry->step, entry->row.action.risk))
                continue;
            if (is_sample && clears) {
                slot->is_rebuilding = event->started_unix_ms > slot->row.restarted_unix_ms;
            } else if (label_feeds(event, use, slot->row.restarted_unix_ms) &&
                       use == (is_sample ? LABEL_SAMPLE : LABEL_COMPLAINT)) {
                if (is_sample)
                    slot_note_sample(slot, entry->row.action.id);
                feed_sample(engine, slot, event->is_wrong);
            }
        }
    }
    if (clears)
        engine_take_back_label(engine, entry->row.action.id, event->first_label_unix_ms);
}

bool engine_draws_all(const struct engine *engine, const struct step *step)
{
    size_t count = 0;
    const uint32_t *feeds = engine_feeds(engine, step, SIGNAL_MISCLASSIFIED, &count);
    for (size_t i = 0; i < count; i++)
        if (engine->triggers.slots[feeds[i]].row.state.level != TRIGGER_NORMAL)
            return true;
    return false;
}
