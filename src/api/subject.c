#include "api/subject.h"

#include "api/reply.h"
#include "base/check.h"
#include "policy/near.h"
#include "record/ids.h"

struct right_subject subject_of(const struct call *call)
{
    return (struct right_subject){.workflow = call->workflow,
                                  .step = call->step,
                                  .upstream = call->upstream,
                                  .answers = call->answers,
                                  .actor = call->actor,
                                  .away = call->engine->away(call->engine->impl),
                                  .now_unix_ms = call->engine->now_unix_ms(call->engine->impl)};
}

/* The attempt is in the records: 403. The words were made when it came. */
static void subject_denied(void *arg, const struct engine_reply *reply)
{
    struct call *call = arg;
    (void)reply; /* refused in any case */
    call_enter(call);
    reply_trouble(call, &(struct trouble){.code = TROUBLE_DENIED, .detail = call->text});
    call_leave(call);
}

bool subject_allows(struct call *call, enum right right)
{
    struct right_subject subject = subject_of(call);
    if (right_allows(call->config, &call->principal, right, &subject))
        return true;
    struct buf who;
    buf_init(&who, LIMIT_REASON);
    right_add_who(call->config, right, &subject, &who);
    call->text = arena_fmt(&call->arena, "%.*s may not %s. Who may: %s",
                           SLICE_FMT(call->principal.name), right_name(right), buf_text(&who));
    buf_done(&who);
    bool is_word = right == RIGHT_DECIDE || right == RIGHT_SETTLE || right == RIGHT_LABEL;
    if (!is_word || call->id == 0 ||
        !right_allows(call->config, &call->principal, RIGHT_SEE, &subject)) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_DENIED, .detail = call->text});
        return false;
    }
    call->engine->act(call->engine->impl, &(struct engine_call){.act = ENGINE_REFUSED,
                                                                .refused = REFUSAL_NOT_ALLOWED,
                                                                .principal = &call->principal,
                                                                .action = call->id,
                                                                .done = subject_denied,
                                                                .arg = call});
    return false;
}

static bool subject_refuse(struct call *call, const char *what, struct slice name,
                           const struct near *near)
{
    struct slice best = near->best;
    name = slice_first(name, LIMIT_NAME);
    if (best.size > 0)
        reply_refuse(call, TROUBLE_NOT_FOUND, "there is no %s \"%.*s\"; did you mean \"%.*s\"?",
                     what, SLICE_FMT(name), SLICE_FMT(best));
    else
        reply_refuse(call, TROUBLE_NOT_FOUND, "there is no %s \"%.*s\"", what, SLICE_FMT(name));
    return false;
}

/* Near names only of workflows that the caller may know of. */
static bool subject_find_workflow(struct call *call)
{
    const struct config *config = call->config;
    struct near near;
    near_init(&near, call->parameters[0]);
    call->workflow = config_workflow(config, call->parameters[0]);
    for (size_t i = 0; !call->workflow && i < config->workflow_count; i++) {
        struct right_subject subject = {.workflow = &config->workflows[i]};
        if (right_allows(config, &call->principal, RIGHT_SUBMIT, &subject) ||
            right_allows(config, &call->principal, RIGHT_SEE, &subject))
            near_offer(&near, config->workflows[i].name);
    }
    return call->workflow || subject_refuse(call, "workflow", call->parameters[0], &near);
}

static bool subject_find_step(struct call *call)
{
    const struct config *config = call->config;
    struct near near;
    if (!subject_find_workflow(call))
        return false;
    struct right_subject subject = subject_of(call);
    call->step = config_step(config, call->workflow->name, call->parameters[1]);
    if (call->step || !right_allows(config, &call->principal, call->route->right, &subject))
        return true; /* the dispatcher refuses, before it says which steps there are */
    near_init(&near, call->parameters[1]);
    for (size_t i = 0; i < call->workflow->step_count; i++)
        near_offer(&near, call->workflow->steps[i].name);
    return subject_refuse(call, "step", call->parameters[1], &near);
}

