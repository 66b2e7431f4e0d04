/* What changed, and since when, by what the trigger saw: each signal in virtual time. A model m3
 * does well, one a minute; then m4 does not, until the trigger trips. */
#include <jansson.h>

#include "base/text.h"
#include "sim/rig.h"

enum { MINUTE = 60 * 1000, GOOD = 25, MOST = 120, HANDS = 64 };

static const char installation[] = "listen: 127.0.0.1:0\n"
                                   "store: ./data\n"
                                   "people:\n"
                                   "  ana: { email: ana@example.org }\n"
                                   "  ben: { email: ben@example.org }\n"
                                   "groups:\n"
                                   "  team: [ana, ben]\n"
                                   "  admins: [ben]\n"
                                   "switch: { owner: team, restart: team, inform: ana }\n"
                                   "upstreams:\n"
                                   "  plain:\n"
                                   "    url: \"http://127.0.0.1:1\"\n"
                                   "    idempotency: { header: Idempotency-Key, keeps: 24h }\n";
static const char policy[] = "workflow: w\n"
                             "purpose: To change\n"
                             "owner: team\n"
                             "restart: team\n"
                             "inform: ana\n"
                             "mode: auto\n"
                             "causes: [context.model]\n"
                             "steps:\n"
                             "  plain:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    audit: { share: 100%%, ask: Right?, labels: [right, wrong] }\n"
                             "  gated:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    confidence: at least 0.8\n"
                             "  asked:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    rules:\n"
                             "      - ask: review if true\n"
                             "triggers:\n"
                             "  - own: %s\n"
                             "  - far: stopped if volume > 100000 in 1d for asked\n";

/* What is wrong with m4. */
enum wrong { BY_LABEL, BY_STATUS, BY_CONFIDENCE, BY_VERDICT, BY_TIME, BY_NUMBER };

struct world {
    struct rig rig;
    struct {
        bool is_there;
        struct upstream_call call;
    } calls[HANDS];
    int status, next_id;
    uint64_t action;
    enum action_state state;
};

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    for (size_t i = 0; i < HANDS; i++) {
        if (world->calls[i].is_there)
            continue;
        world->calls[i].is_there = true;
        world->calls[i].call = *call;
        return ERR_OK;
    }
    return ERR_BUSY;
}

static enum err world_send(void *impl, const struct notify_message *message)
{
    (void)impl;
    (void)message;
    return ERR_BUSY;
}

/* What is durable leaves; the answers come later. */
static void flush(struct world *world)
{
    while (store_memory_flush(world->rig.store, 1000) > 0) {
    }
    for (size_t i = 0; i < HANDS; i++) {
        struct upstream_call *call = &world->calls[i].call;
        if (world->calls[i].is_there && call->may_send && !call->may_send(call->arg))
            fail_msg("withheld");
        call->may_send = NULL;
    }
}

static void settle(struct world *world)
{
    for (bool moved = true; moved;) {
        moved = false;
        flush(world);
        for (size_t i = 0; i < HANDS; i++) {
            struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = world->status};
            if (!world->calls[i].is_there)
                continue;
            struct upstream_call call = world->calls[i].call;
            world->calls[i].is_there = false;
            call.done(call.arg, &answer);
            moved = true;
        }
    }
}

static void pass(struct world *world, int64_t ms)
{
    world->rig.now_unix_ms += ms;
    engine_wake(world->rig.engine);
    engine_beat(world->rig.engine);
    flush(world);
}

static const struct principal as_bot = {.kind = PRINCIPAL_SERVICE, .name = {"bot", 3}};

static void on_done(void *arg, const struct engine_reply *reply)
{
    struct world *world = arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
    if (reply->view) {
        world->action = reply->view->action->id;
        world->state = reply->view->action->state;
    }
}

static void submit(struct world *world, const char *step, bool is_bad, double confidence)
{
    struct buf text;
    buf_init(&text, 256);
    buf_add_fmt(&text, "{\"id\":%d}", ++world->next_id);
    struct slice context = is_bad ? SLICE("{\"model\":\"m4\"}") : SLICE("{\"model\":\"m3\"}");
    json_t *input = json_loads(buf_text(&text), 0, NULL);
    json_t *parsed = json_loadb(context.at, context.size, 0, NULL);
    struct engine_submit submit = {.principal = &as_bot,
                                   .step = config_step(world->rig.port.config(world->rig.port.impl),
                                                       SLICE("w"), slice_text(step)),
                                   .input_json = buf_slice(&text),
                                   .input = input,
                                   .context_json = context,
                                   .context = parsed,
                                   .has_confidence = true,
                                   .confidence = confidence,
                                   .done = on_done,
                                   .arg = world};
    (void)world->rig.port.submit(world->rig.port.impl, &submit);
    json_decref(parsed);
    json_decref(input);
    buf_done(&text);
}

static void say(struct world *world, enum engine_act act, const char *label)
{
    struct engine_call call = {.act = act,
                               .principal = &rig_ana,
                               .action = world->action,
                               .label = slice_text(label),
                               .done = on_done,
                               .arg = world};
    world->rig.port.act(world->rig.port.impl, &call);
    settle(world);
}

