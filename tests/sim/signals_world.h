/* tests/sim/signals_world.h - one workflow under one trigger, for signals.cases: the real engine
 * on a memory store, a clock that the case sets, a provider that answers as the name of a thing
 * says.
 * Owns: the files of the configuration as texts, and what the case has submitted.
 * Invariants: what a trigger did is read from its records, as they are stored. */
#pragma once
#include <jansson.h>

#include "base/text.h"
#include "record/record.h"
#include "record/trip_text.h"
#include "sim/rig.h"
#include "unit/cases.h"

enum { SIGNALS_IDS = 1024, SIGNALS_CALLS = 64, SIGNALS_POLICY = 16384, SIGNALS_VERSIONS = 4 };
#define SIGNALS_SPRING 1774591200000 /* Friday 2026-03-27 06:00 UTC: 07:00 in the zone */
#define SIGNALS_AUTUMN 1792735200000 /* Friday 2026-10-23 06:00 UTC: 08:00 in the zone */

static const char signals_installation[] = "listen: 127.0.0.1:0\n"
                                           "store: ./data\n"
                                           "people:\n"
                                           "  ana: { email: ana@example.org }\n"
                                           "  ben: { email: ben@example.org }\n"
                                           "groups: { team: [ana, ben] }\n"
                                           "switch: { owner: team, restart: team, inform: ana }\n"
                                           "upstreams:\n"
                                           "  plain: { url: \"http://127.0.0.1:1\" }\n";
static const char signals_policy[] =
    "workflow: w\n"
    "purpose: To be watched\n"
    "owner: team\n"
    "restart: team\n"
    "inform: ana\n"
    "%s"
    "triggers:\n"
    "%s"
    "steps:\n"
    "  s:\n"
    "    kind: ticket\n"
    "    call: plain POST /s/${input.id}\n"
    "    key: ${input.id}\n"
    "    rules:\n"
    "      - shown: review if input.how == \"ask\"\n"
    "      - later: hold 10m if input.how == \"slow\"\n"
    "      - much_later: hold 2d if input.how == \"hold\"\n"
    "    risk: high if input.how == \"high\"\n"
    "    confidence: at least 0.5\n"
    "    audit: { share: 100%%, ask: Right?, labels: [right, wrong], due: 30d }\n"
    "    fallback:\n"
    "      rule: review, due 30m\n"
    "      failed: template sorry\n"
    "    templates:\n"
    "      sorry: { answer: { sorry: 'yes' } }\n"
    "  t:\n"
    "    kind: ticket\n"
    "    call: plain POST /t/${input.id}\n"
    "    key: ${input.id}\n"
    "    audit: { share: 0.1%%, ask: Right?, labels: [right, wrong], due: 30d }\n";

struct signals {
    struct rig rig;
    const struct cases_line *line;
    char policies[SIGNALS_VERSIONS][SIGNALS_POLICY]; /* each reload brings the next one */
    size_t policy_count, policy;
    struct slice subjects[2]; /* the triggers that the case is about */
    struct upstream_call calls[SIGNALS_CALLS];
    size_t call_count;
    struct signals_thing {
        uint64_t action;
        char how[8];
        bool is_labelled, is_judged;
    } things[SIGNALS_IDS];
    size_t thing_count, post_count;
    bool is_crashing; /* after each event */
};

/* ---- the world around the engine ---- */

/* Central Europe in 2026. */
static int64_t signals_offset_ms(void *impl, int64_t unix_ms)
{
    (void)impl;
    bool is_summer = unix_ms >= 1774746000000 && unix_ms < 1792890000000;
    return (is_summer ? 2 : 1) * 3600 * 1000LL;
}

static enum err signals_call(void *impl, const struct upstream_call *call)
{
    struct signals *signals = impl;
    if (signals->call_count == SIGNALS_CALLS)
        return ERR_BUSY;
    if (slice_starts(call->target, SLICE("/s/die")) && call->may_send(call->arg))
        return ERR_OK; /* the crash comes first */
    signals->calls[signals->call_count++] = *call;
    return ERR_OK;
}