static bool subject_find_action(struct call *call)
{
    call->view = ARENA_NEW(&call->arena, struct view);
    if (!call->view) {
        reply_err(call, ERR_NO_MEMORY);
        return false;
    }
    enum err err =
        call->engine->view(call->engine->impl, call->id, false, &call->arena, call->view);
    if (err == ERR_NOT_FOUND) {
        reply_refuse(call, TROUBLE_NOT_FOUND, "there is no action %.*s",
                     SLICE_FMT(call->parameters[0]));
        return false;
    }
    if (err != ERR_OK) {
        reply_err(call, err);
        return false;
    }
    call->actor = call->view->submit.actor;
    call->workflow = config_workflow_of(call->config, call->view->workflow);
    if (call->workflow)
        call->step = config_step_of(call->config, call->view->workflow, call->view->step_name);
    return true;
}

static bool subject_find_stop(struct call *call)
{
    call->stop = call->engine->stop_by_id(call->engine->impl, call->id, &call->arena);
    if (!call->stop) {
        reply_refuse(call, TROUBLE_NOT_FOUND, "there is no stop %.*s",
                     SLICE_FMT(call->parameters[0]));
        return false;
    }
    call->workflow = config_workflow_of(call->config, slice_text(call->stop->names[0]));
    return true;
}

static bool subject_find_incident(struct call *call)
{
    call->incident = ARENA_NEW(&call->arena, struct engine_incident);
    enum err err = call->incident ? call->engine->incident(call->engine->impl, call->id,
                                                           &call->arena, call->incident)
                                  : ERR_NO_MEMORY;
    if (err == ERR_NOT_FOUND)
        reply_refuse(call, TROUBLE_NOT_FOUND, "there is no incident %.*s",
                     SLICE_FMT(call->parameters[0]));
    else if (err != ERR_OK)
        reply_err(call, err);
    if (err != ERR_OK)
        return false;
    call->workflow = config_workflow_of(call->config, call->incident->workflow);
    call->answers = config_group(call->config, slice_text(call->incident->journal.answers));
    if (!call->workflow)
        call->upstream = config_upstream(
            call->config, slice_text(call->incident->journal.names[JOURNAL_UPSTREAM]));
    return true;
}

static bool subject_find_upstream(struct call *call)
{
    const struct config *config = call->config;
    struct near near;
    call->upstream = config_upstream(config, call->parameters[0]);
    if (call->upstream)
        return true;
    near_init(&near, call->parameters[0]);
    for (size_t i = 0; i < config->upstream_count; i++)
        near_offer(&near, config->upstreams[i].name);
    return subject_refuse(call, "upstream", call->parameters[0], &near);
}

/* An id in the path. A key in its place is the likely mistake, so the answer says how to find it.
 */
static bool subject_parse_id(struct call *call, const char *prefix, const char *what)
{
    if (text_parse_id(call->parameters[0], prefix, &call->id))
        return true;
    reply_refuse(call, TROUBLE_BAD_ID,
                 "the id of %s is \"%s\" and 13 letters and digits; by key or run it is found "
                 "with GET /v1/actions?key= or ?run=",
                 what, prefix);
    return false;
}

/* Only what came before people has a card: what went out by itself is shown to nobody so (R23). */
static bool subject_find_review(struct call *call)
{
    if (!subject_find_action(call))
        return false;
    if (call->review >= 1 && call->review <= call->view->action->reviews)
        return true;
    reply_refuse(call, TROUBLE_NOT_FOUND, "there is no review %.*s",
                 SLICE_FMT(call->parameters[0]));
    return false;
}

bool subject_find(struct call *call)
{
    switch (call->route->subject) {
    case SUBJECT_NONE:
        return true;
    case SUBJECT_WORKFLOW:
        return subject_find_workflow(call);
    case SUBJECT_STEP:
        return subject_find_step(call);
    case SUBJECT_ACTION:
        return subject_parse_id(call, ID_ACTION, "an action") && subject_find_action(call);
    case SUBJECT_REVIEW:
        if (!id_parse_review(call->parameters[0], &call->id, &call->review)) {
            reply_refuse(call, TROUBLE_BAD_ID,
                         "the id of a review is \"r_\", 13 letters and digits, a dot and a "
                         "number, as GET /v1/inbox shows it");
            return false;
        }
        return subject_find_review(call);
    case SUBJECT_STOP:
        return subject_parse_id(call, ID_STOP, "a stop") && subject_find_stop(call);
    case SUBJECT_INCIDENT:
        return subject_parse_id(call, ID_INCIDENT, "an incident") && subject_find_incident(call);
    case SUBJECT_UPSTREAM:
        return subject_find_upstream(call);
    }
    CHECK_UNREACHABLE();
}
