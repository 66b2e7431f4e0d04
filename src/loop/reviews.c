/* loop/reviews.c - a review as a thing of its own: claim, release, reassign, note, and the verdicts
 * approve, edit and reject. Who may is decided by the door.
 * Invariants:
 *   I11 the door's; here a claim of somebody else stands in the way until it has run out.
 *   1. A verdict that is not taken is recorded, with the code of why.
 *   2. An edit is checked whole before anything changes: shape, key, rules, rendering. What it made
 *      is another request: own digest, own provider key (R4), one approval, one start.
 *   3. Masked values are masked in the list of what was changed. */
#include "loop/people.h"

#include <stdlib.h>

#include "base/check.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/loaded.h"
#include "loop/order.h"
#include "loop/steps.h"
#include "policy/facts.h"
#include "policy/input_check.h"
#include "policy/template.h"
#include "record/digest.h"
#include "record/mask.h"
#include "record/scan.h"

static const struct engine_reply review_taken = {.outcome = ENGINE_TAKEN};

/* By somebody who is still there: the work of a person who left falls to the group (R28). */
static bool review_is_claimed(const struct engine *engine, const struct entry *entry)
{
    return entry->row.claimed_by.size > 0 &&
           entry->row.claimed_until_unix_ms > engine->now_unix_ms &&
           config_person(engine_config(engine), entry->row.claimed_by);
}

/* Does it still wait, is it the one that was looked at, and is nobody else at it? */
static enum refusal review_why_not(const struct engine *engine, const struct engine_call *call,
                                   const struct entry *entry)
{
    const struct action *action = &entry->row.action;
    if (action->state != STATE_IN_REVIEW)
        return REFUSAL_NOT_IN_REVIEW;
    if (call->review != 0 && call->review != action->reviews)
        return REFUSAL_CHANGED;
    bool is_others = review_is_claimed(engine, entry) &&
                     !slice_equal(entry->row.claimed_by, call->principal->name);
    return is_others ? REFUSAL_CLAIMED : REFUSAL_NONE;
}

/* ---- who has it ---- */

static void review_keep(struct engine *engine, struct entry *entry, struct slice claimed_by,
                        struct slice assigned_to)
{
    if (entry_set_review(entry, claimed_by, assigned_to) != ERR_OK)
        engine_fail(engine, "out of memory");
}

static void review_claim(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    review_keep(engine, entry, call->principal->name, entry->row.assigned_to);
    entry->row.claimed_until_unix_ms =
        engine->now_unix_ms + (call->for_ms > 0 ? call->for_ms : CLAIM_MS);
    act_record(engine, call, entry, (struct step_note){.kind = RECORD_CLAIMED});
    act_tell(engine, call, entry, &review_taken);
}

static void review_release(struct engine *engine, const struct engine_call *call,
                           struct entry *entry)
{
    if (review_is_claimed(engine, entry)) {
        review_keep(engine, entry, (struct slice){0}, entry->row.assigned_to);
        entry->row.claimed_until_unix_ms = 0;
        act_record(engine, call, entry, (struct step_note){.kind = RECORD_UNCLAIMED});
    }
    act_tell(engine, call, entry, &review_taken);
}

static void review_assign(struct engine *engine, const struct engine_call *call,
                          struct entry *entry)
{
    review_keep(engine, entry, (struct slice){0}, call->to);
    entry->row.claimed_until_unix_ms = 0;
    act_record(engine, call, entry,
               (struct step_note){.kind = RECORD_ASSIGNED, .subject = call->to});
    act_tell(engine, call, entry, &review_taken);
}

/* ---- verdicts ---- */

static void review_event(struct engine *engine, const struct engine_call *call, struct entry *entry,
                         struct action_event *out)
{
    struct action *action = &entry->row.action;
    engine_event(engine, entry, call->act == ENGINE_REJECT ? EVENT_REJECT : EVENT_APPROVE, out);
    memcpy(out->request_digest, action->request_digest, ACTION_DIGEST);
    if (call->digest.size > 0 && !text_parse_hex(call->digest, out->request_digest, ACTION_DIGEST))
        memset(out->request_digest, 0xff, ACTION_DIGEST); /* no digest: matches nothing */
}

