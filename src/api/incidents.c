#include "api/body.h"
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "record/ids.h"
#include "record/member.h"
#include "record/receipt.h"

struct incidents_body {
    struct slice reason;
};
static const struct body_field incidents_fields[] = {
    {.name = "reason",
     .type = BODY_TEXT,
     .is_required = true,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct incidents_body, reason)},
};

static bool incidents_read_reason(struct call *call, struct incidents_body *body)
{
    if (!body_read(call, incidents_fields, 1, body))
        return false;
    if (body->reason.size > 0)
        return true;
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = SLICE("/reason"),
                                          .detail = SLICE("\"reason\" is empty: the record says "
                                                          "why")});
    return false;
}

/* Who restarts it, with the person to begin with. */
static void incidents_add_who(const struct config *config, const struct engine_incident *incident,
                              struct buf *out)
{
    const struct workflow *workflow = config_workflow_of(config, incident->workflow);
    const struct duties *duties = workflow ? &workflow->duties : &config->switch_duties;
    const struct group *group = duties->restart ? duties->restart : duties->owner;
    group = group ? group : config->admins;
    buf_add_byte(out, '{');
    member_add_text(out, "group", group ? group->name : (struct slice){0});
    member_add_text(out, "person",
                    group && group->member_count ? group->members[0]->name : (struct slice){0});
    member_add_time(out, "by", 0);
    member_add_word(out, "to_do", "restart it, with a reason, when its cause is gone");
    buf_add_byte(out, '}');
}

/* Who was told, when, through what, and what failed. Whole incidents only. */
static void incidents_add_told(struct call *call, uint64_t incident, struct buf *out)
{
    size_t count = LIMIT_PAGE;
    struct notice *notices = ARENA_ARRAY(&call->arena, LIMIT_PAGE, struct notice);
    enum err err =
        notices ? call->engine->notices(call->engine->impl, incident, &call->arena, notices, &count)
                : ERR_NO_MEMORY;
    member_add_name(out, "told");
    buf_add_byte(out, '[');
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        const struct notice *notice = &notices[i];
        buf_add_text(out, i ? ",{" : "{");
        member_add_id(out, "id", ID_NOTICE, notice->id);
        member_add_word(out, "about", notice_about_name(notice->about));
        member_add_text(out, "person", notice->person);
        member_add_text(out, "channel", notice->channel);
        member_add_u64(out, "rung", notice->rung);
        member_add_word(out, "state", notice_state_name(notice->state));
        member_add_time(out, "at", notice->made_unix_ms);
        member_add_time(out, "ended_at", notice->ended_unix_ms);
        member_add_u64(out, "tries", notice->tries);
        member_add_text(out, "what", notice->what);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

/* How far the telling is. */
static void incidents_add_ladder(struct call *call, uint64_t incident, struct buf *out)
{
    static const char *const states[] = {[LADDER_RUNNING] = "telling",
                                         [LADDER_ACKNOWLEDGED] = "acknowledged",
                                         [LADDER_CLOSED] = "over"};
    struct ladder_row row = {0};
    member_add_name(out, "ladder");
    if (call->engine->ladder(call->engine->impl, incident, &call->arena, &row) != ERR_OK) {
        buf_add_text(out, "null");
        return;
    }
    buf_add_byte(out, '{');
    member_add_word(out, "state", states[row.ladder.state]);
    member_add_u64(out, "rung", row.ladder.rung);
    member_add_time(out, "next_at", row.ladder.next_unix_ms);
    member_add_text(out, "acknowledged_by", row.acknowledged_by);
    member_add_time(out, "acknowledged_at", row.ladder.acknowledged_unix_ms);
    member_add_bool(out, "nobody_answers", ladder_is_loud(&row.ladder));
    buf_add_byte(out, '}');
}

/* The bare incident of a stop: what it stopped, by whom, why, and who restarts it. */
static void incidents_add(struct call *call, const struct engine_incident *incident, bool is_whole,
                          struct buf *out)
{
    const struct config *config = call->engine->config(call->engine->impl);
    bool is_open = slice_is(incident->state, "open");
    const struct stop *stop =
        call->engine->stop_by_id(call->engine->impl, incident->stop, &call->arena);
    buf_add_byte(out, '{');
    member_add_id(out, "id", ID_INCIDENT, incident->id);
    member_add_word(out, "kind", "stop");
    member_add_text(out, "workflow", incident->workflow);
    member_add_word(out, "state", is_open ? "open" : "closed");
    member_add_time(out, "since", incident->since_unix_ms);
    member_add_time(out, "closed_at", incident->closed_unix_ms);
    member_add_text(out, "by", incident->by);
    member_add_text(out, "why", incident->reason);
    member_add_name(out, "who");
    if (is_open)
        incidents_add_who(config, incident, out);
    else
        buf_add_text(out, "null");
    member_add_name(out, "stops");
    buf_add_byte(out, '[');
    if (stop)
        receipt_json_add(out, stop, incident->reason, NULL, 0);
    buf_add_byte(out, ']');
    incidents_add_ladder(call, incident->id, out);
    if (is_whole)
        incidents_add_told(call, incident->id, out);
    buf_add_byte(out, '}');
}

/* `open=1`: only those that nobody has restarted yet. */
void incidents_list(struct call *call)
{
    struct slice open = {0};
    bool is_open_only = false;
    const struct parameter fields[] = {{"open", &open}};
    if (!parameter_read(call, fields, 1) || !parameter_flag(call, "open", open, &is_open_only))
        return;
    size_t count = LIMIT_PAGE;
    struct engine_incident *incidents = ARENA_ARRAY(&call->arena, count, struct engine_incident);
    enum err err = incidents ? call->engine->incidents(call->engine->impl, is_open_only,
                                                       &call->arena, incidents, &count)
                             : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    buf_add_text(&out, "{\"items\":[");
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (!call_may_see_stops(call, incidents[i].workflow))
            continue;
        buf_add_text(&out, shown++ ? "," : "");
        incidents_add(call, &incidents[i], false, &out);
    }
    buf_add_text(&out, "],\"next\":null}");
    reply_json(call, 200, &out);
    buf_done(&out);
}

