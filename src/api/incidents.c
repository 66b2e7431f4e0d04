#include "api/body.h"
#include "api/handlers.h"
#include "api/header.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "api/restart.h"
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

/* What its people do. */
static const char *const incidents_to_do[] = {
    [INCIDENT_STOP] = "when its cause is gone, one asks for a restart and another one approves it",
    [INCIDENT_DEGRADED] = "find what is wrong; it closes itself when it is over",
    [INCIDENT_OVERDUE] = "do what is past due, or see that somebody does",
    [INCIDENT_ALERT] = "look at it, and acknowledge it",
    [INCIDENT_UNDONE] = "see whether they are still wanted, and acknowledge it"};

/* Who acts, with the person to begin with. */
static void incidents_add_who(const struct config *config, const struct engine_incident *incident,
                              struct buf *out)
{
    const struct duties *duties = config_duties_of(config, incident->workflow);
    const char *to_do = incident->journal.lasting == LASTING_CLOCK
                            ? "set the clock right, or say that it is: close it"
                            : incidents_to_do[incident->kind];
    const struct group *group =
        incident->kind == INCIDENT_STOP && duties->restart ? duties->restart : duties->owner;
    const struct group *named = config_group(config, slice_text(incident->journal.answers));
    group = named ? named : group ? group : config->admins;
    buf_add_byte(out, '{');
    member_add_text(out, "group", group ? group->name : (struct slice){0});
    member_add_text(out, "person",
                    group && group->member_count ? group->members[0]->name : (struct slice){0});
    member_add_time(out, "by", 0);
    member_add_word(out, "to_do", to_do);
    buf_add_byte(out, '}');
}

/* Who was told, when, through what, and what failed. Whole incidents only. */
static void incidents_add_told(const struct incident_view *view, struct buf *out)
{
    member_add_name(out, "told");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < view->notice_count; i++) {
        const struct notice *notice = &view->notices[i];
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

/* The scope: what is named of it, as in a receipt. */
static void incidents_add_scope(struct buf *out, const struct journal *journal)
{
    static const char *const names[JOURNAL_NAMES] = {"workflow", "step", "upstream", "risk"};
    member_add_name(out, "scope");
    buf_add_byte(out, '{');
    for (size_t i = 0; i < JOURNAL_NAMES; i++)
        if (journal->names[i][0])
            member_add_word(out, names[i], journal->names[i]);
    buf_add_byte(out, '}');
}

/* Since when it is one, and why in words: what lasts, or what was said. */
static void incidents_add_why(struct call *call, const struct engine_incident *incident,
                              struct buf *out)
{
    struct buf trouble;
    buf_init(&trouble, LIMIT_SENTENCE);
    incident_add_trouble(&trouble, &incident->journal, call->engine->zone(call->engine->impl),
                         call->engine->now_unix_ms(call->engine->impl));
    member_add_text(out, "trouble", buf_slice(&trouble));
    member_add_text(out, "why", incident->reason);
    buf_done(&trouble);
}

/* The stops of it that are in force, or the first that it had. */
static void incidents_add_stops(struct call *call, const struct engine_incident *incident,
                                struct buf *out)
{
    const struct engine_port *engine = call->engine;
    size_t count = LIMIT_STOPS, shown = 0;
    struct stop *stops = ARENA_ARRAY(&call->arena, count, struct stop);
    if (!stops || engine->stops(engine->impl, false, &call->arena, stops, &count) != ERR_OK)
        count = 0;
    member_add_name(out, "stops");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (stops[i].incident != incident->id)
            continue;
        buf_add_text(out, shown++ ? "," : "");
        receipt_json_add(out, &stops[i], engine->stop_reason(engine->impl, &stops[i], &call->arena),
                         NULL, 0);
    }
    const struct stop *first =
        shown == 0 ? engine->stop_by_id(engine->impl, incident->stop, &call->arena) : NULL;
    if (first)
        receipt_json_add(out, first, incident->reason, NULL, 0);
    buf_add_byte(out, ']');
}

