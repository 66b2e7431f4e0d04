/* loop/restarts.c - who asks that an incident runs again, who says yes, and what follows from it.
 * Owns: the requests in memory, their rows and records. The rules are core/restart.c's.
 * Invariants:
 *   I11 asked again here, whatever the door has said: neither who asked, nor a service, nor anybody
 *       who is not of the group at this moment.
 *   I6  an approval lifts exactly the stops that were asked for: those of the incident, if they are
 *       still what they were. */
#include "loop/restarts.h"

#include <stdlib.h>

#include "base/list.h"
#include "loop/alerts.h"
#include "loop/counts.h"
#include "loop/engine_state.h"
#include "loop/incidents.h"
#include "loop/loaded.h"
#include "loop/rows.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "loop/submit.h"
#include "record/drain_text.h"
#include "record/ids.h"
#include "record/view.h"

struct restart *engine_restart_of(struct engine *engine, uint64_t incident)
{
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        struct restart *restart = LIST_ENTRY(node, struct restart, link);
        if (restart->row.incident == incident)
            return restart;
    }
    return NULL;
}

enum err engine_read_restart(struct engine *engine, uint64_t incident, struct restart_row *out)
{
    const struct restart *restart = engine_restart_of(engine, incident);
    const struct store_port *store = &engine->options.store;
    struct slice value = {0};
    struct arena arena;
    struct buf key;
    if (restart) {
        *out = restart->row;
        return ERR_OK;
    }
    arena_init(&arena, 65536);
    buf_init(&key, TEXT_ID_MAX);
    text_add_id(&key, ID_INCIDENT, incident);
    enum err err = store->get_row(store->impl, STORE_RESTARTS, buf_slice(&key), &arena, &value);
    if (err == ERR_OK)
        err = restart_row_decode(value, out);
    buf_done(&key);
    arena_done(&arena);
    return err;
}

static struct restart *restart_add(struct engine *engine, const struct restart_row *row)
{
    struct restart *restart = calloc(1, sizeof *restart);
    if (!restart)
        return NULL;
    restart->row = *row;
    list_add_before(&engine->restarts, &restart->link);
    engine->ramp_count += row->is_ramping;
    return restart;
}

/* Those of lifted incidents stay in the store alone. */
static void restart_sweep(struct engine *engine)
{
    for (struct list *node = engine->restarts.next; node != &engine->restarts;) {
        struct restart *restart = LIST_ENTRY(node, struct restart, link);
        node = node->next;
        const struct stop *stop = engine_incident_stop(engine, restart->row.incident);
        if (!restart->row.is_over || restart->row.news != RESTART_NEWS_NONE ||
            (stop && !stop->is_lifted))
            continue;
        engine->ramp_count -= restart->row.is_ramping;
        list_remove(&restart->link);
        free(restart);
    }
}

static const struct group *restart_group(const struct config *config, const struct stop *stop)
{
    struct who_question question = {.config = config,
                                    .workflow =
                                        config_workflow_of(config, slice_text(stop->names[0])),
                                    .stop = stop,
                                    .duty = WHO_DUTY_RESTART};
    struct who_answer answer = {0}; /* who is away does not change who is entitled */
    return who_find(&question, &answer) ? answer.group : NULL;
}

const struct group *engine_restarters(struct engine *engine, const struct stop *stop)
{
    return restart_group(engine_config(engine), stop);
}

/* By somebody else, or, where the policy says so, by who asked. */
static bool restart_is_possible(const struct config *config, const struct stop *stop,
                                const struct restart_row *row)
{
    struct slice asked_by = slice_text(row->request.by);
    const struct group *group = restart_group(config, stop);
    const struct workflow *workflow =
        stop->names[0][0] ? config_workflow_of(config, slice_text(stop->names[0])) : NULL;
    const struct ramp *ramp = workflow ? &workflow->ramp : &config->switch_ramp;
    for (size_t i = 0; group && i < group->member_count; i++)
        if (!slice_equal(group->members[i]->name, asked_by))
            return true;
    return group && group->member_count > 0 && ramp->alone_ms > 0 && stop->alone_ms > 0 &&
           !row->rejected.by[0];
}

