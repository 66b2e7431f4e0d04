/* Who lets it run again, and who says no (R20, I11): nothing is lifted past a no, nor alone after
 * one; over crashes between any two steps. Virtual time, a store in memory. The oracle judges by
 * what the store has when an answer is given. SEEDS=n runs more, SEED=x repeats one. */
#include "sim/rig.h"

#include "record/record.h"

enum { STEPS = 160, ALONE_MS = 10 * 60 * 1000, PEOPLE = 4, TOLDS = STEPS * 4 };

static const char installation[] =
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "people:\n"
    "  ana: { email: ana@example.org }\n"
    "  ben: { email: ben@example.org }\n"
    "  cyd: { email: cyd@example.org }\n"
    "  dia: { email: dia@example.org }\n"
    "groups: { team: [ana, ben, cyd], all: [ana, ben, cyd, dia], admins: [dia] }\n"
    "switch: { owner: all, restart: team, inform: ana }\n"
    "upstreams:\n"
    "  plain: { url: \"http://127.0.0.1:1\", idempotency: { header: Idempotency-Key } }\n";
static const char policy[] = RIG_POLICY("[]\nalone: after 10m");

static const struct person persons[PEOPLE] = {
    {.name = {"ana", 3}}, {.name = {"ben", 3}}, {.name = {"cyd", 3}}, {.name = {"dia", 3}}};

enum word { WORD_ASK, WORD_APPROVE, WORD_REJECT, WORD_STOP };
/* One word of somebody, until it is answered. */
struct told {
    struct world *world;
    enum word word;
    int who;
    bool is_service;
};
/* What the oracle knows of the incident: from the answers, and after a crash from the records. */
struct model {
    int asked_by; /* -1 = nobody asks */
    int64_t asked_unix_ms;
    bool is_barred; /* somebody else has said no */
    int nos;        /* records of a no */
};
struct world {
    struct rig rig;
    uint64_t incident;
    struct model model;
    struct told tolds[TOLDS];
    size_t told_count;
    int lifts, rejections, alones;
};

#define FAIL(world, ...) RIG_FAIL(&(world)->rig, __VA_ARGS__)

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct upstream_answer answer = {.phase = UPSTREAM_ANSWERED, .status = 200};
    (void)impl;
    call->done(call->arg, &answer);
    return ERR_OK;
}

static int person_of(struct slice name)
{
    for (int i = 0; i < PEOPLE; i++)
        if (slice_equal(persons[i].name, name))
            return i;
    return -1;
}

/* The story of the incident, read from the records alone. */
static struct model model_read(struct world *world)
{
    struct model model = {.asked_by = -1};
    struct arena arena;
    uint64_t last = rig_last_record(&world->rig);
    arena_init(&arena, 1 << 24);
    for (uint64_t seq = 1; seq <= last; seq++) {
        struct record record = rig_record(&world->rig, seq, &arena);
        if (record.incident != world->incident)
            continue;
        if (record.kind == RECORD_RESTART_ASKED) {
            model.asked_by = person_of(record.actor);
            model.asked_unix_ms = record.at_unix_ms;
        } else if (record.kind == RECORD_RESTART_REJECTED) {
            int asked_by = person_of(record.subject);
            if (model.asked_by < 0 || asked_by != model.asked_by)
                FAIL(world, "a no to a request that is not there: record %d", (int)seq);
            int who = person_of(record.actor);
            if (who == 3 && asked_by != 3)
                FAIL(world, "record %d: a no by one who may not", (int)seq);
            if ((record.number == 1) != (who == asked_by))
                FAIL(world, "record %d does not say whether it was taken back", (int)seq);
            model.is_barred = model.is_barred || who != asked_by;
            model.asked_by = -1;
            model.nos++;
        } else if (record.kind == RECORD_RESTART_APPROVED) {
            int who = person_of(record.actor);
            if (model.asked_by < 0)
                FAIL(world, "record %d approves what nobody asks for: a no was passed", (int)seq);
            if (who < 0 || who == 3)
                FAIL(world, "record %d: approved by one who may not", (int)seq);
            if (who == model.asked_by &&
                (model.is_barred || record.at_unix_ms - model.asked_unix_ms < ALONE_MS))
                FAIL(world, "record %d: approved alone, after a no or too early", (int)seq);
            model.asked_by = -1;
        }
    }
    arena_done(&arena);
    return model;
}

/* I9: what is answered is in the records. */
static void world_told(void *arg, const struct engine_reply *reply)
{
    struct told *told = arg;
    struct world *world = told->world;
    if (told->word == WORD_STOP) {
        world->incident = reply->stop ? reply->stop->incident : 0;
        return;
    }
    struct model stored = model_read(world);
    if (reply->outcome != ENGINE_TAKEN)
        return;
    if (told->is_service)
        FAIL(world, "a service was heard%s", "");
    if (told->word == WORD_REJECT) {
        if (stored.nos == 0)
            FAIL(world, "told no, and no record says so%s", "");
        world->rejections++;
    }
    if (told->word == WORD_APPROVE && told->who == 3)
        FAIL(world, "dia approved%s", "");
}

