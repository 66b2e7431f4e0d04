/* tests/sim/world.h - a whole interlock in virtual time: the real engine on a memory store, a clock
 * that only the simulation moves, a provider that fails in every way, people who look before they
 * answer, and crashes between any two steps.
 * Owns: the model of what really happened, against which the invariants are checked. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/prng.h"
#include "loop/engine.h"
#include "policy/config.h"
#include "record/digest.h"
#include "record/row.h"
#include "sim/world_policy.h"
#include "store/memory.h"

/* What the provider knows of one business thing (a step and its input.id). */
struct thing {
    int effects;     /* what happened in the world */
    int verified_no; /* times a person looked, saw nothing, and said "send" */
    int agains;      /* explicit new tries */
    int reads;       /* requests whose bytes were read */
    char provider_key[WORLD_UPSTREAMS][64]; /* last one seen there, of this generation */
    bool happened_at[WORLD_UPSTREAMS];      /* PUT: twice at one place changes nothing */
    int doubt_at; /* 1 + where a request was read and nobody told what came of it; 0 = nowhere */
    bool refused_at[WORLD_UPSTREAMS]; /* it said no, and no person has spoken since */
    int calls[WORLD_UPSTREAMS];       /* requests that left, or were refused by the network */
    int key_changes;                  /* different provider keys within a generation */
    uint64_t acknowledged;            /* action id that a caller was told */
    bool is_edited;                   /* by a person: the rule may not ask for their word again */
    int64_t word_unix_ms;             /* when a person said last that it may start */
    uint64_t permit_of;               /* action whose permit the caller has */
    char permit[72];
    int64_t visible_unix_ms; /* BY_CHECK: from then on the provider can tell what happened */
    int64_t paid_unix_ms;    /* FRESH: nothing must be sent on older facts; 0 = not paid */
    uint64_t ok_action;      /* an action that its caller has reported as done, and was told so */
};

struct flying {
    bool is_there;
    bool has_left;   /* its first byte has left */
    bool is_decided; /* the effect was decided at the provider */
    bool is_probe;   /* no action's: it asks whether the provider is back */
    bool is_ask;     /* a question for an action: it has no effect */
    int step, thing, upstream;
    struct upstream_call call;
    bool is_template; /* the body of a template: another route of the same upstream */
    char key[64];
};

struct told;
struct world {
    struct prng prng;
    uint64_t seed;
    int64_t now_unix_ms;
    int64_t alarm_unix_ms;
    struct store_memory *store;
    struct store_port store_port;
    struct engine *engine;
    struct engine_port port;
    struct flying flying[WORLD_CALLS];
    struct thing things[WORLD_STEPS][WORLD_KEYS];
    bool is_provider_up;
    enum { OUTAGE_REFUSED, OUTAGE_FAULTS, OUTAGE_SILENT, OUTAGE_BUSY, OUTAGE_KINDS } outage;
    struct {
        uint64_t id, incident;
        struct stop stop;
        enum position position; /* as it was ordered */
        bool is_acknowledged, is_asked, was_acknowledged;
    } stops[WORLD_STOPS];
    size_t stop_count;
    struct {
        char key[64];
        unsigned char body[ACTION_DIGEST];
    } keys[WORLD_PROVIDER_KEYS]; /* what each provider key stood for */
    size_t key_count;
    struct {
        int calls, words; /* that left or were refused; people's, for one more start */
        int64_t excess_unix_ms;
        int excess, excess_crashes; /* beyond the budget since then; crashes before it */
    } upstreams[WORLD_UPSTREAMS];
    int answers, crashes, events;
    struct told *tolds;
};

/* ---- clock ---- */

static int64_t world_now(void *impl)
{
    return ((struct world *)impl)->now_unix_ms;
}
static void world_random(void *impl, void *out, size_t size)
{
    struct world *world = impl;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)out)[i] = (unsigned char)prng_next(&world->prng);
}
static void world_wake_at(void *impl, int64_t unix_ms)
{
    ((struct world *)impl)->alarm_unix_ms = unix_ms;
}

/* ---- the provider ---- */