bool engine_restarts_allow(struct engine *engine, const struct config *next, struct buf *out)
{
    unsigned char digest[RESTART_DIGEST];
    bool is_good = true;
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        const struct restart *restart = LIST_ENTRY(node, struct restart, link);
        const struct stop *stop = engine_incident_stop(engine, restart->row.incident);
        struct slice by = slice_text(restart->row.request.by);
        if (!stop || stop->is_lifted || stop->is_lifting)
            continue;
        struct restart_terms terms = engine_restart_terms(engine, restart->row.incident, digest);
        if (!restart_stands(&restart->row.request, &terms) ||
            !restart_is_possible(engine_config(engine), stop, &restart->row) ||
            restart_is_possible(next, stop, &restart->row))
            continue;
        is_good = false;
        buf_add_text(out, "the restart of ");
        text_add_id(out, ID_INCIDENT, restart->row.incident);
        buf_add_fmt(out, ", which %s asks for, could be approved by nobody else. Who may then: ",
                    restart->row.request.by);
        restart_approvers_add(out, restart_group(next, stop), by);
        buf_add_text(out, ".\n  Leave somebody else in that group, or decide about it first: "
                          "interlock approve ");
        text_add_id(out, ID_INCIDENT, restart->row.incident);
        buf_add_byte(out, '\n');
    }
    return is_good;
}

struct restart_terms engine_restart_terms(struct engine *engine, uint64_t incident,
                                          unsigned char out_digest[RESTART_DIGEST])
{
    const struct stop *stops[LIMIT_INCIDENT_STOPS];
    struct restart_subject subject = {.stops = stops, .version = engine_config(engine)->version};
    const struct restart *restart = engine_restart_of(engine, incident);
    struct restart_terms terms = {.now_unix_ms = engine->now_unix_ms,
                                  .needs_other = restart && restart->row.rejected.by[0],
                                  .digest = out_digest};
    for (size_t i = 0; i < engine->board.stop_count && subject.stop_count < LIMIT_INCIDENT_STOPS;
         i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (stop->incident == incident && !stop->is_lifted && !stop->is_lifting)
            stops[subject.stop_count++] = stop;
    }
    restart_digest(&subject, out_digest);
    if (subject.stop_count > 0) {
        terms.alone_ms = engine_ramp_of(engine, stops[0], NULL)->alone_ms;
        terms.alone_ms_at_open = stops[0]->alone_ms;
    }
    return terms;
}

/* ---- the write ---- */

void engine_restart_copy_name(char out[LIMIT_NAME + 1], struct slice name)
{
    size_t size = name.size < LIMIT_NAME ? name.size : LIMIT_NAME;
    if (size > 0)
        memcpy(out, name.at, size);
    out[size] = '\0';
}

struct restart_draft {
    struct buf key, value;
    struct store_row rows[1];
    struct control control;
};

static void restart_draft_make(const struct restart *restart, const struct record *record,
                               struct slice words, struct restart_draft *out)
{
    buf_init(&out->key, TEXT_ID_MAX);
    buf_init(&out->value, LIMIT_ROW);
    text_add_id(&out->key, ID_INCIDENT, restart->row.incident);
    restart_row_encode(&restart->row, &out->value);
    out->rows[0] = (struct store_row){
        .table = STORE_RESTARTS, .key = buf_slice(&out->key), .value = buf_slice(&out->value)};
    out->control =
        (struct control){.record = *record, .rows = out->rows, .row_count = 1, .words = words};
    out->control.record.incident = restart->row.incident;
}

static void restart_draft_done(struct restart_draft *draft)
{
    buf_done(&draft->value);
    buf_done(&draft->key);
}