static void review_verdict(struct engine *engine, const struct engine_call *call,
                           struct entry *entry)
{
    struct action_event event;
    struct action_effects effects;
    struct buf words;
    buf_init(&words, LIMIT_REASON * 8);
    act_words(engine, call, &words);
    review_event(engine, call, entry, &event);
    struct step_note note = {.kind = call->act == ENGINE_REJECT ? RECORD_DECLINED : RECORD_APPROVED,
                             .actor = call->principal->name,
                             .label = words.size ? BUNDLE_LABEL_WORDS : NULL,
                             .payload = buf_slice(&words),
                             .upstream = entry->row.upstream};
    engine_step(engine, entry, &event, &note, &effects);
    buf_done(&words);
    if (effects.refusal == REFUSAL_NONE)
        act_answer(engine, call, entry);
    else
        act_refuse_recorded(engine, call, entry, effects.refusal);
}

/* ---- edit ---- */

/* One edit being checked: what was submitted, and what it becomes. */
struct edit_work {
    struct engine *engine;
    const struct engine_call *call;
    struct entry *entry;
    struct arena scratch;
    struct bundle_submit submit;
    struct buf input, changes, summary, key, was_key, frozen;
    struct expr_scope scope;
    json_t *parsed, *context;
    unsigned char digest[ACTION_DIGEST];
    struct slice pointer, detail; /* why not */
};

static void edit_begin(struct edit_work *work, struct engine *engine,
                       const struct engine_call *call, struct entry *entry)
{
    *work = (struct edit_work){.engine = engine, .call = call, .entry = entry};
    arena_init(&work->scratch, ENGINE_SCRATCH);
    buf_init(&work->input, LIMIT_HTTP_BODY_MAX);
    buf_init(&work->changes, 2 * LIMIT_HTTP_BODY_MAX);
    buf_init(&work->summary, LIMIT_SUMMARY * 4);
    buf_init(&work->key, LIMIT_KEY);
    buf_init(&work->was_key, LIMIT_KEY);
    buf_init(&work->frozen, LIMIT_REQUEST * 2);
}

static void edit_done(struct edit_work *work)
{
    json_decref(work->parsed);
    json_decref(work->context);
    buf_done(&work->frozen);
    buf_done(&work->was_key);
    buf_done(&work->key);
    buf_done(&work->summary);
    buf_done(&work->changes);
    buf_done(&work->input);
    arena_done(&work->scratch);
}

static bool edit_no(struct edit_work *work, struct slice pointer, struct slice detail)
{
    work->pointer = pointer;
    work->detail = detail;
    return false;
}

/* The member of an object by its name as text; false when it has none. */
static bool edit_find(struct edit_work *work, struct slice object, struct slice name,
                      struct slice *out_value)
{
    struct scan_walk walk;
    struct slice key, value, text;
    scan_open(&walk, object);
    while (scan_next(&walk, &key, &value))
        if (scan_text(key, &work->scratch, &text) && slice_equal(text, name)) {
            *out_value = value;
            return true;
        }
    return false;
}

static void edit_add_shown(struct edit_work *work, const char *name, struct slice field,
                           struct slice raw)
{
    struct buf *out = &work->changes;
    struct slice path = arena_fmt(&work->scratch, "input.%.*s", SLICE_FMT(field));
    buf_add_fmt(out, ",\"%s\":", name);
    if (raw.size == 0 || !mask_covers(work->entry->step, path)) {
        buf_add(out, raw.size ? raw : SLICE("null"));
        return;
    }
    struct slice text = {0};
    struct buf hint;
    buf_init(&hint, LIMIT_HTTP_BODY);
    if (scan_type(raw) != SCAN_TEXT || !scan_text(raw, &work->scratch, &text))
        text = SLICE("");
    mask_add_value(text, &hint);
    buf_add_json_text(out, buf_slice(&hint));
    buf_done(&hint);
}

static void edit_add_change(struct edit_work *work, struct slice field, struct slice from,
                            struct slice to)
{
    buf_add_text(&work->changes, work->changes.size > 1 ? ",{\"field\":" : "{\"field\":");
    buf_add_json_text(&work->changes, field);
    edit_add_shown(work, "from", field, from);
    edit_add_shown(work, "to", field, to);
    buf_add_byte(&work->changes, '}');
}