static int world_step_of(struct slice target)
{
    if (slice_starts(target, SLICE("/asked/")))
        return WORLD_BY_CHECK;
    if (slice_starts(target, SLICE("/fact/")))
        return WORLD_FRESH;
    for (int i = 0; i < WORLD_STEPS; i++) {
        const char *name = world_steps[i];
        struct slice path = slice_text(strncmp(name, "by_", 3) == 0 ? name + 3 : name);
        struct slice rest = slice_from(target, 1);
        if (slice_starts(rest, path) && rest.size > path.size && rest.at[path.size] == '/')
            return i;
    }
    CHECK_UNREACHABLE();
}

static int world_thing_of(struct slice target)
{
    size_t at = target.size;
    uint64_t number = 0;
    while (target.at[at - 1] != 'k')
        at--;
    CHECK(slice_to_u64(slice_from(target, at), WORLD_KEYS - 1, &number));
    return (int)number;
}

/* A review that the switch asked for is due later than the rule's. */
static bool world_was_softened(const struct world *world)
{
    for (size_t i = 0; i < world->stop_count; i++)
        if (world->stops[i].position != POSITION_STOPPED)
            return true;
    return false;
}

/* R18: what a rule shows to people starts by their word, and that word is good until its review is
 * due, here half an hour at by_none, and no longer than `stale_after`, here an hour. */
static void world_check_word(struct world *world, int step, int thing, const struct action *action)
{
    /* On another route the policy itself has moved it on: `at due then`. */
    bool needs_word = (step < 2 || step == WORLD_ORDERED) && thing % 7 == 0 && action->route == 0 &&
                      !world->things[step][thing].is_edited;
    int64_t age_ms = action->attempt_unix_ms - world->things[step][thing].word_unix_ms;
    int64_t good_ms = step == 0 && !world_was_softened(world) ? 1800000 : 3600000;
    if (needs_word && action->starts == 1 && age_ms > good_ms)
        WORLD_FAIL(world, "R18: %s k%d starts %lld s after a person said so", world_steps[step],
                   thing, (long long)age_ms / 1000);
}

/* R10: nothing starts on facts older than stale_after, whoever said so. */
static void world_check_fresh(struct world *world, int step, int thing, const struct action *action)
{
    int64_t paid_unix_ms = world->things[step][thing].paid_unix_ms;
    if (step == WORLD_FRESH && paid_unix_ms != 0 && action->submitted_unix_ms < paid_unix_ms &&
        action->attempt_unix_ms - paid_unix_ms > 60000)
        WORLD_FAIL(world, "R10: fresh k%d starts %lld s after it was paid", thing,
                   (long long)(action->attempt_unix_ms - paid_unix_ms) / 1000);
}

/* I1: what is sent stands in the store as started. */
static void world_check_durable(struct world *world, int step, int thing)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct store_action page[LIMIT_PAGE];
    struct store_open_query query = {.limit = LIMIT_PAGE};
    size_t count = 0;
    bool is_started = false;
    char id[16];
    (void)snprintf(id, sizeof id, "k%d", thing);
    CHECK(world->store_port.list_open(world->store_port.impl, &query, &arena, page, &count) ==
          ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        if (!slice_is(row.step, world_steps[step]) || !row.action.attempt_is_open)
            continue;
        struct bundle_request request;
        CHECK(bundle_request_decode(page[i].frozen, &arena, &request) == ERR_OK);
        if (world_thing_of(request.target) != thing)
            continue;
        is_started = true;
        world_check_word(world, step, thing, &row.action);
        world_check_fresh(world, step, thing, &row.action);
    }
    arena_done(&arena);
    if (!is_started)
        WORLD_FAIL(world, "I1: %s k%d was sent, but its start is not durable", world_steps[step],
                   thing);
}

static bool slice_has(struct slice text, const char *word)
{
    for (size_t i = 0; i < text.size; i++)
        if (slice_starts(slice_from(text, i), slice_text(word)))
            return true;
    return false;
}

static int world_upstream_of(struct slice name)
{
    int i = 0;
    while (!slice_is(name, world_upstreams[i]))
        i++;
    return i;
}

/* R1 and R15, as the providers see it: nothing is asked of one while another may have done it, nor
 * of one that said no, unless a person has spoken since. */
