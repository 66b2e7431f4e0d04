/* tests/sim/troubles_world.h - an installation with one upstream that answers as the test says, and
 * one or two workflows at it, in virtual time. What is kept is each first line that people get. */
#pragma once
#include <jansson.h>

#include "base/text.h"
#include "record/explain.h"
#include "sim/rig.h"

enum { LINES = 256, MINUTE = 60 * 1000, HANDS = 256 };

static const char installation[] =
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "people:\n"
    "  ana: { email: ana@example.org }\n"
    "  ben: { email: ben@example.org }\n"
    "  dia: { email: dia@example.org }\n"
    "groups:\n"
    "  team: [ana, ben]\n"
    "  judges: [ben, ana]\n"
    "  admins: [dia]\n"
    "switch: { owner: team, restart: team, inform: ana }\n"
    "upstreams:\n"
    "  plain:\n"
    "    url: \"http://127.0.0.1:1\"\n"
    "    idempotency: { header: Idempotency-Key, keeps: 24h }\n"
    "channels:\n"
    "  email: { smtp: \"smtp://127.0.0.1:25\", from: i@example.org }\n";
static const char policy[] = "workflow: w\n"
                             "purpose: To be in trouble\n"
                             "owner: team\n"
                             "restart: team\n"
                             "inform: ana\n"
                             "mode: auto\n"
                             "triggers:\n"
                             "  - slow: alert if overdue > 20m\n"
                             "steps:\n"
                             "  held:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    stale_after: 3d\n"
                             "    fallback:\n"
                             "      unavailable: hold 4h\n"
                             "  short:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    stale_after: 3d\n"
                             "    fallback:\n"
                             "      unavailable: hold 15m\n"
                             "  blink:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    rules:\n"
                             "      - wait: hold 10ms if true\n"
                             "  later:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    rules:\n"
                             "      - wait: hold 5m if true\n"
                             "  templated:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    confidence: at least 0.8\n"
                             "    fallback:\n"
                             "      low_confidence: template sorry\n"
                             "    templates:\n"
                             "      sorry: { answer: { text: later } }\n"
                             "  asked:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    reviewers: judges\n"
                             "    rules:\n"
                             "      - ask: review if true\n"
                             "    fallback:\n"
                             "      rule: ['review, due 1h']\n"
                             "  late:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    rules:\n"
                             "      - ask: review if true\n"
                             "    fallback:\n"
                             "      rule: ['review, due 2h, at due then skip']\n"
                             "  refused:\n"
                             "    kind: webhook\n"
                             "    call: plain POST /x\n"
                             "    key: ${input.id}\n"
                             "    fallback:\n"
                             "      failed: refuse\n";

/* Two workflows of other owners at one upstream, which is nobody's of them. */
static const char shared_installation[] =
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "people:\n"
    "  ana: { email: ana@example.org }\n"
    "  ben: { email: ben@example.org }\n"
    "  dia: { email: dia@example.org }\n"
    "  eve: { email: eve@example.org }\n"
    "groups:\n"
    "  team: [ana, ben]\n"
    "  judges: [ben, ana]\n"
    "  others: [eve, ana]\n"
    "  ops: [dia, eve]\n"
    "  admins: [dia]\n"
    "switch: { owner: ops, restart: ops, inform: dia }\n"
    "upstreams:\n"
    "  plain:\n"
    "    url: \"http://127.0.0.1:1\"\n"
    "    idempotency: { header: Idempotency-Key, keeps: 24h }\n"
    "channels:\n"
    "  email: { smtp: \"smtp://127.0.0.1:25\", from: i@example.org }\n";
static const char other_policy[] = "workflow: v\n"
                                   "purpose: To be in trouble with it\n"
                                   "owner: others\n"
                                   "restart: others\n"
                                   "inform: eve\n"
                                   "mode: auto\n"
                                   "steps:\n"
                                   "  held:\n"
                                   "    kind: email\n"
                                   "    call: plain POST /y\n"
                                   "    key: ${input.id}\n"
                                   "    recipient: ${input.id}\n"
                                   "    fallback:\n"
                                   "      unavailable: hold 4h\n"
                                   "  short:\n"
                                   "    kind: email\n"
                                   "    call: plain POST /z\n"
                                   "    key: ${input.id}\n"
                                   "    recipient: ${input.id}\n"
                                   "    fallback:\n"
                                   "      unavailable: hold 15m\n";

