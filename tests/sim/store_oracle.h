/* tests/sim/store_oracle.h - what must hold of rows and records in the store, over all crashes.
 * Owns: I2, I3, I4, I8, I10, I12, R14, R18, R21, R24 and the counters, from what is durable alone.
 */
#pragma once
#include "record/undone_row.h"
#include "record/verify.h"
#include "sim/model.h"

/* All of them: a world has no more than a page. */
static const struct store_action *sim_actions(struct world *world, struct arena *arena,
                                              size_t *out_count)
{
    const struct store_port *store = &world->rig.store_port;
    struct store_action *page = ARENA_ARRAY(arena, LIMIT_PAGE, struct store_action);
    CHECK(store->list_actions(store->impl, 0, LIMIT_PAGE, arena, page, out_count) == ERR_OK);
    return page;
}

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
    CHECK(world->rig.store_port.list_actions(world->rig.store_port.impl, 0, LIMIT_PAGE, &arena,
                                             page, &count) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        const struct step *step =
            config_step(world->rig.port.config(world->rig.port.impl), row.workflow, row.step);
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
    world->rig.store_port.counts(world->rig.store_port.impl, &counts);
    for (uint64_t seq = 1; seq <= counts.records; seq++) {
        struct record record = rig_record(&world->rig, seq, &arena);
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
    CHECK(world->rig.port.inbox(world->rig.port.impl, &query, &arena, audits, &page) == ERR_OK);
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
    world->rig.store_port.counts(world->rig.store_port.impl, &counts);
    for (uint64_t seq = 1; seq <= counts.records; seq++) {
        struct record record = rig_record(&world->rig, seq, &arena);
        own.n[TALLY_SUBMITTED] += record.kind == RECORD_ADMITTED;
        own.n[TALLY_APPROVED] += record.kind == RECORD_APPROVED;
        own.n[TALLY_DECLINED] += record.kind == RECORD_DECLINED;
    }
    const struct store_action *page = sim_actions(world, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        own.n[TALLY_FAILED] += row.action.state == STATE_FAILED;
        own.n[TALLY_REJECTED] += row.action.state == STATE_REJECTED;
        own.n[TALLY_CANCELLED] += row.action.state == STATE_CANCELLED;
        own.n[TALLY_AUTOMATIC] += row.action.state == STATE_DONE;
    }
    CHECK(world->rig.port.tally(world->rig.port.impl, SLICE("sim"), 0, &tally) == ERR_OK);
    tally.n[TALLY_AUTOMATIC] = tally_done(&tally) + tally.n[TALLY_TEMPLATE];
    for (size_t i = 0; i < TALLY_COUNT; i++)
        if (own.n[i] != 0 && own.n[i] != tally.n[i])
            WORLD_FAIL(world, "counted %s %llu times, it was %llu times",
                       tally_name((enum tally_counter)i), (unsigned long long)tally.n[i],
                       (unsigned long long)own.n[i]);
    arena_done(&arena);
}

/* Nobody beats here, so nobody is told: each end that somebody is to hear of waits for its telling,
 * over all crashes, and its record names who. */
static void sim_check_undone(struct world *world)
{
    struct arena arena;
    struct store_counts counts;
    struct slice stored = {0};
    struct undone undone = {0};
    uint64_t ends = 0, named = 0;
    size_t count = 0;
    arena_init(&arena, 1 << 28);
    const struct store_action *page = sim_actions(world, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        struct row row;
        CHECK(row_decode(page[i].row, &row) == ERR_OK);
        const struct action *a = &row.action;
        bool ran_out = a->state == STATE_EXPIRED || a->reason == REASON_HOLD_ENDED ||
                       a->reason == REASON_PAST_DUE;
        bool is_said = a->entry != 0 || a->reason == REASON_PERSON; /* by the policy, or a person */
        if (a->state > STATE_DONE && !slice_is(row.step, "observed"))
            ends += ran_out || (a->state == STATE_FAILED && !is_said);
    }
    world->rig.store_port.counts(world->rig.store_port.impl, &counts);
    for (uint64_t seq = 1; seq <= counts.records; seq++) {
        struct record record = rig_record(&world->rig, seq, &arena);
        named += slice_is(record.tells, "team");
    }
    if (world->rig.store_port.get_row(world->rig.store_port.impl, STORE_UNDONE, SLICE("sim"),
                                      &arena, &stored) == ERR_OK)
        CHECK(undone_decode(stored, &undone) == ERR_OK);
    if (undone_count_all(&undone.count) != ends || named != ends)
        WORLD_FAIL(world, "%llu ended undone, somebody is to be told of %llu, named in %llu",
                   (unsigned long long)ends, (unsigned long long)undone_count_all(&undone.count),
                   (unsigned long long)named);
    arena_done(&arena);
}

/* I10: what the engine wrote, over all crashes, is what its records say. Costs as much as a seed:
 * every eighth. */
static void sim_verify(struct world *world, uint64_t seed)
{
    if (seed % 8 != 1)
        return;
    struct verify *verify = verify_new(&world->rig.store_port, NULL);
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