static void world_check_route(struct world *world, const struct flying *flying)
{
    if (flying->step < 0 || flying->step == 3)
        return; /* a probe, a read */
    const struct thing *thing = &world->things[flying->step][flying->thing];
    if (thing->doubt_at != 0 && thing->doubt_at != 1 + flying->upstream)
        WORLD_FAIL(world, "R1: %s k%d was sent to %s while it may have happened at %s",
                   world_steps[flying->step], flying->thing, world_upstreams[flying->upstream],
                   world_upstreams[thing->doubt_at - 1]);
    if (thing->refused_at[flying->upstream] && strcmp(world_steps[flying->step], "by_key") != 0)
        WORLD_FAIL(world, "R15: %s k%d was sent to %s again, which had said no",
                   world_steps[flying->step], flying->thing, world_upstreams[flying->upstream]);
}

/* A person has spoken about it, or asked for a new try. */
static void world_person_spoke(struct thing *thing)
{
    thing->doubt_at = 0;
    memset(thing->refused_at, 0, sizeof thing->refused_at);
}

/* R4: whoever recognises a key takes two requests under it for one. */
static void world_check_key(struct world *world, const struct flying *flying)
{
    unsigned char digest[ACTION_DIGEST];
    size_t i = 0;
    if (!flying->key[0])
        return;
    digest_short(flying->call.body, digest);
    while (i < world->key_count && strcmp(world->keys[i].key, flying->key) != 0)
        i++;
    if (i == world->key_count) {
        CHECK(i < WORLD_PROVIDER_KEYS);
        memcpy(world->keys[i].key, flying->key, sizeof flying->key);
        memcpy(world->keys[i].body, digest, sizeof digest);
        world->key_count++;
    }
    if (memcmp(world->keys[i].body, digest, sizeof digest) != 0)
        WORLD_FAIL(world, "R4: %s k%d has another body under the provider key of an older one",
                   world_steps[flying->step], flying->thing);
}

static enum err world_call(void *impl, const struct upstream_call *call)
{
    struct world *world = impl;
    for (size_t i = 0; i < WORLD_CALLS; i++) {
        struct flying *flying = &world->flying[i];
        if (flying->is_there)
            continue;
        if (call->target.size == 1 || slice_is(call->target, "/health")) {
            *flying =
                (struct flying){.is_there = true, .is_probe = true, .step = -1, .call = *call};
            return ERR_OK;
        }
        *flying = (struct flying){.is_there = true,
                                  .step = world_step_of(call->target),
                                  .thing = world_thing_of(call->target),
                                  .upstream = world_upstream_of(call->endpoint->name),
                                  .call = *call};
        flying->is_ask = slice_starts(call->target, SLICE("/asked/")) ||
                         slice_starts(call->target, SLICE("/fact/"));
        flying->is_template = slice_has(call->body, "sorry");
        for (size_t h = 0; h < call->header_count; h++)
            if (slice_is(call->headers[h].name, "Idempotency-Key"))
                (void)snprintf(flying->key, sizeof flying->key, "%.*s",
                               SLICE_FMT(call->headers[h].value));
        for (size_t j = 0; j < WORLD_CALLS; j++)
            if (j != i && world->flying[j].is_there && world->flying[j].step == flying->step &&
                world->flying[j].thing == flying->thing &&
                world->flying[j].is_ask == flying->is_ask)
                WORLD_FAIL(world, "I2: two attempts of %s k%d at once", world_steps[flying->step],
                           flying->thing);
        if (!flying->is_ask) {
            world_check_durable(world, flying->step, flying->thing);
            world_check_route(world, flying);
            world_check_key(world, flying);
        }
        return ERR_OK;
    }
    return ERR_BUSY;
}

static size_t world_call_count(void *impl)
{
    (void)impl;
    return 0;
}

/* R17: what a stop forbids, by its position. A person has let a thing go if one ever spoke of it.
 */
static bool world_is_forbidden(struct world *world, const struct flying *flying,
                               const struct stop *stop)
{
    const struct config *config = world->port.config(world->port.impl);
    const struct step *step =
        config_step(config, SLICE("sim"), slice_text(world_steps[flying->step]));
    const struct thing *thing = &world->things[flying->step][flying->thing];
    bool is_persons = thing->word_unix_ms != 0;
    bool is_primary = !flying->is_template && step->upstream &&
                      slice_is(step->upstream->name, world_upstreams[flying->upstream]);
    if (stop->position == POSITION_STOPPED)
        return true;
    if (flying->step == WORLD_OBSERVED) /* it only passes through: no fallback, nobody is asked */
        return stop->position == POSITION_FALLBACK && stop->names[2][0];
    if (stop->position == POSITION_FALLBACK)
        return stop->names[2][0] || (is_primary && !is_persons);
    return step->terms.effect == EFFECT_WRITE && !is_persons;
}

