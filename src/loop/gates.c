/* loop/gates.c - asks the gate about an action, and renders what it would send. */
#include "loop/gates.h"

#include "base/prng.h"
#include "core/chain.h"
#include "core/switchboard.h"
#include "loop/attempts.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/order.h"
#include "loop/restarts.h"
#include "loop/steps.h"
#include "loop/triggers.h"
#include "loop/upstreams.h"
#include "policy/facts.h"
#include "policy/template.h"
#include "record/digest.h"
#include "record/identity.h"
#include "record/render.h"

/* The time that the facts are of: the submit, or what was read or said since (R10). */
static int64_t gate_facts_unix_ms(const struct action *action)
{
    return action->fact_unix_ms > 0 ? action->fact_unix_ms : action->submitted_unix_ms;
}

/* The same for an action however often it asks; what has no id yet (a dry run) is not drawn. */
static uint32_t gate_caution_roll(const struct action *action)
{
    struct prng prng = {.state = action->id};
    return action->id ? (uint32_t)prng_below(&prng, TRIGGER_MILLION) : TRIGGER_MILLION;
}

/* What cannot be decided by the policy in force goes to a person. */
static void gate_answer_review(struct gate_answer *answer, enum reason reason)
{
    *answer = (struct gate_answer){.says = SAYS_REVIEW,
                                   .would = SAYS_REVIEW,
                                   .cause = CAUSE_RULE,
                                   .reason = reason,
                                   .what = {.kind = WHAT_REVIEW, .ms = 14400000},
                                   .path_count = 1,
                                   .path = {{.gate = GATE_SWITCH, .says = SAYS_REVIEW}}};
}

/* I13: a start that would cross a limit meets the position that its trigger has put in force. */
static void gate_test_start(struct engine *engine, const struct start_question *start,
                            struct gate_question *question, const struct scope *place,
                            struct gate_work *work)
{
    const struct stop *stop = NULL;
    enum start_says says = engine_test_start(engine, start);
    if (says == START_CANNOT_TELL && !question->is_approved && !question->is_granted)
        gate_answer_review(&work->answer, REASON_RENDER);
    if (says != START_TRIPPED)
        return;
    question->restrictions = switchboard_restrictions(&engine->board, place, &stop);
    gate_decide(question, &work->answer);
    work->stop_id = stop ? stop->id : 0;
}

void engine_ask_gate(struct engine *engine, const struct step *step, const struct action *action,
                     const struct expr_scope *scope, struct gate_work *work)
{
    struct gate_facts facts = {0};
    facts_evaluate(step, scope, work->scratch, &facts, &work->saw);
    uint8_t risk = gate_risk(&step->terms, &facts);
    struct scope place = {.workflow = step->workflow->name,
                          .step = step->name,
                          .workflow_was = step->workflow->was,
                          .step_was = step->was,
                          .upstream = work->upstream,
                          .risk =
                              risk < step->risk_count ? step->risks[risk].name : SLICE("normal")};
    struct let_in let_in;
    engine_let_in(engine, action, work->key_hash, &let_in);
    place.let_in = &let_in;
    const struct stop *stop = NULL;
    unsigned restrictions = switchboard_restrictions(&engine->board, &place, &stop);
    struct upstream_state *upstream = engine_upstream(engine, place.upstream);
    struct gate_question question = {
        .terms = &step->terms,
        .facts = &facts,
        .rules = step->rules,
        .restrictions = restrictions,
        .caution_roll = gate_caution_roll(action),
        .open_reviews = engine_open_reviews(engine, step),
        .route = action->route,
        .walked = action->entry != 0 ? action->cause : CAUSE_NONE,
        .is_stored = work->is_stored,
        .age_ms = engine_age_ms(engine, gate_facts_unix_ms(action)),
        .is_upstream_down = upstream && !upstream_lets(upstream, action, &step->terms) &&
                            !action_is_granted(action, engine->now_unix_ms),
        .is_approved = action_is_approved(action, engine->now_unix_ms),
        .is_granted = action_is_granted(action, engine->now_unix_ms),
        .is_hold_rule_spent = action->is_hold_rule_spent};
    if (work->order && !digest_is_zero(work->order, STORE_KEY_SIZE)) {
        question.is_ordered = true;
        question.is_older_open =
            engine_order_before(engine, work->order, action->id ? action->id : UINT64_MAX) != 0;
    }
    if (engine->is_reordering && engine_order_applies(step)) { /* who is before it is not known */
        question.is_ordered = true;
        question.is_older_open = true;
    }
    gate_decide(&question, &work->answer);
    work->stop_id = stop ? stop->id : 0;
    struct start_question start = {step, action, scope, work->scratch, risk};
    if (work->answer.says == SAYS_GO)
        gate_test_start(engine, &start, &question, &place, work);
}

