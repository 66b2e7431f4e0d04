/* loop/submit.c - admission: from a caller's request to a stored action, or a clear refusal.
 * The order is R9's: what is wrong with the request, then whether the key is known, then room, then
 * the gate. Nothing before the save consumes the key. */
#include "loop/submit.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "core/switchboard.h"
#include "loop/attempts.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/loaded.h"
#include "loop/order.h"
#include "loop/steps.h"
#include "loop/timers.h"
#include "loop/triggers.h"
#include "loop/views.h"
#include "policy/input_check.h"
#include "policy/template.h"
#include "record/difference.h"
#include "record/digest.h"
#include "record/identity.h"
#include "record/mask.h"
#include "record/render.h"

/* One submit on its way. */
struct submission {
    struct engine *engine;
    const struct engine_submit *call;
    const struct step *step;
    struct arena scratch;
    struct expr_scope scope;
    struct buf key, provider_key, body, summary, frozen;
    struct buf key_shown, run_shown, because; /* without masked values (R23) */
    struct buf was_keys[LIMIT_FORMER];        /* of the former templates; empty: cannot be made */
    size_t plain_sizes[LIMIT_FORMER];
    unsigned char key_hash[STORE_KEY_SIZE], fingerprint[STORE_KEY_SIZE];
    unsigned char order[STORE_KEY_SIZE]; /* zeros: none */
    struct bundle_request request;
    unsigned char request_digest[ACTION_DIGEST];
    uint64_t again_of; /* the ended action that is tried anew, or 0 */
    uint8_t generation;
    bool is_key_conflict; /* observe: the key was taken by another input */
    bool is_keyless;      /* observe: a write of which nothing says when two are the same */
};

static void submission_init(struct submission *submission, struct engine *engine,
                            const struct engine_submit *call)
{
    *submission = (struct submission){.engine = engine, .call = call, .step = call->step};
    arena_init_pooled(&submission->scratch, ENGINE_SCRATCH, &engine->arenas);
    buf_init(&submission->key, LIMIT_KEY);
    for (size_t i = 0; i < LIMIT_FORMER; i++)
        buf_init(&submission->was_keys[i], LIMIT_KEY);
    buf_init(&submission->provider_key, LIMIT_KEY);
    buf_init(&submission->body, LIMIT_REQUEST);
    buf_init(&submission->frozen, LIMIT_REQUEST * 2);
    buf_init(&submission->summary, LIMIT_SUMMARY * 4);
    buf_init(&submission->key_shown, LIMIT_KEY * 4);
    buf_init(&submission->run_shown, LIMIT_KEY * 4);
    buf_init(&submission->because, LIMIT_REASON * 4);
    submission->scope = (struct expr_scope){.input = call->input,
                                            .context = call->context,
                                            .has_confidence = call->has_confidence,
                                            .confidence = call->confidence,
                                            .run = call->run,
                                            .step = call->step->name,
                                            .principal = call->principal->name,
                                            .now_unix_ms = engine->now_unix_ms};
}

static void submission_done(struct submission *submission)
{
    buf_done(&submission->because);
    buf_done(&submission->run_shown);
    buf_done(&submission->key_shown);
    buf_done(&submission->summary);
    buf_done(&submission->frozen);
    buf_done(&submission->body);
    buf_done(&submission->provider_key);
    for (size_t i = 0; i < LIMIT_FORMER; i++)
        buf_done(&submission->was_keys[i]);
    buf_done(&submission->key);
    arena_done(&submission->scratch);
}

void engine_answer(struct engine *engine, engine_done_fn *done, void *arg,
                   const struct engine_reply *reply)
{
    engine->answering++;
    done(arg, reply);
    engine->answering--;
}

void engine_refuse(engine_done_fn *done, void *arg, enum engine_refusal outcome, const char *detail)
{
    struct engine_reply reply = {.outcome = outcome, .detail = slice_text(detail)};
    done(arg, &reply);
}

static void submission_refuse(const struct submission *submission, enum engine_refusal outcome,
                              const char *detail)
{
    engine_refuse(submission->call->done, submission->call->arg, outcome, detail);
}

