#include "record/receipt.h"

#include "base/check.h"
#include "record/fallback.h"
#include "record/ids.h"
#include "record/member.h"
#include "record/wording.h"

enum { SCOPE_WORKFLOW, SCOPE_STEP, SCOPE_UPSTREAM, SCOPE_RISK, SCOPE_COUNT };

/* When the call is given up, or the permit lapses. */
static int64_t receipt_until(const struct view *view)
{
    const struct action *a = view->action;
    return a->due_unix_ms > 0 ? a->due_unix_ms : a->attempt_unix_ms + SEND_BY_MS + a->timeout_ms;
}

static void receipt_add_in_flight(struct buf *out, const struct view *views, size_t count)
{
    member_add_name(out, "in_flight");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, i > 0 ? ",{" : "{");
        member_add_id(out, "action", ID_ACTION, views[i].action->id);
        member_add_text(out, "upstream", views[i].upstream);
        member_add_time(out, "until", receipt_until(&views[i]));
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

static void receipt_add_ended(struct buf *out, const struct stop *stop)
{
    member_add_name(out, "ended");
    buf_add_byte(out, '{');
    for (unsigned i = 0; i < STATE_COUNT; i++)
        if (stop->ended[i] > 0)
            member_add_u64(out, state_name((enum action_state)i), stop->ended[i]);
    buf_add_byte(out, '}');
}

void receipt_json_add(struct buf *out, const struct stop *stop, struct slice reason,
                      const struct view *in_flight, size_t in_flight_count)
{
    static const char *const scopes[SCOPE_COUNT] = {"workflow", "step", "upstream", "risk"};
    buf_add_byte(out, '{');
    member_add_id(out, "id", ID_STOP, stop->id);
    member_add_name(out, "scope");
    buf_add_byte(out, '{');
    for (size_t i = 0; i < SCOPE_COUNT; i++)
        if (stop->names[i][0])
            member_add_word(out, scopes[i], stop->names[i]);
    buf_add_byte(out, '}');
    member_add_word(out, "position", position_name(stop->position));
    member_add_bool(out, "in_force", !stop->is_lifted);
    member_add_word(out, "by", stop->by);
    member_add_text(out, "reason", reason);
    member_add_time(out, "at", stop->at_unix_ms);
    member_add_time(out, "stopped_at", stop->stopped_at_unix_ms);
    member_add_time(out, "lifted_at", stop->lifted_at_unix_ms);
    member_add_u64(out, "under_way", stop->in_flight);
    receipt_add_in_flight(out, in_flight, in_flight_count);
    receipt_add_ended(out, stop);
    member_add_u64(out, "held", stop->held);
    member_add_u64(out, "refused", stop->refused);
    member_add_id(out, "incident", ID_INCIDENT, stop->incident);
    buf_add_byte(out, '}');
}

void receipt_add_scope(struct buf *out, const struct stop *stop)
{
    size_t start = out->size;
    wording_add_line(out, slice_text(stop->names[SCOPE_WORKFLOW]), LIMIT_NAME);
    if (stop->names[SCOPE_STEP][0]) {
        buf_add_byte(out, '/');
        wording_add_line(out, slice_text(stop->names[SCOPE_STEP]), LIMIT_NAME);
    }
    if (stop->names[SCOPE_UPSTREAM][0]) {
        buf_add_text(out, out->size > start ? ", upstream " : "upstream ");
        wording_add_line(out, slice_text(stop->names[SCOPE_UPSTREAM]), LIMIT_NAME);
    }
    if (stop->names[SCOPE_RISK][0]) {
        buf_add_text(out, out->size > start ? ", risk " : "risk ");
        wording_add_line(out, slice_text(stop->names[SCOPE_RISK]), LIMIT_NAME);
    }
    if (out->size == start)
        buf_add_text(out, "everything");
}

/* ---- words ---- */

static bool receipt_is_first_upstream(const struct receipt_text *text, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (slice_equal(text->in_flight[i].upstream, text->in_flight[index].upstream))
            return false;
    return true;
}