/* view: of a whole one; else NULL. */
static void incidents_add(struct call *call, const struct engine_incident *incident,
                          const struct incident_view *view, struct buf *out)
{
    const struct config *config = call->engine->config(call->engine->impl);
    const struct workflow *now = config_workflow_of(config, incident->workflow); /* R28 */
    bool is_open = slice_is(incident->state, "open");
    buf_add_byte(out, '{');
    member_add_id(out, "id", ID_INCIDENT, incident->id);
    member_add_word(out, "kind", incident_kind_name(incident->kind));
    member_add_text(out, "workflow", now ? now->name : incident->workflow);
    incidents_add_scope(out, &incident->journal);
    member_add_word(out, "state", is_open ? "open" : "closed");
    member_add_time(out, "since", incident->since_unix_ms);
    member_add_time(out, "closed_at", incident->closed_unix_ms);
    member_add_id(out, "joined_into", ID_INCIDENT, incident->journal.joined_into);
    member_add_text(out, "by", incident->by);
    incidents_add_why(call, incident, out);
    member_add_name(out, "who");
    if (is_open)
        incidents_add_who(config, incident, out);
    else
        buf_add_text(out, "null");
    incidents_add_stops(call, incident, out);
    restart_add(call, incident->id, out);
    incidents_add_ladder(call, incident->id, out);
    if (view) {
        incidents_add_told(view, out);
        incident_json_add(out, view);
    }
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
    reply_begin_list(&out);
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (!call_may_see_incident(call, incidents[i].workflow,
                                   slice_text(incidents[i].journal.answers)))
            continue;
        buf_add_text(&out, shown++ ? "," : "");
        incidents_add(call, &incidents[i], NULL, &out);
    }
    reply_list(call, (struct slice){0}, &out);
}

/* None where they cannot be read: the rest is told all the same. */
static void incidents_read_notices(struct call *call, uint64_t id, struct incident_view *view)
{
    size_t count = LIMIT_PAGE;
    struct notice *notices = ARENA_ARRAY(&call->arena, LIMIT_PAGE, struct notice);
    if (!notices ||
        call->engine->notices(call->engine->impl, id, &call->arena, notices, &count) != ERR_OK)
        return;
    view->notices = notices;
    view->notice_count = count;
}

enum incidents_form { INCIDENTS_JSON, INCIDENTS_TEXT, INCIDENTS_MARKDOWN };

static void incidents_tell(struct call *call, int status, uint64_t id, enum incidents_form form)
{
    const struct engine_port *engine = call->engine;
    struct engine_incident *incident = ARENA_NEW(&call->arena, struct engine_incident);
    struct incident_view *view = ARENA_NEW(&call->arena, struct incident_view);
    enum err err = incident && view ? engine->incident(engine->impl, id, &call->arena, incident)
                                    : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = engine->incident_view(engine->impl, id, &call->arena, view);
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    incidents_read_notices(call, id, view);
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    switch (form) {
    case INCIDENTS_JSON:
        incidents_add(call, incident, view, &out);
        reply_json(call, status, &out);
        break;
    case INCIDENTS_TEXT:
        incident_text_add(&out, view);
        reply_text(call, 200, &out);
        break;
    case INCIDENTS_MARKDOWN:
        incident_report_add(&out, view);
        reply_markdown(call, 200, &out);
        break;
    }
    buf_done(&out);
}

void incidents_reply(struct call *call, int status, uint64_t id)
{
    incidents_tell(call, status, id, INCIDENTS_JSON);
}

/* JSON; as text the page of `interlock incident`; as Markdown the report. */
void incidents_get(struct call *call)
{
    struct slice format = {0};
    const struct parameter fields[] = {{"format", &format}};
    if (!parameter_read(call, fields, 1))
        return;
    enum incidents_form form = header_wants_markdown(call->request) ? INCIDENTS_MARKDOWN
                               : header_wants_text(call->request)   ? INCIDENTS_TEXT
                                                                    : INCIDENTS_JSON;
    if (slice_is(format, "markdown"))
        form = INCIDENTS_MARKDOWN;
    else if (slice_is(format, "text"))
        form = INCIDENTS_TEXT;
    else if (slice_is(format, "json"))
        form = INCIDENTS_JSON;
    else if (format.at) {
        (void)parameter_refuse(call, "format", "json, text or markdown");
        return;
    }
    incidents_tell(call, 200, call->id, form);
}

static void incidents_taken(struct call *call, const struct engine_reply *reply)
{
    (void)reply;
    incidents_reply(call, 200, call->id);
}

