#include "record/try_text.h"

#include "record/fallback.h"
#include "record/member.h"
#include "record/number.h"
#include "record/path.h"

enum { TRY_LINE_MAX = 8192, TRY_BODY_MAX = 2000 };

static void try_path(const struct try_case *try_case, struct path *out)
{
    const struct gate_answer *gate = try_case->gate;
    *out = (struct path){.steps = gate->path,
                         .count = gate->path_count,
                         .decided_by = gate->decided_by,
                         .says = gate->says,
                         .would = gate->would,
                         .would_reason = gate->would_reason,
                         .step = try_case->step,
                         .now = try_case->step,
                         .saw = try_case->saw,
                         .saw_count = try_case->saw_count,
                         .has_confidence = try_case->has_confidence,
                         .confidence = try_case->confidence};
}

static void try_add_chain(struct buf *out, const struct try_case *try_case, enum cause cause)
{
    fallback_add_chain(out, try_case->step, (uint8_t)cause, fallback_people(try_case->step));
}

/* "ask finance: rule large-account (balance 12000 > 10000, invoice-reminders.yaml:22)" */
static void try_add_would(struct buf *out, const struct try_case *try_case)
{
    struct path path;
    try_path(try_case, &path);
    if (path.says == SAYS_FALLBACK)
        fallback_add_chain(out, try_case->step, try_case->gate->entry,
                           fallback_people(try_case->step));
    else
        path_add_says(&path, path.says, out);
    if (path.says == SAYS_HOLD) {
        buf_add_text(out, " it for ");
        zone_add_span(out, try_case->gate->what.ms);
    }
    buf_add_text(out, ": ");
    if (path.says <= SAYS_GO)
        buf_add_text(out, "no gate is against it");
    else
        path_add_cause(&path, path.decided_by, out);
    if (path.would == path.says)
        return;
    buf_add_text(out, "; mode observe: auto would ");
    path_add_says(&path, path.would, out);
    size_t index = path_find_would(&path);
    if (index < path.count) {
        buf_add_text(out, ": ");
        path_add_cause(&path, index, out);
    }
}

/* "POST mailer /v1/messages {"to":"a@b.c"}" */
static void try_add_then(struct buf *out, const struct try_case *try_case)
{
    const struct step *step = try_case->step;
    const struct bundle_request *request = try_case->request;
    if (step->terms.is_caller || !request) {
        buf_add_text(out, "the caller gets a permit, begins within ");
        zone_add_span(out, step->terms.start_by_ms);
        buf_add_text(out, ", works, and reports");
        return;
    }
    wording_add_line(out, request->method, LIMIT_NAME);
    buf_add_byte(out, ' ');
    wording_add_line(out, step->upstream ? step->upstream->name : SLICE("the upstream"),
                     LIMIT_NAME);
    buf_add_byte(out, ' ');
    wording_add_line(out, request->target, TRY_BODY_MAX);
    if (request->body.size > 0) {
        buf_add_byte(out, ' ');
        wording_add_line(out, request->body, TRY_BODY_MAX);
    }
}

static void try_add_tries(struct buf *out, const struct step *step)
{
    buf_add_fmt(out, "%d tries in ", step->terms.attempts);
    zone_add_span(out, step->terms.within_ms);
}

static void try_add_if_down(struct buf *out, const struct try_case *try_case)
{
    const struct step *step = try_case->step;
    if (step->terms.is_caller)
        buf_add_text(out, "the caller says so; ");
    if (step->terms.mode == MODE_OBSERVE)
        buf_add_text(out, "fail, as before interlock");
    else
        try_add_chain(out, try_case, CAUSE_UNAVAILABLE);
}

static void try_add_settle(struct buf *out, const struct step *step)
{
    const struct group *group = step->uncertain_who;
    if (!group && step->workflow)
        group = step->workflow->duties.owner;
    buf_add_text(out, "ask ");
    wording_add_line(out, group ? group->name : SLICE("a person"), LIMIT_NAME);
}