void engine_save_restart(struct engine *engine, struct restart *restart, struct record *record,
                         struct slice words, const struct pending *pending)
{
    struct restart_draft draft;
    restart_draft_make(restart, record, words, &draft);
    engine_save_control(engine, &draft.control, pending);
    restart_draft_done(&draft);
}

void engine_save_restart_with_stops(struct engine *engine, struct restart *restart,
                                    const struct record *record, struct stops_change *change,
                                    const struct pending *pending)
{
    struct restart_draft draft;
    restart_draft_make(restart, record, (struct slice){0}, &draft);
    change->incident = restart->row.incident;
    change->about = &draft.control;
    engine_change_stops(engine, change, pending);
    restart_draft_done(&draft);
}

/* ---- ask ---- */

void engine_restart_saved(struct pending *pending)
{
    struct stop *stop = engine_incident_stop(pending->engine, pending->id);
    struct engine_reply reply = {.outcome = ENGINE_TAKEN, .stop = stop};
    pending->done(pending->arg, &reply);
}

struct stop *engine_restart_stop(struct engine *engine, uint64_t incident, engine_done_fn *done,
                                 void *arg)
{
    struct stop *stop = engine_incident_stop(engine, incident);
    if (!stop || stop->is_lifted || stop->is_lifting) {
        engine_refuse(done, arg, stop ? ENGINE_NOT_NOW : ENGINE_NOT_FOUND,
                      stop ? "its stop is lifted already" : "no stop in force has this incident");
        return NULL;
    }
    if (engine->has_failed || engine->is_closing || engine->unsaved >= ENGINE_UNSAVED_ACT) {
        engine_refuse(done, arg, ENGINE_STORE_FAILED, "the store cannot save it now");
        return NULL;
    }
    return stop;
}

/* Why it cannot be asked for now; false = it can. */
static bool restart_refuse_ask(struct engine *engine, const struct restart *restart,
                               const struct principal *principal, engine_done_fn *done, void *arg)
{
    unsigned char digest[RESTART_DIGEST];
    char text[LIMIT_NAME + 128];
    if (principal->kind != PRINCIPAL_PERSON) {
        engine_refuse(done, arg, ENGINE_DENIED, "a service asks for no restart: a person does");
        return true;
    }
    if (!restart)
        return false;
    if (restart->row.is_ramping && !restart->row.ramp.is_stuck) {
        engine_refuse(done, arg, ENGINE_NOT_NOW, "it is starting again already, by its ramp");
        return true;
    }
    struct restart_terms terms = engine_restart_terms(engine, restart->row.incident, digest);
    if (!restart_stands(&restart->row.request, &terms) ||
        slice_is(principal->name, restart->row.request.by))
        return false;
    (void)snprintf(text, sizeof text, "%s has asked for it already: approve it",
                   restart->row.request.by);
    engine_refuse(done, arg, ENGINE_NOT_NOW, text);
    return true;
}

static void restarts_do_ask(void *impl, const struct principal *principal, uint64_t incident,
                            struct slice reason, engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    (void)engine_now(engine);
    restart_sweep(engine);
    struct stop *stop = engine_restart_stop(engine, incident, done, arg);
    struct restart *restart = stop ? engine_restart_of(engine, incident) : NULL;
    if (!stop || restart_refuse_ask(engine, restart, principal, done, arg))
        return;
    if (restart)
        engine_ramp_make_up(engine, restart);
    if (!restart)
        restart = restart_add(engine, &(struct restart_row){.incident = incident});
    if (!restart) {
        engine_refuse(done, arg, ENGINE_STORE_FAILED, err_text(ERR_NO_MEMORY));
        return;
    }
    struct buf words;
    buf_init(&words, LIMIT_REASON * 8);
    loaded_encode_words(engine->loaded, &(struct bundle_words){.reason = reason}, &words);
    struct restart_row *row = &restart->row;
    engine_restart_copy_name(row->request.by, principal->name);
    engine_restart_copy_name(row->asked_by, principal->name);
    row->news = RESTART_NEWS_ASKED;
    row->request.at_unix_ms = engine->now_unix_ms;
    row->request.end = RESTART_END_NONE;
    row->words_seq = engine->seq + 1;
    (void)engine_restart_terms(engine, incident, row->request.digest);
    struct record record = {.kind = RECORD_RESTART_ASKED,
                            .actor = principal->name,
                            .workflow = slice_text(stop->names[0])};
    struct pending pending = {
        .saved = engine_restart_saved, .done = done, .arg = arg, .id = incident};
    engine_save_restart(engine, restart, &record, buf_slice(&words), &pending);
    engine_tell_restart(engine, restart, reason);
    buf_done(&words);
    engine_set_alarm(engine);
}

