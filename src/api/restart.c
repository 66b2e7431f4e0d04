#include "api/restart.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/reply.h"
#include "base/limits.h"
#include "record/member.h"
#include "record/restart_row.h"

/* Who may say yes: of the group all but who asked, or whoever asked too where `alone:` lets it. */
static void restart_add_approvers(struct buf *out, const struct engine_restart *restart,
                                  int64_t now_unix_ms)
{
    const struct group *group = restart->approvers;
    bool has_own = restart->alone_unix_ms > 0 && now_unix_ms >= restart->alone_unix_ms;
    size_t count = 0;
    member_add_name(out, "approvers");
    buf_add_byte(out, '[');
    for (size_t i = 0; group && i < group->member_count; i++) {
        struct slice name = group->members[i]->name;
        if (!has_own && slice_is(name, restart->row.request.by))
            continue;
        buf_add_text(out, count++ ? "," : "");
        buf_add_json_text(out, name);
    }
    buf_add_byte(out, ']');
}

/* Who said no, when and why; null: nobody has. */
static void restart_add_no(struct buf *out, const char *name, const struct restart_no *no,
                           struct slice why)
{
    member_add_name(out, name);
    if (!no->by[0]) {
        buf_add_text(out, "null");
        return;
    }
    buf_add_byte(out, '{');
    member_add_text(out, "by", slice_text(no->by));
    member_add_time(out, "at", no->at_unix_ms);
    member_add_text(out, "asked_by", slice_text(no->asked_by));
    member_add_text(out, "reason", why);
    buf_add_byte(out, '}');
}

static void restart_add_ramp(struct buf *out, const struct engine_restart *restart)
{
    struct buf text;
    member_add_name(out, "ramp");
    if (!restart->row.is_ramping) {
        buf_add_text(out, "null");
        return;
    }
    const struct ramp_state *ramp = &restart->row.ramp;
    buf_init(&text, LIMIT_REASON);
    ramp_text_add(&text, restart->ramp, ramp);
    buf_add_byte(out, '{');
    member_add_text(out, "text", buf_slice(&text));
    member_add_u64(out, "stage", ramp->stage + 1);
    member_add_u64(out, "stages", restart->ramp->stage_count);
    member_add_u64(out, "started", (uint64_t)ramp->started);
    member_add_u64(out, "ok", (uint64_t)ramp->ended_ok);
    member_add_u64(out, "not_ok", (uint64_t)ramp->ended_otherwise);
    member_add_u64(out, "uncertain", (uint64_t)ramp->uncertain);
    member_add_bool(out, "stuck", ramp->is_stuck);
    member_add_time(out, "began_at", restart->row.began_unix_ms);
    member_add_time(out, "due",
                    ramp->is_stuck ? 0 : ramp->progress_unix_ms + restart->stage_due_ms);
    buf_add_byte(out, '}');
    buf_done(&text);
}

void restart_add(struct call *call, uint64_t incident, struct buf *out)
{
    static const char *const states[] = {
        [RESTART_NONE] = NULL,      [RESTART_ASKED] = "asked", [RESTART_VOID] = "void",
        [RESTART_RAMPING] = "ramp", [RESTART_STUCK] = "stuck", [RESTART_ENDED] = NULL};
    struct engine_restart restart = {.state = RESTART_NONE};
    const struct engine_port *engine = call->engine;
    member_add_name(out, "restart");
    if (engine->restart_of(engine->impl, incident, &call->arena, &restart) != ERR_OK ||
        restart.state == RESTART_NONE) {
        buf_add_text(out, "null");
        return;
    }
    const struct restart_row *row = &restart.row;
    bool is_asked = row->request.by[0] != '\0';
    buf_add_byte(out, '{');
    bool was_withdrawn = row->request.end == RESTART_END_WITHDRAWN;
    const char *ended = was_withdrawn ? "withdrawn" : "rejected";
    member_add_word(out, "state", restart.state == RESTART_ENDED ? ended : states[restart.state]);
    member_add_text(out, "by", slice_text(row->request.by));
    member_add_time(out, "at", is_asked ? row->request.at_unix_ms : 0);
    member_add_text(out, "reason", restart.reason);
    member_add_time(out, "ends_at", is_asked ? restart.over_unix_ms : 0);
    member_add_time(out, "alone_from", is_asked ? restart.alone_unix_ms : 0);
    restart_add_approvers(out, &restart, engine->now_unix_ms(engine->impl));
    member_add_text(out, "group", restart.approvers ? restart.approvers->name : (struct slice){0});
    member_add_text(out, "approved_by", slice_text(row->approved_by));
    member_add_time(out, "approved_at", row->approved_unix_ms);
    member_add_bool(out, "alone", row->is_alone);
    restart_add_no(out, "rejected", &row->rejected, restart.rejected_why);
    restart_add_no(out, "withdrawn", &row->withdrawn, restart.withdrawn_why);
    restart_add_ramp(out, &restart);
    buf_add_byte(out, '}');
}

struct restart_body {
    struct slice reason;
};
static const struct body_field restart_fields[] = {
    {.name = "reason",
     .type = BODY_TEXT,
     .is_required = true,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct restart_body, reason)},
};

static void restart_taken(struct call *call, const struct engine_reply *reply)
{
    (void)reply;
    incidents_reply(call, 202, call->id);
}

/* false: told. Only a stop is restarted; another incident is over by other means. */
static bool restart_is_of_stop(struct call *call)
{
    enum incident_kind kind = call->incident->kind;
    if (kind == INCIDENT_STOP)
        return true;
    reply_refuse(call, TROUBLE_NOT_NOW,
                 kind == INCIDENT_ALERT || kind == INCIDENT_UNDONE
                     ? "nothing is stopped by this incident: it is over when somebody acknowledges "
                       "it (interlock ack)"
                     : "nothing is stopped by this incident: it closes by itself when its trouble "
                       "is over");
    return false;
}

/* Of a stop that is open, with a reason that is not empty; else it is told. */
static bool restart_read(struct call *call, const char *empty, struct restart_body *body)
{
    if (!restart_is_of_stop(call))
        return false;
    if (!body_read(call, restart_fields, 1, body) || !incidents_is_open(call))
        return false;
    if (body->reason.size > 0)
        return true;
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = SLICE("/reason"),
                                          .detail = slice_text(empty)});
    return false;
}

void restart_post(struct call *call)
{
    struct restart_body body = {0};
    if (restart_read(call, "\"reason\" is empty: who approves it reads why it may run again",
                     &body))
        call->engine->restart(call->engine->impl, &call->principal, call->id, body.reason,
                              reply_when_taken(call, restart_taken), call);
}

/* Who may is asked by the engine, as for an approval. */
void restart_reject(struct call *call)
{
    struct restart_body body = {0};
    if (restart_read(call, "\"reason\" is empty: who asked reads why not", &body))
        call->engine->reject(call->engine->impl, &call->principal, call->id, body.reason,
                             reply_when_taken(call, restart_taken), call);
}

/* Who may is asked by the engine, at the use: it knows who asked, and records what it refuses. */
void restart_approve(struct call *call)
{
    struct restart_body body = {0};
    bool is_empty = call->request->body.size == 0;
    if (restart_is_of_stop(call) && (is_empty || body_read(call, restart_fields, 0, &body)) &&
        incidents_is_open(call))
        call->engine->approve(call->engine->impl, &call->principal, call->id,
                              reply_when_taken(call, restart_taken), call);
}