static void submission_refuse_problem(const struct submission *submission, const char *where,
                                      const struct expr_problem *problem)
{
    struct arena arena;
    arena_init(&arena, 65536);
    struct engine_reply reply = {.outcome = ENGINE_BAD_INPUT};
    reply.detail = arena_fmt(&arena, "%s: %.*s", where, SLICE_FMT(problem->message));
    if (problem->path.size > 0)
        reply.pointer = problem->path;
    submission->call->done(submission->call->arg, &reply);
    arena_done(&arena);
}

/* ---- the key ---- */

/* The policy's key, else the header's; for what needs none a key of its own. */
static bool submission_find_key(struct submission *submission)
{
    const struct step *step = submission->step;
    const struct engine_submit *call = submission->call;
    struct expr_work work = {.scratch = &submission->scratch};
    if (step->key) {
        if (template_render_key(step->key, &submission->scope, &work, &submission->key) !=
            EXPR_OK) {
            submission_refuse_problem(submission, "the key cannot be made", &work.problem);
            return false;
        }
        if (call->key.size > 0 && !slice_equal(call->key, buf_slice(&submission->key))) {
            submission_refuse(submission, ENGINE_KEY_DIFFERS,
                              "the key that was sent is not the key that the policy makes of the "
                              "input; leave it out, or send that key");
            return false;
        }
    } else if (call->key.size > 0) {
        buf_add(&submission->key, call->key);
    } else if (step->terms.effect == EFFECT_READ || step->terms.mode == MODE_OBSERVE) {
        text_add_id(&submission->key, "none-", engine_new_id(submission->engine));
        submission->is_keyless = step->terms.effect != EFFECT_READ;
    } else {
        submission_refuse(submission, ENGINE_NO_KEY,
                          "this step changes something, so it needs a key that says when two "
                          "requests are the same: send an Idempotency-Key header, or write `key:` "
                          "in the policy");
        return false;
    }
    for (size_t i = 0; i < step->key_was_count; i++) {
        struct buf *was = &submission->was_keys[i];
        if (template_render_key(step->key_was[i], &submission->scope, &work, was) != EXPR_OK)
            buf_reset(was); /* the old form cannot be made of this input */
        submission->plain_sizes[i] = was->size;
    }
    return true;
}

/* The action that holds this key, in memory or in the store. */
static enum err submission_look_up(struct engine *engine, const struct identity_name *name,
                                   unsigned char out_hash[STORE_KEY_SIZE], struct entry **out_entry)
{
    identity_key(engine->identity, name, out_hash);
    *out_entry = entry_by_key(engine, out_hash);
    if (*out_entry)
        return ERR_OK;
    struct store_key found;
    const struct store_port *store = &engine->options.store;
    enum err err = store->get_key(store->impl, out_hash, &found);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    *out_entry = entry_get(engine, found.action, &err);
    return err;
}

/* Under one pair of names: the key, and the keys of the former templates. */
static enum err submission_find_at(struct submission *submission, struct identity_name *name,
                                   bool is_now, struct entry **out_entry)
{
    enum err err = ERR_OK;
    for (size_t k = 0; k <= submission->step->key_was_count && err == ERR_OK && !*out_entry; k++) {
        unsigned char former[STORE_KEY_SIZE];
        name->text = buf_slice(k == 0 ? &submission->key : &submission->was_keys[k - 1]);
        if (name->text.size > 0)
            err = submission_look_up(submission->engine, name,
                                     is_now && k == 0 ? submission->key_hash : former, out_entry);
    }
    return err;
}

/* Also under the former names and key templates, and all of them together (R7). */
static enum err submission_find(struct submission *submission, struct entry **out_entry)
{
    const struct step *step = submission->step;
    const struct workflow *workflow = step->workflow;
    enum err err = ERR_OK;
    *out_entry = NULL;
    for (size_t w = 0; w <= workflow->was.count; w++)
        for (size_t s = 0; s <= step->was.count && err == ERR_OK && !*out_entry; s++) {
            struct identity_name name = {.workflow =
                                             w == 0 ? workflow->name : workflow->was.at[w - 1],
                                         .step = s == 0 ? step->name : step->was.at[s - 1]};
            err = submission_find_at(submission, &name, w == 0 && s == 0, out_entry);
        }
    return err;
}

