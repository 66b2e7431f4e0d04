/* Triggers as they are, signals that are posted to them, and heartbeats. */
#include "api/body.h"
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "record/ids.h"
#include "record/member.h"
#include "record/trip_text.h"

enum { TRIGGERS_ID = 255 };

static const char *triggers_level(enum trigger_level level)
{
    static const char *const names[] = {"normal", "warned", "tripped"};
    return names[level];
}

static void triggers_add_text(struct buf *out, const char *name, const struct trip *trip,
                              bool is_there)
{
    struct buf text;
    buf_init(&text, LIMIT_REASON);
    if (is_there)
        trip_text_add(trip, &text);
    member_add_text(out, name, buf_slice(&text));
    buf_done(&text);
}

static void triggers_add_numbers(struct buf *out, const struct trip *trip)
{
    member_add_name(out, "numbers");
    buf_add_byte(out, '{');
    member_add_u64(out, "observed", (uint64_t)trip->observed);
    if (trip->is_share)
        member_add_u64(out, "of", (uint64_t)trip->total);
    member_add_u64(out, "limit", (uint64_t)trip->limit);
    member_add_bool(out, "is_share", trip->is_share);
    buf_add_byte(out, '}');
}

static void triggers_add(struct buf *out, const struct engine_trigger *item)
{
    const struct trigger *trigger = item->trigger;
    struct buf watch;
    buf_init(&watch, LIMIT_REASON);
    trip_text_add_watch(trigger, &watch);
    buf_add_byte(out, '{');
    member_add_text(out, "name", trigger->name);
    member_add_text(out, "signal", slice_text(signal_name(trigger->signal)));
    member_add_word(out, "moves_to", trigger_move_name(trigger->terms.move));
    member_add_text(out, "step", trigger->step ? trigger->step->name : (struct slice){0});
    member_add_text(out, "risk", trigger->risk);
    member_add_bool(out, "standard", trigger->is_standard);
    member_add_bool(out, "observed_only", item->is_observed);
    member_add_text(out, "watches", buf_slice(&watch));
    member_add_word(out, "state", triggers_level(item->level));
    member_add_bool(out, "known_over", item->is_known_over);
    triggers_add_text(out, "now", &item->now, true);
    triggers_add_numbers(out, &item->now);
    triggers_add_text(out, "last", &item->last, item->tripped_unix_ms != 0);
    member_add_time(out, "tripped_at", item->tripped_unix_ms);
    member_add_time(out, "restarted_at", item->restarted_unix_ms);
    member_add_id(out, "stop", ID_STOP, item->stop);
    buf_add_byte(out, '}');
    buf_done(&watch);
}

void triggers_list(struct call *call)
{
    struct engine_trigger *items = NULL;
    size_t count = 0;
    struct buf out;
    if (!parameter_read(call, NULL, 0))
        return;
    enum err err = call->engine->triggers(call->engine->impl, call->workflow->name, &call->arena,
                                          &items, &count);
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    reply_begin_list(&out);
    for (size_t i = 0; i < count; i++) {
        buf_add_text(&out, i > 0 ? "," : "");
        triggers_add(&out, &items[i]);
    }
    reply_list(call, (struct slice){0}, &out);
}

/* ---- from outside ---- */

static void triggers_taken(struct call *call, const struct engine_reply *reply)
{
    struct buf out;
    (void)reply;
    reply_begin_object(&out);
    member_add_bool(&out, "taken", true);
    reply_object(call, 200, &out);
}

struct signal_body {
    struct slice id, name;
    double value;
};

void triggers_signal(struct call *call)
{
    static const struct body_field fields[] = {
        {.name = "id",
         .type = BODY_TEXT,
         .is_required = true,
         .size_max = TRIGGERS_ID,
         .at = offsetof(struct signal_body, id)},
        {.name = "name",
         .type = BODY_NAME,
         .is_required = true,
         .at = offsetof(struct signal_body, name)},
        {.name = "value",
         .type = BODY_NUMBER,
         .is_required = true,
         .at = offsetof(struct signal_body, value)},
    };
    struct signal_body body = {0};
    if (!parameter_read(call, NULL, 0) ||
        !body_read(call, fields, sizeof fields / sizeof *fields, &body))
        return;
    if (body.id.size == 0) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .pointer = SLICE("/id"),
                                              .detail = SLICE("an empty id tells nothing apart")});
        return;
    }
    call->engine->signal(call->engine->impl,
                         &(struct engine_signal){.workflow = call->workflow,
                                                 .id = body.id,
                                                 .name = body.name,
                                                 .value = body.value,
                                                 .done = reply_when_act_taken(call, triggers_taken),
                                                 .arg = call});
}

void triggers_heartbeat(struct call *call)
{
    struct signal_body unused = {0};
    if (!parameter_read(call, NULL, 0) || !body_read(call, NULL, 0, &unused))
        return;
    call->engine->heartbeat(call->engine->impl, call->workflow,
                            reply_when_act_taken(call, triggers_taken), call);
}