static void edit_add_member(struct edit_work *work, struct slice key, struct slice value)
{
    if (work->input.size > 1)
        buf_add_byte(&work->input, ',');
    buf_add(&work->input, key);
    buf_add_byte(&work->input, ':');
    buf_add(&work->input, value);
}

/* The input with the edit laid over it. What is not edited keeps its bytes. */
static bool edit_merge(struct edit_work *work)
{
    struct scan_walk walk;
    struct slice key, value, name, to, from;
    buf_add_byte(&work->input, '{');
    buf_add_byte(&work->changes, '[');
    scan_open(&walk, work->submit.input_json);
    while (scan_next(&walk, &key, &value)) {
        if (!scan_text(key, &work->scratch, &name))
            return edit_no(work, SLICE("/edit"), SLICE("the input cannot be read"));
        if (!edit_find(work, work->call->edit_json, name, &to)) {
            edit_add_member(work, key, value);
            continue;
        }
        if (scan_type(to) != SCAN_NULL)
            edit_add_member(work, key, to);
        if (!slice_equal(to, value))
            edit_add_change(work, name, value, scan_type(to) == SCAN_NULL ? (struct slice){0} : to);
    }
    scan_open(&walk, work->call->edit_json);
    while (scan_next(&walk, &key, &value)) {
        if (!scan_text(key, &work->scratch, &name))
            return edit_no(work, SLICE("/edit"), SLICE("the edit cannot be read"));
        if (edit_find(work, work->submit.input_json, name, &from) || scan_type(value) == SCAN_NULL)
            continue;
        edit_add_member(work, key, value);
        edit_add_change(work, name, (struct slice){0}, value);
    }
    buf_add_byte(&work->input, '}');
    buf_add_byte(&work->changes, ']');
    if (work->changes.size <= 2)
        return edit_no(work, SLICE("/edit"),
                       SLICE("it changes nothing; to send it as it is: approve"));
    return (buf_ok(&work->input) && buf_ok(&work->changes)) ||
           edit_no(work, SLICE("/edit"), SLICE("the edited input is too large"));
}

static bool edit_check_shape(struct edit_work *work)
{
    struct input_problem problem;
    if (!work->parsed)
        return edit_no(work, SLICE("/edit"), SLICE("the edited input cannot be read"));
    if (input_check(work->entry->step, work->parsed, &work->scratch, &problem))
        return true;
    return edit_no(work, arena_fmt(&work->scratch, "/edit%.*s", SLICE_FMT(problem.pointer)),
                   problem.message);
}

/* A key is one action, for ever: what makes another key is another action (I5). */
static bool edit_check_key(struct edit_work *work, json_t *before)
{
    const struct step *step = work->entry->step;
    struct expr_work expr = {.scratch = &work->scratch};
    struct expr_scope was = work->scope;
    was.input = before;
    if (!step->key)
        return true;
    bool is_same = template_render_key(step->key, &work->scope, &expr, &work->key) == EXPR_OK &&
                   template_render_key(step->key, &was, &expr, &work->was_key) == EXPR_OK &&
                   slice_equal(buf_slice(&work->key), buf_slice(&work->was_key));
    if (is_same)
        return true;
    return edit_no(work, SLICE("/edit"),
                   SLICE("it changes what the key is made of, and a key is one action for ever: "
                         "reject this one, and submit the other"));
}

/* What a rule would reject, or cannot decide, is not sent because a person changed it. */
static bool edit_check_rules(struct edit_work *work)
{
    const struct step *step = work->entry->step;
    struct gate_facts facts = {0};
    struct facts_saw saw;
    facts_evaluate(step, &work->scope, &work->scratch, &facts, &saw);
    for (size_t i = 0; i < step->rule_count; i++) {
        const struct rule *rule = &step->rules[i];
        if (facts.rules[i] == TRUTH_UNDECIDABLE)
            return edit_no(work, SLICE("/edit"),
                           arena_fmt(&work->scratch, "rule %.*s cannot be decided for it",
                                     SLICE_FMT(rule->name)));
        if (facts.rules[i] == TRUTH_TRUE && rule->says == RULE_REJECT)
            return edit_no(
                work, SLICE("/edit"),
                arena_fmt(&work->scratch, "rule %.*s rejects it", SLICE_FMT(rule->name)));
    }
    work->submit.saw_count = 0; /* the gate is asked with these: its path shows them */
    for (size_t i = 0; i < saw.count && i < LIMIT_SAW; i++)
        work->submit.saw[work->submit.saw_count++] =
            (struct bundle_saw){saw.items[i].path_index, saw.items[i].name, saw.items[i].value};
    return true;
}

