/* loop/views.c - reads: one action with all that is known of it, lists, the inbox, health. */
#include "loop/views.h"

#include <stdlib.h>

#include "base/map.h"
#include "core/switchboard.h"
#include "loop/alerts.h"
#include "loop/attempts.h"
#include "loop/audit.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/formers.h"
#include "loop/order.h"
#include "loop/restarts.h"
#include "loop/self_check.h"
#include "loop/undone.h"
#include "loop/upstreams.h"
#include "loop/watchdog.h"
#include "record/identity.h"
#include "record/label_row.h"
#include "record/mask.h"
#include "record/row.h"
#include "record/tally.h"

/* ---- one action ---- */

static enum err view_outcome(struct engine *engine, struct entry *entry, struct arena *arena,
                             struct view *out)
{
    const struct store_port *store = &engine->options.store;
    struct slice bytes = slice_of(entry->outcome, entry->outcome_size);
    if (!entry->outcome) {
        if (entry->row.outcome_seq == 0)
            return ERR_OK;
        enum err err = store->get_payload(store->impl, entry->row.outcome_seq, arena, &bytes);
        if (err != ERR_OK)
            return err == ERR_NOT_FOUND ? ERR_OK : err;
        bytes = slice_from(bytes, BUNDLE_SALT);
    }
    out->has_outcome = true;
    return bundle_outcome_decode(arena_copy(arena, bytes), arena, &out->outcome);
}

static enum err view_gate(struct engine *engine, struct entry *entry, struct arena *arena,
                          struct view *out)
{
    struct record *decided = ARENA_NEW(arena, struct record);
    struct store_record stored = {0};
    if (!decided)
        return ERR_NO_MEMORY;
    out->decided = decided;
    if (entry->has_gate || entry->row.decided_seq == 0) {
        *decided = (struct record){.path_count = entry->gate.path_count,
                                   .decided_by = entry->gate.decided_by,
                                   .says = entry->gate.says,
                                   .would = entry->gate.would,
                                   .would_reason = entry->gate.would_reason};
        memcpy(decided->path, entry->gate.path, sizeof decided->path);
        return ERR_OK;
    }
    const struct store_port *store = &engine->options.store;
    enum err err = store->get_record(store->impl, entry->row.decided_seq, arena, &stored);
    return err == ERR_OK ? record_decode(stored.body, arena, decided) : err;
}

/* Nothing goes there before; 0 = it does not ask to wait. */
static int64_t views_pause(const struct engine *engine, const struct upstream_state *upstream)
{
    int64_t until = upstream->pace.pause_until_unix_ms;
    return until > engine->now_unix_ms ? until : 0;
}

/* When what is held for an upstream may try again; 0 = as soon as there is room. */
static int64_t views_next_try(const struct engine *engine, const struct upstream_state *upstream)
{
    int64_t pause = views_pause(engine, upstream);
    int64_t at = upstream->breaker.state == BREAKER_OPEN ? upstream->breaker.until_unix_ms
                                                         : upstream->drain.at_unix_ms;
    return at > pause ? at : pause;
}

static struct view_outage view_outage_of(const struct upstream_state *upstream)
{
    return (struct view_outage){.since_unix_ms = upstream->breaker.opened_unix_ms,
                                .cause = upstream->breaker.cause,
                                .count = upstream->breaker.cause_count,
                                .of = upstream->breaker.cause_of};
}

/* What waits for it: a stop's incident, a probe, an older action. */
static void view_waits(struct engine *engine, const struct entry *entry, struct arena *arena,
                       struct view *out)
{
    const struct action *action = &entry->row.action;
    struct stop *stop = action->stop_id ? switchboard_find(&engine->board, action->stop_id) : NULL;
    struct stop *copy = stop ? ARENA_NEW(arena, struct stop) : NULL;
    out->is_draining = engine_drain_leaves(engine, entry);
    if (stop && !out->is_draining) {
        engine_restart_view(engine, stop, arena, out);
        out->stop_incident = stop->incident;
        out->is_ramping = stop->is_ramping && engine_is_ramping(engine, stop->incident);
    }
    if (copy)
        *copy = *stop;
    out->stop = copy;
    if (action->state == STATE_HELD && action->hold_for == HOLD_FOR_ORDER)
        out->order_before = engine_order_before(engine, entry->row.order, action->id);
    struct upstream_state *upstream = engine_upstream(engine, entry->row.upstream);
    if (upstream && action->state == STATE_WAITING && action->due_kind == DUE_RETRY)
        out->probe_at_unix_ms = views_pause(engine, upstream);
    if (!upstream || action->state != STATE_HELD || action->hold_for != HOLD_FOR_UPSTREAM)
        return;
    out->probe_at_unix_ms = views_next_try(engine, upstream);
    if (upstream->breaker.state != BREAKER_CLOSED)
        out->outage = view_outage_of(upstream);
}

