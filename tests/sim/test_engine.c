/* The whole engine over thousands of seeds, with a crash between any two steps: I1 to I9 and R1.
 * SEEDS=n runs more, SEED=x repeats one. Failing seeds are kept in tests/sim/seeds. */
#include "sim/world.h"

#include "record/verify.h"

#include <stdio.h>
#include <stdlib.h>

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
    if (world->store_port.get_action(world->store_port.impl, view->action->id, &arena, &stored) !=
        ERR_OK)
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

static const struct person sim_ana = {.name = {"ana", 3}};
static const struct principal sim_person = {
    .kind = PRINCIPAL_PERSON, .name = {"ana", 3}, .person = &sim_ana};
static const struct person sim_ben = {.name = {"ben", 3}};
static const struct principal sim_other = {
    .kind = PRINCIPAL_PERSON, .name = {"ben", 3}, .person = &sim_ben};
static const struct principal sim_service = {
    .kind = PRINCIPAL_SERVICE, .name = {"cron", 4}, .person = &sim_ana};

static void sim_submit(struct world *world)
{
    int step = (int)prng_below(&world->prng, WORLD_STEPS);
    int thing = (int)prng_below(&world->prng, WORLD_KEYS);
    struct told *told = told_new(world, TOLD_SUBMIT, step, thing);
    (void)snprintf(told->input, sizeof told->input, "{\"id\":\"k%d\",\"n\":%d}", thing, thing);
    json_t *input = json_loads(told->input, 0, NULL);
    struct engine_submit submit = {.principal = &sim_service,
                                   .step = config_step(world->port.config(world->port.impl),
                                                       SLICE("sim"), slice_text(world_steps[step])),
                                   .input_json = slice_text(told->input),
                                   .input = input,
                                   .wait_ms = prng_below(&world->prng, 2) ? 0 : 20000,
                                   .done = told_done,
                                   .arg = told};
    submit.has_confidence = prng_below(&world->prng, 8) != 0;
    submit.confidence = (double)prng_below(&world->prng, 100) / 60;
    if (submit.confidence > 1)
        submit.confidence = 1;
    if (prng_below(&world->prng, 4) == 0)
        submit.run = SLICE("run-1");
    (void)world->port.submit(world->port.impl, &submit); /* nobody goes away here */
    json_decref(input);
}

static void sim_stop(struct world *world)
{
    if (world->stop_count == WORLD_STOPS)
        return;
    struct scope scope = {0};
    switch (prng_below(&world->prng, 5)) {
    case 0:
        break;
    case 1:
        scope.workflow = SLICE("sim");
        break;
    case 2:
        scope.workflow = SLICE("sim");
        scope.step = slice_text(world_steps[prng_below(&world->prng, WORLD_STEPS)]);
        break;
    case 3:
        scope.upstream = slice_text(world_upstreams[prng_below(&world->prng, WORLD_UPSTREAMS)]);
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
                               .position = positions[prng_below(&world->prng, 4)],
                               .reason = SLICE("because")};
    world->stops[told->stop].position = order.position;
    world->port.stop(world->port.impl, &sim_person, &order, told_done, told);
}

/* Somebody asks that an incident runs again. */
static void sim_ask_restart(struct world *world, uint64_t incident, const struct principal *who)
{
    world->port.restart(world->port.impl, who, incident, SLICE("mended"), told_done,
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
    world->port.approve(world->port.impl, who, incident, told_done, told);
}

static void sim_restart(struct world *world)
{
    uint64_t dice = prng_below(&world->prng, 10);
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
    call->act = acts[prng_below(&world->prng, sizeof acts / sizeof *acts)];
    call->to = sim_person.name;
    if (call->act != ENGINE_EDIT)
        return;
    int n = told->thing + 4 * (int)prng_below(&world->prng, 8); /* the same order key */
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
    query.has_kind = prng_below(&world->prng, 3) == 0; /* else audits fill the page */
    CHECK(world->port.inbox(world->port.impl, &query, &arena, items, &page) == ERR_OK);
    const struct inbox_item *item =
        page.count > 0 ? &items[prng_below(&world->prng, page.count)] : NULL;
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
            call.send = !is_end && !call.happened && prng_below(&world->prng, 2);
            model->verified_no += !call.happened && call.send;
        } else {
            sim_decide(world, told, &call);
        }
        bool is_yes = call.act == ENGINE_APPROVE || call.act == ENGINE_EDIT || call.send;
        model->is_edited = model->is_edited || call.act == ENGINE_EDIT;
        if (is_yes)
            model->word_unix_ms = world->now_unix_ms;
        for (size_t i = 0; i < WORLD_UPSTREAMS; i++) /* one more, wherever its fallback stands */
            world->upstreams[i].words += is_yes && view->action->starts_total > 0;
        world_person_spoke(model);
        world->port.act(world->port.impl, &call);
    }
    arena_done(&arena);
}