/* Closed is closed: 409, whatever was asked. */
bool incidents_is_open(struct call *call)
{
    if (slice_is(call->incident->state, "open"))
        return true;
    if (call->incident->journal.joined_into != 0) {
        struct buf id;
        buf_init(&id, TEXT_ID_MAX);
        text_add_id(&id, ID_INCIDENT, call->incident->journal.joined_into);
        reply_refuse(call, TROUBLE_NOT_NOW, "this incident is part of %s: it goes on there",
                     buf_text(&id));
        buf_done(&id);
        return false;
    }
    reply_refuse(call, TROUBLE_NOT_NOW,
                 call->incident->kind == INCIDENT_STOP
                     ? "this incident is closed: its stop was lifted"
                     : "this incident is closed");
    return false;
}

struct incidents_words {
    struct slice reason, note, cause, follow_up;
};
static const struct body_field incidents_word_fields[] = {
    {.name = "reason",
     .type = BODY_TEXT,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct incidents_words, reason)},
    {.name = "note",
     .type = BODY_TEXT,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct incidents_words, note)},
    {.name = "cause",
     .type = BODY_TEXT,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct incidents_words, cause)},
    {.name = "follow_up",
     .type = BODY_TEXT,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct incidents_words, follow_up)},
};

/* One thing is said at a time: each is a record of its own. */
static bool incidents_read_remark(struct call *call, struct engine_remark *out)
{
    struct incidents_words body = {0};
    if (!body_read(call, incidents_word_fields, 4, &body))
        return false;
    const struct engine_remark said[] = {{"reason", body.reason},
                                         {"note", body.note},
                                         {"cause", body.cause},
                                         {"follow_up", body.follow_up}};
    size_t count = 0;
    for (size_t i = 0; i < 4; i++) {
        if (said[i].text.size == 0)
            continue;
        *out = said[i];
        count++;
    }
    if (count == 1)
        return true;
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .detail = SLICE("say one of \"reason\", \"note\", "
                                                          "\"cause\", \"follow_up\", not empty")});
    return false;
}

/* Why it was stopped, while it is open; a note, the cause, what follows from it at any time. */
void incidents_note(struct call *call)
{
    const struct engine_port *engine = call->engine;
    struct engine_remark remark;
    if (!incidents_read_remark(call, &remark))
        return;
    if (!slice_is(slice_text(remark.subject), "reason"))
        engine->incident_remark(engine->impl, &call->principal, call->id, &remark,
                                reply_when_taken(call, incidents_taken), call);
    else if (incidents_is_open(call))
        engine->incident_reason(engine->impl, &call->principal, call->id, remark.text,
                                reply_when_taken(call, incidents_taken), call);
}

static const struct body_field incidents_text_fields[] = {
    {.name = "text",
     .type = BODY_TEXT,
     .is_required = true,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct incidents_body, reason)},
};

/* What stakeholders were told; who says so has told them. */
void incidents_informed(struct call *call)
{
    struct incidents_body body = {0};
    if (!body_read(call, incidents_text_fields, 1, &body))
        return;
    if (body.reason.size == 0) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/text"),
                                              .detail = SLICE("\"text\" is empty: the record has "
                                                              "what stakeholders were told")});
        return;
    }
    struct engine_remark remark = {"informed", body.reason};
    call->engine->incident_remark(call->engine->impl, &call->principal, call->id, &remark,
                                  reply_when_taken(call, incidents_taken), call);
}

/* Of one that no stop made, before it closes itself; the reason is its cause. */
void incidents_close(struct call *call)
{
    struct incidents_body body = {0};
    if (incidents_read_reason(call, &body) && incidents_is_open(call))
        call->engine->incident_close(call->engine->impl, &call->principal, call->id, body.reason,
                                     reply_when_taken(call, incidents_taken), call);
}

/* By a person only: whoever answers takes care of it. The body is empty, or {}. */
void incidents_ack(struct call *call)
{
    struct incidents_body body = {0};
    bool is_empty = call->request->body.size == 0;
    if ((is_empty || body_read(call, incidents_fields, 0, &body)) && incidents_is_open(call))
        call->engine->ack(call->engine->impl, &call->principal, call->id,
                          reply_when_taken(call, incidents_taken), call);
}