/* "2 calls are at mailer (at most 10 s)" */
static void receipt_add_under_way(struct buf *out, const struct receipt_text *text)
{
    uint32_t count = text->stop->in_flight;
    int64_t until = 0;
    bool is_first = true;
    buf_add_fmt(out, "%u call%s under way", (unsigned)count, count == 1 ? " is" : "s are");
    for (size_t i = 0; i < text->in_flight_count; i++) {
        const struct view *view = &text->in_flight[i];
        until = receipt_until(view) > until ? receipt_until(view) : until;
        if (!receipt_is_first_upstream(text, i))
            continue;
        if (is_first)
            buf_cut(out, out->size - strlen(" under way"));
        buf_add_text(out, is_first ? " at " : ", ");
        wording_add_line(out, view->upstream.size > 0 ? view->upstream : SLICE("the caller"),
                         LIMIT_NAME);
        is_first = false;
    }
    if (until <= text->now_unix_ms)
        return;
    buf_add_text(out, " (at most ");
    zone_add_span(out, (until - text->now_unix_ms + 999) / 1000 * 1000);
    buf_add_byte(out, ')');
}

/* The verb and the people of what was stopped, where it is one step or one workflow. */
static const struct step *receipt_step(const struct receipt_text *text)
{
    struct slice workflow = slice_text(text->stop->names[SCOPE_WORKFLOW]);
    struct slice step = slice_text(text->stop->names[SCOPE_STEP]);
    if (!text->config || workflow.size == 0)
        return NULL;
    if (step.size > 0)
        return config_step_of(text->config, workflow, step);
    const struct workflow *found = config_workflow_of(text->config, workflow);
    return found && found->step_count == 1 ? &found->steps[0] : NULL;
}

static void receipt_add_owner(struct buf *out, const struct receipt_text *text)
{
    const struct step *step = receipt_step(text);
    struct slice name = slice_text(text->stop->names[SCOPE_WORKFLOW]);
    const struct workflow *workflow =
        text->config && name.size > 0 ? config_workflow_of(text->config, name) : NULL;
    const struct group *group = step ? step->uncertain_who : NULL;
    if (!group && workflow)
        group = workflow->duties.owner;
    if (!group && text->config)
        group = text->config->switch_duties.owner;
    if (!group)
        return;
    buf_add_text(out, " \xe2\x86\x92 ");
    wording_add_line(out, group->name, LIMIT_NAME);
}

/* " Of those 2: 1 sent, 1 uncertain → finance.", " The one under way: sent." */
static void receipt_add_ended_words(struct buf *out, const struct receipt_text *text)
{
    const struct wording_verb *verb = wording_verb_of(receipt_step(text));
    uint32_t sum = 0;
    for (size_t i = 0; i < STATE_COUNT; i++)
        sum += text->stop->ended[i];
    if (sum == 0) {
        buf_add_text(out, " Nothing was under way.");
        return;
    }
    buf_add_fmt(out, sum == 1 ? " The one under way:" : " Of those %u:", (unsigned)sum);
    static const enum action_state order[] = {
        STATE_DONE,     STATE_FAILED,  STATE_WAITING,   STATE_HELD,       STATE_IN_REVIEW,
        STATE_REJECTED, STATE_EXPIRED, STATE_CANCELLED, STATE_ATTEMPTING, STATE_UNCERTAIN};
    bool is_first = true;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        uint32_t count = text->stop->ended[order[i]];
        if (count == 0)
            continue;
        if (sum > 1)
            buf_add_fmt(out, "%s %u", is_first ? "" : ",", (unsigned)count);
        buf_add_fmt(out, " %s",
                    order[i] == STATE_DONE                    ? verb->done
                    : order[i] == STATE_WAITING && count != 1 ? "wait for another try"
                                                              : wording_of_state(order[i]));
        if (order[i] == STATE_UNCERTAIN)
            receipt_add_owner(out, text);
        is_first = false;
    }
    buf_add_byte(out, '.');
}

/* All that it holds; what was under way and is held now is among them, and was said. */
static void receipt_add_held(struct buf *out, const struct stop *stop)
{
    if (stop->held <= stop->ended[STATE_HELD])
        return;
    buf_add_fmt(out, stop->ended[STATE_HELD] > 0 ? " %u held in all." : " %u held.",
                (unsigned)stop->held);
}