static void submission_conflict(struct submission *submission, struct entry *entry)
{
    struct bundle_submit stored = {0};
    struct view view = {0};
    struct engine_reply reply = {.outcome = ENGINE_CONFLICT, .view = &view};
    reply.detail = SLICE("this key was used for another input, which is erased by now");
    if (entry_read_as_submitted(entry, &submission->scratch, &stored) == ERR_OK) {
        struct buf fields;
        struct difference_list list;
        buf_init(&fields, LIMIT_SENTENCE);
        difference_find(&submission->engine->identity->canonical, stored.input_json,
                        submission->call->input_json, &submission->scratch, &list);
        difference_add_text(&list, &fields);
        reply.detail = arena_fmt(&submission->scratch,
                                 "this key was used for another input; these fields differ: %.*s",
                                 (int)fields.size, buf_text(&fields));
        buf_done(&fields);
    }
    if (engine_fill_answer(submission->engine, entry, &submission->scratch, &view) != ERR_OK)
        reply.view = NULL;
    engine_answer(submission->engine, submission->call->done, submission->call->arg, &reply);
    entry_let_go(submission->engine, entry);
}

static const char *submission_no_room(struct engine *engine);

/* In observe each repeat is on record: it is what interlock keeps from being sent twice, and what
 * people look at before the workflow moves up. */
static void submission_record_repeat(struct submission *submission, struct entry *entry)
{
    struct engine *engine = submission->engine;
    if (submission->step->terms.mode != MODE_OBSERVE || submission->call->is_dry_run ||
        submission_no_room(engine))
        return;
    struct step_note note = {.kind = RECORD_REPEATED,
                             .actor = submission->call->principal->name,
                             .upstream = entry->row.upstream};
    engine_save(engine, entry, &note);
}

/* A known key: the action as it is now, never a second one (I5). Returns a handle. */
static uint64_t submission_replay(struct submission *submission, struct entry *entry)
{
    struct engine *engine = submission->engine;
    if (!submission->call->is_dry_run) {
        engine_count_repeat(engine, &entry->row);
        engine_renew(engine, entry, submission->call->principal->name);
    }
    submission_record_repeat(submission, entry);
    bool waits = engine->waiter_count < engine_config(engine)->limits.waiters;
    struct waiter *waiter = waiter_add(engine, entry, waits ? submission->call->wait_ms : 0,
                                       submission->call->done, submission->call->arg);
    if (!waiter) {
        submission_refuse(submission, ENGINE_NO_ROOM, "out of memory");
        return 0;
    }
    waiter->is_replay = true;
    uint64_t handle = waiter->handle;
    waiters_tell(engine, entry);
    bool is_waiting = false; /* told already? then its handle means nothing */
    for (struct list *node = entry->waiters.next; node != &entry->waiters; node = node->next)
        is_waiting |= LIST_ENTRY(node, struct waiter, by_entry)->handle == handle;
    entry_let_go(engine, entry);
    return is_waiting ? handle : 0;
}

/* In observe another input under the same key is sent all the same, as KEY#2, and marked. */
static enum err submission_observe_key(struct submission *submission, struct entry **out_entry)
{
    size_t plain = submission->key.size;
    enum err err = ERR_LIMIT; /* when all of them are taken */
    *out_entry = NULL;
    for (int n = 2; n < 100; n++) {
        buf_cut(&submission->key, plain);
        buf_add_fmt(&submission->key, "#%d", n);
        for (size_t i = 0; i < submission->step->key_was_count; i++) {
            buf_cut(&submission->was_keys[i], submission->plain_sizes[i]);
            if (submission->plain_sizes[i] > 0)
                buf_add_fmt(&submission->was_keys[i], "#%d", n);
        }
        err = submission_find(submission, out_entry);
        if (err != ERR_OK || !*out_entry ||
            memcmp((*out_entry)->row.fingerprint, submission->fingerprint, STORE_KEY_SIZE) == 0)
            break;
        entry_let_go(submission->engine, *out_entry);
        *out_entry = NULL;
        err = ERR_LIMIT;
    }
    if (err == ERR_LIMIT) { /* observe keeps nothing back: a key of its own */
        buf_cut(&submission->key, plain);
        text_add_id(&submission->key, "#", engine_new_id(submission->engine));
        err = submission_find(submission, out_entry);
    }
    submission->is_key_conflict = true;
    return err;
}

