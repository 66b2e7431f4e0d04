/* tests/sim/people.h - callers and people of the simulation: they submit, report, look before they
 * answer, stop, restart, change their minds.
 * Owns: struct told: each answer is compared with the store in the moment in which it is given
 * (I9), and with what was told before (I5, I11). */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "sim/model.h"

struct told {
    struct told *next; /* all of a world, freed at its end */
    struct world *world;
    int step, thing;
    enum { TOLD_SUBMIT, TOLD_ACT, TOLD_STOP, TOLD_ASK, TOLD_RESTART, TOLD_WRONG, TOLD_OK } kind;
    size_t stop;
    uint64_t incident; /* restart of a stop that the simulation may not know */
    char input[64];
};

/* I9: what a caller was told stands in the store at that moment. */
static void told_check_view(struct told *told, const struct view *view)
{
    struct arena arena;
    struct store_action stored;
    struct row row;
    struct world *world = told->world;
    arena_init(&arena, 1 << 20);
    if (world->rig.store_port.get_action(world->rig.store_port.impl, view->action->id, &arena,
                                         &stored) != ERR_OK)
        WORLD_FAIL(world, "I9: told of an action that is not stored");
    CHECK(row_decode(stored.row, &row) == ERR_OK);
    if (row.action.state != view->action->state)
        WORLD_FAIL(world, "I9: told %s, stored %s", state_name(view->action->state),
                   state_name(row.action.state));
    arena_done(&arena);
}

static void told_done(void *arg, const struct engine_reply *reply)
{
    struct told *told = arg;
    struct world *world = told->world;
    world->answers++;
    if (reply->view && reply->outcome == ENGINE_TAKEN)
        told_check_view(told, reply->view);
    if (told->kind == TOLD_SUBMIT && reply->outcome == ENGINE_TAKEN) {
        struct thing *thing = &world->things[told->step][told->thing];
        if (thing->acknowledged && thing->acknowledged != reply->view->action->id &&
            thing->agains == 0)
            WORLD_FAIL(world, "I5: one key, two actions");
        thing->acknowledged = reply->view->action->id;
        if (reply->view->action->state == STATE_DONE && world_has_effects(told->step) &&
            thing->effects == 0 && reply->view->action->reason != REASON_PERSON_BY_HAND &&
            (reply->view->action->last_outcome == OUTCOME_OK ||
             reply->view->action->reason == REASON_BY_CHECK))
            WORLD_FAIL(world, "told done, but nothing happened");
    }
    if (told->kind == TOLD_SUBMIT && reply->outcome == ENGINE_TAKEN &&
        reply->view->permit_token.size > 0) {
        struct thing *thing = &world->things[told->step][told->thing];
        thing->permit_of = reply->view->action->id;
        (void)snprintf(thing->permit, sizeof thing->permit, "%.*s",
                       SLICE_FMT(reply->view->permit_token));
    }
    if (told->kind == TOLD_OK && reply->outcome == ENGINE_TAKEN)
        world->things[told->step][told->thing].ok_action = reply->view->action->id;
    if (told->kind == TOLD_STOP && reply->outcome == ENGINE_TAKEN) {
        world->stops[told->stop].id = reply->stop->id;
        world->stops[told->stop].incident = reply->stop->incident;
        world->stops[told->stop].stop = *reply->stop;
        world->stops[told->stop].is_acknowledged = true;
        for (size_t i = 0; i < world->stop_count; i++) /* it joined what is being restarted */
            if (world->stops[i].is_asked && world->stops[i].incident == reply->stop->incident) {
                world->stops[told->stop].is_acknowledged = false;
                world->stops[told->stop].is_asked = true;
            }
    }
    for (size_t i = 0; told->kind == TOLD_RESTART && i < world->stop_count; i++) {
        if (world->stops[i].incident != told->incident)
            continue;
        world->stops[i].is_asked = false;
        world->stops[i].is_acknowledged =
            reply->outcome != ENGINE_TAKEN && world->stops[i].was_acknowledged;
    }
    if (told->kind == TOLD_WRONG && reply->outcome == ENGINE_TAKEN)
        WORLD_FAIL(world, "I11: who asked, or a service, approved a restart%s", "");
}