/* ---- approve ---- */

void engine_restart_refuse(enum restart_says says, const char *text, const struct pending *reply)
{
    static const enum engine_refusal outcomes[RESTART_SAYS_COUNT] = {
        [RESTART_NOT_ASKED] = ENGINE_NOT_NOW, [RESTART_REJECTED] = ENGINE_NOT_NOW,
        [RESTART_WITHDRAWN] = ENGINE_NOT_NOW, [RESTART_SERVICE] = ENGINE_DENIED,
        [RESTART_NOT_MEMBER] = ENGINE_DENIED, [RESTART_OVER] = ENGINE_NOT_NOW,
        [RESTART_CHANGED] = ENGINE_NOT_NOW,   [RESTART_OWN] = ENGINE_DENIED,
        [RESTART_OWN_NOT_YET] = ENGINE_DENIED};
    engine_refuse(reply->done, reply->arg, outcomes[says], text);
}

void engine_restart_hear(struct engine *engine, const struct stop *stop,
                         const struct principal *principal, struct arena *arena,
                         struct restart_hearing *out)
{
    static const struct restart_request nobody = {.at_unix_ms = 0};
    uint64_t incident = stop->incident;
    struct restart *restart = engine_restart_of(engine, incident);
    const struct restart_no *no = restart ? restart_row_end(&restart->row) : NULL;
    const struct group *group = engine_restarters(engine, stop);
    bool is_person = principal->kind == PRINCIPAL_PERSON;
    *out = (struct restart_hearing){
        .restart = restart,
        .voice = {.person = principal->name,
                  .is_service = !is_person,
                  .is_member = is_person && group_has(group, principal->name)},
        .refusal = {.who = principal->name,
                    .request = restart ? &restart->row.request : &nobody,
                    .group = group,
                    .incident = incident}};
    out->terms = engine_restart_terms(engine, incident, out->digest);
    if (restart && restart->row.is_ramping && !restart->row.ramp.is_stuck)
        out->refusal.approved_by = slice_text(restart->row.approved_by);
    if (no)
        out->refusal.no = (struct restart_no_words){no, engine_words(engine, no->words_seq, arena),
                                                    engine->now_unix_ms, engine->options.zone};
}

/* A sentence to who spoke, and a record. */
static void restart_refuse(struct engine *engine, const struct principal *principal,
                           const struct restart_refusal *refusal, const struct pending *reply)
{
    struct pending none = {0};
    struct control control = {.record = {.kind = RECORD_RESTART_REFUSED,
                                         .actor = principal->name,
                                         .incident = refusal->incident,
                                         .subject = slice_text(restart_says_name(refusal->says))}};
    engine_save_control(engine, &control, &none);
    struct buf text;
    buf_init(&text, LIMIT_REASON);
    restart_refusal_add(&text, refusal);
    engine_restart_refuse(refusal->says, buf_text(&text), reply);
    buf_done(&text);
}