/* I6: is there an acknowledged stop that covers this start? */
static void world_check_stopped(struct world *world, const struct flying *flying)
{
    int step = flying->step;
    int thing = flying->thing;
    for (size_t i = 0; i < world->stop_count; i++) {
        struct stop *stop = &world->stops[i].stop;
        bool is_high = step < 2 && thing % 4 == 0;
        struct scope at = {.workflow = SLICE("sim"),
                           .step = slice_text(world_steps[step]),
                           .upstream = slice_text(world_upstreams[flying->upstream]),
                           .risk = is_high ? SLICE("high") : SLICE("normal")};
        if (world->stops[i].is_acknowledged && scope_covers(stop, &at) &&
            world_is_forbidden(world, flying, stop))
            WORLD_FAIL(world, "I6: %s k%d left after its stop (%s) was acknowledged",
                       world_steps[step], thing, position_name(stop->position));
    }
}

/* The request is read by the provider; whether anything happens depends on how it fails. */
static void world_effect(struct world *world, struct flying *flying)
{
    struct thing *thing = &world->things[flying->step][flying->thing];
    thing->reads++;
    flying->is_decided = true;
    if (flying->step == 3)
        return;
    char *known = thing->provider_key[flying->upstream];
    bool is_known_key = flying->key[0] && strcmp(flying->key, known) == 0;
    if (flying->key[0] && known[0] && !is_known_key && !flying->is_template)
        thing->key_changes++;
    if (flying->key[0])
        memcpy(known, flying->key, sizeof flying->key);
    bool is_repeat = is_known_key || ((flying->step == 2 || flying->step >= WORLD_ORDERED) &&
                                      thing->happened_at[flying->upstream]);
    thing->happened_at[flying->upstream] = true;
    if (!is_repeat)
        thing->effects++;
    if (flying->step == WORLD_BY_CHECK)
        thing->visible_unix_ms =
            world->now_unix_ms + (int64_t)prng_below(&world->prng, WORLD_BEHIND_MS);
}

/* What an answer tells, by the words of the design (4.1), not by the code under test. */
static void world_told(struct world *world, const struct flying *flying,
                       const struct upstream_answer *answer)
{
    if (flying->step < 0 || flying->is_ask)
        return; /* a probe, a question */
    struct thing *thing = &world->things[flying->step][flying->thing];
    bool is_lost = answer->phase == UPSTREAM_SENT_NO_ANSWER ||
                   (answer->phase == UPSTREAM_ANSWERED && answer->status >= 500);
    if (is_lost)
        thing->doubt_at = 1 + flying->upstream;
    else if (answer->phase == UPSTREAM_ANSWERED && answer->status == 200)
        thing->doubt_at = 0;
    /* 409 to a repeat of what may have happened there is no word about it. */
    bool is_conflict = answer->status == 409 && thing->doubt_at == 1 + flying->upstream;
    thing->refused_at[flying->upstream] = answer->phase == UPSTREAM_ANSWERED &&
                                          answer->status >= 400 && answer->status < 429 &&
                                          !is_conflict && !flying->is_template;
}

static void world_finish(struct world *world, struct flying *flying,
                         const struct upstream_answer *answer)
{
    struct upstream_call call = flying->call;
    world_told(world, flying, answer);
    flying->is_there = false;
    call.done(call.arg, answer);
}

/* A probe is answered, or the connection that it makes is all. */
static void world_move_probe(struct world *world, struct flying *flying, uint64_t dice)
{
    struct upstream_answer answer = {.phase = UPSTREAM_NOT_SENT,
                                     .what = SLICE("connection refused")};
    if (world->is_provider_up && dice >= 6) {
        if (!flying->call.may_send(flying->call.arg)) {
            answer.was_withheld = true;
        } else {
            answer.phase = UPSTREAM_ANSWERED;
            answer.status = dice < 20 ? 503 : dice < 30 ? 404 : 200;
        }
    }
    world_finish(world, flying, &answer);
}

