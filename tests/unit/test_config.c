/* policy/config: the samples of the design load, mean what the design says, survive being stored
 * and being expanded. */
#include "cases.h"
#include "core/chain.h"
#include "policy/config.h"
#include "policy/expand.h"
#include "policy/expr.h"
#include "policy/kinds.h"
#include "policy/template.h"

enum { TEXT_MAX = 1 << 20 };

struct world {
    struct arena arena;
    struct problems problems;
    struct buf files[3];
    const struct config *config;
};

static void world_load(struct world *world)
{
    static const char *const names[] = {"interlock.yaml", "policies/invoice-reminders.yaml",
                                        "policies/inquiry-routing.yaml"};
    struct config_file files[3];
    arena_init(&world->arena, CONFIG_ARENA_MAX);
    problems_init(&world->problems, &world->arena);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "policy/design/%s", names[i]); /* short names */
        buf_init(&world->files[i], TEXT_MAX);
        files[i] = (struct config_file){slice_text(names[i]), cases_read(path, &world->files[i])};
    }
    world->config = config_load(files, 3, &world->arena, &world->problems);
    if (!world->config) {
        struct buf text;
        buf_init(&text, TEXT_MAX);
        problems_add_text(&text, &world->problems);
        fail_msg("%s", buf_text(&text));
    }
}

static void world_done(struct world *world)
{
    for (size_t i = 0; i < 3; i++)
        buf_done(&world->files[i]);
    arena_done(&world->arena);
}

static void samples_load_with_their_warnings(void **state)
{
    (void)state;
    struct world world;
    struct buf codes;
    buf_init(&codes, TEXT_MAX);
    world_load(&world);
    for (size_t i = 0; i < world.problems.count; i++) {
        const struct problem *problem = &world.problems.items[i];
        buf_add_fmt(&codes, "%.*s:%d %s\n", SLICE_FMT(problem->file), problem->line,
                    catalogue_entry(problem->code).code);
    }
    assert_string_equal(buf_text(&codes), "interlock.yaml:32 IL900\n"
                                          "policies/inquiry-routing.yaml:37 IL304\n");
    buf_done(&codes);
    world_done(&world);
}

static void reminder_means_what_it_says(void **state)
{
    (void)state;
    struct world world;
    world_load(&world);
    const struct step *step =
        config_step(world.config, SLICE("invoice-reminders"), SLICE("send_reminder"));
    assert_non_null(step);
    const struct step_terms *terms = &step->terms;
    assert_int_equal(step->kind, KIND_EMAIL);
    assert_int_equal(terms->effect, EFFECT_WRITE);
    assert_int_equal(terms->idempotency, IDEMPOTENCY_BY_KEY);
    assert_int_equal(terms->keeps_ms, KIND_DAY);
    assert_int_equal(terms->mode, MODE_OBSERVE);
    assert_int_equal(terms->timeout_ms, 10 * KIND_SECOND);
    assert_int_equal(terms->attempts, 3);
    assert_int_equal(terms->backoff_min_ms, 200);
    assert_int_equal(terms->backoff_max_ms, 20 * KIND_SECOND);
    assert_int_equal(terms->within_ms, 10 * KIND_MINUTE);
    assert_int_equal(terms->stale_after_ms, KIND_HOUR);
    assert_false(terms->has_confidence);
    assert_int_equal(terms->uncertain_due_ms, 4 * KIND_HOUR);
    assert_int_equal(terms->what[CAUSE_UNAVAILABLE].kind, WHAT_HOLD);
    assert_int_equal(terms->what[CAUSE_UNAVAILABLE].ms, KIND_DAY);
    const struct what *then = chain_entry(terms, terms->what[CAUSE_UNAVAILABLE].then);
    assert_int_equal(then->kind, WHAT_REVIEW);
    assert_int_equal(then->ms, 4 * KIND_HOUR);
    assert_int_equal(terms->what[CAUSE_RULE].kind, WHAT_REVIEW);
    assert_int_equal(terms->what[CAUSE_FAILED].kind, WHAT_END);
    assert_int_equal(step->rule_count, 2);
    assert_true(slice_is(step->rules[0].text, "input.balance <= 0"));
    assert_int_equal(step->rules[0].says, RULE_REJECT);
    assert_int_equal(step->rules[1].says, RULE_REVIEW);
    assert_int_equal(step->rules[1].origin.line, 22);
    assert_true(slice_is(step->rules[1].origin.file, "policies/invoice-reminders.yaml"));
    assert_true(slice_is(step->upstream->name, "mailer"));
    assert_true(slice_is(step->upstream->key_header, "Idempotency-Key"));
    assert_int_equal(step->upstream->auth, AUTH_BEARER);
    assert_true(slice_is(step->method, "POST"));
    assert_true(slice_is(template_text(step->target), "/v1/messages"));
    assert_true(slice_is(step->workflow->duties.inform->name, "ana"));
    assert_int_equal(step->workflow->duties.inform->member_count, 1);
    assert_int_equal(world.config->secret_count, 3);
    world_done(&world);
}