/* All that it asked for may start again: at once, or by its ramp. */
static void restart_carry_out(struct engine *engine, struct restart *restart,
                              const struct principal *principal, const struct stop *stop,
                              struct pending *reply)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct restart_row *row = &restart->row;
    struct slice reason = engine_words(engine, row->words_seq, &arena);
    struct slice asked_by = arena_copy(&arena, slice_text(row->request.by));
    const struct stop told = *stop; /* of the message: it moves with the switchboard */
    engine_restart_copy_name(row->approved_by, principal->name);
    row->approved_unix_ms = engine->now_unix_ms;
    row->request.by[0] = '\0'; /* used, once */
    row->news = row->is_alone ? RESTART_NEWS_ALONE : RESTART_NEWS_APPROVED;
    engine_ramp_begin(engine, restart, stop);
    struct record record = {.kind = RECORD_RESTART_APPROVED,
                            .actor = principal->name,
                            .workflow = slice_text(told.names[0]),
                            .subject = asked_by,
                            .number = row->is_alone};
    struct stops_change change = {.to = row->is_ramping ? STOPS_RAMPING : STOPS_LIFTED,
                                  .is_approval = true,
                                  .actor = principal->name,
                                  .reason = reason};
    reply->saved = engine_restart_saved;
    engine_save_restart_with_stops(engine, restart, &record, &change, reply);
    engine_tell_restart(engine, restart, reason);
    if (!row->is_ramping)
        engine_alert_close(engine, &told, principal->name, reason);
    arena_done(&arena);
}

/* Who approved it asks again, for want of an answer. */
static bool restart_is_repeat(const struct restart *restart, const struct principal *principal)
{
    return restart && restart->row.is_ramping && !restart->row.ramp.is_stuck &&
           !restart->row.request.by[0] && principal->kind == PRINCIPAL_PERSON &&
           slice_is(principal->name, restart->row.approved_by);
}

void engine_restart_repeat(struct engine *engine, struct restart *restart, struct pending *reply)
{
    struct restart_draft draft;
    struct record unused = {.kind = RECORD_RESTART_APPROVED};
    restart_draft_make(restart, &unused, (struct slice){0}, &draft);
    reply->saved = engine_restart_saved;
    engine_save_rows(engine, draft.rows, 1, reply); /* no record: nothing happens */
    restart_draft_done(&draft);
}

static void restarts_do_approve(void *impl, const struct principal *principal, uint64_t incident,
                                engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    struct restart_hearing hearing;
    (void)engine_now(engine);
    restart_sweep(engine);
    struct stop *stop = engine_restart_stop(engine, incident, done, arg);
    if (!stop)
        return;
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    engine_restart_hear(engine, stop, principal, &arena, &hearing);
    struct restart *restart = hearing.restart;
    struct restart_refusal *refusal = &hearing.refusal;
    refusal->says = restart_decide(refusal->request, &hearing.terms, &hearing.voice);
    refusal->wait_ms =
        refusal->request->at_unix_ms + restart_alone_ms(&hearing.terms) - engine->now_unix_ms;
    if (refusal->says == RESTART_YES_ALONE && engine_defers(engine)) { /* is its time over? (R29) */
        refusal->says = RESTART_OWN_NOT_YET;
        refusal->wait_ms = engine->clocks.until_unix_ms - engine->now_unix_ms;
    }
    struct pending reply = {.done = done, .arg = arg, .id = incident};
    if (restart_is_repeat(restart, principal)) {
        engine_restart_repeat(engine, restart, &reply);
    } else if (refusal->says != RESTART_YES && refusal->says != RESTART_YES_ALONE) {
        restart_refuse(engine, principal, refusal, &reply);
    } else if (engine->ramp_count >= LIMIT_RAMPS && !restart->row.is_ramping) {
        engine_refuse(done, arg, ENGINE_NO_ROOM, "LIMIT_RAMPS incidents start again already");
    } else {
        engine_ramp_make_up(engine, restart);
        restart->row.is_alone = refusal->says == RESTART_YES_ALONE;
        restart_carry_out(engine, restart, principal, stop, &reply);
    }
    arena_done(&arena);
    engine_set_alarm(engine);
}

/* ---- reads ---- */

