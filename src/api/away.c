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

/* One answer being made. */
struct away_work {
    struct call *call;
    const struct config *config;
    const struct away *away; /* whose */
    struct buf *out;
    size_t nobody_count;
};

static struct who_question away_question(const struct away_work *work, enum who_duty duty)
{
    const struct engine_port *engine = work->call->engine;
    return (struct who_question){.config = work->config,
                                 .duty = duty,
                                 .away = engine->away(engine->impl),
                                 .now_unix_ms = engine->now_unix_ms(engine->impl)};
}

/* Does the cover that was named count for any work that falls to who is away? */
static bool away_is_covered(const struct away_work *work)
{
    const struct who_question question = away_question(work, WHO_DUTY_DECIDE);
    for (size_t i = 0; i < work->config->group_count; i++) {
        const struct group *group = &work->config->groups[i];
        if (group_has(group, work->away->person) && who_cover(&question, group, work->away))
            return true;
    }
    return false;
}

/* What falls to somebody who is away, and nobody is left who would have it instead, if it has to do
 * with this absence. */
static void away_add_left(struct away_work *work, const struct who_question *question)
{
    static const char *const names[] = {"reviews", "uncertain", "restart"};
    struct who_answer answer;
    if (!who_find(question, &answer) || !answer.person || who_is_there(question, &answer) ||
        !call_may_see_stops(work->call, question->workflow->name))
        return;
    bool is_of_this = group_has(answer.group, work->away->person);
    for (size_t i = 0; !is_of_this && i < answer.group->member_count; i++) {
        const struct away *member =
            away_find(question->away, answer.group->members[i]->name, question->now_unix_ms);
        is_of_this = member && slice_equal(member->cover, work->away->person);
    }
    if (!is_of_this)
        return;
    buf_add_text(work->out, work->nobody_count++ ? ",{" : "{");
    member_add_text(work->out, "workflow", question->workflow->name);
    member_add_text(work->out, "step", question->step ? question->step->name : (struct slice){0});
    member_add_text(work->out, "for", slice_text(names[question->duty]));
    member_add_text(work->out, "waits_for", answer.person->name);
    buf_add_byte(work->out, '}');
}

/* Of each workflow, and of steps that have people of their own. */
static void away_add_nobody(struct away_work *work)
{
    for (size_t w = 0; w < work->config->workflow_count; w++) {
        const struct workflow *workflow = &work->config->workflows[w];
        for (int duty = WHO_DUTY_DECIDE; duty <= WHO_DUTY_RESTART; duty++) {
            struct who_question question = away_question(work, (enum who_duty)duty);
            question.workflow = workflow;
            away_add_left(work, &question);
            for (size_t s = 0; s < workflow->step_count; s++) {
                question.step = &workflow->steps[s];
                if (duty == WHO_DUTY_DECIDE
                        ? question.step->reviewers != NULL
                        : duty == WHO_DUTY_SETTLE && question.step->uncertain_who)
                    away_add_left(work, &question);
            }
        }
    }
}

/* As it counts now: a cover who is away, or has left the groups, is named as none. */
static void away_add(struct call *call, struct buf *out, const struct away *away)
{
    struct away_work work = {
        .call = call, .config = call->engine->config(call->engine->impl), .away = away, .out = out};
    bool is_covered = away->cover.size > 0 && away_is_covered(&work);
    buf_add_byte(out, '{');
    member_add_text(out, "person", away->person);
    member_add_time(out, "until", away->until_unix_ms);
    member_add_text(out, "cover", is_covered ? away->cover : (struct slice){0});
    member_add_text(out, "covers_nothing", is_covered ? (struct slice){0} : away->cover);
    member_add_name(out, "nobody_left");
    buf_add_byte(out, '[');
    if (away->until_unix_ms != 0)
        away_add_nobody(&work);
    buf_add_text(out, "]}");
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
        away_add(call, &out, &list->items[i]);
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
    away_add(call, &out, away ? away : &back);
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