/* Cancel, or try anew, some action at random. */
static void sim_meddle(struct world *world)
{
    int step = (int)prng_below(&world->prng, WORLD_STEPS);
    int thing = (int)prng_below(&world->prng, WORLD_KEYS);
    struct thing *model = &world->things[step][thing];
    if (!model->acknowledged)
        return;
    struct told *told = told_new(world, TOLD_ACT, step, thing);
    static const enum engine_act acts[] = {ENGINE_CANCEL, ENGINE_CANCEL, ENGINE_AGAIN, ENGINE_AGAIN,
                                           ENGINE_ERASE};
    struct engine_call call = {.act = acts[prng_below(&world->prng, 5)],
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
    world->port.act(world->port.impl, &call);
}

/* A caller begins, or says how it ended: in time or late, once or twice, true or not. */
static void sim_report(struct world *world)
{
    static const enum outcome outcomes[] = {OUTCOME_OK, OUTCOME_OK, OUTCOME_FAILED,
                                            OUTCOME_NOT_SENT, OUTCOME_UNCERTAIN};
    int thing = (int)prng_below(&world->prng, WORLD_KEYS);
    struct thing *model = &world->things[4][thing];
    bool is_begin = prng_below(&world->prng, 3) == 0;
    for (int i = 0; i < WORLD_KEYS && !model->permit_of; i++) /* one that was given a permit */
        model = &world->things[4][thing = (thing + 1) % WORLD_KEYS];
    if (!model->permit_of)
        return;
    struct engine_call call = {.act = is_begin ? ENGINE_BEGIN : ENGINE_REPORT,
                               .principal = &sim_service,
                               .action = model->permit_of,
                               .token = slice_text(model->permit),
                               .attempt = (uint16_t)(1 + prng_below(&world->prng, 2)),
                               .outcome = outcomes[prng_below(&world->prng, 5)],
                               .response_json = SLICE("null"),
                               .done = told_done};
    bool is_ok = !is_begin && call.outcome == OUTCOME_OK;
    call.arg = told_new(world, is_ok ? TOLD_OK : TOLD_ACT, 4, thing);
    world->port.act(world->port.impl, &call);
}

/* Somebody answers an open audit, or labels what was never drawn. */
static void sim_label(struct world *world)
{
    struct arena arena;
    struct engine_inbox_query query = {.has_kind = true, .kind = INBOX_AUDIT, .limit = 8};
    struct engine_inbox_page page;
    arena_init(&arena, 1 << 26);
    struct inbox_item *audits = ARENA_ARRAY(&arena, 8, struct inbox_item);
    int thing = (int)prng_below(&world->prng, WORLD_KEYS);
    uint64_t action = world->things[prng_below(&world->prng, 3)][thing].acknowledged;
    CHECK(world->port.inbox(world->port.impl, &query, &arena, audits, &page) == ERR_OK);
    if (page.count > 0 && prng_below(&world->prng, 4) > 0)
        action = audits[prng_below(&world->prng, page.count)].id;
    arena_done(&arena);
    if (action == 0)
        return;
    struct told *told = told_new(world, TOLD_ACT, 0, 0);
    struct engine_call call = {.act = ENGINE_LABEL,
                               .principal = &sim_person,
                               .action = action,
                               .label = prng_below(&world->prng, 2) ? SLICE("right") : SLICE("bad"),
                               .reason = SLICE("asked the customer"),
                               .done = told_done,
                               .arg = told};
    world->port.act(world->port.impl, &call);
}

/* Somebody pays. */
static void sim_pay(struct world *world)
{
    struct thing *thing = &world->things[WORLD_FRESH][prng_below(&world->prng, WORLD_KEYS)];
    if (thing->paid_unix_ms == 0)
        thing->paid_unix_ms = world->now_unix_ms;
}

static void sim_time(struct world *world)
{
    static const int64_t steps_ms[] = {1, 50, 500, 3000, 30000, 400000, 7200000, 90000000};
    int64_t step = steps_ms[prng_below(&world->prng, 8)];
    if (step > 3000 && prng_below(&world->prng, 6) != 0)
        step = 100;
    world->now_unix_ms += step;
    if (world->alarm_unix_ms != 0 && world->alarm_unix_ms <= world->now_unix_ms) {
        world->alarm_unix_ms = 0;
        engine_wake(world->engine);
    }
}

static void sim_calls(struct world *world)
{
    size_t first = (size_t)prng_below(&world->prng, WORLD_CALLS);
    for (size_t i = 0; i < WORLD_CALLS; i++) {
        struct flying *flying = &world->flying[(first + i) % WORLD_CALLS];
        if (!flying->is_there)
            continue;
        world_move_call(world, flying);
        return;
    }
}

static void sim_event(struct world *world)
{
    world->events++;
    uint64_t dice = prng_below(&world->prng, 1000);
    if (dice < 270)
        sim_submit(world);
    else if (dice < 300)
        sim_report(world);
    else if (dice < 620)
        sim_calls(world);
    else if (dice < 820)
        (void)store_memory_flush(world->store, 1 + prng_below(&world->prng, 4));
    else if (dice < 840)
        (void)store_memory_save(world->store, 1); /* saved, but not told: a crash may follow */
    else if (dice < 900)
        sim_time(world);
    else if (dice < 935)
        sim_person_acts(world);
    else if (dice < 950)
        sim_meddle(world);
    else if (dice < 960)
        sim_stop(world);
    else if (dice < 978)
        sim_restart(world);
    else if (dice < 986) {
        world->is_provider_up = !world->is_provider_up;
        world->outage = prng_below(&world->prng, OUTAGE_KINDS);
    } else if (dice < 992)
        world_crash(world);
    else if (dice < 996)
        sim_pay(world);
    else
        sim_label(world);
}

/* ---- what must hold ---- */

static void sim_check_things(struct world *world)
{
    for (int step = 0; step < WORLD_STEPS; step++)
        for (int i = 0; i < WORLD_KEYS && world_has_effects(step); i++) {
            struct thing *thing = &world->things[step][i];
            /* An effect that a person denied wrongly, or asked for anew, is theirs. */
            int allowed = 1 + thing->agains;
            if (thing->effects > allowed)
                WORLD_FAIL(world, "I3: %s k%d happened %d times (again %d)", world_steps[step], i,
                           thing->effects, thing->agains);
            if (thing->key_changes > thing->agains)
                WORLD_FAIL(world, "R4: %s k%d had %d other provider keys", world_steps[step], i,
                           thing->key_changes);
        }
}

/* R14: what a caller reported as done is done, or stands as a contradiction, or is in doubt. */
static void sim_check_reported(struct world *world, const struct action *action)
{
    for (int i = 0; i < WORLD_KEYS; i++)
        if (world->things[4][i].ok_action == action->id && action->state != STATE_DONE &&
            action->contradicted_unix_ms == 0)
            WORLD_FAIL(world, "R14: caller k%d was reported as done, and is %s", i,
                       state_name(action->state));
}

/* I2, I4, I8, R1 on every row of the store. */
static void sim_check_rows(struct world *world)
{
    struct arena arena;
    arena_init(&arena, 1 << 26);
    struct store_action *page = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_action);
    size_t count = 0;
    CHECK(world->store_port.list_actions(world->store_port.impl, 0, LIMIT_PAGE, &arena, page,
                                         &count) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        const struct step *step =
            config_step(world->port.config(world->port.impl), row.workflow, row.step);
        action_check(&row.action, step->terms.attempts);
        sim_check_reported(world, &row.action);
        if (row.erased_unix_ms != 0 && !state_is_end(row.action.state))
            WORLD_FAIL(world, "R24: what has not ended is erased%s", "");
        int routes = 0;
        for (unsigned bits = row.action.routes_entered; bits; bits &= bits - 1)
            routes++;
        if (row.action.starts_total >
            step->terms.attempts * routes + row.action.grants + row.action.grants_former)
            WORLD_FAIL(world, "I4: %d starts in %d routes", row.action.starts_total, routes);
        bool is_by_fallback = row.action.route > 0 || row.action.reason == REASON_TEMPLATE;
        bool is_said = row.action.reason == REASON_PERSON_BY_HAND;
        if (row.action.state == STATE_DONE && is_by_fallback && !is_said &&
            row.action.cause == CAUSE_NONE)
            WORLD_FAIL(world, "I12: degraded, and not marked");
        if (page[i].is_ended != action_is_over(&row.action))
            WORLD_FAIL(world, "an action lies in the wrong place");
    }
    arena_done(&arena);
}