static void incidents_reply(struct call *call, uint64_t id)
{
    struct engine_incident *incident = ARENA_NEW(&call->arena, struct engine_incident);
    enum err err = incident ? call->engine->incident(call->engine->impl, id, &call->arena, incident)
                            : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    incidents_add(call, incident, true, &out);
    reply_json(call, 200, &out);
    buf_done(&out);
}

void incidents_get(struct call *call)
{
    if (parameter_read(call, NULL, 0))
        incidents_reply(call, call->id);
}

static void incidents_done(void *arg, const struct engine_reply *reply)
{
    struct call *call = arg;
    call_enter(call);
    if (reply->outcome != ENGINE_TAKEN)
        reply_refusal(call, reply);
    else
        incidents_reply(call, call->id);
    call_leave(call);
}

/* Closed is closed: 409, whatever was asked. */
static bool incidents_is_open(struct call *call)
{
    if (slice_is(call->incident->state, "open"))
        return true;
    reply_refuse(call, TROUBLE_NOT_NOW, "this incident is closed: its stop was lifted");
    return false;
}

void incidents_restart(struct call *call)
{
    struct incidents_body body = {0};
    if (incidents_read_reason(call, &body) && incidents_is_open(call))
        call->engine->restart(call->engine->impl, &call->principal, call->id, body.reason,
                              incidents_done, call);
}

void incidents_note(struct call *call)
{
    struct incidents_body body = {0};
    if (incidents_read_reason(call, &body) && incidents_is_open(call))
        call->engine->incident_reason(call->engine->impl, &call->principal, call->id, body.reason,
                                      incidents_done, call);
}

/* By a person only: whoever answers takes care of it. The body is empty, or {}. */
void incidents_ack(struct call *call)
{
    struct incidents_body body = {0};
    bool is_empty = call->request->body.size == 0;
    if ((is_empty || body_read(call, incidents_fields, 0, &body)) && incidents_is_open(call))
        call->engine->ack(call->engine->impl, &call->principal, call->id, incidents_done, call);
}