static size_t signals_call_count(void *impl)
{
    return ((struct signals *)impl)->call_count;
}

/* As the name of the thing says: /s/refuse12. */
static void signals_answer(struct signals *signals)
{
    struct upstream_call call = signals->calls[--signals->call_count];
    struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = 200};
    struct slice id = slice_from(call.target, 3);
    if (call.may_send && !call.may_send(call.arg))
        answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
    else if (slice_starts(id, SLICE("refuse")))
        answer.status = 400;
    else if (slice_starts(id, SLICE("lose")))
        answer = (struct upstream_answer){.phase = UPSTREAM_SENT_NO_ANSWER, .is_timeout = true};
    call.done(call.arg, &answer);
}

static void signals_settle(struct signals *signals)
{
    while (store_memory_flush(signals->rig.store, 1000) > 0 || signals->call_count > 0)
        if (signals->call_count > 0)
            signals_answer(signals);
}

static struct loaded *signals_load(void *arg, struct buf *out_problems)
{
    struct signals *signals = arg;
    (void)out_problems;
    return rig_load(signals_installation, signals->policies[signals->policy]);
}

static void signals_start(struct signals *signals)
{
    static const struct zone zone = {.utc_offset_ms = signals_offset_ms};
    struct engine_options options = {.upstream = {signals, signals_call, signals_call_count},
                                     .loaded = signals_load(signals, NULL),
                                     .load = signals_load,
                                     .arg = signals,
                                     .zone = &zone};
    rig_start(&signals->rig, options);
}

static void signals_crash(struct signals *signals, int64_t down_ms)
{
    rig_crash(&signals->rig);
    signals->call_count = 0;
    signals->rig.now_unix_ms += down_ms;
    signals_start(signals);
    signals_settle(signals);
}

static void signals_pass(struct signals *signals, int64_t ms)
{
    for (int64_t end = signals->rig.now_unix_ms + ms; signals->rig.now_unix_ms < end;) {
        signals->rig.now_unix_ms += end - signals->rig.now_unix_ms < 30000 ? 10000 : 30000;
        engine_wake(signals->rig.engine);
        engine_beat(signals->rig.engine);
        signals_settle(signals);
    }
}

/* ---- what people and callers do ---- */

static const struct person signals_people[] = {{.name = {"ana", 3}}, {.name = {"ben", 3}}};
static const struct principal signals_ana = {
    .kind = PRINCIPAL_PERSON, .name = {"ana", 3}, .person = &signals_people[0]};
static const struct principal signals_ben = {
    .kind = PRINCIPAL_PERSON, .name = {"ben", 3}, .person = &signals_people[1]};

static void signals_told(void *arg, const struct engine_reply *reply)
{
    struct signals *signals = arg;
    if (reply->outcome != ENGINE_TAKEN)
        fail_msg("%s:%d: refused (%d): %.*s", signals->line->file, signals->line->number,
                 (int)reply->outcome, SLICE_FMT(reply->detail));
}

static void signals_submitted(void *arg, const struct engine_reply *reply)
{
    struct signals *signals = arg;
    if (reply->view)
        signals->things[signals->thing_count - 1].action = reply->view->action->id;
}

static void signals_submit(struct signals *signals, const char *how)
{
    char input[96];
    struct signals_thing *thing = &signals->things[signals->thing_count];
    bool is_other = strcmp(how, "other") == 0;
    CHECK(signals->thing_count < SIGNALS_IDS);
    *thing = (struct signals_thing){0};
    (void)snprintf(thing->how, sizeof thing->how, "%s", how);
    (void)snprintf(input, sizeof input, "{\"id\":\"%s%zu\",\"how\":\"%s\"}", how,
                   signals->thing_count++, how);
    json_t *json = json_loads(input, 0, NULL);
    struct engine_submit call = {.principal = &signals_ben,
                                 .step =
                                     config_step(signals->rig.port.config(signals->rig.port.impl),
                                                 SLICE("w"), slice_text(is_other ? "t" : "s")),
                                 .input_json = slice_text(input),
                                 .input = json,
                                 .has_confidence = true,
                                 .confidence = strcmp(how, "low") == 0 ? 0.3 : 0.9,
                                 .done = signals_submitted,
                                 .arg = signals};
    (void)signals->rig.port.submit(signals->rig.port.impl, &call);
    json_decref(json);
    signals_settle(signals);
}