static void routing_means_what_it_says(void **state)
{
    (void)state;
    struct world world;
    world_load(&world);
    const struct step *step =
        config_step(world.config, SLICE("inquiry-routing"), SLICE("route_ticket"));
    assert_non_null(step);
    const struct step_terms *terms = &step->terms;
    assert_int_equal(terms->idempotency, IDEMPOTENCY_BY_NATURE);
    assert_true(terms->has_confidence);
    assert_true(terms->confidence_at_least > 0.799999 && terms->confidence_at_least < 0.800001);
    assert_int_equal(terms->risk_count, 1);
    assert_true(slice_is(step->risks[0].name, "high"));
    assert_int_equal(step->sla_ms, 4 * KIND_HOUR);
    assert_int_equal(step->field_count, 4);
    assert_true(step->fields[3].is_optional);
    const struct what *low = &terms->what[CAUSE_LOW_CONFIDENCE];
    assert_int_equal(low->kind, WHAT_REVIEW);
    assert_int_equal(low->ms, 4 * KIND_HOUR);
    assert_int_equal(low->at_most, 40);
    assert_int_equal(low->origin.line, 31);
    assert_int_equal(chain_entry(terms, low->then)->kind, WHAT_ANSWER);
    const struct what *down = &terms->what[CAUSE_UNAVAILABLE];
    assert_int_equal(down->kind, WHAT_ROUTE);
    assert_true(slice_is(chain_route(terms, down->route)->upstream->name, "helpdesk-backup"));
    assert_int_equal(chain_route(terms, down->route)->idempotency, IDEMPOTENCY_BY_NATURE);
    assert_int_equal(chain_entry(terms, down->next)->kind, WHAT_ANSWER);
    assert_int_equal(chain_entry(terms, down->next)->next, 0);
    assert_int_equal(terms->what[CAUSE_STOPPED].kind, WHAT_ANSWER);
    assert_true(slice_is(terms->what[CAUSE_STOPPED].name, "general-queue"));
    const struct service *service = config_service(world.config, SLICE("billing-cron"));
    assert_true(slice_is(service->human->name, "ana"));
    assert_true(slice_is(service->submits[0], "invoice-reminders"));
    assert_int_equal(service->token.source, SECRET_ENV);
    assert_true(slice_is(world.config->secrets[service->token.index].place, "BILLING_TOKEN"));
    world_done(&world);
}

/* What is written comes first; of what is implied, a signal with a sentence of its own is left out.
 */
static void triggers_are_written_and_implied(void **state)
{
    (void)state;
    static const char *const want[] = {
        "misrouted fallback misclassified||||1|100000|0|6907755|0",
        "runaway stopped volume||||4|500|3600000|6907755|0",
        "uncertain alert uncertain|route_ticket|||4|0|3600000|0|0",
        "uncertain stopped uncertain|route_ticket|||4|5|3600000|0|0",
        "latency alert latency|route_ticket|||1|50000|0|6907755|14400000",
        "low_confidence caution low_confidence|route_ticket|||3|0|0|11512925|0",
        "overdue alert overdue||||6|0|0|0|0",
    };
    struct world world;
    struct buf got;
    world_load(&world);
    buf_init(&got, TEXT_MAX);
    const struct workflow *workflow = config_workflow(world.config, SLICE("inquiry-routing"));
    assert_int_equal(workflow->trigger_count, sizeof want / sizeof *want);
    for (size_t i = 0; i < workflow->trigger_count; i++) {
        const struct trigger *trigger = &workflow->triggers[i];
        buf_reset(&got);
        buf_add_fmt(&got, "%.*s %s %.*s", SLICE_FMT(trigger->name),
                    trigger_move_name(trigger->terms.move), SLICE_FMT(trigger->definition));
        assert_string_equal(buf_text(&got), want[i]);
        assert_int_equal(trigger->is_standard, i > 1);
    }
    assert_int_equal(workflow->ramp.stage_count, 3);
    assert_int_equal(workflow->ramp.stages[0].amount, 5);
    assert_true(workflow->ramp.stages[1].is_share);
    assert_int_equal(workflow->ramp.stages[1].amount, 100000);
    assert_int_equal(workflow->cause_count, 2);
    assert_true(slice_is(workflow->causes[0].text, "input.channel"));
    buf_done(&got);
    world_done(&world);
}