static struct slice view_masked(const struct step *step, struct slice input_json, struct slice text,
                                struct arena *arena)
{
    struct buf masked;
    buf_init(&masked, text.size * 64 + 4096);
    mask_add_text(step, input_json, text, &masked);
    struct slice shown = arena_copy(arena, buf_ok(&masked) ? buf_slice(&masked) : SLICE(MASK_TEXT));
    buf_done(&masked);
    return shown;
}

void engine_view_mask(struct arena *arena, struct view *view)
{
    struct bundle_submit *submit = &view->submit;
    const struct step *step = view->step;
    view->whole_key = submit->key;
    view->whole_run = submit->run;
    if (submit->key_shown.size > 0)
        submit->key = submit->key_shown;
    if (submit->run_shown.size > 0)
        submit->run = submit->run_shown;
    if (submit->is_summary_masked || !step || step->masked_count == 0)
        return;
    struct slice *texts[] = {&submit->key, &submit->run, &submit->summary, &submit->because};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = view_masked(step, submit->input_json, *texts[i], arena);
    for (size_t i = 0; i < submit->saw_count; i++)
        if (mask_covers(step, submit->saw[i].name))
            submit->saw[i].value = SLICE("\"***\"");
    if (!slice_equal(submit->key, view->whole_key))
        submit->key_shown = submit->key;
}

/* Why a fallback did it, as far as that still stands: the stop, or the outage. */
static void view_degraded(struct engine *engine, const struct entry *entry, struct arena *arena,
                          struct view *out)
{
    const struct action *action = &entry->row.action;
    struct scope scope = entry_scope(entry);
    if (action->cause == CAUSE_STOPPED && !out->stop)
        out->stop = engine_stop_at(engine, &scope, action->route_entered_unix_ms, false, arena);
    const struct upstream_state *upstream =
        action->cause == CAUSE_UNAVAILABLE && entry->step && entry->step->upstream
            ? engine_upstream(engine, entry->step->upstream->name)
            : NULL;
    bool is_open =
        upstream && upstream->breaker.state != BREAKER_CLOSED &&
        (action->ended_unix_ms == 0 || upstream->breaker.opened_unix_ms <= action->ended_unix_ms);
    if (is_open)
        out->outage = view_outage_of(upstream);
}

enum err engine_fill_view(struct engine *engine, struct entry *entry, struct arena *arena,
                          struct view *out)
{
    struct action *action = ARENA_NEW(arena, struct action);
    if (!action)
        return ERR_NO_MEMORY;
    *action = entry->row.action;
    *out = (struct view){.action = action,
                         .config = engine_config(engine),
                         .step = entry->step,
                         .workflow = arena_copy(arena, entry->row.workflow),
                         .step_name = arena_copy(arena, entry->row.step),
                         .upstream = arena_copy(arena, entry->row.upstream),
                         .policy_version = arena_copy(arena, entry->row.policy),
                         .erased_unix_ms = entry->row.erased_unix_ms,
                         .is_erased = entry->row.erased_unix_ms != 0,
                         .claimed_by = arena_copy(arena, entry->row.claimed_by),
                         .claimed_until_unix_ms = entry->row.claimed_until_unix_ms,
                         .assigned_to = arena_copy(arena, entry->row.assigned_to),
                         .away = &engine->away,
                         .now_unix_ms = engine->now_unix_ms,
                         .zone = engine->options.zone};
    out->decided_step = formers_step(engine, out->policy_version, out->workflow, out->step_name);
    view_waits(engine, entry, arena, out);
    if (action->cause != CAUSE_NONE && action->state != STATE_HELD)
        view_degraded(engine, entry, arena, out);
    enum err err = ERR_OK;
    if (!out->is_erased) {
        err = entry_read_submit(entry, arena, &out->submit);
        engine_view_mask(arena, out);
        if (err == ERR_NOT_FOUND) { /* payload gone without a mark: said as erased, verify tells */
            out->is_erased = true;
            err = ERR_OK;
        }
    }
    if (out->is_erased) /* who submitted it never approves it, and still sees its own */
        out->submit.actor = arena_copy(arena, entry->row.actor);
    if (err == ERR_OK && !out->is_erased)
        err = view_outcome(engine, entry, arena, out);
    if (err == ERR_OK && entry->frozen_size > 0)
        err = bundle_request_decode(arena_copy(arena, slice_of(entry->frozen, entry->frozen_size)),
                                    arena, &out->request);
    if (err == ERR_OK)
        err = view_gate(engine, entry, arena, out);
    if (err == ERR_OK && !out->is_erased)
        err = engine_view_asks(entry, arena, out);
    if (err == ERR_OK && action->reason == REASON_SUPERSEDED)
        err = engine_order_view(engine, entry, arena, out);
    return err;
}