static enum err restarts_do_read(void *impl, uint64_t incident, struct arena *arena,
                                 struct engine_restart *out)
{
    struct engine *engine = impl;
    unsigned char digest[RESTART_DIGEST];
    (void)engine_now(engine);
    *out = (struct engine_restart){.state = RESTART_NONE};
    struct restart *restart = engine_restart_of(engine, incident);
    const struct stop *stop = engine_incident_stop(engine, incident);
    if (!stop || stop->is_lifted)
        return ERR_OK;
    out->approvers = engine_restarters(engine, stop);
    if (!restart)
        return ERR_OK;
    const struct restart_row *row = &restart->row;
    struct restart_terms terms = engine_restart_terms(engine, incident, digest);
    out->row = *row;
    out->ramp = engine_ramp_of(engine, stop, &out->stage_due_ms);
    out->reason = engine_words(engine, row->words_seq, arena);
    out->rejected_why = engine_words(engine, row->rejected.words_seq, arena);
    out->withdrawn_why = engine_words(engine, row->withdrawn.words_seq, arena);
    out->over_unix_ms = restart_over_unix_ms(&row->request, &terms);
    int64_t alone_ms = restart_alone_ms(&terms);
    out->alone_unix_ms = alone_ms ? row->request.at_unix_ms + alone_ms : 0;
    if (restart_stands(&row->request, &terms))
        out->state = RESTART_ASKED;
    else if (row->is_ramping)
        out->state = row->ramp.is_stuck ? RESTART_STUCK : RESTART_RAMPING;
    else if (row->request.by[0])
        out->state = RESTART_VOID;
    else if (row->request.end != RESTART_END_NONE)
        out->state = RESTART_ENDED;
    return ERR_OK;
}

void engine_restart_view(struct engine *engine, const struct stop *stop, struct arena *arena,
                         struct view *out)
{
    unsigned char digest[RESTART_DIGEST];
    const struct restart *restart = engine_restart_of(engine, stop->incident);
    struct buf text;
    if (!restart || stop->is_lifted)
        return;
    buf_init(&text, LIMIT_REASON);
    struct restart_terms terms = engine_restart_terms(engine, stop->incident, digest);
    struct slice by = slice_text(restart->row.request.by);
    const struct group *group = engine_restarters(engine, stop);
    if (restart_stands(&restart->row.request, &terms)) {
        out->restart_by = arena_copy(arena, by);
        restart_approvers_add(&text, group, by);
        out->approvers = arena_copy(arena, buf_slice(&text));
        for (size_t i = 0; group && i < group->member_count && out->approver.size == 0; i++)
            if (!slice_equal(group->members[i]->name, by))
                out->approver = group->members[i]->name;
    } else if (restart->row.is_ramping) {
        ramp_text_add(&text, engine_ramp_of(engine, stop, NULL), &restart->row.ramp);
        out->ramp = arena_copy(arena, buf_slice(&text));
    }
    buf_done(&text);
}

/* After its end: what its stops held and has not left yet. */
static void restart_add_drain(struct engine *engine, struct incident_view *view, struct buf *out)
{
    const char *name = view->journal.names[JOURNAL_WORKFLOW];
    uint64_t count = 0;
    int64_t milli = 0;
    for (size_t i = 0; i < engine->workflow_count; i++) {
        struct workflow_state *workflow = &engine->workflows[i];
        uint64_t left = drain_left(&workflow->drain);
        if (left == 0 || (name[0] && strcmp(name, workflow->name) != 0))
            continue;
        count += left;
        milli += drain_milli(engine, &workflow->drain);
    }
    if (count == 0)
        return;
    buf_add_fmt(out, "%llu held leave at ", (unsigned long long)count);
    drain_add_text(out, count, milli);
}

