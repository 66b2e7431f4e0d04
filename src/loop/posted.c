/* loop/posted.c - signals and heartbeats from outside, and the triggers as others read them. A
 * signal counts once: its id is remembered for a week (R22). */
#include "loop/incidents.h"
#include "loop/triggers.h"

#include <math.h>

#include "loop/engine_state.h"
#include "loop/steps.h"
#include "loop/submit.h"
#include "record/identity.h"

static void posted_saved(struct pending *pending)
{
    struct engine_reply reply = {.outcome = ENGINE_TAKEN};
    pending->done(pending->arg, &reply);
}

/* Answers when what was counted is durable. */
static void posted_save(struct engine *engine, engine_done_fn *done, void *arg)
{
    struct pending pending = {.saved = posted_saved, .done = done, .arg = arg};
    struct engine_reply reply = {.outcome = ENGINE_TAKEN};
    size_t count = 0;
    const struct store_row *rows = engine_trigger_rows(engine, &count);
    if (count > 0)
        engine_save_rows(engine, rows, count, &pending);
    else
        done(arg, &reply); /* nothing that is written has changed */
    engine_run_trips(engine);
    engine_set_alarm(engine);
}

static bool posted_is_full(struct engine *engine, engine_done_fn *done, void *arg)
{
    if (!engine->has_failed && !engine->is_closing && engine->unsaved < ENGINE_UNSAVED_ACT)
        return false;
    engine_refuse(done, arg, ENGINE_STORE_FAILED, "the store cannot save it now");
    return true;
}

static void posted_refuse_name(const struct workflow *workflow, const struct engine_signal *signal)
{
    struct buf text;
    bool has_one = false;
    buf_init(&text, LIMIT_SENTENCE);
    buf_add_text(&text, "no trigger of this workflow watches a posted signal of that name");
    for (size_t i = 0; i < workflow->trigger_count; i++) {
        if (workflow->triggers[i].signal != SIGNAL_POSTED)
            continue;
        buf_add_text(&text, has_one ? ", " : "; there is: ");
        buf_add(&text, workflow->triggers[i].argument_text);
        has_one = true;
    }
    struct engine_reply reply = {
        .outcome = ENGINE_BAD_INPUT, .detail = buf_slice(&text), .pointer = SLICE("/name")};
    signal->done(signal->arg, &reply);
    buf_done(&text);
}

/* Below zero counts as zero: limits are at or above it. */
static int64_t posted_amount(double value)
{
    double amount = value > 0 ? value * TRIGGER_MILLION : 0;
    return amount < 9e18 ? (int64_t)llround(amount) : INT64_MAX;
}

static size_t posted_feed(struct engine *engine, const struct engine_signal *signal)
{
    size_t taken = 0;
    for (size_t i = 0; i < engine->triggers.count; i++) {
        struct trigger_slot *slot = &engine->triggers.slots[i];
        if (slot->workflow != signal->workflow || slot->trigger->signal != SIGNAL_POSTED ||
            !slice_equal(slot->trigger->argument_text, signal->name))
            continue;
        bool is_level = slot->terms.statistic == TRIGGER_LEVEL;
        slot_feed(engine, slot,
                  (struct trigger_event){.kind = is_level ? TRIGGER_VALUE : TRIGGER_AMOUNT,
                                         .amount = posted_amount(signal->value)});
        slot_is_moved(engine, slot); /* the last value is shown */
        taken++;
    }
    return taken;
}

static bool posted_is_watched(const struct engine_signal *signal)
{
    const struct workflow *workflow = signal->workflow;
    for (size_t i = 0; i < workflow->trigger_count; i++)
        if (workflow->triggers[i].signal == SIGNAL_POSTED &&
            slice_equal(workflow->triggers[i].argument_text, signal->name))
            return true;
    return false;
}