static void stored_is_loaded_again(void **state)
{
    (void)state;
    struct world world;
    struct arena arena;
    struct problems problems;
    struct buf first, second;
    world_load(&world);
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    buf_init(&first, TEXT_MAX);
    buf_init(&second, TEXT_MAX);
    const struct config *again = config_load_stored(world.config->source, &arena, &problems);
    assert_non_null(again);
    assert_memory_equal(again->version, world.config->version, sizeof again->version);
    assert_true(slice_equal(again->source, world.config->source));
    config_expand(world.config, &first);
    config_expand(again, &second);
    assert_string_equal(buf_text(&first), buf_text(&second));
    for (size_t size = 0; size < world.config->source.size; size += 97) {
        struct arena cut;
        struct problems told;
        arena_init(&cut, CONFIG_ARENA_MAX);
        problems_init(&told, &cut);
        assert_null(config_load_stored(slice_first(world.config->source, size), &cut, &told));
        assert_true(told.error_count > 0);
        arena_done(&cut);
    }
    buf_done(&first);
    buf_done(&second);
    arena_done(&arena);
    world_done(&world);
}

/* What stands before the origin comments, without the blanks between. */
static void without_origins(struct slice text, struct buf *out)
{
    while (text.size > 0) {
        struct slice line = slice_first(text, slice_find(text, '\n'));
        text = slice_from(text, line.size + 1);
        size_t end = line.size;
        for (size_t i = 0; i + 3 < line.size; i++)
            if (slice_starts(slice_from(line, i), SLICE("  # ")))
                end = i;
        line = slice_first(line, end);
        while (line.size > 0 && line.at[line.size - 1] == ' ')
            line.size--;
        buf_add(out, line);
        buf_add_byte(out, '\n');
    }
}

static size_t split_expanded(struct slice text, struct config_file *files)
{
    struct slice mark = SLICE("# ==== ");
    size_t count = 0;
    while (slice_starts(text, mark)) {
        text = slice_from(text, mark.size);
        struct slice name = slice_first(text, slice_find(text, '\n'));
        text = slice_from(text, name.size + 1);
        size_t size = 0;
        while (size < text.size && !slice_starts(slice_from(text, size), mark))
            size++;
        files[count++] = (struct config_file){name, slice_first(text, size)};
        text = slice_from(text, size);
    }
    return count;
}

static void expanded_means_the_same(void **state)
{
    (void)state;
    struct world world;
    struct arena arena;
    struct problems problems;
    struct buf first, second, third, fourth;
    struct config_file files[8];
    struct buf *bufs[] = {&first, &second, &third, &fourth};
    world_load(&world);
    for (size_t i = 0; i < 4; i++)
        buf_init(bufs[i], TEXT_MAX);
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    config_expand(world.config, &first);
    assert_int_equal(split_expanded(buf_slice(&first), files), 3);
    const struct config *again = config_load(files, 3, &arena, &problems);
    if (!again) {
        problems_add_text(&second, &problems);
        fail_msg("%s", buf_text(&second));
    }
    config_expand(again, &second);
    without_origins(buf_slice(&first), &third);
    without_origins(buf_slice(&second), &fourth);
    assert_string_equal(buf_text(&third), buf_text(&fourth));
    for (size_t i = 0; i < 4; i++)
        buf_done(bufs[i]);
    arena_done(&arena);
    world_done(&world);
}

