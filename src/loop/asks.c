/* loop/asks.c - reads that interlock makes for an action: the check of what may have happened
 * (R12), and fresh facts before a late start (R10).
 * Owns: putting the question, reading the answer, and what people see of both. core/settle.c says
 *   when, and what it proves.
 * Invariants:
 *   1. A question is a read: it passes a stop, takes no retry token, starts no fallback. It waits
 *      for a free call and for the pause that an upstream asked for.
 *   2. Its due time is durable before it is put, its answer is one record; a crash between the two
 *      puts it again. One question of an action is under way at most.
 *   3. A fresh fact is seen by the gate alone, never by the frozen request (R5). */
#include "loop/attempts.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "core/pace.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/steps.h"
#include "loop/upstreams.h"
#include "policy/input_check.h"
#include "record/mask.h"
#include "record/render.h"

enum { ASK_TIMEOUT_MAX_MS = 10000, ASK_STATUS_NOT_FOUND = 404, ASK_STATUS_GONE = 410 };

struct ask {
    struct list link; /* of engine->asks */
    struct engine *engine;
    struct entry *entry; /* stays in memory meanwhile */
    bool is_check;
    uint16_t attempt; /* that the check is about */
    int64_t asked_unix_ms;
    char upstream[LIMIT_NAME + 1];
};

/* What the templates and expressions of a question see. */
struct ask_scope {
    struct arena scratch;
    struct bundle_submit submit;
    struct expr_scope scope;
    struct buf provider_key;
    json_t *input, *masked, *context;
};

static bool ask_open(struct entry *entry, struct ask_scope *out)
{
    *out = (struct ask_scope){.input = NULL};
    arena_init(&out->scratch, ENGINE_SCRATCH);
    buf_init(&out->provider_key, LIMIT_KEY);
    if (!entry->step || !engine_open_scope(entry, &out->scratch, &out->submit, &out->scope,
                                           &out->input, &out->context))
        return false;
    struct bundle_request request = {0};
    if (entry->frozen_size > 0 && bundle_request_decode(slice_of(entry->frozen, entry->frozen_size),
                                                        &out->scratch, &request) == ERR_OK)
        buf_add(&out->provider_key, request.provider_key);
    else
        engine_provider_key(entry->engine, entry->step, out->scope.key, &entry->row.action,
                            &out->provider_key);
    out->scope.provider_key = buf_slice(&out->provider_key);
    return true;
}

static void ask_close(struct ask_scope *scope)
{
    json_decref(scope->input);
    json_decref(scope->masked);
    json_decref(scope->context);
    buf_done(&scope->provider_key);
    arena_done(&scope->scratch);
}

/* The call of what is due; NULL: the policy in force has none. */
static const struct ask_call *ask_call_of(const struct entry *entry)
{
    if (!entry->step)
        return NULL;
    if (entry->row.action.due_kind == DUE_CHECK)
        return entry->step->check ? &entry->step->check->call : NULL;
    return entry->step->refresh ? &entry->step->refresh->call : NULL;
}

/* The question as people may see it: "billing GET /invoices/INV-2041", or with the address. */
static struct slice ask_words(struct ask_scope *ask, const struct step *step,
                              const struct ask_call *call, bool with_address)
{
    struct expr_scope scope = ask->scope;
    struct bundle_request request;
    struct expr_problem problem;
    if (step->masked_count > 0 && !ask->masked) {
        struct buf text;
        buf_init(&text, LIMIT_PAYLOAD);
        mask_add_input(step, ask->submit.input_json, &text);
        ask->masked = json_loadb(buf_text(&text), text.size, 0, NULL);
        buf_done(&text);
    }
    if (step->masked_count > 0)
        scope.input = ask->masked;
    if (ask->submit.key_shown.size > 0)
        scope.key = ask->submit.key_shown;
    if (!render_ask(call, &scope, &ask->scratch, &request, &problem))
        return (struct slice){0};
    if (with_address && !call->upstream->is_sandbox)
        return arena_fmt(&ask->scratch, "%.*s %.*s%.*s", SLICE_FMT(call->method),
                         SLICE_FMT(call->upstream->url), SLICE_FMT(request.target));
    return arena_fmt(&ask->scratch, "%.*s %.*s %.*s", SLICE_FMT(call->upstream->name),
                     SLICE_FMT(call->method), SLICE_FMT(request.target));
}