/* ---- room ---- */

static const char *submission_no_room(struct engine *engine)
{
    const struct config *config = engine_config(engine);
    enum err why = ERR_OK;
    const struct store_port *store = &engine->options.store;
    if (store->state(store->impl, &why) == STORE_FULL)
        return "the disk of the store is full (limits.disk_reserve); nothing new is taken until "
               "there is room";
    struct store_counts counts;
    store->counts(store->impl, &counts);
    if (counts.disk_free_bytes < config->limits.disk_reserve)
        return "the disk of the store has less free space than limits.disk_reserve; nothing new is "
               "taken until there is room";
    if (engine->unended >= config->limits.unended)
        return "limits.unended actions have not ended";
    if (engine->unsaved >= ENGINE_UNSAVED_ADMIT)
        return "more writes are queued than the store can take now";
    if (engine->entries.count >= LIMIT_HOT_ACTIONS)
        return "too many actions are under way at once";
    return NULL;
}

/* ---- the new action ---- */

/* What may be seen of it: NULL when that cannot be made, which is an input without fields. */
static json_t *submission_masked_input(const struct submission *submission)
{
    struct buf text;
    buf_init(&text, LIMIT_PAYLOAD);
    mask_add_input(submission->step, submission->call->input_json, &text);
    json_t *masked = json_loadb(buf_text(&text), text.size, 0, NULL);
    buf_done(&text);
    return masked;
}

/* A key of the policy over the masked input; one of the caller without the masked values. */
static void submission_show_key(struct submission *submission, const json_t *masked)
{
    const struct step *step = submission->step;
    struct slice key = buf_slice(&submission->key);
    struct slice input = submission->call->input_json;
    struct expr_scope scope = submission->scope;
    struct expr_work work = {.scratch = &submission->scratch};
    size_t mark = key.size;
    scope.input = masked;
    if (!step->key) {
        mask_add_text(step, input, key, &submission->key_shown);
        return;
    }
    if (template_render_key(step->key, &scope, &work, &submission->key_shown) != EXPR_OK)
        buf_add_text(&submission->key_shown, MASK_TEXT);
    while (submission->is_key_conflict && mark > 0 && key.at[mark - 1] != '#')
        mark--;
    if (submission->is_key_conflict && mark > 0) /* KEY#2 */
        buf_add(&submission->key_shown, slice_from(key, mark - 1));
}

/* R23: what is shown of key, run and reason is made once, and stored beside them. A secret that
 * stands in the reason goes, too. */
static void submission_show(struct submission *submission, const json_t *masked)
{
    const struct engine_submit *call = submission->call;
    const struct step *step = submission->step;
    struct buf because;
    buf_init(&because, LIMIT_REASON * 4);
    redact_add(&submission->engine->loaded->redact, call->because, false, &because);
    mask_add_text(step, call->input_json, buf_slice(&because), &submission->because);
    buf_done(&because);
    if (step->masked_count == 0)
        return;
    submission_show_key(submission, masked);
    mask_add_text(step, call->input_json, call->run, &submission->run_shown);
}