/* The order of the folder does not matter, one byte does. */
static void version_is_of_the_bytes(void **state)
{
    (void)state;
    struct arena arena;
    struct problems problems;
    unsigned char versions[4][32];
    const struct slice policies[2] = {
        SLICE("workflow: a\nmode: observe\nsteps:\n  s: { kind: lookup, call: caller }\n"),
        SLICE("workflow: b\nmode: observe\nsteps:\n  s: { kind: lookup, call: caller }\n")};
    for (size_t turn = 0; turn < 4; turn++) {
        arena_init(&arena, CONFIG_ARENA_MAX);
        problems_init(&problems, &arena);
        bool is_far = turn == 3; /* by another path: the same files */
        struct config_file files[3] = {
            {is_far ? SLICE("/etc/interlock/interlock.yaml") : SLICE("interlock.yaml"),
             turn == 2 ? SLICE("store: ./d\n") : SLICE("store: ./data\n")},
            {is_far ? SLICE("/etc/interlock/policies/a.yaml") : SLICE("policies/a.yaml"),
             policies[0]},
            {is_far ? SLICE("/etc/interlock/policies/b.yaml") : SLICE("policies/b.yaml"),
             policies[1]}};
        if (turn == 1) {
            struct config_file moved = files[1];
            files[1] = files[2];
            files[2] = moved;
        }
        const struct config *config = config_load(files, 3, &arena, &problems);
        assert_non_null(config);
        memcpy(versions[turn], config->version, 32);
        arena_done(&arena);
    }
    assert_memory_equal(versions[0], versions[1], 32);
    assert_memory_not_equal(versions[0], versions[2], 32);
    assert_memory_equal(versions[0], versions[3], 32);
}

static void kinds_are_the_table(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, TEXT_MAX);
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        struct step_terms terms = kind_terms((enum kind)kind);
        const struct kind_row *row = kind_row((enum kind)kind);
        assert_string_equal(row->name, kind_name((enum kind)kind));
        buf_add_fmt(&got, "%s %s %llds %d %llds %s |", row->name,
                    terms.effect == EFFECT_READ ? "read" : "write",
                    (long long)(terms.timeout_ms / KIND_SECOND), terms.attempts,
                    (long long)(terms.within_ms / KIND_SECOND), row->needs_key ? "key" : "no key");
        for (size_t cause = CAUSE_LOW_CONFIDENCE; cause < CAUSE_COUNT; cause++) {
            buf_add_text(&got, " ");
            expand_add_what(&got, &terms, (enum cause)cause);
            buf_add_text(&got, ";");
        }
        buf_add_byte(&got, '\n');
    }
    assert_string_equal(
        buf_text(&got),
        "lookup read 5s 3 30s no key | review, due 4h; review, due 4h; refuse; end; end; refuse;\n"
        "llm read 60s 2 120s no key | review, due 4h; review, due 4h; refuse; end; end; refuse;\n"
        "email write 10s 3 600s key | review, due 4h; review, due 4h; hold 1d, then review, due "
        "4h; end; end; hold 1d, then review, due 4h;\n"
        "message write 10s 3 600s key | review, due 4h; review, due 4h; hold 1d, then review, due "
        "4h; end; end; hold 1d, then review, due 4h;\n"
        "payment write 30s 3 600s key | review, due 1h; review, due 1h; hold 4h, then review, due "
        "1h; end; end; hold 1d, then review, due 1h;\n"
        "ticket write 10s 3 600s key | review, due 4h; review, due 4h; hold 1d, then review, due "
        "4h; end; end; hold 1d, then review, due 4h;\n"
        "record write 10s 3 600s key | review, due 4h; review, due 4h; hold 1d, then review, due "
        "4h; end; end; hold 1d, then review, due 4h;\n"
        "webhook write 10s 3 600s key | review, due 4h; review, due 4h; hold 1d, then review, due "
        "4h; end; end; hold 1d, then review, due 4h;\n"
        "command write 300s 1 600s key | review, due 4h; review, due 4h; refuse; end; end; "
        "refuse;\n");
    buf_done(&got);
}

/* Memory ends at any point: never a configuration, never a crash, always told. */
static void memory_may_end_anywhere(void **state)
{
    (void)state;
    struct world world;
    world_load(&world);
    size_t enough = world.arena.size;
    for (size_t size = 0; size < enough; size += size < 100000 ? 1009 : 20011) {
        struct arena arena;
        struct problems problems;
        arena_init(&arena, size);
        problems_init(&problems, &arena);
        const struct config *config = config_load_stored(world.config->source, &arena, &problems);
        assert_true(!config || !arena.overflowed);
        assert_true(config || problems.error_count > 0);
        arena_done(&arena);
    }
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_load_with_their_warnings),
        cmocka_unit_test(reminder_means_what_it_says),
        cmocka_unit_test(routing_means_what_it_says),
        cmocka_unit_test(triggers_are_written_and_implied),
        cmocka_unit_test(stored_is_loaded_again),
        cmocka_unit_test(expanded_means_the_same),
        cmocka_unit_test(version_is_of_the_bytes),
        cmocka_unit_test(kinds_are_the_table),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