/* A question is answered with what the provider knows by now, or in a way that says nothing. */
static void world_move_ask(struct world *world, struct flying *flying, uint64_t dice)
{
    static const char *const nothing[] = {"not found", "{}", "{\"count\":\"?\",\"n\":\"?\"}", ""};
    const struct thing *thing = &world->things[flying->step][flying->thing];
    struct upstream_answer answer = {.phase = UPSTREAM_NOT_SENT,
                                     .what = SLICE("connection refused")};
    char body[64];
    int count = world->now_unix_ms >= thing->visible_unix_ms ? thing->effects : 0;
    int n = thing->paid_unix_ms ? -1 : flying->thing;
    (void)snprintf(body, sizeof body, "{\"count\":%d,\"n\":%d}", count, n);
    if (!world->is_provider_up || dice < 6 || !flying->call.may_send(flying->call.arg)) {
        world_finish(world, flying, &answer);
        return;
    }
    answer.phase = dice < 12 ? UPSTREAM_SENT_NO_ANSWER : UPSTREAM_ANSWERED;
    answer.status = dice < 20 ? 503 : dice < 28 ? 404 : 200;
    answer.body = dice < 40 ? slice_text(nothing[dice % 4]) : slice_text(body);
    world_finish(world, flying, &answer);
}

/* In observe each thing is sent once; more only by a person's word. */
static void world_check_observed(struct world *world, const struct flying *flying)
{
    const struct thing *thing = &world->things[flying->step][flying->thing];
    int calls = 0;
    if (flying->step != WORLD_OBSERVED)
        return;
    for (size_t i = 0; i < WORLD_UPSTREAMS; i++)
        calls += thing->calls[i];
    if (calls > 1 + thing->agains + thing->verified_no)
        WORLD_FAIL(world, "observe: k%d is sent once more, to %s", flying->thing,
                   world_upstreams[flying->upstream]);
}

/* Attempts <= 1.1 x actions + 10, and one more for each word of a person. A few more are paid for
 * by their time, or by a crash: three answers close a breaker, and a round has one repeat free. */
static void world_count_call(struct world *world, struct flying *flying)
{
    enum { OPEN_LEAST_MS = 24000, EXCESS_MAX = 4 };
    int which = flying->upstream;
    int actions = 0;
    world->things[flying->step][flying->thing].calls[which]++;
    world_check_observed(world, flying);
    world->upstreams[which].calls++;
    for (int step = 0; step < WORLD_STEPS; step++)
        for (int i = 0; i < WORLD_KEYS; i++)
            if (world->things[step][i].calls[which] > 0)
                actions += 1 + world->things[step][i].agains;
    if (world->upstreams[which].calls <= actions * 11 / 10 + 10 + world->upstreams[which].words)
        return;
    int64_t since_ms = world->now_unix_ms - world->upstreams[which].excess_unix_ms;
    bool is_new =
        since_ms >= OPEN_LEAST_MS || world->crashes != world->upstreams[which].excess_crashes;
    int excess = is_new ? 1 : world->upstreams[which].excess + 1;
    world->upstreams[which].calls--;
    world->upstreams[which].excess = excess;
    world->upstreams[which].excess_crashes = world->crashes;
    world->upstreams[which].excess_unix_ms += is_new ? since_ms : 0;
    if (excess > EXCESS_MAX)
        WORLD_FAIL(world, "R30: %d actions had %d attempts too many at once", actions, excess);
}

/* The number of an open action's thing, or -1 for another step. */
static int world_number_of(struct world *world, const struct row *row, int step)
{
    struct arena arena;
    struct slice payload;
    struct bundle_submit submit;
    uint64_t number = 0;
    if (!slice_is(row->step, world_steps[step]))
        return -1;
    arena_init(&arena, 1 << 20);
    CHECK(world->store_port.get_payload(world->store_port.impl, row->first_seq, &arena, &payload) ==
          ERR_OK);
    CHECK(bundle_submit_decode(slice_from(payload, BUNDLE_SALT), &arena, &submit) == ERR_OK);
    CHECK(slice_to_u64(slice_from(submit.key, 1), WORLD_KEYS, &number));
    arena_done(&arena);
    return (int)number;
}