static bool submission_render(struct submission *submission, const struct action *action)
{
    struct engine *engine = submission->engine;
    const struct step *step = submission->step;
    struct expr_problem problem = {0};
    submission->scope.key = buf_slice(&submission->key);
    engine_provider_key(engine, step, submission->scope.key, action, &submission->provider_key);
    submission->scope.provider_key = buf_slice(&submission->provider_key);
    if (!render_request(step, NULL, &submission->scope, &submission->scratch, &submission->request,
                        &submission->body, &problem)) {
        submission_refuse_problem(submission, "the request cannot be rendered", &problem);
        return false;
    }
    bundle_request_encode(&submission->request, &submission->frozen);
    if (!buf_ok(&submission->frozen)) {
        submission_refuse(submission, ENGINE_BAD_INPUT, "the rendered request is too large");
        return false;
    }
    digest_short(buf_slice(&submission->frozen), submission->request_digest);
    /* The summary is shown everywhere, so masked fields are masked in it from the beginning. */
    json_t *masked = step->masked_count > 0 ? submission_masked_input(submission) : NULL;
    struct expr_scope scope = submission->scope;
    submission_show(submission, masked);
    if (step->masked_count > 0) {
        scope.input = masked;
        scope.key = buf_slice(&submission->key_shown);
        scope.run = buf_slice(&submission->run_shown);
    }
    struct expr_work work = {.scratch = &submission->scratch};
    bool is_good = !step->summary || template_render_text(step->summary, &scope, &work,
                                                          &submission->summary) == EXPR_OK;
    json_decref(masked);
    if (!is_good)
        submission_refuse_problem(submission, "the summary cannot be rendered", &work.problem);
    return is_good;
}

static void submission_bundle(struct submission *submission, const struct gate_work *work,
                              struct bundle_submit *out)
{
    const struct engine_submit *call = submission->call;
    *out = (struct bundle_submit){.key = buf_slice(&submission->key),
                                  .run = call->run,
                                  .actor = call->principal->name,
                                  .summary = buf_slice(&submission->summary),
                                  .because = buf_slice(&submission->because),
                                  .trace = call->trace,
                                  .input_json = call->input_json,
                                  .context_json = call->context_json,
                                  .has_confidence = call->has_confidence,
                                  .confidence = call->confidence,
                                  .is_summary_masked = submission->step->masked_count > 0};
    if (!slice_equal(buf_slice(&submission->key_shown), out->key))
        out->key_shown = buf_slice(&submission->key_shown);
    if (!slice_equal(buf_slice(&submission->run_shown), out->run))
        out->run_shown = buf_slice(&submission->run_shown);
    for (size_t i = 0; i < work->saw.count && i < LIMIT_SAW; i++)
        out->saw[out->saw_count++] = (struct bundle_saw){
            work->saw.items[i].path_index, work->saw.items[i].name, work->saw.items[i].value};
}

static struct entry *submission_entry(struct submission *submission, const struct action *action,
                                      struct buf *bundle)
{
    struct engine *engine = submission->engine;
    const struct step *step = submission->step;
    char version[ROW_POLICY + 1];
    struct buf hex;
    buf_init(&hex, ROW_POLICY);
    text_add_hex(&hex, slice_of(engine_config(engine)->version, ROW_POLICY / 2));
    memcpy(version, buf_text(&hex), ROW_POLICY);
    buf_done(&hex);
    struct row row = {.action = *action,
                      .workflow = step->workflow->name,
                      .step = step->name,
                      .upstream = step->upstream ? step->upstream->name : (struct slice){0},
                      .actor = submission->call->principal->name,
                      .policy = slice_of(version, ROW_POLICY)};
    memcpy(row.key_hash, submission->key_hash, STORE_KEY_SIZE);
    memcpy(row.fingerprint, submission->fingerprint, STORE_KEY_SIZE);
    memcpy(row.order, submission->order, STORE_KEY_SIZE);
    struct entry *entry = entry_new(engine, &row);
    if (entry && (entry_keep(&entry->submit, &entry->submit_size, buf_slice(bundle)) != ERR_OK ||
                  entry_keep(&entry->frozen, &entry->frozen_size, buf_slice(&submission->frozen)) !=
                      ERR_OK)) {
        entry_free(entry);
        entry = NULL;
    }
    return entry;
}