/* ---- its history ---- */

static enum err view_read_record(struct engine *engine, uint64_t seq, struct arena *arena,
                                 struct view_record *out)
{
    const struct store_port *store = &engine->options.store;
    struct store_record stored = {0};
    struct slice payload = {0};
    enum err err = store->get_record(store->impl, seq, arena, &stored);
    if (err == ERR_OK)
        err = record_decode(stored.body, arena, &out->record);
    if (err != ERR_OK)
        return err;
    out->record.seq = seq;
    bool is_submit = out->record.kind == RECORD_ADMITTED || out->record.kind == RECORD_EDITED;
    if (!out->record.has_payload || is_submit)
        return ERR_OK;
    err = store->get_payload(store->impl, seq, arena, &payload);
    if (err == ERR_NOT_FOUND) {
        out->is_erased = true;
        return ERR_OK;
    }
    if (err != ERR_OK || payload.size < BUNDLE_SALT)
        return err != ERR_OK ? err : ERR_CORRUPT;
    payload = slice_from(payload, BUNDLE_SALT);
    if (out->record.kind == RECORD_REFRESHED)
        return bundle_fact_decode(payload, arena, &out->fact);
    bool is_outcome = out->record.kind == RECORD_OUTCOME || out->record.kind == RECORD_LATE ||
                      out->record.kind == RECORD_ASKED || out->record.kind == RECORD_ANSWERED;
    return is_outcome ? bundle_outcome_decode(payload, arena, &out->outcome)
                      : bundle_words_decode(payload, arena, &out->words);
}

/* Newest last. */
enum err engine_fill_history(struct engine *engine, const struct entry *entry, size_t max,
                             struct arena *arena, struct view *out)
{
    struct view_record *records = ARENA_ARRAY(arena, max, struct view_record);
    size_t count = 0;
    uint64_t seq = entry->row.last_seq;
    if (!records)
        return ERR_NO_MEMORY;
    while (seq != 0 && count < max) {
        enum err err = view_read_record(engine, seq, arena, &records[max - 1 - count]);
        if (err == ERR_NOT_FOUND && entry->unsaved > 0) /* not durable yet: not history yet */
            return ERR_OK;
        if (err != ERR_OK)
            return err;
        seq = records[max - 1 - count].record.previous;
        count++;
    }
    out->history = records + max - count;
    out->history_count = count;
    return ERR_OK;
}

enum err engine_fill_answer(struct engine *engine, struct entry *entry, struct arena *arena,
                            struct view *out)
{
    enum { ANSWER_HISTORY = 16 }; /* a word, and what came of it */
    const struct action *action = &entry->row.action;
    bool has_word = action->reviews > 0 || action->is_granted || action->reason == REASON_PERSON ||
                    action->reason == REASON_PERSON_BY_HAND;
    enum err err = engine_fill_view(engine, entry, arena, out);
    if (err == ERR_OK && has_word)
        err = engine_fill_history(engine, entry, ANSWER_HISTORY, arena, out);
    return err;
}