static void signals_ignore(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    (void)reply;
}

static void signals_call_act(struct signals *signals, const struct signals_thing *thing,
                             struct engine_call call)
{
    call.principal = &signals_ana;
    call.action = thing->action;
    call.arg = signals;
    signals->rig.port.act(signals->rig.port.impl, &call);
    signals_settle(signals);
}

static void signals_act(struct signals *signals, const struct signals_thing *thing,
                        struct engine_call call)
{
    call.done = signals_told;
    signals_call_act(signals, thing, call);
}

/* It may be refused. */
static void signals_act_tried(struct signals *signals, const struct signals_thing *thing,
                              struct engine_call call)
{
    call.done = signals_ignore;
    signals_call_act(signals, thing, call);
}

/* The oldest one that waits for a verdict. */
static void signals_judge(struct signals *signals, enum engine_act act)
{
    size_t i = 0;
    while (strcmp(signals->things[i].how, "ask") != 0 || signals->things[i].is_judged)
        CHECK(++i < signals->thing_count);
    signals->things[i].is_judged = true;
    signals_act(signals, &signals->things[i],
                (struct engine_call){.act = act, .reason = SLICE("looked at")});
}

static bool signals_is_done(struct signals *signals, const struct signals_thing *thing)
{
    struct arena arena;
    struct view view;
    if (thing->action == 0)
        return false; /* it was not taken */
    arena_init(&arena, 1 << 20);
    CHECK(signals->rig.port.view(signals->rig.port.impl, thing->action, false, &arena, &view) ==
          ERR_OK);
    bool is_done = view.action->state == STATE_DONE;
    arena_done(&arena);
    return is_done;
}

/* The oldest one of its step without a label, or the newest one with one, which is corrected. */
static void signals_label(struct signals *signals, const char *label, bool is_other)
{
    size_t i = 0;
    bool is_correction = strcmp(label, "correct") == 0;
    while (signals->things[i].is_labelled || !signals_is_done(signals, &signals->things[i]) ||
           (strcmp(signals->things[i].how, "other") == 0) != is_other)
        if (++i == signals->thing_count)
            break;
    for (size_t j = 0; is_correction && j < signals->thing_count; j++)
        if (signals->things[j].is_labelled)
            i = j;
    CHECK(i < signals->thing_count);
    signals->things[i].is_labelled = true;
    signals_act(signals, &signals->things[i],
                (struct engine_call){.act = ENGINE_LABEL,
                                     .label = slice_text(is_correction ? "right" : label)});
}

/* The n-th one that was labelled becomes right. */
static void signals_correct(struct signals *signals, size_t n)
{
    size_t i = 0;
    while (!signals->things[i].is_labelled || --n > 0)
        CHECK(++i < signals->thing_count);
    signals_act(signals, &signals->things[i],
                (struct engine_call){.act = ENGINE_LABEL, .label = SLICE("right")});
}

static void signals_restart(struct signals *signals)
{
    struct arena arena;
    size_t count = LIMIT_PAGE;
    arena_init(&arena, 1 << 24);
    struct engine_incident *open = ARENA_ARRAY(&arena, LIMIT_PAGE, struct engine_incident);
    CHECK(signals->rig.port.incidents(signals->rig.port.impl, true, &arena, open, &count) ==
          ERR_OK);
    for (size_t i = 0; i < count; i++) {
        if (open[i].stop == 0)
            continue;
        signals->rig.port.restart(signals->rig.port.impl, &signals_ben, open[i].id, SLICE("mended"),
                                  signals_told, signals);
        signals_settle(signals);
        signals->rig.port.approve(signals->rig.port.impl, &signals_ana, open[i].id, signals_told,
                                  signals);
        signals_settle(signals);
    }
    arena_done(&arena);
}