/* What the records say of one action's draw. */
struct drawn {
    uint64_t id;
    int rolls, opened, labels, over;
    bool is_drawn, had_people, is_done;
};

static struct drawn *sim_drawn(struct drawn *drawn, size_t *count, uint64_t id)
{
    for (size_t i = *count; i > 0; i--)
        if (drawn[i - 1].id == id)
            return &drawn[i - 1];
    CHECK(*count < WORLD_ACTIONS);
    drawn[*count] = (struct drawn){.id = id};
    return &drawn[(*count)++];
}

static void sim_note_draw(struct drawn *drawn, const struct record *record)
{
    drawn->rolls += record->has_draw;
    drawn->is_drawn =
        drawn->is_drawn || (record->has_draw && record->draw_roll < record->draw_share);
    drawn->had_people = drawn->had_people || record->state == STATE_IN_REVIEW ||
                        (record->kind == RECORD_RESOLVED && record->state == STATE_DONE);
    drawn->is_done = record->state == STATE_DONE && record->cause == CAUSE_NONE;
    drawn->opened += record->audit_due_unix_ms != 0;
    drawn->labels += record->kind == RECORD_LABELLED;
    drawn->over += record->kind == RECORD_UNLABELLED;
}

/* R18, R21, from the records alone: drawn once; an audit is open iff a drawn action was done and no
 * person had a hand in it; it stands in the table until its label or its end. */