static struct told *told_new(struct world *world, int kind, int step, int thing)
{
    struct told *told = calloc(1, sizeof *told);
    CHECK(told != NULL);
    told->world = world;
    told->kind = kind;
    told->step = step;
    told->thing = thing;
    told->next = world->tolds;
    world->tolds = told;
    return told;
}

/* ---- who ---- */

static const struct person sim_ana = {.name = {"ana", 3}};
static const struct principal sim_person = {
    .kind = PRINCIPAL_PERSON, .name = {"ana", 3}, .person = &sim_ana};
static const struct person sim_ben = {.name = {"ben", 3}};
static const struct principal sim_other = {
    .kind = PRINCIPAL_PERSON, .name = {"ben", 3}, .person = &sim_ben};
static const struct principal sim_service = {
    .kind = PRINCIPAL_SERVICE, .name = {"cron", 4}, .person = &sim_ana};

/* ---- callers ---- */

static void sim_submit(struct world *world)
{
    int step = (int)prng_below(&world->rig.prng, WORLD_STEPS);
    int thing = (int)prng_below(&world->rig.prng, WORLD_KEYS);
    struct told *told = told_new(world, TOLD_SUBMIT, step, thing);
    (void)snprintf(told->input, sizeof told->input, "{\"id\":\"k%d\",\"n\":%d}", thing, thing);
    json_t *input = json_loads(told->input, 0, NULL);
    struct engine_submit submit = {.principal = &sim_service,
                                   .step = config_step(world->rig.port.config(world->rig.port.impl),
                                                       SLICE("sim"), slice_text(world_steps[step])),
                                   .input_json = slice_text(told->input),
                                   .input = input,
                                   .wait_ms = prng_below(&world->rig.prng, 2) ? 0 : 20000,
                                   .done = told_done,
                                   .arg = told};
    submit.has_confidence = prng_below(&world->rig.prng, 8) != 0;
    submit.confidence = (double)prng_below(&world->rig.prng, 100) / 60;
    if (submit.confidence > 1)
        submit.confidence = 1;
    if (prng_below(&world->rig.prng, 4) == 0)
        submit.run = SLICE("run-1");
    (void)world->rig.port.submit(world->rig.port.impl, &submit); /* nobody goes away here */
    json_decref(input);
}

/* A caller begins, or says how it ended: in time or late, once or twice, true or not. */
static void sim_report(struct world *world)
{
    static const enum outcome outcomes[] = {OUTCOME_OK, OUTCOME_OK, OUTCOME_FAILED,
                                            OUTCOME_NOT_SENT, OUTCOME_UNCERTAIN};
    int thing = (int)prng_below(&world->rig.prng, WORLD_KEYS);
    struct thing *model = &world->things[4][thing];
    bool is_begin = prng_below(&world->rig.prng, 3) == 0;
    for (int i = 0; i < WORLD_KEYS && !model->permit_of; i++) /* one that was given a permit */
        model = &world->things[4][thing = (thing + 1) % WORLD_KEYS];
    if (!model->permit_of)
        return;
    struct engine_call call = {.act = is_begin ? ENGINE_BEGIN : ENGINE_REPORT,
                               .principal = &sim_service,
                               .action = model->permit_of,
                               .token = slice_text(model->permit),
                               .attempt = (uint16_t)(1 + prng_below(&world->rig.prng, 2)),
                               .outcome = outcomes[prng_below(&world->rig.prng, 5)],
                               .response_json = SLICE("null"),
                               .done = told_done};
    bool is_ok = !is_begin && call.outcome == OUTCOME_OK;
    call.arg = told_new(world, is_ok ? TOLD_OK : TOLD_ACT, 4, thing);
    world->rig.port.act(world->rig.port.impl, &call);
}

/* ---- people ---- */