static void start(struct world *world)
{
    struct engine_options options = {.upstream = {world, world_call, rig_no_calls},
                                     .loaded = rig_load(installation, policy)};
    rig_start(&world->rig, options);
}

static void say(struct world *world, enum word word, int who, bool is_service)
{
    struct principal principal = {.kind = is_service ? PRINCIPAL_SERVICE : PRINCIPAL_PERSON,
                                  .name = persons[who].name,
                                  .person = &persons[who]};
    const struct engine_port *port = &world->rig.port;
    struct scope scope = {.workflow = SLICE("w")};
    struct stop_order order = {.scope = &scope, .position = POSITION_STOPPED};
    CHECK(world->told_count < TOLDS);
    struct told *told = &world->tolds[world->told_count++];
    *told = (struct told){world, word, who, is_service};
    switch (word) {
    case WORD_ASK:
        port->restart(port->impl, &principal, world->incident, SLICE("x"), world_told, told);
        return;
    case WORD_APPROVE:
        port->approve(port->impl, &principal, world->incident, world_told, told);
        return;
    case WORD_REJECT:
        port->reject(port->impl, &principal, world->incident, SLICE("no"), world_told, told);
        return;
    case WORD_STOP:
        port->stop(port->impl, &principal, &order, world_told, told);
        return;
    }
}

/* A crash: what was not saved is forgotten by the engine and by the oracle. */
static void crash(struct world *world)
{
    rig_crash(&world->rig);
    start(world);
    rig_settle(&world->rig);
}

/* How the engine tells it must be what the records say. */
static void look(struct world *world)
{
    struct arena arena;
    struct engine_restart restart;
    rig_settle(&world->rig);
    if (rig_incident(&world->rig) != world->incident)
        return;
    struct model model = model_read(world);
    arena_init(&arena, 1 << 20);
    CHECK(world->rig.port.restart_of(world->rig.port.impl, world->incident, &arena, &restart) ==
          ERR_OK);
    if (restart.state == RESTART_ASKED && model.asked_by < 0)
        FAIL(world, "a request stands that a no has ended%s", "");
    if (restart.state == RESTART_ASKED && model.is_barred != (restart.row.rejected.by[0] != '\0'))
        FAIL(world, "it does not say that it was refused before%s", "");
    if (restart.state == RESTART_ASKED && model.is_barred && restart.alone_unix_ms != 0)
        FAIL(world, "alone after a no%s", "");
    if (restart.state == RESTART_ENDED && model.asked_by >= 0)
        FAIL(world, "what stands is said to have ended%s", "");
    world->alones += restart.state == RESTART_ASKED && restart.alone_unix_ms != 0;
    arena_done(&arena);
}

static void step(struct world *world)
{
    struct prng *prng = &world->rig.prng;
    int who = (int)prng_below(prng, PEOPLE);
    bool is_service = prng_below(prng, 12) == 0;
    switch (prng_below(prng, 16)) {
    case 0:
    case 1:
    case 2:
    case 3:
        say(world, WORD_ASK, who, is_service);
        return;
    case 4:
    case 5:
        say(world, WORD_REJECT, who, is_service);
        return;
    case 6: /* a no and an approval at once, in either order */
        say(world, WORD_REJECT, who, is_service);
        say(world, WORD_APPROVE, (int)prng_below(prng, PEOPLE), false);
        return;
    case 7:
        say(world, WORD_APPROVE, who, is_service);
        if (prng_below(prng, 2))
            say(world, WORD_REJECT, (int)prng_below(prng, PEOPLE), false);
        return;
    case 8:
        (void)store_memory_save(world->rig.store, 1); /* saved, and not told */
        if (prng_below(prng, 2) == 0)
            crash(world);
        return;
    case 9:
        if (prng_below(prng, 3) == 0)
            crash(world);
        return;
    case 10:
        rig_pass(&world->rig, (int64_t)prng_below(prng, 15) * 60 * 1000, 30 * 1000);
        return;
    case 11: /* a further one voids what is asked for */
        if (prng_below(prng, 4) == 0)
            say(world, WORD_STOP, who, false);
        return;
    default:
        look(world);
    }
}

static void play(uint64_t seed)
{
    static struct world world;
    world = (struct world){.incident = 0};
    rig_init(&world.rig, seed, RIG_BEGIN_UNIX_MS);
    start(&world);
    for (int i = 0; i < STEPS; i++) {
        rig_settle(&world.rig);
        if (!world.incident || rig_incident(&world.rig) != world.incident) {
            if (world.incident) {
                world.lifts++;
                (void)model_read(&world); /* was it right to lift it? */
            }
            say(&world, WORD_STOP, 0, false);
            rig_settle(&world.rig);
        }
        step(&world);
    }
    look(&world);
    (void)model_read(&world);
    if (world.rejections == 0 || world.lifts == 0)
        print_message("seed %llu: %d nos, %d lifts\n", (unsigned long long)seed, world.rejections,
                      world.lifts);
    rig_done(&world.rig);
}

static void nothing_passes_a_no(void **state)
{
    (void)state;
    rig_each_seed(100, 2000, play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_passes_a_no)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