static void sim_check_draws(struct world *world)
{
    struct arena arena;
    struct store_counts counts;
    size_t count = 0, open = 0;
    struct engine_inbox_query query = {.has_kind = true, .kind = INBOX_AUDIT, .limit = LIMIT_PAGE};
    struct engine_inbox_page page;
    arena_init(&arena, 1 << 28);
    struct drawn *drawn = ARENA_ARRAY(&arena, WORLD_ACTIONS, struct drawn);
    struct inbox_item *audits = ARENA_ARRAY(&arena, LIMIT_PAGE, struct inbox_item);
    world->store_port.counts(world->store_port.impl, &counts);
    for (uint64_t seq = 1; seq <= counts.records; seq++) {
        struct store_record stored;
        struct record record;
        CHECK(world->store_port.get_record(world->store_port.impl, seq, &arena, &stored) == ERR_OK);
        CHECK(record_decode(stored.body, &arena, &record) == ERR_OK);
        if (record.action != 0)
            sim_note_draw(sim_drawn(drawn, &count, record.action), &record);
    }
    for (size_t i = 0; i < count; i++) {
        const struct drawn *d = &drawn[i];
        int wanted = d->is_drawn && d->is_done && !d->had_people;
        if (d->rolls > 1 || d->opened != wanted || d->over > d->opened)
            WORLD_FAIL(world, "R18: action %llu: rolls %d, drawn %d, people %d, audits %d of %d",
                       (unsigned long long)d->id, d->rolls, d->is_drawn, d->had_people, d->opened,
                       wanted);
        open += d->opened && d->labels == 0 && d->over == 0;
    }
    CHECK(world->port.inbox(world->port.impl, &query, &arena, audits, &page) == ERR_OK);
    if (page.count != open)
        WORLD_FAIL(world, "R21: %zu audits are open, %zu are listed", open, page.count);
    arena_done(&arena);
}

