/* tests/sim/oracle.h - what must hold whenever a call leaves.
 * Owns: I1, I6, R1, R4, R10, R11, R15, R17, R18, R30 as the providers see them. */
#pragma once
#include "policy/config.h"
#include "record/bundle.h"
#include "record/digest.h"
#include "sim/model.h"

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
    CHECK(world->rig.store_port.list_open(world->rig.store_port.impl, &query, &arena, page,
                                          &count) == ERR_OK);
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

/* R17: what a stop forbids, by its position. A person has let a thing go if one ever spoke of it.
 */
static bool world_is_forbidden(struct world *world, const struct flying *flying,
                               const struct stop *stop)
{
    const struct config *config = world->rig.port.config(world->rig.port.impl);
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

static struct scope world_place(const struct flying *flying)
{
    bool is_high = flying->step < 2 && flying->thing % 4 == 0;
    return (struct scope){.workflow = SLICE("sim"),
                          .step = slice_text(world_steps[flying->step]),
                          .upstream = slice_text(world_upstreams[flying->upstream]),
                          .risk = is_high ? SLICE("high") : SLICE("normal")};
}

/* I6: is there an acknowledged stop that covers this start? */
static void world_check_stopped(struct world *world, const struct flying *flying)
{
    int step = flying->step;
    int thing = flying->thing;
    struct scope at = world_place(flying);
    for (size_t i = 0; i < world->stop_count; i++) {
        struct stop *stop = &world->stops[i].stop;
        if (world->stops[i].is_acknowledged && scope_covers(stop, &at) &&
            world_is_forbidden(world, flying, stop))
            WORLD_FAIL(world, "I6: %s k%d left after its stop (%s) was acknowledged",
                       world_steps[step], thing, position_name(stop->position));
    }
}

/* R16: a receipt that says stopped waits for nothing: no call in its scope is under way. */
static void world_check_receipts(struct world *world)
{
    struct stop stops[WORLD_STOPS];
    size_t count = WORLD_STOPS;
    CHECK(world->rig.port.stops(world->rig.port.impl, false, NULL, stops, &count) == ERR_OK);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < WORLD_CALLS; j++) {
            const struct flying *flying = &world->flying[j];
            if (stops[i].position != POSITION_STOPPED || stops[i].stopped_at_unix_ms == 0 ||
                stops[i].is_ramping || !flying->is_there || flying->is_probe || flying->is_ask ||
                !flying->has_left)
                continue;
            struct scope at = world_place(flying);
            if (scope_covers(&stops[i], &at))
                WORLD_FAIL(world, "R16: %s k%d is under way, and its stop says STOPPED",
                           world_steps[flying->step], flying->thing);
        }
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
    int64_t since_ms = world->rig.now_unix_ms - world->upstreams[which].excess_unix_ms;
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
    CHECK(world->rig.store_port.get_payload(world->rig.store_port.impl, row->first_seq, &arena,
                                            &payload) == ERR_OK);
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
    CHECK(world->rig.store_port.list_open(world->rig.store_port.impl, &query, &arena, page,
                                          &count) == ERR_OK);
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