/* The business run, where it is not the key itself: one row, which names its newest action. */
static enum err submission_run(struct submission *submission, struct entry *entry,
                               struct step_note *note)
{
    struct engine *engine = submission->engine;
    const struct engine_submit *call = submission->call;
    if (call->run.size == 0 || slice_equal(call->run, buf_slice(&submission->key)))
        return ERR_OK;
    struct identity_name name = {.workflow = submission->step->workflow->name, .text = call->run};
    identity_run(engine->identity, &name, entry->run_hash);
    entry->has_run = true;
    struct entry *newest = map_remove(&engine->runs, entry_map_key(entry->run_hash));
    struct store_key found = {0};
    const struct store_port *store = &engine->options.store;
    enum err err = newest ? ERR_OK : store->get_key(store->impl, entry->run_hash, &found);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    note->run_replaces = newest ? newest->row.action.id : err == ERR_OK ? found.action : 0;
    entry->row.run_previous = note->run_replaces;
    return map_put(&engine->runs, entry_map_key(entry->run_hash), entry);
}

/* A permit: a random token, told once, kept as its hash (R13). */
static void submission_permit(struct submission *submission, struct entry *entry, char out[72])
{
    unsigned char token[32];
    unsigned char hash[DIGEST_SIZE];
    struct engine *engine = submission->engine;
    engine->options.clock.random(engine->options.clock.impl, token, sizeof token);
    struct buf hex;
    buf_init(&hex, 64);
    text_add_hex(&hex, slice_of(token, sizeof token));
    memcpy(out, buf_text(&hex), 65);
    digest_bytes(buf_slice(&hex), hash);
    memcpy(entry->row.permit_hash, hash, ROW_DIGEST);
    buf_done(&hex);
    explicit_bzero(token, sizeof token);
}

static void submission_dry_run(struct submission *submission, struct entry *entry)
{
    struct view view;
    struct engine_reply reply = {.outcome = ENGINE_TAKEN, .view = &view, .gate = &entry->gate};
    if (engine_fill_answer(submission->engine, entry, &submission->scratch, &view) == ERR_OK)
        engine_answer(submission->engine, submission->call->done, submission->call->arg, &reply);
    else
        submission_refuse(submission, ENGINE_STORE_FAILED, "the view could not be made");
    entry_free(entry);
}

static void submission_stopped(struct submission *submission, uint64_t stop_id)
{
    struct engine *engine = submission->engine;
    struct stop *stop = switchboard_find(&engine->board, stop_id);
    struct workflow_state *workflow = engine_workflow(engine, submission->step->workflow->name);
    if (stop)
        stop->refused++;
    if (workflow)
        workflow->refused++;
    struct engine_reply reply = {.outcome = ENGINE_STOPPED,
                                 .stop = stop,
                                 .retry_after_ms = 60000,
                                 .detail =
                                     SLICE("a stop is in force and the policy refuses new work "
                                           "meanwhile; nothing was stored, the key is free")};
    submission->call->done(submission->call->arg, &reply);
}

/* What an action of mode observe is marked as, for the report and for `ready`. */
static struct slice submission_mark(const struct submission *submission)
{
    if (submission->is_key_conflict)
        return SLICE(TALLY_MARK_CONFLICT);
    return submission->is_keyless ? SLICE(TALLY_MARK_NO_KEY) : (struct slice){0};
}