/* ---- the answer of a check ---- */

/* 404 alone may be any server's word for anything: it counts only with a body that says more. */
static bool ask_is_readable(const struct upstream_answer *answer, const json_t *response)
{
    if (answer->phase != UPSTREAM_ANSWERED || answer->is_cut)
        return false;
    if (answer->status >= 200 && answer->status <= 299)
        return true;
    return (answer->status == ASK_STATUS_NOT_FOUND || answer->status == ASK_STATUS_GONE) &&
           json_is_object(json_object_get(response, "body"));
}

/* R12: neither true, both true, or any error: it cannot be told. */
static enum check_told ask_read_check(struct entry *entry, const struct upstream_answer *answer,
                                      struct slice response_json)
{
    const struct check *check = entry->step ? entry->step->check : NULL;
    enum check_told told = CHECK_CANNOT_TELL;
    bool happened = false;
    bool not_happened = false;
    struct ask_scope ask;
    json_t *response = json_loadb(response_json.at, response_json.size, 0, NULL);
    bool is_open = ask_open(entry, &ask);
    if (check && is_open && ask_is_readable(answer, response)) {
        struct expr_work work = {.scratch = &ask.scratch};
        ask.scope.response = response;
        bool is_told =
            expr_eval_bool(check->happened, &ask.scope, &work, &happened) == EXPR_OK &&
            expr_eval_bool(check->not_happened, &ask.scope, &work, &not_happened) == EXPR_OK;
        if (is_told && happened != not_happened)
            told = happened ? CHECK_HAPPENED : CHECK_NOT_HAPPENED;
    }
    ask_close(&ask);
    json_decref(response);
    return told;
}

static void ask_take_check(struct entry *entry, const struct ask *ask,
                           const struct upstream_answer *answer)
{
    struct engine *engine = entry->engine;
    struct buf response;
    struct buf bundle;
    buf_init(&response, LIMIT_RESPONSE);
    buf_init(&bundle, LIMIT_PAYLOAD);
    engine_encode_answer(engine, answer, &response, &bundle);
    struct action_event event;
    engine_event(engine, entry, EVENT_ASKED, &event);
    event.attempt = ask->attempt;
    event.asked_unix_ms = ask->asked_unix_ms;
    event.told = ask_read_check(entry, answer, buf_slice(&response));
    struct step_note note = {.kind = RECORD_ASKED,
                             .label = BUNDLE_LABEL_ASKED,
                             .payload = buf_slice(&bundle),
                             .upstream = slice_text(ask->upstream),
                             .attempt = ask->attempt,
                             .told = event.told,
                             .status = answer->phase == UPSTREAM_ANSWERED ? answer->status : 0};
    struct action_effects effects;
    engine_step(engine, entry, &event, &note, &effects);
    buf_done(&bundle);
    buf_done(&response);
}

/* ---- the answer of a refresh ---- */

/* The fields of `set`, or NULL with why not. */
static json_t *ask_read_set(const struct step *step, struct ask_scope *ask, const char **out_why)
{
    json_t *set = json_object();
    struct expr_work work = {.scratch = &ask->scratch};
    struct input_problem problem = {0};
    json_t *input = json_copy(ask->input);
    bool is_good = set && input;
    *out_why = "its answer does not say what `set` reads";
    for (size_t i = 0; is_good && i < step->refresh->field_count; i++) {
        const struct refresh_field *field = &step->refresh->fields[i];
        struct expr_value value;
        json_t *json = NULL;
        is_good = expr_eval(field->value, &ask->scope, &work, &value) == EXPR_OK &&
                  expr_value_to_json(&value, &json) == ERR_OK &&
                  json_object_setn(set, field->name.at, field->name.size, json) == 0 &&
                  json_object_setn(input, field->name.at, field->name.size, json) == 0;
        json_decref(json);
    }
    if (is_good && !input_check(step, input, &ask->scratch, &problem)) {
        *out_why = "its answer does not fit the input that the step declares";
        is_good = false;
    }
    json_decref(input);
    if (is_good)
        return set;
    json_decref(set);
    return NULL;
}