static void try_add_if_no_answer(struct buf *out, const struct try_case *try_case)
{
    const struct step *step = try_case->step;
    bool is_recognised = step->terms.idempotency == IDEMPOTENCY_BY_KEY ||
                         step->terms.idempotency == IDEMPOTENCY_BY_NATURE;
    bool is_repeated = (is_recognised || step->terms.effect == EFFECT_READ) &&
                       step->terms.attempts > 1 && step->terms.mode != MODE_OBSERVE &&
                       !step->terms.is_caller;
    if (is_repeated) {
        buf_add_text(out, "try again");
        if (step->terms.effect == EFFECT_WRITE)
            buf_add_text(out, step->terms.idempotency == IDEMPOTENCY_BY_KEY
                                  ? " with the same key"
                                  : " with the same bytes");
        buf_add_text(out, ", ");
        try_add_tries(out, step);
        buf_add_text(out, ", then ");
    }
    if (step->terms.effect == EFFECT_READ)
        try_add_chain(out, try_case, CAUSE_UNAVAILABLE);
    else if (step->check) {
        buf_add_text(out, "after ");
        zone_add_span(out, step->terms.settle_ms);
        buf_add_text(out, " ask ");
        wording_add_line(out, step->check->call.upstream->name, LIMIT_NAME);
        buf_add_text(out, " whether it happened, try again if it did not, and if that cannot be "
                          "told ");
        try_add_settle(out, step);
    } else if (is_repeated)
        try_add_settle(out, step);
    else {
        buf_add_text(out, "not tried again; ");
        try_add_settle(out, step);
        buf_add_text(out, " whether it happened");
    }
}

/* R10: what a late start reads first. */
static void try_add_if_late(struct buf *out, const struct try_case *try_case)
{
    const struct step *step = try_case->step;
    const struct refresh *refresh = step->refresh;
    buf_add_text(out, "after ");
    zone_add_span(out, step->terms.stale_after_ms);
    buf_add_text(out, " ask ");
    wording_add_line(out, refresh->call.upstream->name, LIMIT_NAME);
    buf_add_text(out, " first, and decide by what it says of ");
    for (size_t i = 0; i < refresh->field_count; i++) {
        buf_add_text(out, i == 0 ? "" : ", ");
        wording_add_line(out, refresh->fields[i].name, LIMIT_NAME);
    }
}

/* "below 0.8 ask support while fewer than 40 wait, else answer with the template general-queue" */
static void try_add_if_unsure(struct buf *out, const struct try_case *try_case)
{
    const struct step_terms *terms = &try_case->step->terms;
    buf_add_text(out, "below ");
    number_add_real(out, terms->confidence_at_least);
    buf_add_byte(out, ' ');
    if (terms->mode == MODE_OBSERVE)
        buf_add_text(out, "as before interlock");
    else
        try_add_chain(out, try_case, CAUSE_LOW_CONFIDENCE);
}

void try_text_add(struct buf *out, const struct try_case *try_case)
{
    buf_add_text(out, "WOULD    ");
    try_add_would(out, try_case);
    buf_add_text(out, "\nTHEN     ");
    try_add_then(out, try_case);
    buf_add_text(out, "\nIF DOWN  ");
    try_add_if_down(out, try_case);
    buf_add_text(out, "     IF NO ANSWER  ");
    try_add_if_no_answer(out, try_case);
    if (try_case->step->terms.has_refresh) {
        buf_add_text(out, "\nIF LATE  ");
        try_add_if_late(out, try_case);
    }
    if (try_case->step->terms.has_confidence) {
        buf_add_text(out, "\nIF UNSURE  ");
        try_add_if_unsure(out, try_case);
    }
    buf_add_text(out, "\nNOTHING was sent or recorded.\n");
}

static void try_add_member(struct buf *out, const char *name, const struct try_case *try_case,
                           void (*add)(struct buf *out, const struct try_case *try_case))
{
    struct buf line;
    buf_init(&line, TRY_LINE_MAX);
    add(&line, try_case);
    member_add_text(out, name, buf_slice(&line));
    buf_done(&line);
}

void try_json_add(struct buf *out, const struct try_case *try_case)
{
    struct path path;
    try_path(try_case, &path);
    buf_add_byte(out, '{');
    member_add_word(out, "says", says_name(path.says));
    try_add_member(out, "would", try_case, try_add_would);
    try_add_member(out, "then", try_case, try_add_then);
    try_add_member(out, "if_down", try_case, try_add_if_down);
    try_add_member(out, "if_no_answer", try_case, try_add_if_no_answer);
    if (try_case->step->terms.has_refresh)
        try_add_member(out, "if_late", try_case, try_add_if_late);
    if (try_case->step->terms.has_confidence)
        try_add_member(out, "if_unsure", try_case, try_add_if_unsure);
    member_add_name(out, "path");
    path_add_json(&path, out);
    buf_add_byte(out, '}');
}