struct world {
    struct rig rig;
    bool is_shared;         /* the second installation */
    const char *own[2];     /* or one of the test's own: installation, policy `w` */
    const char *beside;     /* own: and a policy `v` */
    const char *down;       /* what is down, by its path; NULL = all of it */
    char lines[LINES][400]; /* "ana: w DEGRADED: …" */
    size_t line_count;
    struct {
        bool is_there;
        struct notify_message message;
    } mails[HANDS];
    struct {
        bool is_there;
        struct upstream_call call;
    } calls[HANDS];
    bool is_down;
    int status; /* what calls are answered with; 0 = 200 */
    int next_id;
    uint64_t last_action;
};

static inline enum err world_call(void *impl, const struct upstream_call *call)
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

static inline enum err world_send(void *impl, const struct notify_message *message)
{
    struct world *world = impl;
    const struct notice *notice = message->notice;
    assert_true(world->line_count < LINES);
    (void)snprintf(world->lines[world->line_count++], sizeof world->lines[0], "%.*s: %.*s",
                   SLICE_FMT(notice->person), SLICE_FMT(notice->line));
    for (size_t i = 0; i < HANDS; i++) {
        if (world->mails[i].is_there)
            continue;
        world->mails[i].is_there = true;
        world->mails[i].message = *message;
        return ERR_OK;
    }
    return ERR_BUSY;
}

static inline bool answer_calls(struct world *world)
{
    bool moved = false;
    for (size_t i = 0; i < HANDS; i++) {
        struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED,
                                         .status = world->status ? world->status : 200};
        if (!world->calls[i].is_there)
            continue;
        struct upstream_call call = world->calls[i].call;
        world->calls[i].is_there = false;
        moved = true;
        if (world->is_down && (!world->down || slice_is(call.target, world->down)))
            answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .what = SLICE("refused")};
        else if (call.may_send && !call.may_send(call.arg))
            answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
        call.done(call.arg, &answer);
    }
    return moved;
}

static inline void settle(struct world *world)
{
    for (bool moved = true; moved;) {
        moved = store_memory_flush(world->rig.store, 1000) > 0;
        moved = answer_calls(world) || moved;
        for (size_t i = 0; i < HANDS; i++) {
            struct notify_result result = {.outcome = NOTIFY_DELIVERED};
            if (!world->mails[i].is_there)
                continue;
            world->mails[i].is_there = false;
            world->mails[i].message.done(world->mails[i].message.arg, &result);
            moved = true;
        }
    }
}

static struct loaded *load_shared(void)
{
    struct loaded *loaded = rig_loaded(NULL);
    struct config_file files[] = {{SLICE("interlock.yaml"), slice_text(shared_installation)},
                                  {SLICE("policies/v.yaml"), slice_text(other_policy)},
                                  {SLICE("policies/w.yaml"), slice_text(policy)}};
    loaded->config = rig_config_of(&loaded->arena, files, 3);
    return loaded;
}

static inline struct loaded *load_own(const struct world *world)
{
    if (!world->beside)
        return rig_load(world->own[0], world->own[1]);
    struct loaded *loaded = rig_loaded(NULL);
    struct config_file files[] = {{SLICE("interlock.yaml"), slice_text(world->own[0])},
                                  {SLICE("policies/v.yaml"), slice_text(world->beside)},
                                  {SLICE("policies/w.yaml"), slice_text(world->own[1])}};
    loaded->config = rig_config_of(&loaded->arena, files, 3);
    return loaded;
}

static inline void start(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .notify = {world, world_send}};
    options.loaded = world->own[0]      ? load_own(world)
                     : world->is_shared ? load_shared()
                                        : rig_load(installation, policy);
    rig_start(&world->rig, options);
}

static inline void crash(struct world *world)
{
    rig_crash(&world->rig);
    memset(world->mails, 0, sizeof world->mails);
    memset(world->calls, 0, sizeof world->calls);
    start(world);
}

static inline void pass(struct world *world, int64_t ms)
{
    for (int64_t end = world->rig.now_unix_ms + ms; world->rig.now_unix_ms < end;) {
        world->rig.now_unix_ms += 1000;
        engine_wake(world->rig.engine);
        engine_beat(world->rig.engine);
        settle(world);
    }
}