enum err engine_view(void *impl, uint64_t id, bool with_history, struct arena *arena,
                     struct view *out)
{
    struct engine *engine = impl;
    enum err err = ERR_OK;
    (void)engine_now(engine);
    struct entry *entry = entry_get(engine, id, &err);
    if (!entry)
        return err;
    err = engine_fill_view(engine, entry, arena, out);
    struct scope scope = entry_scope(entry);
    if (err == ERR_OK && with_history && out->action->cause == CAUSE_STOPPED && !out->stop)
        out->stop = engine_stop_at(engine, &scope, out->action->route_entered_unix_ms, true, arena);
    if (err == ERR_OK && with_history)
        err = engine_fill_history(engine, entry, VIEW_HISTORY, arena, out);
    if (err == ERR_OK && with_history)
        err = engine_undone_told(engine, arena, out);
    entry_let_go(engine, entry);
    return err;
}

/* ---- lists ---- */

/* One list being made. */
struct list_work {
    struct engine *engine;
    const struct engine_query *query;
    struct arena *arena;
    struct view *views;
    size_t count;
    uint64_t next; /* cursor for the rest; 0 = this is all */
};

static enum err list_add(struct list_work *list, uint64_t id)
{
    enum err err = engine_view(list->engine, id, false, list->arena, &list->views[list->count]);
    list->count += err == ERR_OK;
    return err;
}

/* Did that incident tell of it? */
static enum err list_is_told(const struct list_work *list, const struct row *row, bool *out_is_told)
{
    uint64_t incident = 0;
    *out_is_told = list->query->incident == 0;
    if (*out_is_told || !action_is_undone(&row->action))
        return ERR_OK;
    enum err err =
        engine_undone_incident(list->engine, row->workflow, row->action.ended_unix_ms, &incident);
    *out_is_told = incident == list->query->incident;
    return err;
}

/* What was stored under a former name belongs to the new one. */
static bool list_wants(const struct list_work *list, const struct row *row)
{
    const struct engine_query *query = list->query;
    const struct config *config = engine_config(list->engine);
    const struct workflow *workflow = config_workflow_of(config, row->workflow);
    const struct step *step = config_step_of(config, row->workflow, row->step);
    return (query->workflow.size == 0 || slice_equal(query->workflow, row->workflow) ||
            (workflow && slice_equal(query->workflow, workflow->name))) &&
           (query->step.size == 0 || slice_equal(query->step, row->step) ||
            (step && slice_equal(query->step, step->name))) &&
           (!query->has_state || query->state == row->action.state) &&
           (query->before == 0 || row->action.id < query->before);
}

/* The actions of a key, newest generation first; or of a run, newest first. */
static enum err list_chain(struct list_work *list, uint64_t id, bool is_run)
{
    while (id != 0) {
        enum err err = ERR_OK;
        struct entry *entry = entry_get(list->engine, id, &err);
        if (!entry)
            return err;
        bool is_told = false;
        err = list_is_told(list, &entry->row, &is_told);
        bool is_wanted = err == ERR_OK && is_told && list_wants(list, &entry->row);
        uint64_t next = is_run ? entry->row.run_previous : entry->row.action.again_of;
        entry_let_go(list->engine, entry);
        if (is_wanted && list->count == list->query->limit) {
            list->next = id + 1;
            return ERR_OK;
        }
        if (is_wanted)
            err = list_add(list, id);
        if (err != ERR_OK)
            return err;
        id = next;
    }
    return ERR_OK;
}

static uint64_t list_head(struct engine *engine, const unsigned char hash[STORE_KEY_SIZE],
                          struct map *hot)
{
    struct entry *entry = map_get(hot, entry_map_key(hash));
    struct store_key found = {0};
    const struct store_port *store = &engine->options.store;
    if (entry)
        return entry->row.action.id;
    return store->get_key(store->impl, hash, &found) == ERR_OK ? found.action : 0;
}

/* All that a name means in one workflow: its run, and in each step its key. */
/* The run, and the key in each step, under one name of the workflow; of steps also the former
 * names. */