static void sim_stop(struct world *world)
{
    if (world->stop_count == WORLD_STOPS)
        return;
    struct scope scope = {0};
    switch (prng_below(&world->rig.prng, 5)) {
    case 0:
        break;
    case 1:
        scope.workflow = SLICE("sim");
        break;
    case 2:
        scope.workflow = SLICE("sim");
        scope.step = slice_text(world_steps[prng_below(&world->rig.prng, WORLD_STEPS)]);
        break;
    case 3:
        scope.upstream = slice_text(world_upstreams[prng_below(&world->rig.prng, WORLD_UPSTREAMS)]);
        break;
    default:
        scope.risk = SLICE("high");
        break;
    }
    struct told *told = told_new(world, TOLD_STOP, 0, 0);
    told->stop = world->stop_count++;
    static const enum position positions[] = {POSITION_STOPPED, POSITION_STOPPED, POSITION_FALLBACK,
                                              POSITION_REVIEW};
    struct stop_order order = {.scope = &scope,
                               .position = positions[prng_below(&world->rig.prng, 4)],
                               .reason = SLICE("because")};
    world->stops[told->stop].position = order.position;
    world->rig.port.stop(world->rig.port.impl, &sim_person, &order, told_done, told);
}

/* Somebody asks that an incident runs again. */
static void sim_ask_restart(struct world *world, uint64_t incident, const struct principal *who)
{
    world->rig.port.restart(world->rig.port.impl, who, incident, SLICE("mended"), told_done,
                            told_new(world, TOLD_ASK, 0, 0));
}

/* The right person approves what was asked for, if it was; or a wrong one tries to (I11). */
static void sim_approve(struct world *world, uint64_t incident, const struct principal *who)
{
    bool is_wrong = who != &sim_other;
    struct told *told = told_new(world, is_wrong ? TOLD_WRONG : TOLD_RESTART, 0, 0);
    told->incident = incident;
    for (size_t i = 0; !is_wrong && i < world->stop_count; i++) {
        if (world->stops[i].incident != incident)
            continue;
        /* From here on it may be lifted at any moment. */
        world->stops[i].is_asked = true;
        world->stops[i].was_acknowledged = world->stops[i].is_acknowledged;
        world->stops[i].is_acknowledged = false;
    }
    world->rig.port.approve(world->rig.port.impl, who, incident, told_done, told);
}

static void sim_restart(struct world *world)
{
    uint64_t dice = prng_below(&world->rig.prng, 10);
    for (size_t i = 0; i < world->stop_count; i++) {
        uint64_t incident = world->stops[i].incident;
        if (!world->stops[i].is_acknowledged || world->stops[i].is_asked)
            continue;
        if (dice < 4)
            sim_ask_restart(world, incident, &sim_person);
        else if (dice < 8)
            sim_approve(world, incident, &sim_other);
        else
            sim_approve(world, incident, dice == 8 ? &sim_person : &sim_service);
        return;
    }
}

/* Approve, reject, or change it and approve; or first take it in hand, or give it away. */
static void sim_decide(struct world *world, struct told *told, struct engine_call *call)
{
    static const enum engine_act acts[] = {
        ENGINE_APPROVE, ENGINE_APPROVE, ENGINE_APPROVE, ENGINE_REJECT, ENGINE_REJECT, ENGINE_EDIT,
        ENGINE_EDIT,    ENGINE_CLAIM,   ENGINE_RELEASE, ENGINE_ASSIGN, ENGINE_NOTE};
    call->act = acts[prng_below(&world->rig.prng, sizeof acts / sizeof *acts)];
    call->to = sim_person.name;
    if (call->act != ENGINE_EDIT)
        return;
    int n = told->thing + 4 * (int)prng_below(&world->rig.prng, 8); /* the same order key */
    (void)snprintf(told->input, sizeof told->input, "{\"n\":%d}", n);
    call->edit_json = slice_text(told->input);
}

