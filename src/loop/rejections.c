/* loop/rejections.c - somebody says no to a restart that is asked for, or who asked takes it back.
 * Owns: row.rejected and row.withdrawn of struct restart, and their records. The rules are
 *   core/restart.c's.
 * Invariants:
 *   I6  nothing is lifted by a request that a no has ended: it counts in memory at once, and what
 *       is approved later is another request.
 *   1. Who spoke is answered when the no is durable. */
#include "loop/restarts.h"

#include <string.h>

#include "loop/engine_state.h"
#include "loop/incidents.h"
#include "loop/loaded.h"
#include "loop/steps.h"
#include "loop/stops.h"
#include "loop/submit.h"

/* Who said no and got no answer says it again. */
static bool rejection_is_repeat(const struct restart *restart, const struct principal *principal)
{
    const struct restart_no *no = restart ? restart_row_end(&restart->row) : NULL;
    return no && !restart->row.request.by[0] && principal->kind == PRINCIPAL_PERSON &&
           slice_is(principal->name, no->by);
}

static void rejection_refuse(const struct restart_refusal *refusal, const struct pending *reply)
{
    struct buf text;
    buf_init(&text, LIMIT_REASON);
    restart_no_refusal_add(&text, refusal);
    engine_restart_refuse(refusal->says, buf_text(&text), reply);
    buf_done(&text);
}

/* Ends the request: its row and the record are one write. */
static void rejection_take(struct engine *engine, struct restart *restart,
                           const struct principal *principal, struct slice reason,
                           struct pending *reply)
{
    struct restart_row *row = &restart->row;
    struct restart_no no = {.at_unix_ms = engine->now_unix_ms};
    struct buf words;
    engine_ramp_make_up(engine, restart);
    no.words_seq = engine->seq + 1; /* of the record below */
    buf_init(&words, LIMIT_REASON * 8);
    loaded_encode_words(engine->loaded, &(struct bundle_words){.reason = reason}, &words);
    engine_restart_copy_name(no.by, principal->name);
    engine_restart_copy_name(no.asked_by, slice_text(row->request.by));
    restart_end(&row->request, principal->name);
    bool is_own = row->request.end == RESTART_END_WITHDRAWN;
    *(is_own ? &row->withdrawn : &row->rejected) = no;
    row->news = RESTART_NEWS_REJECTED;
    struct record record = {.kind = RECORD_RESTART_REJECTED,
                            .actor = principal->name,
                            .workflow =
                                slice_text(engine_incident_stop(engine, row->incident)->names[0]),
                            .subject = slice_text(no.asked_by),
                            .number = is_own};
    reply->saved = engine_restart_saved;
    engine_save_restart(engine, restart, &record, buf_slice(&words), reply);
    engine_tell_restart(engine, restart, reason);
    buf_done(&words);
}

static void rejections_do_reject(void *impl, const struct principal *principal, uint64_t incident,
                                 struct slice reason, engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    struct restart_hearing hearing;
    struct arena arena;
    (void)engine_now(engine);
    const struct stop *stop = engine_restart_stop(engine, incident, done, arg);
    if (!stop)
        return;
    arena_init(&arena, ENGINE_SCRATCH);
    engine_restart_hear(engine, stop, principal, &arena, &hearing);
    struct restart *restart = hearing.restart;
    struct restart_refusal *refusal = &hearing.refusal;
    refusal->says = restart_decide_no(refusal->request, &hearing.terms, &hearing.voice);
    struct pending reply = {.done = done, .arg = arg, .id = incident};
    if (rejection_is_repeat(restart, principal)) {
        reply.saved = engine_restart_saved;
        engine_restart_repeat(engine, restart, &reply);
    } else if (refusal->says != RESTART_YES) {
        rejection_refuse(refusal, &reply);
    } else {
        rejection_take(engine, restart, principal, reason, &reply);
    }
    arena_done(&arena);
    engine_set_alarm(engine);
}

void engine_port_rejections(struct engine_port *port)
{
    port->reject = rejections_do_reject;
}