static bool ask_read_fact(struct entry *entry, const struct upstream_answer *answer,
                          struct slice response_json, struct buf *out_bundle)
{
    const struct step *step = entry->step;
    struct bundle_fact fact = {.what = answer->what};
    const char *why = "its policy has no refresh any more";
    char *text = NULL;
    json_t *set = NULL;
    json_t *response = json_loadb(response_json.at, response_json.size, 0, NULL);
    struct ask_scope ask;
    bool is_open = ask_open(entry, &ask);
    if (is_open && step->refresh) {
        fact.from = ask_words(&ask, step, &step->refresh->call, false);
        ask.scope.response = response;
        why = "it did not answer with a whole 2xx";
        if (ask_is_readable(answer, response) && answer->status <= 299)
            set = ask_read_set(step, &ask, &why);
        text = set ? json_dumps(set, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    }
    if (text)
        fact.set_json = slice_text(text);
    else if (fact.what.size == 0)
        fact.what = slice_text(why);
    bundle_fact_encode(&fact, out_bundle);
    if (!buf_ok(out_bundle)) {
        fact.set_json = (struct slice){0};
        fact.what = SLICE("what `set` reads of its answer is too large");
        buf_reset(out_bundle);
        bundle_fact_encode(&fact, out_bundle);
    }
    json_decref(set);
    free(text);
    ask_close(&ask);
    json_decref(response);
    return fact.set_json.size > 0;
}

static void ask_take_fact(struct entry *entry, const struct ask *ask,
                          const struct upstream_answer *answer)
{
    struct engine *engine = entry->engine;
    struct buf response;
    struct buf bundle;
    buf_init(&response, LIMIT_RESPONSE);
    buf_init(&bundle, LIMIT_PAYLOAD);
    engine_encode_answer(engine, answer, &response, &bundle);
    buf_reset(&bundle);
    struct action_event event;
    engine_event(engine, entry, EVENT_FACT, &event);
    event.asked_unix_ms = ask->asked_unix_ms;
    event.has_fact = ask_read_fact(entry, answer, buf_slice(&response), &bundle);
    if (event.has_fact && entry_keep(&entry->fact, &entry->fact_size, buf_slice(&bundle)) != ERR_OK)
        engine_fail(engine, "out of memory");
    struct step_note note = {.kind = RECORD_REFRESHED,
                             .label = BUNDLE_LABEL_FACT,
                             .payload = buf_slice(&bundle),
                             .upstream = slice_text(ask->upstream),
                             .number = event.has_fact,
                             .status = answer->phase == UPSTREAM_ANSWERED ? answer->status : 0};
    struct action_effects effects;
    engine_step(engine, entry, &event, &note, &effects);
    buf_done(&bundle);
    buf_done(&response);
}

/* ---- putting it ---- */

static void ask_take(struct ask *ask, const struct upstream_answer *answer)
{
    struct entry *entry = ask->entry;
    entry->ask = NULL;
    list_remove(&ask->link);
    if (ask->is_check)
        ask_take_check(entry, ask, answer);
    else
        ask_take_fact(entry, ask, answer);
    free(ask);
}

static void ask_done(void *arg, const struct upstream_answer *answer)
{
    struct ask *ask = arg;
    struct engine *engine = ask->engine;
    struct entry *entry = ask->entry;
    (void)engine_now(engine);
    struct upstream_state *upstream = engine_upstream(engine, slice_text(ask->upstream));
    if (upstream && upstream->pace.under_way > 0) /* reloads may have taken it out meanwhile */
        pace_ended(&upstream->pace);
    ask_take(ask, answer);
    entry_let_go(engine, entry);
    if (upstream)
        engine_run_upstream(engine, upstream);
    engine_set_alarm(engine);
}

static bool ask_may_send(void *arg)
{
    const struct ask *ask = arg;
    return !ask->engine->is_closing && !ask->engine->has_failed;
}

static enum err ask_send(struct entry *entry, struct ask *ask, const struct ask_call *call)
{
    struct engine *engine = entry->engine;
    struct bundle_request request;
    struct upstream_endpoint endpoint;
    struct expr_problem problem;
    struct ask_scope scope;
    bool is_good = ask_open(entry, &scope) &&
                   render_ask(call, &scope.scope, &scope.scratch, &request, &problem);
    enum err err =
        is_good ? engine_endpoint(engine, call->upstream, &scope.scratch, &endpoint) : ERR_INVALID;
    if (err == ERR_OK) {
        struct upstream_header headers[LIMIT_HEADERS + 4];
        int64_t timeout_ms = call->upstream->timeout_ms > 0 ? call->upstream->timeout_ms
                                                            : engine_terms(entry)->timeout_ms;
        if (timeout_ms > ASK_TIMEOUT_MAX_MS)
            timeout_ms = ASK_TIMEOUT_MAX_MS;
        for (size_t i = 0; i < request.header_count; i++)
            headers[i] =
                (struct upstream_header){request.headers[i].name, request.headers[i].value};
        struct upstream_call upstream_call = {.endpoint = &endpoint,
                                              .method = request.method,
                                              .target = request.target,
                                              .headers = headers,
                                              .header_count = request.header_count,
                                              .timeout_ms = timeout_ms,
                                              .connect_timeout_ms = timeout_ms,
                                              .answer_max = LIMIT_ANSWER,
                                              .may_send = ask_may_send,
                                              .done = ask_done,
                                              .arg = ask};
        err = engine->options.upstream.call(engine->options.upstream.impl, &upstream_call);
    }
    ask_close(&scope);
    return err;
}

static void ask_put(struct engine *engine, struct entry *entry, const struct ask_call *call)
{
    struct ask *ask = calloc(1, sizeof *ask);
    if (!ask) {
        engine_fail(engine, "out of memory");
        return;
    }
    ask->engine = engine;
    ask->entry = entry;
    ask->is_check = entry->row.action.due_kind == DUE_CHECK;
    ask->attempt = entry->row.action.starts_total;
    ask->asked_unix_ms = engine->now_unix_ms;
    struct slice name = call ? call->upstream->name : (struct slice){0};
    memcpy(ask->upstream, name.at ? name.at : "", name.size < LIMIT_NAME ? name.size : LIMIT_NAME);
    entry->ask = ask;
    list_add_before(&engine->asks, &ask->link);
    struct upstream_state *upstream = engine_upstream(engine, slice_text(ask->upstream));
    enum err err = call ? ask_send(entry, ask, call) : ERR_NOT_FOUND;
    if (err == ERR_OK) {
        if (upstream)
            pace_started(&upstream->pace);
        return;
    }
    struct upstream_answer answer = {.phase = UPSTREAM_NOT_SENT, .what = slice_text(err_text(err))};
    ask_take(ask, &answer);
}

/* The end of a hold, or a fact that is fresh by now, or a policy that has no refresh any more. */
static bool ask_needs_no_fact(struct engine *engine, struct entry *entry,
                              const struct ask_call *call)
{
    const struct action *action = &entry->row.action;
    int64_t fresh = action->fact_unix_ms > 0 ? action->fact_unix_ms : action->submitted_unix_ms;
    if (engine->now_unix_ms >= action->hold_end_unix_ms) {
        struct action_event event;
        engine_event(engine, entry, EVENT_TIMER, &event);
        struct step_note note = {.kind = RECORD_TIMER, .upstream = entry->row.upstream};
        struct action_effects effects;
        engine_step(engine, entry, &event, &note, &effects);
        return true;
    }
    if (call && engine_age_ms(engine, fresh) > entry->step->terms.stale_after_ms)
        return false;
    engine_enter_gate(engine, entry, action->is_release_wanted, (struct slice){0});
    return true;
}

void engine_ask(struct engine *engine, struct entry *entry)
{
    const struct ask_call *call = ask_call_of(entry);
    if (entry->ask)
        return;
    if (entry->row.action.due_kind == DUE_FACT && ask_needs_no_fact(engine, entry, call))
        return;
    struct upstream_state *upstream = call ? engine_upstream(engine, call->upstream->name) : NULL;
    if (upstream && !engine_may_start(engine, upstream))
        return; /* it stays due, and is looked at again */
    ask_put(engine, entry, call);
}

void engine_free_asks(struct engine *engine)
{
    while (!list_is_empty(&engine->asks)) {
        struct ask *ask = LIST_ENTRY(engine->asks.next, struct ask, link);
        list_remove(&ask->link);
        free(ask);
    }
}

/* ---- facts ---- */

void engine_renew(struct engine *engine, struct entry *entry, struct slice actor)
{
    const struct action *action = &entry->row.action;
    const struct step_terms *terms = engine_terms(entry);
    int64_t fresh = action->fact_unix_ms > 0 ? action->fact_unix_ms : action->submitted_unix_ms;
    bool is_waiting = action->state == STATE_HELD || action->state == STATE_WAITING;
    if (!entry->step || !is_waiting || terms->effect == EFFECT_READ || terms->has_refresh ||
        engine_age_ms(engine, fresh) <= terms->stale_after_ms ||
        engine->unsaved >= ENGINE_UNSAVED_ACT)
        return;
    struct action_event event;
    engine_event(engine, entry, EVENT_FACT, &event);
    event.has_fact = true;
    event.asked_unix_ms = engine->now_unix_ms;
    struct step_note note = {
        .kind = RECORD_REFRESHED, .actor = actor, .upstream = entry->row.upstream, .number = 1};
    struct action_effects effects;
    engine_step(engine, entry, &event, &note, &effects);
}

static enum err ask_stored_fact(struct entry *entry, struct arena *arena, struct bundle_fact *out)
{
    const struct store_port *store = &entry->engine->options.store;
    if (!entry->fact) {
        struct slice stored = {0};
        enum err err = store->get_payload(store->impl, entry->row.fact_seq, arena, &stored);
        if (err != ERR_OK)
            return err;
        if (stored.size < BUNDLE_SALT)
            return ERR_CORRUPT;
        err = entry_keep(&entry->fact, &entry->fact_size, slice_from(stored, BUNDLE_SALT));
        if (err != ERR_OK)
            return err;
    }
    struct slice bytes = arena_copy(arena, slice_of(entry->fact, entry->fact_size));
    return arena->overflowed ? ERR_NO_MEMORY : bundle_fact_decode(bytes, arena, out);
}

json_t *engine_fresh_input(struct entry *entry, json_t *input)
{
    if (entry->row.fact_seq == 0)
        return json_incref(input);
    struct arena arena;
    struct bundle_fact fact = {0};
    arena_init(&arena, ENGINE_SCRATCH);
    json_t *fresh = NULL;
    if (ask_stored_fact(entry, &arena, &fact) == ERR_OK) {
        json_t *set = json_loadb(fact.set_json.at, fact.set_json.size, 0, NULL);
        fresh = set ? json_copy(input) : NULL;
        if (fresh && json_object_update(fresh, set) != 0) {
            json_decref(fresh);
            fresh = NULL;
        }
        json_decref(set);
    }
    arena_done(&arena);
    return fresh;
}

/* The gate that decided after the fact saw its values, not those of the submit. */
static void view_fresh_saw(const struct view *view, json_t *set, struct arena *arena,
                           struct bundle_submit *submit)
{
    for (size_t i = 0; i < submit->saw_count; i++) {
        struct slice name = submit->saw[i].name;
        if (!slice_starts(name, SLICE("input.")))
            continue;
        name = slice_from(name, strlen("input."));
        json_t *value = json_object_getn(set, name.at, name.size);
        char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        if (text)
            submit->saw[i].value = view->step && mask_covers(view->step, submit->saw[i].name)
                                       ? SLICE("\"***\"")
                                       : arena_copy(arena, slice_text(text));
        free(text);
    }
}

static enum err view_fact(struct entry *entry, struct arena *arena, struct view *out)
{
    enum err err = ask_stored_fact(entry, arena, &out->fact);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    json_t *set = json_loadb(out->fact.set_json.at, out->fact.set_json.size, 0, NULL);
    if (set && entry->row.decided_seq > entry->row.fact_seq)
        view_fresh_saw(out, set, arena, &out->submit);
    json_decref(set);
    if (entry->step && entry->step->masked_count > 0) {
        struct buf text;
        buf_init(&text, LIMIT_PAYLOAD);
        mask_add_input(entry->step, out->fact.set_json, &text);
        out->fact.set_json = arena_copy(arena, buf_slice(&text));
        buf_done(&text);
    }
    out->has_fact = true;
    return ERR_OK;
}

enum err engine_view_asks(struct entry *entry, struct arena *arena, struct view *out)
{
    enum err err = entry->row.fact_seq != 0 ? view_fact(entry, arena, out) : ERR_OK;
    const struct step *step = entry->step;
    if (err != ERR_OK || entry->row.action.state != STATE_UNCERTAIN || !step || !step->check)
        return err;
    struct ask_scope ask;
    if (ask_open(entry, &ask))
        out->check_call = arena_copy(arena, ask_words(&ask, step, &step->check->call, true));
    ask_close(&ask);
    return ERR_OK;
}