static enum err list_under_name(struct list_work *list, const struct workflow *workflow,
                                struct slice workflow_name)
{
    struct engine *engine = list->engine;
    const struct engine_query *query = list->query;
    unsigned char hash[STORE_KEY_SIZE];
    struct identity_name name = {.workflow = workflow_name, .text = query->run};
    enum err err = ERR_OK;
    if (query->run.size > 0) {
        identity_run(engine->identity, &name, hash);
        err = list_chain(list, list_head(engine, hash, &engine->runs), true);
    }
    name.text = query->key.size > 0 ? query->key : query->run; /* a run may be the key itself */
    for (size_t s = 0; err == ERR_OK && s < workflow->step_count; s++) {
        const struct step *step = &workflow->steps[s];
        for (size_t i = 0; err == ERR_OK && i <= step->was.count; i++) {
            name.step = i == 0 ? step->name : step->was.at[i - 1];
            identity_key(engine->identity, &name, hash);
            err = list_chain(list, list_head(engine, hash, &engine->keys), false);
        }
    }
    return err;
}

static enum err list_in_workflow(struct list_work *list, const struct workflow *workflow)
{
    enum err err = list_under_name(list, workflow, workflow->name);
    for (size_t i = 0; err == ERR_OK && i < workflow->was.count; i++)
        err = list_under_name(list, workflow, workflow->was.at[i]);
    return err;
}

/* The same in what the configuration no longer has, and still waits there. */
static enum err list_in_gone(struct list_work *list, const struct gone_place *place)
{
    struct engine *engine = list->engine;
    const struct engine_query *query = list->query;
    unsigned char hash[STORE_KEY_SIZE];
    struct identity_name name = {.workflow = slice_text(place->workflow), .text = query->run};
    enum err err = ERR_OK;
    if (query->run.size > 0) {
        identity_run(engine->identity, &name, hash);
        err = list_chain(list, list_head(engine, hash, &engine->runs), true);
    }
    if (err != ERR_OK || query->key.size == 0)
        return err;
    name.text = query->key;
    name.step = slice_text(place->step);
    identity_key(engine->identity, &name, hash);
    return list_chain(list, list_head(engine, hash, &engine->keys), false);
}

static enum err list_by_name(struct list_work *list)
{
    const struct config *config = engine_config(list->engine);
    enum err err = ERR_OK;
    for (size_t w = 0; err == ERR_OK && w < config->workflow_count; w++)
        if (list->query->workflow.size == 0 ||
            slice_equal(list->query->workflow, config->workflows[w].name))
            err = list_in_workflow(list, &config->workflows[w]);
    const struct gone_place *place;
    for (size_t i = 0; err == ERR_OK && (place = gone_at(list->engine, i)) != NULL; i++)
        err = list_in_gone(list, place);
    return err;
}

static enum err list_scan(struct list_work *list)
{
    enum { SCAN_MAX = 20000 }; /* rows looked at for one answer; then a cursor */
    const struct engine_query *query = list->query;
    const struct store_port *store = &list->engine->options.store;
    struct store_action *page = ARENA_ARRAY(list->arena, LIMIT_PAGE, struct store_action);
    uint64_t before = query->before;
    size_t looked = 0;
    size_t found = LIMIT_PAGE;
    enum err err = page ? ERR_OK : ERR_NO_MEMORY;
    while (err == ERR_OK && list->count < query->limit && looked < SCAN_MAX &&
           found == LIMIT_PAGE) {
        struct arena scratch;
        arena_init(&scratch, ENGINE_SCRATCH);
        err = store->list_actions(store->impl, before, LIMIT_PAGE, &scratch, page, &found);
        for (size_t i = 0; err == ERR_OK && i < found && list->count < query->limit; i++) {
            struct row row = {0};
            before = page[i].id;
            err = row_decode(page[i].row, &row);
            bool is_told = false;
            bool is_wanted = err == ERR_OK && list_wants(list, &row);
            if (is_wanted)
                err = list_is_told(list, &row, &is_told);
            if (err == ERR_OK && is_told)
                err = list_add(list, page[i].id);
        }
        looked += found;
        arena_done(&scratch);
    }
    bool is_more = list->count == query->limit || found == LIMIT_PAGE;
    list->next = is_more ? before : 0;
    return err;
}

static enum err views_do_list(void *impl, const struct engine_query *query, struct arena *arena,
                              struct view *views, size_t *out_count, uint64_t *out_next)
{
    struct list_work list = {.engine = impl, .query = query, .arena = arena, .views = views};
    CHECK(list.engine->answering == 0);
    bool has_name = query->key.size > 0 || query->run.size > 0;
    enum err err = has_name ? list_by_name(&list) : list_scan(&list);
    *out_count = list.count;
    *out_next = list.next;
    return err;
}