/* R11: what was put in order stays the thing that it was put in order for. */
static bool edit_check_order(struct edit_work *work)
{
    const struct entry *entry = work->entry;
    struct bundle_request request = {0};
    struct order_work order = {.scratch = &work->scratch, .request = &request};
    bool is_ordered = !digest_is_zero(entry->row.order, STORE_KEY_SIZE) &&
                      (entry->step->order_by || entry->row.action.route == 0);
    if (!is_ordered)
        return true;
    struct slice frozen = buf_slice(&work->frozen);
    bool is_same = bundle_request_decode(frozen, &work->scratch, &request) == ERR_OK &&
                   engine_order_key(work->engine, entry->step, &work->scope, &order) &&
                   memcmp(order.order, entry->row.order, STORE_KEY_SIZE) == 0;
    return is_same || edit_no(work, SLICE("/edit"),
                              SLICE("it changes which thing it is about (order_by): reject this "
                                    "one, and submit the other"));
}

static bool edit_render(struct edit_work *work)
{
    const struct step *step = work->entry->step;
    struct action next = work->entry->row.action;
    struct expr_work expr = {.scratch = &work->scratch};
    struct expr_scope seen = work->scope;
    struct buf masked;
    buf_init(&masked, LIMIT_PAYLOAD);
    mask_add_input(step, buf_slice(&work->input), &masked);
    json_t *input = json_loadb(buf_text(&masked), masked.size, 0, NULL);
    if (work->submit.key_shown.size > 0)
        seen.key = work->submit.key_shown;
    if (work->submit.run_shown.size > 0)
        seen.run = work->submit.run_shown;
    seen.input = input; /* the summary is shown everywhere; NULL: it sees nothing */
    bool is_good = !step->summary ||
                   template_render_text(step->summary, &seen, &expr, &work->summary) == EXPR_OK;
    json_decref(input);
    buf_done(&masked);
    if (!is_good)
        return edit_no(work, SLICE("/edit"), SLICE("its summary cannot be rendered"));
    next.revision++;
    if (!engine_render_request(work->entry, &next, &work->scope, &work->scratch, &work->frozen))
        return edit_no(work, SLICE("/edit"), SLICE("its request cannot be rendered"));
    digest_short(buf_slice(&work->frozen), work->digest);
    return edit_check_order(work);
}

/* Everything that can be wrong with it, before anything changes (invariant 2). */
static bool edit_check(struct edit_work *work)
{
    json_t *before = NULL;
    json_t *unused = NULL;
    if (!work->entry->step)
        return edit_no(work, SLICE("/edit"), SLICE("its step is no longer in the policy"));
    if (entry_read_submit(work->entry, &work->scratch, &work->submit) != ERR_OK)
        return edit_no(work, SLICE("/edit"), SLICE("its input is erased"));
    if (!edit_merge(work))
        return false;
    struct bundle_submit edited = work->submit;
    struct expr_scope scope;
    edited.input_json = buf_slice(&work->input);
    (void)engine_submit_scope(work->entry, &edited, &work->scope, &work->parsed, &work->context);
    (void)engine_submit_scope(work->entry, &work->submit, &scope, &before, &unused);
    bool is_good = edit_check_shape(work) && edit_check_key(work, before) &&
                   edit_check_rules(work) && edit_render(work);
    json_decref(before);
    json_decref(unused);
    return is_good;
}