static void posted_signal(void *impl, const struct engine_signal *signal)
{
    struct engine *engine = impl;
    (void)engine_now(engine);
    if (posted_is_full(engine, signal->done, signal->arg))
        return;
    if (!posted_is_watched(signal)) {
        posted_refuse_name(signal->workflow, signal);
        return;
    }
    unsigned char hash[STORE_KEY_SIZE];
    struct identity_name name = {
        .workflow = signal->workflow->name, .step = signal->name, .text = signal->id};
    identity_signal(engine->identity, &name, hash);
    struct trigger_memo *memo = engine_memo(engine, STORE_SIGNALS, slice_of(hash, sizeof hash));
    if (!memo) {
        engine_refuse(signal->done, signal->arg, ENGINE_STORE_FAILED, "the store cannot be read");
        return;
    }
    if (memo->state.starts_unix_ms[0] == 0) { /* else it was counted */
        repeat_add(&memo->state, engine->now_unix_ms);
        memo_is_moved(engine, memo);
        (void)posted_feed(engine, signal);
    }
    posted_save(engine, signal->done, signal->arg);
}

static void posted_heartbeat(void *impl, const struct workflow *workflow, engine_done_fn *done,
                             void *arg)
{
    struct engine *engine = impl;
    (void)engine_now(engine);
    if (posted_is_full(engine, done, arg))
        return;
    for (size_t i = 0; i < engine->triggers.count; i++) {
        struct trigger_slot *slot = &engine->triggers.slots[i];
        if (slot->workflow == workflow && slot->trigger->signal == SIGNAL_SILENT)
            slot_saw(engine, slot);
    }
    posted_save(engine, done, arg);
}

/* ---- reads ---- */

/* As it is now: time has passed since its last event. */
static void posted_look(struct engine *engine, const struct trigger_slot *slot,
                        struct engine_trigger *out)
{
    struct trigger_state state = slot->row.state;
    struct trigger_answer answer;
    struct trigger_event event = {.kind = TRIGGER_TICK, .now_unix_ms = engine->now_unix_ms};
    trigger_step(&state, &slot->terms, &event, &answer);
    *out = (struct engine_trigger){.workflow = slot->workflow->name,
                                   .trigger = slot->trigger,
                                   .level = slot->row.state.level,
                                   .is_known_over = slot->row.state.is_known_over,
                                   .is_observed = slot->terms.move != slot->trigger->terms.move,
                                   .stop = slot->row.stop ? slot->row.stop : slot->row.caution,
                                   .tripped_unix_ms = slot->row.tripped_unix_ms,
                                   .restarted_unix_ms = slot->row.restarted_unix_ms};
    slot_trip(slot, &answer, &out->now);
    slot_trip(slot, &slot->row.answer, &out->last);
    struct journal alarm = {.kind = INCIDENT_ALERT,
                            .trip = {.is_set = true, .signal = slot->trigger->signal}};
    const struct slice names[] = {
        slot->workflow->name, slot->trigger->step ? slot->trigger->step->name : (struct slice){0}};
    for (size_t i = 0; i < 2; i++)
        if (names[i].size > 0)
            memcpy(alarm.names[i], names[i].at, slice_first(names[i], LIMIT_NAME).size);
    out->told = engine_alarm_told(engine, &alarm);
}

static enum err posted_triggers(void *impl, struct slice workflow, struct arena *arena,
                                struct engine_trigger **out, size_t *out_count)
{
    struct engine *engine = impl;
    const struct triggers *triggers = &engine->triggers;
    (void)engine_now(engine);
    *out = ARENA_ARRAY(arena, triggers->count + 1, struct engine_trigger);
    *out_count = 0;
    if (!*out)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < triggers->count; i++)
        if (workflow.size == 0 || slice_equal(workflow, triggers->slots[i].workflow->name))
            posted_look(engine, &triggers->slots[i], &(*out)[(*out_count)++]);
    return ERR_OK;
}

void engine_port_triggers(struct engine_port *port)
{
    port->signal = posted_signal;
    port->heartbeat = posted_heartbeat;
    port->triggers = posted_triggers;
}