/* ---- numbers ---- */

static void counts_fill(struct engine_counts *out, const struct tally *tally)
{
    out->automatic = tally->n[TALLY_AUTOMATIC];
    out->by_template = tally->n[TALLY_TEMPLATE];
    out->by_fallback = tally->n[TALLY_FALLBACK];
    out->reviewed = tally->n[TALLY_REVIEWED];
    out->rejected = tally->n[TALLY_REJECTED];
    out->failed = tally->n[TALLY_FAILED];
    out->cancelled = tally->n[TALLY_CANCELLED];
    out->expired = tally->n[TALLY_EXPIRED];
    out->sla_met = tally->n[TALLY_IN_TIME];
    out->sla_missed = tally->n[TALLY_LATE];
    for (unsigned i = CAUSE_LOW_CONFIDENCE; i < CAUSE_COUNT; i++)
        out->degraded[i] = tally->n[tally_of_cause((enum cause)i)];
}

/* One step, by cause and risk class; what is behind the declared classes is normal. */
static void counts_fill_step(const struct step *step, const struct step_state *state,
                             int64_t since_unix_ms, struct step_counts *out)
{
    *out = (struct step_counts){.step = step->name, .risk_count = step->risk_count};
    for (size_t i = 0; i < step->risk_count; i++)
        out->risk_names[i] = step->risks[i].name;
    out->risk_names[step->risk_count] = SLICE("normal");
    if (!state)
        return;
    out->in_review = state->in_review;
    out->held = state->held;
    memcpy(out->degraded_total, state->degraded, sizeof out->degraded_total);
    for (size_t h = 0; h < ENGINE_HOURS; h++) {
        const struct step_hour *hour = &state->hours[h];
        if (hour->hour < since_unix_ms / 3600000)
            continue;
        for (size_t i = 0; i < CAUSE_COUNT; i++)
            out->degraded[i] += hour->tally.degraded[i];
        for (size_t i = 0; i <= step->risk_count; i++) {
            const struct risk_counts *one = step_tally_find(
                &hour->tally, i < step->risk_count ? row_risk_id(step->risks[i].name) : 0);
            if (!one)
                continue;
            out->risks[i].automatic += one->automatic;
            out->risks[i].fallback += one->fallback;
            out->risks[i].reviewed += one->reviewed;
            out->risks[i].degraded += one->degraded;
            out->risks[i].other += one->other;
        }
    }
}

/* Over is a cause after a few that went without it (core/lasting.h); a stop is told as such. */
static bool counts_are_on_fallback(const struct workflow_state *state)
{
    for (int cause = CAUSE_LOW_CONFIDENCE; cause < CAUSE_STOPPED; cause++)
        if (lasting_is_on(&state->causes[cause]))
            return true;
    return false;
}

static void counts_fill_steps(const struct workflow *workflow, const struct workflow_state *state,
                              int64_t since_unix_ms, struct arena *arena,
                              struct engine_counts *counts)
{
    struct step_counts *steps = ARENA_ARRAY(arena, workflow->step_count + 1, struct step_counts);
    if (!steps)
        return; /* the answer says less */
    counts->steps = steps;
    counts->step_count = workflow->step_count;
    for (size_t s = 0; s < workflow->step_count; s++) {
        const struct step_state *found = NULL;
        for (size_t i = 0; i < state->step_count; i++)
            if (slice_is(workflow->steps[s].name, state->steps[i].name))
                found = &state->steps[i];
        counts_fill_step(&workflow->steps[s], found, since_unix_ms, &steps[s]);
    }
}

/* Read anew when labels came, and else now and then: audits get overdue. */
enum { LABELS_KEPT_MS = 60000, LABELS_WINDOW_MS = 7 * 24 * 3600 * 1000 };

static void counts_add_labels(void *arg, const struct label_row *row, int64_t now_unix_ms)
{
    struct engine *engine = arg;
    const struct workflow *workflow = config_workflow_of(engine_config(engine), row->workflow);
    struct workflow_state *state =
        engine_workflow(engine, workflow ? workflow->name : row->workflow);
    if (state)
        label_sum_add(&state->recent, row, now_unix_ms);
}

