/* Trouble that lasts, in virtual time: the real engine on a memory store, an upstream that answers
 * as the test says, a crash in the middle. What is checked is what people are told. */
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
                                   "      unavailable: hold 4h\n";

struct world {
    struct rig rig;
    bool is_shared;         /* the second installation */
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

static bool answer_calls(struct world *world)
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
        if (world->is_down)
            answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .what = SLICE("refused")};
        else if (call.may_send && !call.may_send(call.arg))
            answer = (struct upstream_answer){.phase = UPSTREAM_NOT_SENT, .was_withheld = true};
        call.done(call.arg, &answer);
    }
    return moved;
}

static void settle(struct world *world)
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

static void start(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .notify = {world, world_send},
                                     .loaded = world->is_shared ? load_shared()
                                                                : rig_load(installation, policy)};
    rig_start(&world->rig, options);
}

static void crash(struct world *world)
{
    rig_crash(&world->rig);
    memset(world->mails, 0, sizeof world->mails);
    memset(world->calls, 0, sizeof world->calls);
    start(world);
}

static void pass(struct world *world, int64_t ms)
{
    for (int64_t end = world->rig.now_unix_ms + ms; world->rig.now_unix_ms < end;) {
        world->rig.now_unix_ms += 1000;
        engine_wake(world->rig.engine);
        engine_beat(world->rig.engine);
        settle(world);
    }
}

static void open_world(struct world *world, uint64_t seed)
{
    *world = (struct world){0};
    rig_init(&world->rig, seed, RIG_BEGIN_UNIX_MS);
    start(world);
    settle(world);
}

static void close_world(struct world *world)
{
    rig_done(&world->rig);
}

static void on_submit(void *arg, const struct engine_reply *reply)
{
    struct world *world = arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
    world->last_action = reply->view->action->id;
}