/* What comes of new work: of the step that is stopped, or of the only one of its workflow. */
static void receipt_add_arrives(struct buf *out, const struct receipt_text *text, enum cause cause)
{
    const struct step *step = receipt_step(text);
    if (step) {
        buf_add_text(out, "For what arrives: ");
        fallback_add_chain(out, step, (uint8_t)cause, fallback_people(step));
        buf_add_byte(out, '.');
    } else {
        buf_add_fmt(out, "What arrives takes the fallback `%s` of its step.", cause_name(cause));
    }
}

/* "inquiry-routing/route_ticket --risk high", as `interlock stop` takes it. */
static void receipt_add_words_of_scope(struct buf *out, const struct stop *stop)
{
    static const char *const before[SCOPE_COUNT] = {" ", "/", " --upstream ", " --risk "};
    size_t start = out->size;
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (!stop->names[i][0])
            continue;
        buf_add_text(out, before[i]);
        wording_add_line(out, slice_text(stop->names[i]), LIMIT_NAME);
    }
    if (!stop->names[SCOPE_WORKFLOW][0] && !stop->names[SCOPE_UPSTREAM][0]) {
        buf_cut(out, start);
        buf_add_text(out, " --all");
        if (stop->names[SCOPE_RISK][0])
            buf_add_fmt(out, " --risk %s", stop->names[SCOPE_RISK]);
    }
}

/* What a softer position than stopped means now; it has nothing to wait for. */
static void receipt_add_position(struct buf *out, const struct receipt_text *text)
{
    static const char *const names[] = {[POSITION_FALLBACK] = "ON FALLBACK ",
                                        [POSITION_REVIEW] = "ON REVIEW ",
                                        [POSITION_CAUTION] = "ON CAUTION "};
    const struct stop *stop = text->stop;
    CHECK(stop->position > POSITION_STOPPED && stop->position < POSITION_RUNNING);
    buf_add_text(out, names[stop->position]);
    zone_add_time(out, text->zone, (struct zone_time){stop->at_unix_ms, text->now_unix_ms},
                  ZONE_SECONDS);
    buf_add_text(out, ": ");
    bool is_upstream = stop->names[SCOPE_UPSTREAM][0] != '\0';
    if (text->is_stopped_too) {
        buf_add_text(out, "another stop is in force as well, so nothing starts at all.");
        return;
    }
    if (stop->position == POSITION_FALLBACK) {
        buf_add_text(out, is_upstream ? "nothing is sent there. " : "nothing goes by itself. ");
        receipt_add_arrives(out, text, is_upstream ? CAUSE_UNAVAILABLE : CAUSE_LOW_CONFIDENCE);
    } else if (stop->position == POSITION_REVIEW) {
        buf_add_text(out, "a person approves each write.");
    } else {
        buf_add_text(out, "what is unsure, and a fifth of the rest, goes to people while they "
                          "have room. It clears itself.");
        return;
    }
    buf_add_text(out, " To start nothing at all: interlock stop");
    receipt_add_words_of_scope(out, stop);
}

void receipt_text_add(struct buf *out, const struct receipt_text *text)
{
    const struct stop *stop = text->stop;
    if (stop->position != POSITION_STOPPED) {
        receipt_add_position(out, text);
        return;
    }
    if (stop->stopped_at_unix_ms == 0) {
        buf_add_text(out, "STOPPING \xe2\x80\xa6 ");
        receipt_add_under_way(out, text);
        return;
    }
    buf_add_text(out, "STOPPED ");
    zone_add_time(out, text->zone, (struct zone_time){stop->stopped_at_unix_ms, text->now_unix_ms},
                  ZONE_SECONDS);
    buf_add_byte(out, '.');
    receipt_add_ended_words(out, text);
    receipt_add_held(out, stop);
    if (stop->refused > 0)
        buf_add_fmt(out, " %u refused.", (unsigned)stop->refused);
    if (stop->is_lifted)
        return;
    buf_add_byte(out, ' ');
    receipt_add_arrives(out, text, CAUSE_STOPPED);
}