void engine_provider_key(struct engine *engine, const struct step *step, struct slice key,
                         const struct action *action, struct buf *out)
{
    struct identity_route parts = {.workflow = step->workflow->name,
                                   .step = step->name,
                                   .key = key,
                                   .generation = action->generation,
                                   .route = action->route,
                                   .revision = action->revision};
    identity_provider_key(engine->identity, &parts, out);
}

/* ---- a stored action enters the gate again ---- */

bool engine_submit_scope(struct entry *entry, const struct bundle_submit *submit,
                         struct expr_scope *out, json_t **out_input, json_t **out_context)
{
    struct engine *engine = entry->engine;
    *out_input = json_loadb(submit->input_json.at, submit->input_json.size, 0, NULL);
    if (submit->context_json.size > 0)
        *out_context = json_loadb(submit->context_json.at, submit->context_json.size, 0, NULL);
    *out = (struct expr_scope){.input = *out_input,
                               .context = *out_context,
                               .has_confidence = submit->has_confidence,
                               .confidence = submit->confidence,
                               .run = submit->run,
                               .step = entry->row.step,
                               .principal = submit->actor,
                               .key = submit->key,
                               .now_unix_ms = engine->now_unix_ms};
    return *out_input != NULL;
}

/* The scope of an action from what was stored at its submit. */
bool engine_open_scope(struct entry *entry, struct arena *scratch, struct bundle_submit *submit,
                       struct expr_scope *out, json_t **out_input, json_t **out_context)
{
    return entry_read_submit(entry, scratch, submit) == ERR_OK &&
           engine_submit_scope(entry, submit, out, out_input, out_context);
}

bool engine_render_request(struct entry *entry, const struct action *action,
                           struct expr_scope *scope, struct arena *scratch, struct buf *out_frozen)
{
    struct buf body, key;
    buf_init(&body, LIMIT_REQUEST);
    buf_init(&key, LIMIT_KEY);
    engine_provider_key(entry->engine, entry->step, scope->key, action, &key);
    scope->provider_key = buf_slice(&key);
    struct bundle_request request;
    struct expr_problem problem;
    const struct step_route *route = chain_route(&entry->step->terms, action->route);
    bool is_good = (route || action->route == 0) &&
                   render_request(entry->step, route, scope, scratch, &request, &body, &problem);
    if (is_good)
        bundle_request_encode(&request, out_frozen);
    is_good = is_good && buf_ok(out_frozen) && buf_ok(&body);
    scope->provider_key = (struct slice){0};
    buf_done(&key);
    buf_done(&body);
    return is_good;
}

/* Renders anew before the first start (R28: a changed render voids an approval). False when it
 * cannot be rendered by the policy in force. */