/* Stores the action that the gate has decided about. Returns a handle. */
static uint64_t submission_admit(struct submission *submission, struct entry *entry,
                                 struct action_event *event, const struct gate_work *work,
                                 struct step_note *note)
{
    struct engine *engine = submission->engine;
    const struct engine_submit *call = submission->call;
    entry->gate = work->answer;
    entry->has_gate = true;
    enum err err = submission_run(submission, entry, note);
    if (err == ERR_OK)
        err = entry_add(engine, entry, true);
    bool waits = engine->waiter_count < engine_config(engine)->limits.waiters;
    struct waiter *waiter =
        err == ERR_OK ? waiter_add(engine, entry, waits ? call->wait_ms : 0, call->done, call->arg)
                      : NULL;
    if (!waiter) {
        if (entry->has_run && map_get(&engine->runs, entry_map_key(entry->run_hash)) == entry)
            (void)map_remove(&engine->runs, entry_map_key(entry->run_hash)); /* undo */
        if (err == ERR_OK)
            entry_let_go(engine, entry);
        else
            entry_free(entry);
        submission_refuse(submission, ENGINE_NO_ROOM,
                          err_text(err == ERR_OK ? ERR_NO_MEMORY : err));
        return 0;
    }
    uint64_t handle = waiter->handle;
    if (submission->step->terms.is_caller)
        submission_permit(submission, entry, waiter->permit);
    struct action_effects effects;
    engine_step(engine, entry, event, note, &effects);
    CHECK(effects.is_changed); /* a refusal by a stop was told apart before */
    engine_order_admitted(engine, entry);
    return handle;
}

static uint64_t submission_decide(struct submission *submission)
{
    struct engine *engine = submission->engine;
    struct action action;
    action_init(&action, submission->call->is_dry_run ? 0 : engine_new_id(engine),
                engine->now_unix_ms, submission->generation);
    action.again_of = submission->again_of;
    if (!submission_render(submission, &action))
        return 0;
    struct order_work order = {.scratch = &submission->scratch, .request = &submission->request};
    if (!engine_order_key(engine, submission->step, &submission->scope, &order)) {
        submission_refuse_problem(submission, "order_by cannot be rendered", &order.problem);
        return 0;
    }
    memcpy(submission->order, order.order, sizeof submission->order);
    struct gate_work work = {.scratch = &submission->scratch,
                             .order = submission->order,
                             .key_hash = submission->key_hash};
    if (submission->step->upstream)
        work.upstream = submission->step->upstream->name;
    engine_ask_gate(engine, submission->step, &action, &submission->scope, &work);
    if (work.answer.says == SAYS_REFUSE && work.answer.cause == CAUSE_STOPPED &&
        !submission->call->is_dry_run) {
        submission_stopped(submission, work.stop_id);
        return 0;
    }
    struct bundle_submit bundle;
    struct buf bytes;
    buf_init(&bytes, LIMIT_PAYLOAD);
    submission_bundle(submission, &work, &bundle);
    bundle_submit_encode(&bundle, &bytes);
    struct entry *entry = buf_ok(&bytes) ? submission_entry(submission, &action, &bytes) : NULL;
    struct step_note note = {.kind = RECORD_ADMITTED,
                             .actor = submission->call->principal->name,
                             .gate = &work.answer,
                             .label = BUNDLE_LABEL_SUBMIT,
                             .payload = buf_slice(&bytes),
                             .upstream = entry ? entry->row.upstream : (struct slice){0},
                             .attempt = work.answer.says == SAYS_GO,
                             .is_admission = true,
                             .key_replaces = submission->again_of,
                             .subject = submission_mark(submission)};
    uint64_t handle = 0;
    if (!entry) {
        submission_refuse(submission, ENGINE_NO_ROOM, "out of memory");
    } else if (submission->call->is_dry_run) {
        entry->gate = work.answer;
        entry->has_gate = true;
        submission_dry_run(submission, entry);
    } else {
        struct action_event event;
        engine_event(engine, entry, EVENT_SUBMIT, &event);
        event.is_draw_whole = engine_draws_all(engine, submission->step);
        event.gate = &work.answer;
        event.stop_id = work.stop_id;
        memcpy(event.request_digest, submission->request_digest, ACTION_DIGEST);
        handle = submission_admit(submission, entry, &event, &work, &note);
    }
    buf_done(&bytes);
    return handle;
}