static void play(struct world *world, enum wrong wrong, bool is_bad)
{
    const char *step = wrong == BY_CONFIDENCE ? "gated" : wrong == BY_VERDICT ? "asked" : "plain";
    int times = wrong == BY_NUMBER && is_bad ? 10 : 1;
    world->status = wrong == BY_STATUS && is_bad ? 400 : 200;
    for (int i = 0; i < times; i++) {
        submit(world, step, is_bad, wrong == BY_CONFIDENCE && is_bad ? 0.5 : 0.9);
        flush(world);
        if (wrong == BY_TIME && is_bad)
            pass(world, 9000);
        settle(world);
    }
    if (wrong == BY_LABEL && world->state != STATE_IN_REVIEW)
        say(world, ENGINE_LABEL, is_bad ? "wrong" : "right");
    if (wrong == BY_VERDICT)
        say(world, is_bad ? ENGINE_REJECT : ENGINE_APPROVE, "");
}

static const struct case_of {
    const char *name, *trigger;
    enum wrong wrong;
    enum changed_by by;
    int64_t began_minute; /* of the story; -1: not known */
    int64_t bad_at_least; /* of m4 */
} cases[] = {
    {"labels", "fallback if misclassified > 10%", BY_LABEL, CHANGED_BY_LABELS, GOOD, 8},
    /* a window is told to a sixtieth of it */
    {"errors", "stopped if errors > 20% in 1h", BY_STATUS, CHANGED_BY_ENDS, GOOD - 1, 8},
    {"below the gate", "review if low_confidence > 10%", BY_CONFIDENCE, CHANGED_BY_CONFIDENCE, GOOD,
     8},
    {"overrides", "stopped if overrides > 20%", BY_VERDICT, CHANGED_BY_VERDICTS, GOOD, 8},
    {"latency", "stopped if latency > 5s", BY_TIME, CHANGED_BY_LATENCY, GOOD, 5},
    /* the window of ten minutes begins among the last of m3 */
    {"volume", "stopped if volume > 35 in 10m for plain", BY_NUMBER, CHANGED_BY_RISE, 17, 20},
    {"backlog", "stopped if backlog > 8", BY_CONFIDENCE, CHANGED_BY_WAITS, -1, 8},
};

static bool is_stopped(struct world *world, struct engine_incident *out)
{
    static struct engine_incident incidents[4];
    struct arena arena;
    size_t count = 4;
    arena_init(&arena, 1 << 22);
    assert_int_equal(
        world->rig.port.incidents(world->rig.port.impl, true, &arena, incidents, &count), ERR_OK);
    bool is_there = false;
    for (size_t i = 0; i < count && !is_there; i++) {
        is_there = incidents[i].journal.trip.is_set; /* what was not done is told besides */
        if (is_there)
            *out = incidents[i];
    }
    arena_done(&arena);
    return is_there;
}

static void check(struct world *world, const struct case_of *c, uint64_t id)
{
    struct incident_view view = {0};
    struct arena arena;
    arena_init(&arena, 1 << 24);
    assert_int_equal(world->rig.port.incident_view(world->rig.port.impl, id, &arena, &view),
                     ERR_OK);
    int64_t began =
        view.journal.began_unix_ms ? (view.journal.began_unix_ms - RIG_BEGIN_UNIX_MS) / MINUTE : -1;
    if (view.changes_by != c->by || view.change_count == 0 || began != c->began_minute ||
        !slice_is(view.changes[0].value, "m4") || view.changes[0].counts.bad < c->bad_at_least)
        fail_msg("%s: by %s, %zu changes, the first %.*s with %lld of %lld, since minute %lld",
                 c->name, changed_by_name(view.changes_by), view.change_count,
                 SLICE_FMT(view.change_count ? view.changes[0].value : SLICE("none")),
                 view.change_count ? (long long)view.changes[0].counts.bad : 0,
                 view.change_count ? (long long)view.changes[0].counts.total : 0, (long long)began);
    assert_true((incident_no_detection(&view) == NULL) == (c->began_minute >= 0));
    arena_done(&arena);
}

static void each_signal(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world world = {.status = 200};
        struct engine_incident incident = {0};
        char text[4096];
        (void)snprintf(text, sizeof text, policy, cases[i].trigger);
        rig_init(&world.rig, 7 + i, RIG_BEGIN_UNIX_MS);
        rig_start(&world.rig,
                  (struct engine_options){.upstream = {&world, world_call, rig_no_calls},
                                          .notify = {&world, world_send},
                                          .loaded = rig_load(installation, text)});
        for (int n = 0; n < GOOD; n++) {
            play(&world, cases[i].wrong, false);
            pass(&world, MINUTE);
        }
        for (int n = 0; n < MOST && !is_stopped(&world, &incident); n++) {
            play(&world, cases[i].wrong, true);
            pass(&world, cases[i].wrong == BY_TIME ? MINUTE / 2 : MINUTE);
        }
        if (incident.id == 0)
            fail_msg("%s: no trip", cases[i].name);
        check(&world, &cases[i], incident.id);
        rig_done(&world.rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_signal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