static inline void open_world(struct world *world, uint64_t seed)
{
    *world = (struct world){0};
    rig_init(&world->rig, seed, RIG_BEGIN_UNIX_MS);
    start(world);
    settle(world);
}

static inline void close_world(struct world *world)
{
    rig_done(&world->rig);
}

static inline void on_submit(void *arg, const struct engine_reply *reply)
{
    struct world *world = arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
    world->last_action = reply->view->action->id;
}

static inline void submit_to(struct world *world, const char *workflow, const char *step,
                             double confidence)
{
    struct buf text;
    buf_init(&text, 256);
    buf_add_fmt(&text, "{\"id\":%d}", ++world->next_id);
    json_t *input = json_loads(buf_text(&text), 0, NULL);
    struct engine_submit submit = {.principal = &rig_ana,
                                   .step = config_step(world->rig.port.config(world->rig.port.impl),
                                                       slice_text(workflow), slice_text(step)),
                                   .input_json = buf_slice(&text),
                                   .input = input,
                                   .has_confidence = true,
                                   .confidence = confidence,
                                   .done = on_submit,
                                   .arg = world};
    (void)world->rig.port.submit(world->rig.port.impl, &submit);
    settle(world);
    json_decref(input);
    buf_done(&text);
}

static inline void submit(struct world *world, const char *step, double confidence)
{
    submit_to(world, "w", step, confidence);
}

static inline void on_stop(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
}

static inline size_t count_lines(const struct world *world, const char *what)
{
    size_t count = 0;
    for (size_t i = 0; i < world->line_count; i++)
        count += strstr(world->lines[i], what) != NULL;
    return count;
}

static inline void print_lines(const struct world *world)
{
    for (size_t i = 0; i < world->line_count; i++)
        print_error("%s\n", world->lines[i]);
}

static inline void expect_lines(const struct world *world, const char *what, size_t want)
{
    if (count_lines(world, what) != want) {
        print_lines(world);
        fail_msg("\"%s\": %zu times, not %zu", what, count_lines(world, what), want);
    }
}

/* All of them, open or not; in the order of their opening. */
static inline size_t list_incidents(struct world *world, struct engine_incident out[64])
{
    struct arena arena;
    size_t count = 64;
    arena_init(&arena, 1 << 22);
    assert_int_equal(world->rig.port.incidents(world->rig.port.impl, false, &arena, out, &count),
                     ERR_OK);
    arena_done(&arena);
    return count;
}

static inline size_t count_open(struct world *world, struct engine_incident *out)
{
    static struct engine_incident incidents[64];
    struct arena arena;
    size_t count = 64;
    arena_init(&arena, 1 << 22);
    assert_int_equal(
        world->rig.port.incidents(world->rig.port.impl, true, &arena, incidents, &count), ERR_OK);
    if (count > 0)
        *out = incidents[0];
    arena_done(&arena);
    return count;
}

static inline void on_ack(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
}

static inline void acknowledge(struct world *world, uint64_t incident)
{
    world->rig.port.ack(world->rig.port.impl, &rig_ana, incident, on_ack, NULL);
    settle(world);
}

static inline void reject_first(struct world *world)
{
    struct engine_inbox_query query = {.limit = 1};
    struct engine_inbox_page page;
    struct inbox_item item;
    struct arena arena;
    arena_init(&arena, 1 << 22);
    assert_int_equal(world->rig.port.inbox(world->rig.port.impl, &query, &arena, &item, &page),
                     ERR_OK);
    assert_int_equal(page.count, 1);
    struct engine_call call = {.act = ENGINE_REJECT,
                               .principal = &rig_ana,
                               .action = item.view.action->id,
                               .done = on_submit,
                               .arg = world};
    world->rig.port.act(world->rig.port.impl, &call);
    settle(world);
    arena_done(&arena);
}

/* Whether a story has a line of these words. */
static inline bool has_entry(struct world *world, uint64_t incident, const char *want)
{
    struct incident_view view;
    struct arena arena;
    struct buf text;
    arena_init(&arena, 1 << 22);
    buf_init(&text, 1 << 16);
    assert_int_equal(world->rig.port.incident_view(world->rig.port.impl, incident, &arena, &view),
                     ERR_OK);
    incident_report_add(&text, &view);
    bool has_it = strstr(buf_text(&text), want) != NULL;
    if (!has_it)
        print_error("%s\n", buf_text(&text));
    buf_done(&text);
    arena_done(&arena);
    return has_it;
}