static uint64_t submission_run_all(struct submission *submission)
{
    struct engine *engine = submission->engine;
    struct entry *entry = NULL;
    if (!submission_find_key(submission))
        return 0;
    enum err err = identity_fingerprint(engine->identity, submission->call->input_json,
                                        submission->fingerprint);
    if (err == ERR_INVALID || err == ERR_LIMIT) {
        submission_refuse(submission, ENGINE_BAD_INPUT,
                          "the input has a number or a size beyond any use");
        return 0;
    }
    if (err == ERR_OK)
        err = submission_find(submission, &entry);
    bool is_same =
        entry && memcmp(entry->row.fingerprint, submission->fingerprint, STORE_KEY_SIZE) == 0;
    if (err == ERR_OK && entry && !is_same && submission->step->terms.mode == MODE_OBSERVE) {
        entry_let_go(engine, entry);
        err = submission_observe_key(submission, &entry);
        is_same = entry != NULL;
    }
    if (err != ERR_OK) {
        submission_refuse(submission, ENGINE_STORE_FAILED, err_text(err));
        return 0;
    }
    if (entry && !is_same) {
        submission_conflict(submission, entry);
        return 0;
    }
    if (entry)
        return submission_replay(submission, entry);
    const char *no_room = submission->call->is_dry_run ? NULL : submission_no_room(engine);
    if (no_room) {
        struct engine_reply reply = {
            .outcome = ENGINE_NO_ROOM, .detail = slice_text(no_room), .retry_after_ms = 5000};
        submission->call->done(submission->call->arg, &reply);
        return 0;
    }
    return submission_decide(submission);
}

uint64_t engine_submit(void *impl, const struct engine_submit *call)
{
    struct engine *engine = impl;
    CHECK(engine->answering == 0);
    (void)engine_now(engine);
    struct submission submission;
    submission_init(&submission, engine, call);
    uint64_t handle = 0;
    struct input_problem problem = {0};
    if (engine->is_closing || engine->has_failed)
        submission_refuse(&submission, ENGINE_STORE_FAILED,
                          engine->is_closing ? "interlock is ending; ask again soon"
                                             : "the store has failed; nothing is taken");
    else if (!input_check(call->step, call->input, &submission.scratch, &problem)) {
        struct engine_reply reply = {
            .outcome = ENGINE_BAD_INPUT, .detail = problem.message, .pointer = problem.pointer};
        call->done(call->arg, &reply);
    } else {
        handle = submission_run_all(&submission);
    }
    submission_done(&submission);
    engine_set_alarm(engine);
    return handle;
}

/* A new try of an ended action (R9): same key and input, next generation, linked. */
void engine_submit_again(struct engine *engine, struct entry *entry, const struct engine_call *call)
{
    struct submission submission;
    struct arena arena;
    struct bundle_submit stored = {0};
    arena_init(&arena, ENGINE_SCRATCH);
    if (!entry->step || entry_read_submit(entry, &arena, &stored) != ERR_OK) {
        engine_refuse(call->done, call->arg, ENGINE_NOT_NOW,
                      "its step is no longer in the configuration, or its input is erased");
        arena_done(&arena);
        return;
    }
    json_t *input = json_loadb(stored.input_json.at, stored.input_json.size, 0, NULL);
    json_t *context = stored.context_json.size
                          ? json_loadb(stored.context_json.at, stored.context_json.size, 0, NULL)
                          : NULL;
    struct engine_submit submit = {.principal = call->principal,
                                   .step = entry->step,
                                   .run = stored.run,
                                   .because = call->reason,
                                   .input_json = stored.input_json,
                                   .context_json = stored.context_json,
                                   .input = input,
                                   .context = context,
                                   .has_confidence = stored.has_confidence,
                                   .confidence = stored.confidence,
                                   .done = call->done,
                                   .arg = call->arg};
    submission_init(&submission, engine, &submit);
    buf_add(&submission.key, stored.key);
    memcpy(submission.key_hash, entry->row.key_hash, STORE_KEY_SIZE);
    memcpy(submission.fingerprint, entry->row.fingerprint, STORE_KEY_SIZE);
    submission.again_of = entry->row.action.id;
    submission.generation = (uint8_t)(entry->row.action.generation + 1);
    entry_let_go(engine, entry);
    (void)submission_decide(&submission); /* nobody forgets it: it answers when it is saved */
    submission_done(&submission);
    json_decref(context);
    json_decref(input);
    arena_done(&arena);
}
