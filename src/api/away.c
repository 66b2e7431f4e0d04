/* Who is away: said by oneself, or for others by admins. Oneself names no cover who may do less
 * than what falls to them then; an admin may. */
#include "api/body.h"
#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/calendar.h"
#include "base/limits.h"
#include "record/member.h"
#include "record/zone.h"

struct away_body {
    struct slice person, until, cover;
    bool back;
};

static void away_add(struct buf *out, const struct away *away)
{
    buf_add_byte(out, '{');
    member_add_text(out, "person", away->person);
    member_add_time(out, "until", away->until_unix_ms);
    member_add_text(out, "cover", away->cover);
    buf_add_byte(out, '}');
}

void away_list(struct call *call)
{
    const struct away_list *list = call->engine->away(call->engine->impl);
    int64_t now = call->engine->now_unix_ms(call->engine->impl);
    size_t shown = 0;
    if (!parameter_read(call, NULL, 0))
        return;
    struct buf out;
    reply_begin_list(&out);
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].until_unix_ms <= now)
            continue;
        buf_add_text(&out, shown++ ? "," : "");
        away_add(&out, &list->items[i]);
    }
    reply_list(call, (struct slice){0}, &out);
}

static void away_taken(struct call *call, const struct engine_reply *reply)
{
    (void)reply;
    struct buf out;
    buf_init(&out, LIMIT_HTTP_ANSWER);
    const struct away *away = away_find(call->engine->away(call->engine->impl), call->name,
                                        call->engine->now_unix_ms(call->engine->impl));
    struct away back = {.person = call->name};
    away_add(&out, away ? away : &back);
    reply_json(call, 200, &out);
    buf_done(&out);
}

static bool away_refuse(struct call *call, const char *pointer, const char *detail)
{
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = slice_text(pointer),
                                          .detail = slice_text(detail)});
    return false;
}

/* A time, or a day: its begin in the zone of the installation. */
static bool away_read_until(struct call *call, struct slice text, int64_t *out_unix_ms)
{
    const struct zone *zone = call->engine->zone(call->engine->impl);
    struct calendar calendar = {.impl = zone ? zone->impl : NULL,
                                .utc_offset_ms = zone ? zone->utc_offset_ms : NULL};
    bool is_good = text_parse_time(text, out_unix_ms);
    if (!is_good && text.size == 10) {
        struct slice begin = arena_fmt(&call->arena, "%.*sT00:00:00Z", SLICE_FMT(text));
        is_good = text_parse_time(begin, out_unix_ms);
        if (is_good)
            *out_unix_ms = calendar_unix_ms(&calendar, *out_unix_ms);
    }
    if (!is_good)
        return away_refuse(call, "/until",
                           "\"until\" is a day, as 2026-12-01, or a time of RFC 3339");
    if (*out_unix_ms <= call->engine->now_unix_ms(call->engine->impl))
        return away_refuse(call, "/until", "\"until\" is over already");
    return true;
}

static bool away_read(struct call *call, struct away_body *body, struct away *out)
{
    static const struct body_field fields[] = {
        {.name = "person", .type = BODY_NAME, .at = offsetof(struct away_body, person)},
        {.name = "until",
         .type = BODY_TEXT,
         .size_max = LIMIT_NAME,
         .at = offsetof(struct away_body, until)},
        {.name = "cover", .type = BODY_NAME, .at = offsetof(struct away_body, cover)},
        {.name = "back", .type = BODY_BOOL, .at = offsetof(struct away_body, back)},
    };
    if (!parameter_read(call, NULL, 0) ||
        !body_read(call, fields, sizeof fields / sizeof *fields, body))
        return false;
    if (body->person.size == 0)
        body->person = call->principal.name;
    *out = (struct away){.person = body->person, .cover = body->cover};
    if (!config_person(call->config, body->person))
        return away_refuse(call, "/person", "it must be one of `people` of the configuration");
    if (body->back && (body->until.size > 0 || body->cover.size > 0))
        return away_refuse(call, "/back", "who is back has no \"until\" and no \"cover\"");
    if (body->back)
        return true;
    if (body->until.size == 0)
        return away_refuse(call, "/until", "until when? or \"back\": true");
    if (!away_read_until(call, body->until, &out->until_unix_ms))
        return false;
    if (body->cover.size > 0 &&
        (!config_person(call->config, body->cover) || slice_equal(body->cover, body->person)))
        return away_refuse(call, "/cover", "it must be another one of `people`");
    return true;
}

void away_post(struct call *call)
{
    struct away_body body = {0};
    struct away away;
    if (!away_read(call, &body, &away))
        return;
    bool is_oneself =
        call->principal.kind == PRINCIPAL_PERSON && slice_equal(away.person, call->principal.name);
    bool is_admin =
        right_allows(call->config, &call->principal, RIGHT_CONFIGURE, &(struct right_subject){0});
    if (!is_oneself && !is_admin) {
        reply_refuse(call, TROUBLE_DENIED,
                     "%.*s may not say this for %.*s: they themselves may, and admins",
                     SLICE_FMT(call->principal.name), SLICE_FMT(away.person));
        return;
    }
    const struct group *short_of =
        away.cover.size > 0 ? who_not_shared(call->config, away.person, away.cover) : NULL;
    if (short_of && !is_admin) { /* a right is not given away by who has it */
        reply_refuse(call, TROUBLE_DENIED,
                     "%.*s is not in %.*s: name a cover who is, or ask an admin to name this one",
                     SLICE_FMT(away.cover), SLICE_FMT(short_of->name));
        return;
    }
    away.is_by_admin = is_admin;
    call->name = call_copy(call, away.person);
    call->engine->away_put(call->engine->impl, &call->principal, &away,
                           reply_when_taken(call, away_taken), call);
}