/* The counters, over crashes, are what the records and rows say: nothing twice, nothing lost. */
static void sim_check_counts(struct world *world)
{
    struct arena arena;
    struct store_counts counts;
    struct tally tally, own = {{0}};
    size_t count = 0;
    arena_init(&arena, 1 << 28);
    world->store_port.counts(world->store_port.impl, &counts);
    for (uint64_t seq = 1; seq <= counts.records; seq++) {
        struct store_record stored;
        struct record record;
        CHECK(world->store_port.get_record(world->store_port.impl, seq, &arena, &stored) == ERR_OK);
        CHECK(record_decode(stored.body, &arena, &record) == ERR_OK);
        own.n[TALLY_SUBMITTED] += record.kind == RECORD_ADMITTED;
        own.n[TALLY_APPROVED] += record.kind == RECORD_APPROVED;
        own.n[TALLY_DECLINED] += record.kind == RECORD_DECLINED;
    }
    struct store_action *page = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_action);
    CHECK(world->store_port.list_actions(world->store_port.impl, 0, LIMIT_PAGE, &arena, page,
                                         &count) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        own.n[TALLY_FAILED] += row.action.state == STATE_FAILED;
        own.n[TALLY_REJECTED] += row.action.state == STATE_REJECTED;
        own.n[TALLY_CANCELLED] += row.action.state == STATE_CANCELLED;
        own.n[TALLY_AUTOMATIC] += row.action.state == STATE_DONE;
    }
    CHECK(world->port.tally(world->port.impl, SLICE("sim"), 0, &tally) == ERR_OK);
    tally.n[TALLY_AUTOMATIC] += tally.n[TALLY_REVIEWED];
    for (size_t i = 0; i < TALLY_COUNT; i++)
        if (own.n[i] != 0 && own.n[i] != tally.n[i])
            WORLD_FAIL(world, "counted %s %llu times, it was %llu times",
                       tally_name((enum tally_counter)i), (unsigned long long)tally.n[i],
                       (unsigned long long)own.n[i]);
    arena_done(&arena);
}

/* I10: what the engine wrote, over all crashes, is what its records say. Costs as much as a seed:
 * every eighth. */
static void sim_verify(struct world *world, uint64_t seed)
{
    if (seed % 8 != 1)
        return;
    struct verify *verify = verify_new(&world->store_port, NULL);
    bool is_done = false;
    CHECK(verify != NULL);
    while (!is_done)
        CHECK(verify_step(verify, &is_done) == ERR_OK);
    if (!verify_is_good(verify)) {
        struct buf text;
        buf_init(&text, 1 << 20);
        verify_text_add(&text, verify);
        print_error("%s", buf_text(&text));
        buf_done(&text);
        WORLD_FAIL(world, "I10: the store is not what its records say%s", "");
    }
    verify_free(verify);
}

/* Whatever is in force, known to the simulation or not (a crash lost its acknowledgement). */
static void sim_restart_all(struct world *world)
{
    struct arena arena;
    arena_init(&arena, 1 << 24);
    struct stop *stops = ARENA_ARRAY(&arena, WORLD_STOPS * 2, struct stop);
    size_t count = WORLD_STOPS * 2;
    CHECK(world->port.stops(world->port.impl, false, &arena, stops, &count) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        sim_ask_restart(world, stops[i].incident, &sim_person);
        sim_approve(world, stops[i].incident, &sim_other);
    }
    arena_done(&arena);
}

/* Everybody comes back: the provider is up, stops are lifted, people answer. Then all must end. */
static size_t sim_settle(struct world *world)
{
    size_t open = 1;
    world->is_provider_up = true;
    for (int i = 0; i < 3000 && open > 0; i++) {
        sim_restart_all(world);
        sim_person_acts(world);
        for (int j = 0; j < 8; j++) {
            sim_calls(world);
            (void)store_memory_flush(world->store, 64);
        }
        world->now_unix_ms += 20000;
        if (world->alarm_unix_ms != 0 && world->alarm_unix_ms <= world->now_unix_ms) {
            world->alarm_unix_ms = 0;
            engine_wake(world->engine);
        }
        (void)store_memory_flush(world->store, 64);
        struct store_counts counts;
        world->store_port.counts(world->store_port.impl, &counts);
        open = counts.open_actions;
    }
    return open;
}

static void sim_show_open(struct world *world)
{
    struct arena arena;
    struct engine_upstream upstreams[4];
    size_t upstream_count = 4;
    arena_init(&arena, 1 << 26);
    world->port.upstreams(world->port.impl, &arena, upstreams, &upstream_count);
    for (size_t i = 0; i < upstream_count; i++)
        print_message(
            "upstream %.*s breaker %d, probe in %lld s, pause %lld s, under way %d, held %llu\n",
            SLICE_FMT(upstreams[i].name), upstreams[i].breaker,
            (long long)(upstreams[i].probe_at_unix_ms - world->now_unix_ms) / 1000,
            (long long)(upstreams[i].pause_until_unix_ms - world->now_unix_ms) / 1000,
            upstreams[i].under_way, (unsigned long long)upstreams[i].held);
    print_message("alarm in %lld ms\n", (long long)(world->alarm_unix_ms - world->now_unix_ms));
    struct store_action *page = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_action);
    struct store_open_query query = {.limit = LIMIT_PAGE};
    size_t count = 0;
    CHECK(world->store_port.list_open(world->store_port.impl, &query, &arena, page, &count) ==
          ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        const struct action *a = &row.action;
        print_message(
            "open: %.*s %s %s hold=%s due=%s in %lld s, starts %d grants %d releases %d\n",
            SLICE_FMT(row.step), state_name(a->state), reason_name(a->reason),
            hold_for_name(a->hold_for), due_kind_name(a->due_kind),
            (long long)(a->due_unix_ms - world->now_unix_ms) / 1000, a->starts, a->grants,
            a->releases);
    }
    arena_done(&arena);
}