static void counts_read_labels(struct engine *engine)
{
    bool is_fresh = engine->recent_seq == engine->label_seq &&
                    engine->now_unix_ms - engine->recent_unix_ms < LABELS_KEPT_MS;
    if (is_fresh)
        return;
    for (size_t i = 0; i < engine->workflow_count; i++)
        engine->workflows[i].recent = (struct label_sum){0};
    /* What is not durable yet is not read yet. */
    engine->recent_seq =
        engine->saved_seq < engine->label_seq ? engine->saved_seq : engine->label_seq;
    engine->recent_unix_ms = engine->now_unix_ms;
    if (engine_label_sums(engine, engine->now_unix_ms - LABELS_WINDOW_MS, counts_add_labels,
                          engine) != ERR_OK)
        engine->recent_seq = UINT64_MAX; /* the next one asks again */
}

static void views_do_counts(void *impl, int64_t since_unix_ms, struct arena *arena,
                            struct engine_counts *out, size_t *out_count)
{
    struct engine *engine = impl;
    const struct config *config = engine_config(engine);
    size_t room = *out_count;
    *out_count = 0;
    (void)engine_now(engine);
    counts_read_labels(engine);
    for (size_t i = 0; i < config->workflow_count && *out_count < room; i++) {
        struct workflow_state *state = engine_workflow(engine, config->workflows[i].name);
        struct engine_counts *counts = &out[(*out_count)++];
        *counts = (struct engine_counts){.workflow = config->workflows[i].name};
        if (!state)
            continue;
        struct tally tally = {{0}};
        for (size_t h = 0; h < ENGINE_HOURS; h++)
            if (state->hours[h].hour >= since_unix_ms / 3600000)
                tally_sum(&tally, &state->hours[h].tally);
        counts_fill(counts, &tally);
        counts->is_on_fallback = counts_are_on_fallback(state);
        counts->audits = state->audits;
        counts->labels = state->recent;
        counts->held = state->now[STATE_HELD];
        counts->uncertain = state->now[STATE_UNCERTAIN];
        counts->in_review = state->now[STATE_IN_REVIEW];
        counts->attempting = state->now[STATE_ATTEMPTING];
        counts->waiting = state->now[STATE_WAITING];
        counts->repeats_answered = state->replays;
        counts->seconds_prevented = state->prevented;
        counts->samples_right = state->labels[LABEL_SAMPLE][0];
        counts->samples_wrong = state->labels[LABEL_SAMPLE][1];
        counts->complaints = state->labels[LABEL_COMPLAINT][1];
        memcpy(counts->entered, state->total, sizeof counts->entered);
        counts->refused = state->refused;
        counts->draining = drain_left(&state->drain);
        counts->drain_milli = counts->draining ? drain_milli(engine, &state->drain) : 0;
        counts_fill_steps(&config->workflows[i], state, since_unix_ms, arena, counts);
    }
}

static void views_do_upstreams(void *impl, struct arena *arena, struct engine_upstream *out,
                               size_t *out_count)
{
    struct engine *engine = impl;
    (void)arena;
    size_t room = *out_count;
    *out_count = 0;
    for (size_t i = 0; i < engine->upstream_count && *out_count < room; i++) {
        const struct upstream_state *state = &engine->upstreams[i];
        struct engine_upstream *upstream = &out[(*out_count)++];
        *upstream =
            (struct engine_upstream){.name = slice_text(state->name),
                                     .breaker = state->breaker.state,
                                     .cause = state->breaker.cause,
                                     .cause_count = state->breaker.cause_count,
                                     .cause_of = state->breaker.cause_of,
                                     .failed_probes = state->breaker.failed_probes,
                                     .opened_unix_ms = state->breaker.opened_unix_ms,
                                     .rate_milli = state->rate.is_on ? state->rate.rate_milli : -1,
                                     .probes = state->probes,
                                     .probe_at_unix_ms = views_next_try(engine, state),
                                     .pause_until_unix_ms = state->pace.pause_until_unix_ms,
                                     .held = state->held,
                                     .under_way = state->pace.under_way,
                                     .concurrency = state->pace.concurrency,
                                     .tokens_tenths = state->pace.tokens_tenths};
        memcpy(upstream->attempts, state->attempts, sizeof upstream->attempts);
    }
}

