/* tests/sim/provider.h - upstreams that fail in every way: refused, lost, slow, late, wrong.
 * Owns: when a call leaves, whether anything happens, what is answered. */
#pragma once
#include "sim/oracle.h"

static bool slice_has(struct slice text, const char *word)
{
    for (size_t i = 0; i < text.size; i++)
        if (slice_starts(slice_from(text, i), slice_text(word)))
            return true;
    return false;
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
            world->rig.now_unix_ms + (int64_t)prng_below(&world->rig.prng, WORLD_BEHIND_MS);
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
    int count = world->rig.now_unix_ms >= thing->visible_unix_ms ? thing->effects : 0;
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

/* One step of one call: it leaves, or it is answered in one of many ways. */
static void world_move_call(struct world *world, struct flying *flying)
{
    uint64_t dice = prng_below(&world->rig.prng, 100);
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
        answer.status = refusals[prng_below(&world->rig.prng, 5)];
    } else if (dice < 24) {
        answer.status = 500;
    }
    world_finish(world, flying, &answer);
}