static bool gate_refresh_request(struct entry *entry, struct expr_scope *scope,
                                 struct arena *scratch, unsigned char out_digest[ACTION_DIGEST])
{
    struct action *action = &entry->row.action;
    if (action->is_frozen) {
        memcpy(out_digest, action->request_digest, ACTION_DIGEST);
        return true;
    }
    struct buf frozen;
    buf_init(&frozen, LIMIT_REQUEST * 2);
    bool is_good = engine_render_request(entry, action, scope, scratch, &frozen);
    if (is_good) {
        digest_short(buf_slice(&frozen), out_digest);
        is_good = entry_keep(&entry->frozen, &entry->frozen_size, buf_slice(&frozen)) == ERR_OK;
    }
    buf_done(&frozen);
    return is_good;
}

static void gate_take_answer(struct engine *engine, struct entry *entry, struct action_event *event,
                             const struct gate_answer *answer, struct slice actor)
{
    event->gate = answer;
    entry->gate = *answer;
    entry->has_gate = true;
    struct step_note note = {.actor = actor, .gate = answer, .upstream = entry->row.upstream};
    note.kind = answer->says == SAYS_GO ? RECORD_STARTED : RECORD_GATED;
    note.attempt = answer->says == SAYS_GO ? (uint16_t)(entry->row.action.starts_total + 1) : 0;
    struct action_effects effects;
    engine_step(engine, entry, event, &note, &effects);
}

/* ---- fallbacks ---- */

/* The answer that its fallback stands at, or NULL. */
static const struct what *gate_answer_of(const struct entry *entry)
{
    const struct action *action = &entry->row.action;
    if (!entry->step || action->state != STATE_WAITING || action->reason != REASON_FALLBACK)
        return NULL;
    const struct what *what = chain_entry(&entry->step->terms, action->entry);
    return what && what->kind == WHAT_ANSWER ? what : NULL;
}

/* It stood at an entry that the policy in force does not have there: a person decides. */
static bool gate_is_lost(const struct entry *entry)
{
    const struct action *action = &entry->row.action;
    if (action->state != STATE_WAITING || action->reason != REASON_FALLBACK)
        return false;
    const struct what *what = chain_entry(&entry->step->terms, action->entry);
    return !what || what->kind != WHAT_ROUTE || what->route != action->route;
}

/* The template as a `response` without a status: nothing was asked. */
static bool gate_render_answer(struct entry *entry, const struct what *what, struct arena *scratch,
                               struct buf *out)
{
    struct bundle_submit submit = {0};
    struct expr_scope scope = {0};
    struct expr_work work = {.scratch = scratch};
    json_t *input = NULL;
    json_t *context = NULL;
    struct buf key, body;
    buf_init(&key, LIMIT_KEY);
    buf_init(&body, LIMIT_ANSWER_STORED);
    bool is_good =
        what->answer && engine_open_scope(entry, scratch, &submit, &scope, &input, &context);
    if (is_good) {
        engine_provider_key(entry->engine, entry->step, scope.key, &entry->row.action, &key);
        scope.provider_key = buf_slice(&key);
        is_good = template_tree_render_text(what->answer, &scope, &work, &body) == EXPR_OK;
    }
    if (is_good) {
        buf_add(out, SLICE("{\"status\":null,\"body\":"));
        buf_add(out, buf_slice(&body));
        buf_add_byte(out, '}');
    }
    buf_done(&body);
    buf_done(&key);
    json_decref(context);
    json_decref(input);
    return is_good && buf_ok(out);
}

/* What its fallback needs cannot be made of this input: the entry behind it (never an empty text).
 */
static void gate_unrendered(struct engine *engine, struct entry *entry, struct slice actor)
{
    struct action_event event;
    struct action_effects effects;
    struct step_note note = {
        .kind = RECORD_PASSED, .actor = actor, .upstream = entry->row.upstream};
    engine_event(engine, entry, EVENT_UNRENDERED, &event);
    engine_step(engine, entry, &event, &note, &effects);
}