static void edit_take(struct edit_work *work, struct action_event *event)
{
    struct engine *engine = work->engine;
    struct entry *entry = work->entry;
    struct bundle_submit edited = work->submit;
    struct action_effects effects;
    struct buf bundle, note_text;
    buf_init(&bundle, LIMIT_PAYLOAD);
    edited.input_json = buf_slice(&work->input);
    edited.summary = buf_slice(&work->summary);
    edited.edit_json = buf_slice(&work->changes);
    buf_init(&note_text, LIMIT_REASON * 8);
    redact_add(&engine->loaded->redact, work->call->reason, false, &note_text);
    edited.edit_note = buf_slice(&note_text);
    bundle_submit_encode(&edited, &bundle);
    buf_done(&note_text);
    struct step_note note = {.kind = RECORD_EDITED,
                             .actor = work->call->principal->name,
                             .label = BUNDLE_LABEL_SUBMIT,
                             .payload = buf_slice(&bundle),
                             .upstream = entry->row.upstream};
    event->is_edit = true;
    memcpy(event->edited_digest, work->digest, ACTION_DIGEST);
    char *former = entry->submit; /* the gate reads it within the step */
    size_t former_size = entry->submit_size;
    entry->submit = NULL;
    if (!buf_ok(&bundle) ||
        entry_keep(&entry->submit, &entry->submit_size, buf_slice(&bundle)) != ERR_OK)
        engine_fail(engine, "out of memory");
    engine_step(engine, entry, event, &note, &effects);
    buf_done(&bundle);
    if (effects.refusal == REFUSAL_NONE) {
        free(former);
        act_answer(engine, work->call, entry);
        return;
    }
    free(entry->submit);
    entry->submit = former;
    entry->submit_size = former_size;
    act_refuse_recorded(engine, work->call, entry, effects.refusal);
}

static void review_edit(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    struct edit_work work;
    struct action_event event;
    review_event(engine, call, entry, &event);
    if (memcmp(event.request_digest, entry->row.action.request_digest, ACTION_DIGEST) != 0) {
        act_refuse_recorded(engine, call, entry, REFUSAL_CHANGED);
        return;
    }
    edit_begin(&work, engine, call, entry);
    if (edit_check(&work)) {
        edit_take(&work, &event);
    } else {
        struct engine_reply reply = {
            .outcome = ENGINE_BAD_INPUT, .pointer = work.pointer, .detail = work.detail};
        act_tell_recorded(engine, call, entry, REFUSAL_BAD_EDIT, &reply);
    }
    edit_done(&work);
}

void engine_act_review(struct engine *engine, const struct engine_call *call, struct entry *entry)
{
    enum refusal refusal = review_why_not(engine, call, entry);
    if (call->act == ENGINE_REFUSED)
        refusal = call->refused;
    else if (call->act == ENGINE_NOTE)
        refusal = REFUSAL_NONE;
    else if ((call->act == ENGINE_ASSIGN || call->act == ENGINE_SHOW) && refusal == REFUSAL_CLAIMED)
        refusal = REFUSAL_NONE; /* who may decide may look (R23), and give it to another one */
    else if (call->act == ENGINE_RELEASE && refusal == REFUSAL_CLAIMED)
        refusal = REFUSAL_NOT_YOURS;
    else if ((call->act == ENGINE_APPROVE || call->act == ENGINE_EDIT) && refusal == REFUSAL_NONE &&
             !entry->step)
        refusal = REFUSAL_RETIRED; /* the gate would only ask again */
    if (refusal != REFUSAL_NONE) {
        act_refuse_recorded(engine, call, entry, refusal);
        return;
    }
    switch (call->act) {
    case ENGINE_APPROVE:
    case ENGINE_REJECT:
        review_verdict(engine, call, entry);
        return;
    case ENGINE_EDIT:
        review_edit(engine, call, entry);
        return;
    case ENGINE_CLAIM:
        review_claim(engine, call, entry);
        return;
    case ENGINE_RELEASE:
        review_release(engine, call, entry);
        return;
    case ENGINE_ASSIGN:
        review_assign(engine, call, entry);
        return;
    case ENGINE_NOTE:
    case ENGINE_SHOW:
        act_record(
            engine, call, entry,
            (struct step_note){.kind = call->act == ENGINE_NOTE ? RECORD_SAID : RECORD_SHOWN});
        act_tell(engine, call, entry, &review_taken);
        return;
    case ENGINE_RESOLVE:
    case ENGINE_CANCEL:
    case ENGINE_AGAIN:
    case ENGINE_BEGIN:
    case ENGINE_REPORT:
    case ENGINE_LABEL:
    case ENGINE_REFUSED:
    case ENGINE_ERASE:
        break;
    }
    CHECK_UNREACHABLE();
}