struct slice engine_restart_no_words(struct engine *engine, uint64_t incident, struct arena *arena)
{
    struct engine_restart restart;
    struct buf out;
    if (restarts_do_read(engine, incident, arena, &restart) != ERR_OK ||
        restart.state == RESTART_NONE)
        return (struct slice){0};
    const struct restart_row *row = &restart.row;
    const struct restart_no *no =
        restart.state == RESTART_ASKED ? &row->rejected : restart_row_end(row);
    if (!no || !no->by[0])
        return (struct slice){0};
    buf_init(&out, LIMIT_REASON);
    restart_no_add(&out, &(struct restart_no_words){no,
                                                    no == &row->rejected ? restart.rejected_why
                                                                         : restart.withdrawn_why,
                                                    engine->now_unix_ms, engine->options.zone});
    struct slice kept = arena_copy(arena, buf_slice(&out));
    buf_done(&out);
    return kept;
}

void engine_restart_words(struct engine *engine, struct arena *arena, struct incident_view *view)
{
    struct engine_restart restart;
    struct buf out;
    buf_init(&out, LIMIT_REASON);
    if (restarts_do_read(engine, view->id, arena, &restart) != ERR_OK)
        restart.state = RESTART_NONE;
    const struct restart_row *row = &restart.row;
    view->is_restart_asked = restart.state == RESTART_ASKED;
    view->is_stuck = restart.state == RESTART_STUCK;
    if (!view->is_open && view->journal.kind == INCIDENT_STOP) {
        restart_add_drain(engine, view, &out);
        view->drain = arena_copy(arena, buf_slice(&out));
        buf_reset(&out);
    }
    if (view->is_restart_asked) {
        buf_add_fmt(&out, "%s asks for a restart. Who may approve it: ", row->request.by);
        restart_approvers_add(&out, restart.approvers, slice_text(row->request.by));
        buf_add_byte(&out, '.');
    } else if (restart.state == RESTART_RAMPING || restart.state == RESTART_STUCK) {
        ramp_text_add(&out, restart.ramp, &row->ramp);
        view->ramp = arena_copy(arena, buf_slice(&out));
        buf_reset(&out);
        buf_add_fmt(&out, "Restart approved by %s%s.", row->approved_by,
                    row->is_alone ? ", ALONE" : "");
    }
    struct slice no = engine_restart_no_words(engine, view->id, arena);
    if (no.size > 0) {
        buf_add_text(&out, out.size > 0 ? " " : "");
        buf_add(&out, no);
        buf_add_byte(&out, '.');
    }
    view->restart_words = arena_copy(arena, buf_slice(&out));
    buf_done(&out);
    engine_holders_view(engine, arena, view);
}

/* ---- the start ---- */

static enum err restarts_load_row(void *arg, const struct store_row *stored, bool *out_is_enough)
{
    struct engine *engine = arg;
    struct restart_row row;
    (void)out_is_enough;
    enum err err = restart_row_decode(stored->value, &row);
    if (err != ERR_OK || (row.is_over && row.news == RESTART_NEWS_NONE))
        return err;
    if (engine->ramp_count >= LIMIT_RAMPS)
        row.is_ramping = false;
    return restart_add(engine, &row) ? ERR_OK : ERR_NO_MEMORY;
}

/* A stop that says that it is ramping binds everything where no ramp says so, too. */
static void restarts_join(struct engine *engine)
{
    for (size_t i = 0; i < engine->board.stop_count; i++) {
        struct stop *stop = &engine->board.stops[i];
        const struct restart *restart = engine_restart_of(engine, stop->incident);
        stop->is_ramping = stop->is_ramping && restart && restart->row.is_ramping;
    }
}

enum err engine_load_restarts(struct engine *engine)
{
    enum err err = rows_each(engine, STORE_RESTARTS, (struct slice){0}, restarts_load_row, engine);
    if (err == ERR_OK)
        restarts_join(engine);
    return err;
}

void engine_restarts_done(struct engine *engine)
{
    while (!list_is_empty(&engine->restarts)) {
        struct restart *restart = LIST_ENTRY(engine->restarts.next, struct restart, link);
        list_remove(&restart->link);
        free(restart);
    }
}

void engine_port_restarts(struct engine_port *port)
{
    port->restart = restarts_do_ask;
    port->approve = restarts_do_approve;
    port->restart_of = restarts_do_read;
}