static void gate_answer_template(struct engine *engine, struct entry *entry,
                                 const struct what *what)
{
    struct arena scratch;
    struct buf response, outcome;
    struct action_event event;
    struct action_effects effects;
    arena_init(&scratch, ENGINE_SCRATCH);
    buf_init(&response, LIMIT_RESPONSE);
    buf_init(&outcome, LIMIT_PAYLOAD);
    if (gate_render_answer(entry, what, &scratch, &response)) {
        struct bundle_outcome bundle = {.response_json = buf_slice(&response),
                                        .what = SLICE("answered by a template")};
        bundle_outcome_encode(&bundle, &outcome);
        struct step_note note = {
            .kind = RECORD_ANSWERED, .label = BUNDLE_LABEL_OUTCOME, .payload = buf_slice(&outcome)};
        if (entry_keep(&entry->outcome, &entry->outcome_size, buf_slice(&outcome)) != ERR_OK)
            engine_fail(engine, "out of memory");
        engine_event(engine, entry, EVENT_ANSWERED, &event);
        engine_step(engine, entry, &event, &note, &effects);
    } else {
        gate_unrendered(engine, entry, (struct slice){0});
    }
    buf_done(&outcome);
    buf_done(&response);
    arena_done(&scratch);
}

/* Before the first start of a way: the upstream that it goes to, by the policy in force. */
static bool gate_set_upstream(struct entry *entry)
{
    const struct action *action = &entry->row.action;
    const struct step_route *route = chain_route(&entry->step->terms, action->route);
    const struct upstream *upstream = route ? route->upstream : entry->step->upstream;
    if (action->is_frozen || !upstream || (!route && action->route > 0))
        return true;
    return entry_set_upstream(entry, upstream->name) == ERR_OK;
}

void engine_enter_gate(struct engine *engine, struct entry *entry, bool is_release,
                       struct slice actor)
{
    if (engine_order_gives_way(engine, entry))
        return;
    const struct what *template = gate_answer_of(entry);
    if (template) { /* an answer is no start: the gate has said what it had to say */
        gate_answer_template(engine, entry, template);
        return;
    }
    struct arena scratch;
    arena_init(&scratch, ENGINE_SCRATCH);
    struct gate_work work = {.scratch = &scratch, .is_stored = true};
    struct bundle_submit submit = {0};
    struct expr_scope scope = {0};
    json_t *input = NULL;
    json_t *context = NULL;
    json_t *fresh = NULL;
    bool is_open = entry->step != NULL && gate_set_upstream(entry);
    bool is_rendered = true;
    struct action_event event;
    engine_event(engine, entry, EVENT_GATE, &event);
    event.is_release = is_release;
    if (!is_open || gate_is_lost(entry))
        gate_answer_review(&work.answer, REASON_RETIRED);
    else if (!engine_open_scope(entry, &scratch, &submit, &scope, &input, &context) ||
             !(fresh = engine_fresh_input(entry, input)))
        gate_answer_review(&work.answer, REASON_RENDER);
    else if (entry->row.action.may_have_happened && engine_order_is_overtaken(engine, entry))
        gate_answer_review(&work.answer, REASON_OVERTAKEN); /* R11: it would overwrite the newer */
    else if (!gate_refresh_request(entry, &scope, &scratch, event.request_digest)) {
        is_rendered = entry->row.action.route == 0; /* of another route: the entry behind it */
        gate_answer_review(&work.answer, REASON_RENDER);
    } else {
        struct action probe = entry->row.action; /* the gate compares approval with the render */
        memcpy(probe.request_digest, event.request_digest, ACTION_DIGEST);
        work.upstream = entry->row.upstream;
        scope.input = fresh; /* only now: the request is made of what was submitted */
        work.order = entry->row.order;
        work.key_hash = entry->row.key_hash;
        engine_ask_gate(engine, entry->step, &probe, &scope, &work);
        event.stop_id = work.stop_id;
    }
    if (is_rendered)
        gate_take_answer(engine, entry, &event, &work.answer, actor);
    else
        gate_unrendered(engine, entry, actor);
    json_decref(fresh);
    json_decref(context);
    json_decref(input);
    arena_done(&scratch);
}
