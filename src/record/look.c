#include "record/look.h"

#include "policy/template.h"
#include "record/member.h"
#include "record/scan.h"
#include "record/story.h"

enum { LOOK_TEXT_MAX = 1024 };

static bool look_is_due(const struct view *view)
{
    return view->action->state == STATE_UNCERTAIN && view->action->starts_total > 0 &&
           !view->is_erased && view->request.method.size > 0;
}

/* Does the provider know this key? In its header, or where the request itself carries it. */
static bool look_has_key(const struct view *view)
{
    const struct step *step = view->step;
    bool is_carried = view->action->idempotency == IDEMPOTENCY_BY_KEY;
    if (!step || view->request.provider_key.size == 0)
        return false;
    is_carried =
        is_carried || (step->target && template_roots(step->target) & EXPR_ROOT_PROVIDER_KEY);
    is_carried =
        is_carried || (step->body && template_tree_roots(step->body) & EXPR_ROOT_PROVIDER_KEY);
    is_carried =
        is_carried || (step->query && template_tree_roots(step->query) & EXPR_ROOT_PROVIDER_KEY);
    for (size_t i = 0; i < step->header_count; i++)
        is_carried = is_carried || template_roots(step->headers[i].value) & EXPR_ROOT_PROVIDER_KEY;
    return is_carried;
}

/* A target may hold a masked value, unless it is as the policy writes it, without a `${}`. */
static struct slice look_target(const struct view *view)
{
    const struct step *step = view->step;
    bool is_plain = step && step->masked_count == 0;
    bool is_written = step && step->target && template_is_constant(step->target) &&
                      slice_equal(template_text(step->target), view->request.target);
    return is_plain || is_written ? view->request.target : (struct slice){0};
}

bool look_add(const struct view *view, struct buf *out)
{
    if (!look_is_due(view))
        return false;
    wording_add_line(out, view->upstream, LIMIT_NAME);
    buf_add_byte(out, ' ');
    wording_add_line(out, view->request.method, LIMIT_NAME);
    if (look_target(view).size > 0) {
        buf_add_byte(out, ' ');
        wording_add_line(out, look_target(view), LOOK_TEXT_MAX);
    }
    buf_add_text(out, " at ");
    story_add_time(view, view->action->attempt_unix_ms, ZONE_SECONDS, out);
    if (look_has_key(view)) {
        buf_add_text(out, "; provider key ");
        wording_add_line(out, view->request.provider_key, LIMIT_KEY);
    }
    if (view->check_call.size > 0) {
        buf_add_text(out, "; ask: ");
        wording_add_line(out, view->check_call, LOOK_TEXT_MAX);
    }
    return true;
}

void look_add_json(const struct view *view, struct buf *out)
{
    if (!look_is_due(view))
        return;
    member_add_name(out, "look");
    buf_add_byte(out, '{');
    member_add_text(out, "upstream", view->upstream);
    member_add_text(out, "method", view->request.method);
    member_add_text(out, "target", look_target(view));
    member_add_time(out, "sent_at", view->action->attempt_unix_ms);
    member_add_text(out, "provider_key",
                    look_has_key(view) ? view->request.provider_key : (struct slice){0});
    member_add_text(out, "ask", view->check_call);
    buf_add_byte(out, '}');
}

bool look_add_fact(const struct view *view, struct buf *out)
{
    struct scan_walk walk;
    struct slice key;
    struct slice value;
    if (!view->has_fact || view->is_erased)
        return false;
    size_t start = out->size;
    scan_open(&walk, view->fact.set_json);
    while (scan_next(&walk, &key, &value)) {
        if (out->size > start)
            buf_add_text(out, ", ");
        struct buf name;
        buf_init(&name, LIMIT_NAME * 8);
        (void)scan_add_text(key, &name); /* a field of the policy: it fits */
        wording_add_line(out, buf_slice(&name), LIMIT_NAME);
        buf_done(&name);
        buf_add_byte(out, ' ');
        wording_add_line(out, value, LOOK_TEXT_MAX);
    }
    buf_add_text(out, "; from ");
    wording_add_line(out, view->fact.from, LOOK_TEXT_MAX);
    buf_add_text(out, " at ");
    story_add_time(view, view->action->fact_unix_ms, ZONE_SECONDS, out);
    return true;
}

void look_add_fact_json(const struct view *view, struct buf *out)
{
    if (!view->has_fact || view->is_erased)
        return;
    member_add_name(out, "fresh");
    buf_add_byte(out, '{');
    member_add_time(out, "at", view->action->fact_unix_ms);
    member_add_text(out, "from", view->fact.from);
    member_add_raw(out, "set", view->fact.set_json);
    buf_add_byte(out, '}');
}