/* A person who looks at the provider before answering. */
static void sim_person_acts(struct world *world)
{
    struct arena arena;
    arena_init(&arena, 1 << 26);
    struct inbox_item *items = ARENA_ARRAY(&arena, 24, struct inbox_item);
    struct engine_inbox_query query = {.limit = 24, .kind = INBOX_REVIEW};
    struct engine_inbox_page page;
    query.has_kind = prng_below(&world->rig.prng, 3) == 0; /* else audits fill the page */
    CHECK(world->rig.port.inbox(world->rig.port.impl, &query, &arena, items, &page) == ERR_OK);
    const struct inbox_item *item =
        page.count > 0 ? &items[prng_below(&world->rig.prng, page.count)] : NULL;
    if (item && item->kind != INBOX_STOP && item->kind != INBOX_RESTART &&
        item->kind != INBOX_INCIDENT) {
        const struct view *view = &item->view;
        int step = 0;
        while (!slice_is(view->step_name, world_steps[step]))
            step++;
        struct slice key = view->submit.key;
        uint64_t thing = 0;
        CHECK(view->is_erased || slice_to_u64(slice_from(key, 1), WORLD_KEYS, &thing));
        struct told *told = told_new(world, TOLD_ACT, step, (int)thing);
        struct engine_call call = {.principal = &sim_person,
                                   .action = view->action->id,
                                   .reason = SLICE("looked"),
                                   .done = told_done,
                                   .arg = told};
        struct thing *model = &world->things[step][thing];
        if (item->kind == INBOX_AUDIT) {
            call.act = ENGINE_LABEL;
            call.label = SLICE("right");
        } else if (view->action->state != STATE_IN_REVIEW) {
            bool is_end = state_is_end(view->action->state); /* a contradiction (R14) */
            call.act = ENGINE_RESOLVE;
            call.happened = model->effects > 0;
            call.send = !is_end && !call.happened && prng_below(&world->rig.prng, 2);
            model->verified_no += !call.happened && call.send;
        } else {
            sim_decide(world, told, &call);
        }
        bool is_yes = call.act == ENGINE_APPROVE || call.act == ENGINE_EDIT || call.send;
        model->is_edited = model->is_edited || call.act == ENGINE_EDIT;
        if (is_yes)
            model->word_unix_ms = world->rig.now_unix_ms;
        for (size_t i = 0; i < WORLD_UPSTREAMS; i++) /* one more, wherever its fallback stands */
            world->upstreams[i].words += is_yes && view->action->starts_total > 0;
        world_person_spoke(model);
        world->rig.port.act(world->rig.port.impl, &call);
    }
    arena_done(&arena);
}

/* Cancel, or try anew, some action at random. */
static void sim_meddle(struct world *world)
{
    int step = (int)prng_below(&world->rig.prng, WORLD_STEPS);
    int thing = (int)prng_below(&world->rig.prng, WORLD_KEYS);
    struct thing *model = &world->things[step][thing];
    if (!model->acknowledged)
        return;
    struct told *told = told_new(world, TOLD_ACT, step, thing);
    static const enum engine_act acts[] = {ENGINE_CANCEL, ENGINE_CANCEL, ENGINE_AGAIN, ENGINE_AGAIN,
                                           ENGINE_ERASE};
    struct engine_call call = {.act = acts[prng_below(&world->rig.prng, 5)],
                               .principal = &sim_person,
                               .action = model->acknowledged,
                               .reason = SLICE("meddling"),
                               .done = told_done,
                               .arg = told};
    if (call.act == ENGINE_AGAIN) {
        model->agains++;
        memset(model->provider_key, 0, sizeof model->provider_key); /* another generation */
        world_person_spoke(model);
    }
    world->rig.port.act(world->rig.port.impl, &call);
}

/* Somebody answers an open audit, or labels what was never drawn. */
static void sim_label(struct world *world)
{
    struct arena arena;
    struct engine_inbox_query query = {.has_kind = true, .kind = INBOX_AUDIT, .limit = 8};
    struct engine_inbox_page page;
    arena_init(&arena, 1 << 26);
    struct inbox_item *audits = ARENA_ARRAY(&arena, 8, struct inbox_item);
    int thing = (int)prng_below(&world->rig.prng, WORLD_KEYS);
    uint64_t action = world->things[prng_below(&world->rig.prng, 3)][thing].acknowledged;
    CHECK(world->rig.port.inbox(world->rig.port.impl, &query, &arena, audits, &page) == ERR_OK);
    if (page.count > 0 && prng_below(&world->rig.prng, 4) > 0)
        action = audits[prng_below(&world->rig.prng, page.count)].id;
    arena_done(&arena);
    if (action == 0)
        return;
    struct told *told = told_new(world, TOLD_ACT, 0, 0);
    struct engine_call call = {.act = ENGINE_LABEL,
                               .principal = &sim_person,
                               .action = action,
                               .label =
                                   prng_below(&world->rig.prng, 2) ? SLICE("right") : SLICE("bad"),
                               .reason = SLICE("asked the customer"),
                               .done = told_done,
                               .arg = told};
    world->rig.port.act(world->rig.port.impl, &call);
}