/* R24: what ended is erased by itself when `retain:` has passed, and nothing of it is left: nor
 * what people have said of it since (said_seq). Says something of the newest action. */
static uint64_t sim_retain(struct world *world, uint64_t said_seq)
{
    world->now_unix_ms += 31 * 3600000;
    for (int i = 0; i < 600; i++) {
        world->now_unix_ms += 1000;
        if (world->alarm_unix_ms != 0 && world->alarm_unix_ms <= world->now_unix_ms) {
            world->alarm_unix_ms = 0;
            engine_wake(world->engine);
        }
        (void)store_memory_flush(world->store, 64);
    }
    struct arena arena;
    arena_init(&arena, 1 << 26);
    struct store_action *page = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_action);
    size_t count = 0;
    CHECK(world->store_port.list_actions(world->store_port.impl, 0, LIMIT_PAGE, &arena, page,
                                         &count) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        struct slice payload;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        if (row.erased_unix_ms == 0 ||
            world->store_port.get_payload(world->store_port.impl, row.first_seq, &arena,
                                          &payload) != ERR_NOT_FOUND)
            WORLD_FAIL(world, "R24: an action that ended %lld h ago is not erased",
                       (long long)(world->now_unix_ms - row.action.ended_unix_ms) / 3600000);
    }
    struct slice said;
    if (said_seq != 0 && world->store_port.get_payload(world->store_port.impl, said_seq, &arena,
                                                       &said) != ERR_NOT_FOUND)
        WORLD_FAIL(world, "R24: what was said of an erased action stays for ever");
    struct engine_call call = {.act = ENGINE_NOTE,
                               .principal = &sim_person,
                               .action = page[0].id,
                               .reason = SLICE("looked at it again"),
                               .done = told_done,
                               .arg = told_new(world, TOLD_ACT, 0, 0)};
    world->port.act(world->port.impl, &call);
    (void)store_memory_flush(world->store, 64);
    arena_done(&arena);
    unsigned char hash[STORE_HASH_SIZE];
    world->store_port.head(world->store_port.impl, &said_seq, hash);
    return said_seq;
}

static void sim_run(uint64_t seed)
{
    struct world world;
    world_init(&world, seed);
    for (int i = 0; i < 600; i++)
        sim_event(&world);
    sim_check_things(&world);
    sim_check_rows(&world);
    sim_verify(&world, seed);
    size_t open = sim_settle(&world);
    if (open > 0) {
        sim_show_open(&world);
        WORLD_FAIL(&world, "I8: %zu actions never end", open);
    }
    sim_check_things(&world);
    sim_check_rows(&world);
    sim_check_draws(&world);
    sim_check_counts(&world);
    if (seed % 8 == 1)
        (void)sim_retain(&world, sim_retain(&world, 0));
    sim_verify(&world, seed);
    assert_true(world.answers > 0);
    world_done(&world);
    while (world.tolds) {
        struct told *next = world.tolds->next;
        free(world.tolds);
        world.tolds = next;
    }
}

static void many_seeds(void **state)
{
    (void)state;
    const char *one = getenv("SEED");
    const char *many = getenv("SEEDS");
    if (one) {
        sim_run(strtoull(one, NULL, 10));
        return;
    }
    uint64_t count = many ? strtoull(many, NULL, 10) : 2000;
    for (uint64_t seed = 1; seed <= count; seed++)
        sim_run(seed);
}

/* Every seed that ever failed. */
static void kept_seeds(void **state)
{
    (void)state;
    char path[1024];
    char line[128];
    const char *root = getenv("INTERLOCK_ROOT");
    (void)snprintf(path, sizeof path, "%s/tests/sim/seeds", root ? root : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (line[0] != '#')
            sim_run(strtoull(line, NULL, 10));
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_seeds),
        cmocka_unit_test(many_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
