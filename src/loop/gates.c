/* loop/gates.c - asks the gate about an action, and renders what it would send. */
#include "loop/inside.h"

#include "base/check.h"
#include "record/render.h"

/* The time that the facts are of: the submit, or what was read or said since (R10). */
static int64_t gate_facts_unix_ms(const struct action *action)
{
    return action->fact_unix_ms > 0 ? action->fact_unix_ms : action->submitted_unix_ms;
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
    const struct stop *stop = switchboard_covers(&engine->board, &place);
    struct upstream_state *upstream = engine_upstream(engine, place.upstream);
    struct gate_question question = {
        .terms = &step->terms,
        .facts = &facts,
        .rules = step->rules,
        .is_stopped = stop != NULL,
        .is_stored = work->is_stored,
        .age_ms = engine->now_unix_ms - gate_facts_unix_ms(action),
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
    gate_decide(&question, &work->answer);
    work->stop_id = stop ? stop->id : 0;
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
    bool is_good = render_request(entry->step, scope, scratch, &request, &body, &problem);
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

void engine_enter_gate(struct engine *engine, struct entry *entry, bool is_release,
                       struct slice actor)
{
    if (engine_order_gives_way(engine, entry))
        return;
    struct arena scratch;
    arena_init(&scratch, ENGINE_SCRATCH);
    struct gate_work work = {.scratch = &scratch, .is_stored = true};
    struct bundle_submit submit = {0};
    struct expr_scope scope = {0};
    json_t *input = NULL;
    json_t *context = NULL;
    json_t *fresh = NULL;
    bool is_open = entry->step != NULL;
    if (is_open && !entry->row.action.is_frozen && entry->step->upstream)
        is_open = entry_set_upstream(entry, entry->step->upstream->name) == ERR_OK;
    struct action_event event;
    engine_event(engine, entry, EVENT_GATE, &event);
    event.is_release = is_release;
    if (!is_open)
        gate_answer_review(&work.answer, REASON_RETIRED);
    else if (!engine_open_scope(entry, &scratch, &submit, &scope, &input, &context) ||
             !gate_refresh_request(entry, &scope, &scratch, event.request_digest) ||
             !(fresh = engine_fresh_input(entry, input)))
        gate_answer_review(&work.answer, REASON_RENDER);
    else if (entry->row.action.may_have_happened && engine_order_is_overtaken(engine, entry))
        gate_answer_review(&work.answer, REASON_OVERTAKEN); /* R11: it would overwrite the newer */
    else {
        struct action probe = entry->row.action; /* the gate compares approval with the render */
        memcpy(probe.request_digest, event.request_digest, ACTION_DIGEST);
        work.upstream = entry->row.upstream;
        scope.input = fresh; /* only now: the request is made of what was submitted */
        work.order = entry->row.order;
        engine_ask_gate(engine, entry->step, &probe, &scope, &work);
        event.stop_id = work.stop_id;
    }
    event.gate = &work.answer;
    entry->gate = work.answer;
    entry->has_gate = true;
    struct step_note note = {.actor = actor, .gate = &work.answer, .upstream = entry->row.upstream};
    note.kind = work.answer.says == SAYS_GO ? RECORD_STARTED : RECORD_GATED;
    note.attempt = work.answer.says == SAYS_GO ? (uint16_t)(entry->row.action.starts_total + 1) : 0;
    struct action_effects effects;
    engine_step(engine, entry, &event, &note, &effects);
    json_decref(fresh);
    json_decref(context);
    json_decref(input);
    arena_done(&scratch);
}