static void submit(struct world *world, const char *step, double confidence)
{
    struct buf text;
    buf_init(&text, 256);
    buf_add_fmt(&text, "{\"id\":%d}", ++world->next_id);
    json_t *input = json_loads(buf_text(&text), 0, NULL);
    struct engine_submit submit = {.principal = &rig_ana,
                                   .step = config_step(world->rig.port.config(world->rig.port.impl),
                                                       SLICE("w"), slice_text(step)),
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

static void on_stop(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
}

static size_t count_lines(const struct world *world, const char *what)
{
    size_t count = 0;
    for (size_t i = 0; i < world->line_count; i++)
        count += strstr(world->lines[i], what) != NULL;
    return count;
}

static void print_lines(const struct world *world)
{
    for (size_t i = 0; i < world->line_count; i++)
        print_error("%s\n", world->lines[i]);
}

static void expect_lines(const struct world *world, const char *what, size_t want)
{
    if (count_lines(world, what) != want) {
        print_lines(world);
        fail_msg("\"%s\": %zu times, not %zu", what, count_lines(world, what), want);
    }
}

static size_t count_open(struct world *world, struct engine_incident *out)
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

/* Ten minutes of an open breaker: one incident, whatever waits for it; its end says what went. */
static void a_breaker_that_stays_open(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    (void)state;
    for (int has_crash = 0; has_crash < 2; has_crash++) {
        open_world(&world, 1);
        world.is_down = true;
        for (int i = 0; i < 12; i++)
            submit(&world, "held", 1);
        pass(&world, 9 * MINUTE);
        assert_int_equal(count_open(&world, &one), 0);
        pass(&world, 3 * MINUTE);
        assert_int_equal(count_open(&world, &one), 1);
        assert_int_equal(one.kind, INCIDENT_DEGRADED);
        assert_string_equal(one.journal.names[JOURNAL_UPSTREAM], "plain");
        expect_lines(&world, "upstream plain DEGRADED", 1);
        expect_lines(&world, "ana: upstream plain DEGRADED", 1);
        expect_lines(&world, "plain is not called", 1);
        struct engine_inbox_query query = {.limit = 10, .has_kind = true, .kind = INBOX_INCIDENT};
        struct engine_inbox_page page;
        struct inbox_item items[10];
        struct arena arena;
        arena_init(&arena, 1 << 22);
        assert_int_equal(world.rig.port.inbox(world.rig.port.impl, &query, &arena, items, &page),
                         ERR_OK);
        assert_int_equal(page.count, 1); /* until somebody answers */
        assert_int_equal(items[0].id, one.id);
        assert_true(slice_starts(items[0].reason, SLICE("plain is not called")));
        arena_done(&arena);
        if (has_crash)
            crash(&world);
        pass(&world, 130 * MINUTE); /* past half of the hold: explained by the same trouble */
        assert_int_equal(count_open(&world, &one), 1);
        world.is_down = false;
        pass(&world, 20 * MINUTE);
        assert_int_equal(count_open(&world, &one), 0);
        expect_lines(&world, "upstream plain RECOVERED ", 3); /* all who were told by then */
        expect_lines(&world, "12 delivered by ", 3);
        expect_lines(&world, "0 delivered twice", 3);
        close_world(&world);
    }
}

/* An upstream of two workflows: the owner of each is told, and of its end; one message a person. */
static void an_upstream_of_two_owners(void **state)
{
    struct world world = {.is_shared = true, .is_down = true};
    struct engine_incident one = {0};
    (void)state;
    rig_init(&world.rig, 5, RIG_BEGIN_UNIX_MS);
    start(&world);
    settle(&world);
    for (int i = 0; i < 12; i++)
        submit(&world, "held", 1);
    pass(&world, 11 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(world.line_count, 3);
    expect_lines(&world, "dia: upstream plain DEGRADED for v, w: plain is not called", 1);
    expect_lines(&world, "ana: upstream plain DEGRADED for v, w: ", 1); /* of w, and in v's */
    expect_lines(&world, "eve: upstream plain DEGRADED for v, w: ", 1); /* of v, and in ops */
    expect_lines(&world, "12 wait, 0 lost. ", 3);
    crash(&world);
    pass(&world, 6 * MINUTE);
    assert_int_equal(world.line_count, 4); /* level 2: who was not told yet */
    expect_lines(&world, "ben: upstream plain DEGRADED for v, w", 1);
    world.is_down = false;
    pass(&world, 20 * MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    expect_lines(&world, "upstream plain RECOVERED ", 4);
    expect_lines(&world, "12 done by ", 4); /* one delivers, one sends */
    expect_lines(&world, "0 done twice", 4);
    close_world(&world);
}

/* A fallback that does the work for half an hour; three good ones in a row end it. */
static void a_cause_that_lasts(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    (void)state;
    open_world(&world, 2);
    for (int i = 0; i < 7; i++) { /* now and then one: no trouble */
        submit(&world, "templated", 0.5);
        for (int good = 0; good < 3; good++)
            submit(&world, "templated", 0.9);
        pass(&world, 10 * MINUTE);
    }
    assert_int_equal(count_open(&world, &one), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(count_open(&world, &one), 0);
        submit(&world, "templated", 0.5);
        pass(&world, 10 * MINUTE);
    }
    assert_int_equal(count_open(&world, &one), 1);
    expect_lines(&world, "w DEGRADED: its fallback for low_confidence does the work", 1);
    pass(&world, 120 * MINUTE); /* silence ends nothing */
    assert_int_equal(count_open(&world, &one), 1);
    crash(&world);
    submit(&world, "templated", 0.9);
    submit(&world, "templated", 0.9);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    submit(&world, "templated", 0.9);
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    close_world(&world);
}

/* Who is late is told once for all that is due, and told on; no message an action. */
static void people_who_are_late(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    (void)state;
    open_world(&world, 3);
    for (int i = 0; i < 20; i++)
        submit(&world, "asked", 1);
    pass(&world, 59 * MINUTE);
    assert_int_equal(world.line_count, 0);
    pass(&world, 2 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.kind, INCIDENT_OVERDUE);
    assert_int_equal(world.line_count, 1);
    expect_lines(&world, "ben: w WAITS FOR PEOPLE: 20 reviews are past due", 1); /* who decides */
    pass(&world, 6 * MINUTE);
    expect_lines(&world, "ana: w WAITS FOR PEOPLE", 1);
    for (uint64_t id = 0; id < 20; id++) {
        struct engine_inbox_query query = {.limit = 1};
        struct engine_inbox_page page;
        struct inbox_item item;
        struct arena arena;
        arena_init(&arena, 1 << 22);
        assert_int_equal(world.rig.port.inbox(world.rig.port.impl, &query, &arena, &item, &page),
                         ERR_OK);
        assert_int_equal(page.count, 1);
        struct engine_call call = {.act = ENGINE_REJECT,
                                   .principal = &rig_ana,
                                   .action = item.view.action->id,
                                   .done = on_submit,
                                   .arg = &world};
        world.rig.port.act(world.rig.port.impl, &call);
        settle(&world);
        arena_done(&arena);
    }
    pass(&world, MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    expect_lines(&world, "w IS OVER", 2);
    close_world(&world);
}

/* Held work is told first, then its upstream is given up: one incident, that of the upstream from
 * then on; who answers only for that is told, and nobody twice. */
static void what_is_held_joins_its_upstream(void **state)
{
    struct world world = {.is_shared = true};
    struct engine_incident one = {0};
    (void)state;
    rig_init(&world.rig, 6, RIG_BEGIN_UNIX_MS);
    start(&world);
    settle(&world);
    world.is_down = true;
    for (int i = 0; i < 5; i++)
        submit(&world, "short", 1);
    submit(&world, "held", 1); /* what probes when those have expired */
    pass(&world, 9 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    uint64_t first = one.id;
    expect_lines(&world, "ana: w, upstream plain DEGRADED: held work is past half of its time", 1);
    pass(&world, 3 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.id, first);
    assert_int_equal(one.journal.lasting, LASTING_BREAKER);
    assert_string_equal(one.journal.names[JOURNAL_WORKFLOW], "");
    expect_lines(&world, "eve: ", 1);
    expect_lines(&world, "upstream plain DEGRADED for v, w: plain is not called", 2);
    expect_lines(&world, "ana: ", 1);
    crash(&world);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.journal.lasting, LASTING_BREAKER);
    world.is_down = false;
    pass(&world, 40 * MINUTE);
    assert_int_equal(count_open(&world, &one), 0);
    expect_lines(&world, "upstream plain RECOVERED", 4); /* ben was told as nobody answered */
    close_world(&world);
}

/* A stop explains what is held and what falls back; a trigger's alert is over when answered. */
static void one_trouble_is_one_incident(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope};
    (void)state;
    open_world(&world, 4);
    world.rig.port.stop(world.rig.port.impl, &rig_ana, &order, on_stop, NULL);
    settle(&world);
    for (int i = 0; i < 5; i++)
        submit(&world, "held", 1);
    pass(&world, 20 * 60 * MINUTE);
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.kind, INCIDENT_STOP);
    close_world(&world);
}

/* ---- what ended and was not done ---- */

static void on_ack(void *arg, const struct engine_reply *reply)
{
    (void)arg;
    assert_int_equal(reply->outcome, ENGINE_TAKEN);
}

static void acknowledge(struct world *world, uint64_t incident)
{
    world->rig.port.ack(world->rig.port.impl, &rig_ana, incident, on_ack, NULL);
    settle(world);
}

/* Its entry in the inbox; count: how many incidents stand there. */
static size_t list_inbox(struct world *world, char *out_reason, size_t size)
{
    struct engine_inbox_query query = {.limit = 10, .has_kind = true, .kind = INBOX_INCIDENT};
    struct engine_inbox_page page;
    struct inbox_item items[10];
    struct arena arena;
    arena_init(&arena, 1 << 22);
    assert_int_equal(world->rig.port.inbox(world->rig.port.impl, &query, &arena, items, &page),
                     ERR_OK);
    out_reason[0] = '\0';
    for (size_t i = 0; i < page.count; i++)
        if (items[i].is_undone)
            (void)snprintf(out_reason, size, "%.*s", SLICE_FMT(items[i].reason));
    arena_done(&arena);
    return page.count;
}

/* Who was told of the newest action, as explain says it. */
static void expect_who(struct world *world, const char *want)
{
    struct arena arena;
    struct view view = {0};
    struct buf text;
    arena_init(&arena, 1 << 22);
    buf_init(&text, 1 << 16);
    assert_int_equal(
        world->rig.port.view(world->rig.port.impl, world->last_action, true, &arena, &view),
        ERR_OK);
    explain_add(&text, &view);
    if (!strstr(buf_text(&text), want))
        fail_msg("\"%s\" is not in:\n%s", want, buf_text(&text));
    buf_done(&text);
    arena_done(&arena);
}

/* All that expire together are one message; a crash at any time tells them once more at most. */
static void what_expires_is_told(void **state)
{
    struct world world;
    char reason[256];
    (void)state;
    for (int crashed = 0; crashed < 3; crashed++) {
        open_world(&world, 5);
        world.is_down = true;
        for (int i = 0; i < 40; i++)
            submit(&world, "held", 1);
        pass(&world, 4 * 60 * MINUTE - 30000);
        expect_lines(&world, "NOT DONE", 0);
        if (crashed == 1) { /* they expire in the start, or right after it */
            world.rig.now_unix_ms += MINUTE;
            crash(&world);
        }
        for (int i = 0; i < 90 && count_lines(&world, "NOT DONE") == 0; i++) {
            pass(&world, 1000);
            if (crashed == 2) /* durable, and nobody was told yet */
                crash(&world);
        }
        pass(&world, 10000);
        expect_lines(&world, "ana: w NOT DONE: 40 expired since 02:1", 1);
        expect_lines(&world, " and 37 more. 0 wait. i_", 1);
        expect_lines(&world, "NOT DONE", 1);
        expect_who(&world, "WHO     team was told 02:1");
        expect_who(&world, " UTC: ana through email (i_");
        assert_int_equal(list_inbox(&world, reason, sizeof reason), 2); /* and the breaker's */
        assert_non_null(strstr(reason, "40 expired since 02:1"));
        pass(&world, 6 * MINUTE); /* nobody answers: the next one is told */
        expect_lines(&world, "ben: w NOT DONE for ", 1);
        uint64_t id = 0;
        struct arena arena;
        struct engine_incident all[8];
        size_t count = 8;
        arena_init(&arena, 1 << 22);
        assert_int_equal(world.rig.port.incidents(world.rig.port.impl, true, &arena, all, &count),
                         ERR_OK);
        for (size_t i = 0; i < count; i++)
            id = all[i].kind == INCIDENT_UNDONE ? all[i].id : id;
        arena_done(&arena);
        size_t before = world.line_count;
        acknowledge(&world, id);
        assert_int_equal(world.line_count, before); /* quiet */
        assert_int_equal(list_inbox(&world, reason, sizeof reason), 1);
        assert_string_equal(reason, "");
        expect_who(&world, "Acknowledged by ana.");
        close_world(&world);
    }
}

/* One message an hour and workflow; what failed is told once, and not told on. */
static void what_fails_is_told_quietly(void **state)
{
    struct world world;
    struct engine_incident one = {0};
    char reason[256];
    (void)state;
    open_world(&world, 6);
    world.status = 422;
    submit(&world, "refused", 1); /* the policy says so: its caller is answered */
    pass(&world, 5 * MINUTE);
    expect_lines(&world, "NOT DONE", 0);
    for (int i = 0; i < 30; i++) {
        submit(&world, "held", 1);
        expect_who(&world, i == 0 ? "WHO     team is told of it with the next message" : "WHO ");
        pass(&world, MINUTE);
    }
    expect_lines(&world, "ana: w NOT DONE: 1 failed since ", 1);
    expect_lines(&world, "NOT DONE", 1);
    pass(&world, 40 * MINUTE);
    expect_lines(&world, "ana: w NOT DONE for 1 h, nobody answers; 30 failed", 0);
    expect_lines(&world, "ana: w NOT DONE for ", 1);
    expect_lines(&world, "30 failed since ", 1);
    expect_lines(&world, "NOT DONE", 2);
    pass(&world, 5 * 60 * MINUTE);
    expect_lines(&world, "NOT DONE", 2); /* nobody is told on */
    assert_int_equal(count_open(&world, &one), 1);
    assert_int_equal(one.kind, INCIDENT_UNDONE);
    assert_int_equal(list_inbox(&world, reason, sizeof reason), 1);
    acknowledge(&world, one.id);
    assert_int_equal(count_open(&world, &one), 0);
    close_world(&world);
}

/* Time ran out, and the policy says what then: somebody is told all the same. */
static void what_nobody_decided_is_told(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, 7);
    submit(&world, "late", 1);
    submit(&world, "late", 1);
    pass(&world, 121 * MINUTE);
    expect_lines(&world, "ana: w NOT DONE: 2 expired since ", 1);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_breaker_that_stays_open),
                                       cmocka_unit_test(an_upstream_of_two_owners),
                                       cmocka_unit_test(a_cause_that_lasts),
                                       cmocka_unit_test(people_who_are_late),
                                       cmocka_unit_test(what_is_held_joins_its_upstream),
                                       cmocka_unit_test(one_trouble_is_one_incident),
                                       cmocka_unit_test(what_expires_is_told),
                                       cmocka_unit_test(what_fails_is_told_quietly),
                                       cmocka_unit_test(what_nobody_decided_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