/* The next version of the policy, or the last one again. */
static void signals_reload(struct signals *signals)
{
    if (signals->policy + 1 < signals->policy_count)
        signals->policy++;
    signals->rig.port.reload(signals->rig.port.impl, &signals_ana, signals_told, signals);
    signals_settle(signals);
}

static void signals_post(struct signals *signals, uint64_t value)
{
    char id[32];
    (void)snprintf(id, sizeof id, "p%zu", signals->post_count++);
    struct engine_signal signal = {
        .workflow = config_workflow(signals->rig.port.config(signals->rig.port.impl), SLICE("w")),
        .id = slice_text(id),
        .name = SLICE("load"),
        .value = (double)value,
        .done = signals_told,
        .arg = signals};
    signals->rig.port.signal(signals->rig.port.impl, &signal);
    signals_settle(signals);
}

/* ---- what the trigger did ---- */

static void signals_add_record(const struct signals *signals, const struct record *record,
                               struct buf *out)
{
    struct trip trip;
    bool is_trip = record->kind == RECORD_TRIPPED || record->kind == RECORD_WARNED ||
                   record->kind == RECORD_CLEARED;
    bool is_second = slice_equal(record->subject, signals->subjects[1]);
    if (!is_trip || !(is_second || slice_equal(record->subject, signals->subjects[0])))
        return;
    if (out->size > 0)
        buf_add_text(out, "; ");
    trip_decode(record->trip, &trip);
    buf_add_fmt(out, "%s%s", record_kind_name(record->kind), is_second ? " u" : "");
    if (record->kind == RECORD_CLEARED)
        return;
    buf_add_fmt(out, " %s: ", trigger_move_name(trip.move));
    trip_text_add(&trip, out);
}

/* Calls each for all records, the oldest first. */
static void signals_each_record(struct signals *signals,
                                void (*each)(void *arg, const struct record *record), void *arg)
{
    enum { PAGE = 64 };
    struct store_record page[PAGE];
    const struct store_port *port = &signals->rig.store_port;
    size_t count = PAGE;
    for (uint64_t from = 1; count == PAGE; from += PAGE) {
        struct arena arena;
        arena_init(&arena, 1 << 24);
        CHECK(port->list_records(port->impl, from, PAGE, &arena, page, &count) == ERR_OK);
        for (size_t i = 0; i < count; i++) {
            struct record record;
            CHECK(record_decode(page[i].body, &arena, &record) == ERR_OK);
            each(arg, &record);
        }
        arena_done(&arena);
    }
}

struct signals_did {
    const struct signals *signals;
    struct buf *out;
};

static void signals_add_one(void *arg, const struct record *record)
{
    const struct signals_did *did = arg;
    signals_add_record(did->signals, record, did->out);
}

static void signals_add_records(struct signals *signals, struct buf *out)
{
    struct signals_did did = {signals, out};
    signals_each_record(signals, signals_add_one, &did);
    if (out->size == 0)
        buf_add_text(out, "-");
}

/* "stopped s": position, step and class of each stop in force. */
static void signals_add_stops(struct signals *signals, struct buf *out)
{
    struct arena arena;
    size_t count = LIMIT_STOPS;
    arena_init(&arena, 1 << 24);
    struct stop *stops = ARENA_ARRAY(&arena, LIMIT_STOPS, struct stop);
    CHECK(signals->rig.port.stops(signals->rig.port.impl, false, &arena, stops, &count) == ERR_OK);
    for (size_t i = 0; i < count; i++)
        buf_add_fmt(out, "%s%s%s%s%s%s", out->size > 0 ? "; " : "",
                    position_name(stops[i].position), stops[i].names[1][0] ? " " : "",
                    stops[i].names[1], stops[i].names[3][0] ? " risk " : "", stops[i].names[3]);
    arena_done(&arena);
    if (out->size == 0)
        buf_add_text(out, "-");
}