static void views_do_health(void *impl, struct arena *arena, struct engine_health *out)
{
    struct engine *engine = impl;
    const struct store_port *store = &engine->options.store;
    enum err why = ERR_OK;
    *out = (struct engine_health){.is_ready = true,
                                  .warnings = buf_slice(&engine->loaded->warnings_json),
                                  .flag = buf_slice(&engine->flag),
                                  .has_watchdog = engine_config(engine)->watchdog_url.size > 0,
                                  .is_watchdog_good = engine->life.is_good,
                                  .watchdog_what = slice_text(engine->life.what),
                                  .watchdog_unix_ms = engine->life.asked_unix_ms,
                                  .down_ms = engine->life.down_ms,
                                  .unended = engine->unended,
                                  .waiters = engine->waiter_count,
                                  .epoch = engine->run_epoch,
                                  .started_unix_ms = engine->started_unix_ms,
                                  .now_unix_ms = engine_now(engine)};
    struct buf flag;
    buf_init(&flag, LIMIT_SENTENCE * 2);
    engine_add_clock(engine, &flag);
    gone_add_waiting(engine, &flag);
    buf_add_text(&flag, flag.size > 0 && out->flag.size > 0 ? "; " : "");
    buf_add(&flag, out->flag);
    out->flag = arena_copy(arena, buf_slice(&flag));
    buf_done(&flag);
    uint64_t *unanswered = ARENA_ARRAY(arena, LIMIT_ALERTS, uint64_t);
    out->unanswered = unanswered;
    out->unanswered_count = engine_unanswered(engine, unanswered, unanswered ? LIMIT_ALERTS : 0);
    out->stop_check = engine_view_self_check(engine, arena);
    store->counts(store->impl, &out->store);
    store->head(store->impl, &out->head_seq, out->head_hash);
    enum store_state state = store->state(store->impl, &why);
    const struct config *config = engine_config(engine);
    if (engine->has_failed || state == STORE_FAILED)
        out->why = arena_fmt(arena, "the store failed: %s; nothing starts", err_text(why));
    else if (state == STORE_FULL)
        out->why =
            SLICE("the disk of the store is full; what was taken is kept; it goes on by itself "
                  "when there is room");
    else if (out->store.disk_free_bytes < config->limits.disk_reserve)
        out->why =
            SLICE("the disk of the store has less than limits.disk_reserve free; it goes on by "
                  "itself when there is room");
    else if (engine->is_closing)
        out->why = SLICE("interlock is ending");
    out->is_ready = out->why.size == 0;
}

static enum err views_do_oldest(void *impl, struct slice workflow, uint64_t *out_action,
                                int64_t *out_unix_ms)
{
    struct engine *engine = impl;
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct store_action first;
    struct row row = {0};
    size_t count = 0;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_open_query query = {.scope = arena_fmt(&arena, "%.*s/", SLICE_FMT(workflow)),
                                     .limit = 1};
    enum err err = store->list_open(store->impl, &query, &arena, &first, &count);
    if (err == ERR_OK && count == 0)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        err = row_decode(first.row, &row);
    if (err == ERR_OK) {
        *out_action = first.id;
        *out_unix_ms = row.action.submitted_unix_ms;
    }
    arena_done(&arena);
    return err;
}

static enum err views_do_view(void *impl, uint64_t id, bool with_history, struct arena *arena,
                              struct view *out)
{
    CHECK(((struct engine *)impl)->answering == 0);
    return engine_view(impl, id, with_history, arena, out);
}

static const struct zone *views_do_zone(void *impl)
{
    return ((struct engine *)impl)->options.zone;
}

void engine_port_reads(struct engine_port *port)
{
    port->zone = views_do_zone;
    port->view = views_do_view;
    port->list = views_do_list;
    port->inbox = engine_inbox;
    port->label_of = engine_label_of;
    port->label_sums = engine_label_sums;
    port->counts = views_do_counts;
    port->tally = engine_tally;
    port->oldest = views_do_oldest;
    port->evidence = engine_evidence;
    port->upstreams = views_do_upstreams;
    port->health = views_do_health;
}