/* R11: what leaves is the oldest of its order key that has not ended. */
static void world_check_order(struct world *world, int step, int thing)
{
    struct arena arena;
    struct store_action page[LIMIT_PAGE];
    struct store_open_query query = {.limit = LIMIT_PAGE};
    size_t count = 0;
    bool is_oldest = false, has_oldest = false;
    if (step != WORLD_ORDERED && step != WORLD_LATEST)
        return;
    arena_init(&arena, 1 << 22);
    CHECK(world->store_port.list_open(world->store_port.impl, &query, &arena, page, &count) ==
          ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        int number = state_is_end(row.action.state) ? -1 : world_number_of(world, &row, step);
        if (number < 0 || number % WORLD_THINGS != thing % WORLD_THINGS)
            continue;
        is_oldest = is_oldest || (!has_oldest && number == thing);
        has_oldest = true;
    }
    arena_done(&arena);
    if (!is_oldest)
        WORLD_FAIL(world, "R11: %s k%d left before an older one has ended", world_steps[step],
                   thing);
}

/* One step of one call: it leaves, or it is answered in one of many ways. */
static void world_move_call(struct world *world, struct flying *flying)
{
    uint64_t dice = prng_below(&world->prng, 100);
    static const char body[] = "{\"status\":\"queued\"}";
    if (flying->is_probe) {
        world_move_probe(world, flying, dice);
        return;
    }
    if (flying->is_ask) {
        world_move_ask(world, flying, dice);
        return;
    }
    bool is_refused = !world->is_provider_up && world->outage == OUTAGE_REFUSED;
    if (!flying->has_left) {
        if (is_refused || dice < 6) {
            world_count_call(world, flying);
            struct upstream_answer answer = {.phase = UPSTREAM_NOT_SENT,
                                             .what = SLICE("connection refused")};
            world_finish(world, flying, &answer);
            return;
        }
        if (flying->call.may_send && !flying->call.may_send(flying->call.arg)) {
            struct upstream_answer answer = {
                .phase = UPSTREAM_NOT_SENT, .was_withheld = true, .what = SLICE("withheld")};
            world_finish(world, flying, &answer);
            return;
        }
        world_check_stopped(world, flying);
        world_check_order(world, flying->step, flying->thing);
        world_count_call(world, flying);
        flying->has_left = true;
        if (dice < 80)
            world_effect(world, flying);
        return;
    }
    struct upstream_answer answer = {
        .phase = UPSTREAM_ANSWERED, .status = 200, .body = SLICE(body)};
    answer.body = slice_text(body);
    if (!world->is_provider_up && world->outage != OUTAGE_REFUSED)
        dice = world->outage == OUTAGE_SILENT ? 0 : 12; /* and a 503 tells nothing */
    if (!world->is_provider_up && world->outage == OUTAGE_BUSY && !flying->is_decided) {
        answer.status = 429; /* nothing happened, and no time is told */
    } else if (dice < 12) {  /* the answer is lost, whatever happened */
        answer =
            (struct upstream_answer){.phase = UPSTREAM_SENT_NO_ANSWER, .what = SLICE("no answer")};
    } else if (dice < 20) {
        answer.status = 503;
    } else if (!flying->is_decided) {
        static const int refusals[] = {429, 404, 422, 401, 409};
        answer.status = refusals[prng_below(&world->prng, 5)];
    } else if (dice < 24) {
        answer.status = 500;
    }
    world_finish(world, flying, &answer);
}

/* ---- life and crash ---- */

/* Checked once for all seeds: a configuration never changes. */
static const struct config *world_config(void)
{
    static struct arena arena;
    static const struct config *config;
    struct problems problems;
    if (config)
        return config;
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    struct config_file files[2] = {{SLICE("interlock.yaml"), slice_text(world_installation)},
                                   {SLICE("policies/sim.yaml"), slice_text(world_policy)}};
    config = config_load(files, 2, &arena, &problems);
    if (!config) {
        struct buf text;
        buf_init(&text, 1 << 20);
        problems_add_text(&text, &problems);
        print_message("%s\n", buf_text(&text));
        buf_done(&text);
    }
    assert_non_null(config);
    return config;
}

static struct loaded *world_load(void)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);
    CHECK(loaded != NULL);
    arena_init(&loaded->arena, 4096);
    redact_init(&loaded->redact);
    buf_init(&loaded->warnings_json, 1024);
    loaded->config = world_config();
    loaded->secrets = calloc(1, sizeof *loaded->secrets);
    CHECK(loaded_digest(loaded) == ERR_OK);
    return loaded;
}

