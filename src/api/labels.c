/* Labels: whether what was done was right, by people and by services, for an action, a key or a
 * run. */
#include "api/body.h"
#include "api/handlers.h"
#include "api/reply.h"
#include "api/subject.h"
#include "base/limits.h"
#include "record/ids.h"
#include "record/label_json.h"
#include "record/member.h"

enum { LABELS_CANDIDATES = 50 };

struct labels_body {
    struct slice action, key, run, label, note;
};

static const struct body_field labels_fields[] = {
    {.name = "action",
     .type = BODY_TEXT,
     .size_max = LIMIT_NAME,
     .at = offsetof(struct labels_body, action)},
    {.name = "key",
     .type = BODY_TEXT,
     .size_max = LIMIT_KEY,
     .at = offsetof(struct labels_body, key)},
    {.name = "run",
     .type = BODY_TEXT,
     .size_max = LIMIT_RUN,
     .at = offsetof(struct labels_body, run)},
    {.name = "label",
     .type = BODY_NAME,
     .is_required = true,
     .at = offsetof(struct labels_body, label)},
    {.name = "note",
     .type = BODY_TEXT,
     .size_max = LIMIT_REASON,
     .at = offsetof(struct labels_body, note)},
};

static void labels_unknown(struct call *call, const char *what, struct slice name)
{
    call->engine->label_refused(call->engine->impl, &call->principal, call->workflow->name,
                                slice_text(what));
    reply_refuse(call, TROUBLE_NOT_FOUND, "workflow %.*s has no action with the %s \"%.*s\"",
                 SLICE_FMT(call->workflow->name), what, SLICE_FMT(slice_first(name, LIMIT_KEY)));
}

static bool labels_by_id(struct call *call, struct slice text, struct view *out)
{
    enum err err = ERR_NOT_FOUND;
    uint64_t id = 0;
    if (text_parse_id(text, ID_ACTION, &id))
        err = call->engine->view(call->engine->impl, id, false, &call->arena, out);
    if (err == ERR_OK && config_workflow_of(call->config, out->workflow) == call->workflow)
        return true;
    if (err == ERR_OK || err == ERR_NOT_FOUND)
        labels_unknown(call, "id", text);
    else
        reply_err(call, err);
    return false;
}

/* Which of them a label can be about: what was done, the newest of each key. */
static size_t labels_done(const struct view *views, size_t count, size_t *out_first)
{
    size_t done = 0;
    for (size_t i = count; i > 0; i--) {
        const struct view *view = &views[i - 1];
        if (view->action->state != STATE_DONE)
            continue;
        done++;
        *out_first = i - 1;
    }
    return done;
}

static void labels_several(struct call *call, const struct view *views, size_t count)
{
    struct buf text;
    buf_init(&text, LIMIT_REASON);
    buf_add_text(&text, "several actions are meant; say which one with \"action\":");
    for (size_t i = 0; i < count; i++) {
        if (views[i].action->state != STATE_DONE)
            continue;
        buf_add_byte(&text, ' ');
        text_add_id(&text, ID_ACTION, views[i].action->id);
        buf_add_fmt(&text, " (%.*s)", SLICE_FMT(views[i].step_name));
    }
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = SLICE("/action"),
                                          .detail = call_copy(call, buf_slice(&text))});
    buf_done(&text);
}

static bool labels_by_name(struct call *call, const struct labels_body *body, struct view *out)
{
    struct engine_query query = {.key = body->key,
                                 .run = body->run,
                                 .workflow = call->workflow->name,
                                 .limit = LABELS_CANDIDATES};
    struct view *views = ARENA_ARRAY(&call->arena, LABELS_CANDIDATES, struct view);
    size_t count = 0, first = 0;
    uint64_t next = 0;
    enum err err =
        views ? call->engine->list(call->engine->impl, &query, &call->arena, views, &count, &next)
              : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        reply_err(call, err);
        return false;
    }
    if (count == 0) {
        labels_unknown(call, body->key.size ? "key" : "run",
                       body->key.size ? body->key : body->run);
        return false;
    }
    size_t done = labels_done(views, count, &first);
    if (done > 1 || next != 0) {
        labels_several(call, views, count);
        return false;
    }
    *out = views[first]; /* none was done: the engine says so */
    return true;
}

static bool labels_find(struct call *call, const struct labels_body *body, struct view *out)
{
    int given = (body->action.size > 0) + (body->key.size > 0) + (body->run.size > 0);
    if (given != 1) {
        reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                              .detail = SLICE("a label is about one \"action\", "
                                                              "\"key\" or \"run\"")});
        return false;
    }
    return body->action.size > 0 ? labels_by_id(call, body->action, out)
                                 : labels_by_name(call, body, out);
}

static void labels_answer(struct call *call, const struct view *view)
{
    struct label_row row = {0};
    enum err err = call->engine->label_of(call->engine->impl, view->action->id, &call->arena, &row);
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    struct buf out;
    reply_begin_object(&out);
    member_add_id(&out, "action", ID_ACTION, view->action->id);
    member_add_text(&out, "workflow", view->workflow);
    member_add_text(&out, "step", view->step_name);
    member_add_text(&out, "key", view->submit.key);
    label_json_add_members(&out, &row);
    reply_object(call, 200, &out);
}

void labels_taken(struct call *call, const struct engine_reply *reply)
{
    labels_answer(call, reply->view);
}

void labels_post(struct call *call)
{
    struct labels_body body = {0};
    struct view view = {0};
    if (!body_read(call, labels_fields, sizeof labels_fields / sizeof *labels_fields, &body) ||
        !labels_find(call, &body, &view))
        return;
    call->id = view.action->id;
    call->step = config_step_of(call->config, view.workflow, view.step_name);
    call->actor = view.submit.actor;
    if (!subject_allows(call, RIGHT_LABEL)) /* the reviewers of one step do not label another one */
        return;
    call->engine->act(call->engine->impl,
                      &(struct engine_call){.act = ENGINE_LABEL,
                                            .principal = &call->principal,
                                            .action = call->id,
                                            .label = body.label,
                                            .reason = body.note,
                                            .done = reply_when_act_taken(call, labels_taken),
                                            .arg = call});
}