static void world_start(struct world *world)
{
    struct buf message;
    buf_init(&message, 4096);
    struct engine_options options = {.store = world->store_port,
                                     .upstream = {world, world_call, world_call_count},
                                     .clock = {world, world_now, world_random, world_wake_at},
                                     .loaded = world_load(),
                                     .installation_key = {1, 2, 3}};
    world->alarm_unix_ms = 0;
    world->engine = engine_new(&options, &message);
    if (!world->engine)
        WORLD_FAIL(world, "the engine does not start: %s", buf_text(&message));
    engine_as_port(world->engine, &world->port);
    buf_done(&message);
}

/* A stop and its incident are one write: after a crash each stop has its incident, open as long as
 * the stop is in force, and the other way round. */
static void world_check_incidents(struct world *world)
{
    struct arena arena;
    arena_init(&arena, 1 << 24);
    struct stop *stops = ARENA_ARRAY(&arena, WORLD_STOPS * 2, struct stop);
    struct engine_incident *open = ARENA_ARRAY(&arena, LIMIT_PAGE, struct engine_incident);
    size_t stop_count = WORLD_STOPS * 2;
    size_t open_count = LIMIT_PAGE;
    CHECK(world->port.stops(world->port.impl, false, &arena, stops, &stop_count) == ERR_OK);
    CHECK(world->port.incidents(world->port.impl, true, &arena, open, &open_count) == ERR_OK);
    for (size_t i = 0; i < stop_count; i++) {
        bool is_found = false;
        for (size_t j = 0; j < open_count; j++)
            is_found = is_found || open[j].id == stops[i].incident;
        if (!is_found)
            WORLD_FAIL(world, "I7: a stop in force has no open incident%s", "");
    }
    for (size_t j = 0; j < open_count; j++) {
        bool is_found = false;
        for (size_t i = 0; i < stop_count; i++)
            is_found = is_found || open[j].id == stops[i].incident;
        if (!is_found)
            WORLD_FAIL(world, "I7: an open incident has no stop in force%s", "");
    }
    arena_done(&arena);
}

static void world_crash(struct world *world)
{
    world->crashes++;
    engine_free(world->engine);
    store_memory_crash(world->store);
    /* The sockets are gone; what was read was read. What was told may not have been stored. */
    for (size_t i = 0; i < WORLD_CALLS; i++)
        if (world->flying[i].is_there && world->flying[i].has_left && world->flying[i].step >= 0 &&
            !world->flying[i].is_ask)
            world->things[world->flying[i].step][world->flying[i].thing].doubt_at =
                1 + world->flying[i].upstream;
    memset(world->flying, 0, sizeof world->flying);
    for (size_t i = 0; i < WORLD_STEPS * WORLD_KEYS; i++)
        memset((&world->things[0][0])[i].refused_at, 0, WORLD_UPSTREAMS);
    for (size_t i = 0; i < world->stop_count; i++)
        world->stops[i].is_asked = false;
    world->now_unix_ms += (int64_t)prng_below(&world->prng, 120000);
    world_start(world);
    world_check_incidents(world);
    /* I7: every acknowledged stop is in force again. */
    struct arena arena;
    arena_init(&arena, 1 << 24);
    struct stop *stops = ARENA_ARRAY(&arena, WORLD_STOPS * 2, struct stop);
    size_t count = WORLD_STOPS * 2;
    CHECK(world->port.stops(world->port.impl, false, &arena, stops, &count) == ERR_OK);
    for (size_t i = 0; i < world->stop_count; i++) {
        bool is_found = false;
        for (size_t j = 0; j < count; j++)
            is_found = is_found || stops[j].id == world->stops[i].id;
        if (world->stops[i].is_acknowledged && !is_found)
            WORLD_FAIL(world, "I7: an acknowledged stop is gone after a crash");
    }
    arena_done(&arena);
}

static void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.seed = seed, .prng = {seed}, .now_unix_ms = 1800000000000};
    world->is_provider_up = true;
    world->store = store_memory_new();
    world->store_port = store_memory_port(world->store);
    world_start(world);
}

static void world_done(struct world *world)
{
    engine_free(world->engine);
    store_memory_free(world->store);
}
