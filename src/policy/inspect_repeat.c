#include "base/text.h"
#include "policy/inspect.h"

/* Who gets what is uncertain. */
static struct slice inspect_settler(const struct step *step)
{
    const struct group *group =
        step->uncertain_who ? step->uncertain_who : step->workflow->duties.owner;
    return group ? group->name : SLICE("a person");
}

/* IL101: the one that teaches (design 3). */
static void inspect_attempts(struct load *load, const struct draft_step *draft)
{
    const struct step *step = draft->step;
    const struct kind_row *kind = kind_row(step->kind);
    if (!draft->retry[RETRY_ATTEMPTS] || step->terms.attempts < 2 ||
        step->terms.effect == EFFECT_READ || step->terms.idempotency != IDEMPOTENCY_NONE)
        return;
    struct problem *problem = read_problem_key(load, IL101, draft->at[STEP_RETRY]);
    struct problems *problems = load->problems;
    struct slice name = step->upstream ? step->upstream->name : SLICE("the other side");
    bool has_key = step->upstream && step->upstream->has_key_header;
    int width = (int)name.size + (int)sizeof " accepts a key" + 1;
    if (width < 27)
        width = 27;
    int pad = width - (int)name.size;
    problem_note(problems, problem, "this step %s; with `idempotency: none` a second try can %s",
                 kind->verb, kind->again);
    problem_help(problems, problem, "Choose one:");
    if (has_key || step->terms.is_caller)
        problem_help(problems, problem, "  1. %.*s%-*sidempotency: by-key", SLICE_FMT(name), pad,
                     " accepts a key");
    else
        problem_help(problems, problem,
                     "  1. %.*s%-*supstreams: %.*s: idempotency: { header: Idempotency-Key, keeps: "
                     "24h }",
                     SLICE_FMT(name), pad, " accepts a key", SLICE_FMT(name));
    problem_help(problems, problem,
                 "  2. %.*s%-*scheck: with call, happened, not_happened   (interlock check "
                 "--explain IL101 has a sample)",
                 SLICE_FMT(name), pad, " can be asked");
    problem_help(problems, problem,
                 "  3. %-*sidempotency: by-nature       (PUT with an id, \"set to\", DELETE)",
                 width, "repeating changes nothing");
    problem_help(problems, problem,
                 "  4. %-*sremove `retry`; an answer that is lost goes to %.*s as uncertain, %s",
                 width, "none of these", SLICE_FMT(inspect_settler(step)), kind->never);
}

static void inspect_add_time(struct buf *out, int64_t ms)
{
    buf_init(out, 64);
    text_add_duration(out, ms > 0 ? ms : 0);
}

/* IL102, by the margin of R6. */
static void inspect_keeps(struct load *load, const struct draft_step *draft)
{
    const struct step_terms *terms = &draft->step->terms;
    int64_t margin_ms = terms->keeps_ms / 10 > KIND_MINUTE ? terms->keeps_ms / 10 : KIND_MINUTE;
    int64_t most_ms = terms->keeps_ms - margin_ms - terms->timeout_ms;
    if (terms->idempotency != IDEMPOTENCY_BY_KEY || terms->effect == EFFECT_READ ||
        terms->is_caller || terms->attempts < 2 || terms->within_ms <= most_ms)
        return;
    const struct yaml *written = draft->retry[RETRY_WITHIN];
    struct problem *problem = read_problem_key(load, IL102, written ? written : draft->node);
    struct buf within, keeps, most;
    inspect_add_time(&within, terms->within_ms);
    inspect_add_time(&keeps, terms->keeps_ms);
    int64_t unit_ms = most_ms > 2 * KIND_HOUR     ? KIND_HOUR
                      : most_ms > 2 * KIND_MINUTE ? KIND_MINUTE
                                                  : KIND_SECOND;
    inspect_add_time(&most, most_ms / unit_ms * unit_ms);
    problem_message(load->problems, problem,
                    "retries go on for %s, longer than %.*s remembers a key (%s)",
                    buf_text(&within), SLICE_FMT(draft->step->upstream->name), buf_text(&keeps));
    if (most_ms >= KIND_SECOND)
        problem_help(
            load->problems, problem,
            "Write  retry: { within: %s }  at most (a margin and the timeout are kept), or "
            "a longer `keeps` if the upstream promises it.",
            buf_text(&most));
    else
        problem_help(load->problems, problem,
                     "`keeps` is too short for any repeat: write  retry: { attempts: 1 }");
    if (!written)
        problem_set_severity(load->problems, problem, SEVERITY_WARNING);
    buf_done(&within);
    buf_done(&keeps);
    buf_done(&most);
}

static void inspect_class(struct load *load, const struct draft_step *draft)
{
    const struct step *step = draft->step;
    const struct yaml *written = draft->at[STEP_IDEMPOTENCY], *check = draft->at[STEP_CHECK];
    bool is_by_key = step->terms.idempotency == IDEMPOTENCY_BY_KEY;
    bool is_by_check = step->terms.idempotency == IDEMPOTENCY_BY_CHECK;
    if (written && is_by_key && step->upstream && !step->upstream->has_key_header) {
        struct problem *problem = read_problem_key(load, IL103, written);
        problem_message(load->problems, problem, "by-key, but %.*s declares no key header",
                        SLICE_FMT(step->upstream->name));
        problem_help(load->problems, problem,
                     "upstreams: %.*s: idempotency: { header: Idempotency-Key, keeps: 24h }",
                     SLICE_FMT(step->upstream->name));
    }
    if (is_by_check && !check)
        problem_help(load->problems, read_problem_key(load, IL104, written),
                     "Write `check:` with call, happened and not_happened.");
    if (check && !is_by_check) {
        struct problem *problem = read_problem_key(load, IL104, check);
        problem_message(load->problems, problem,
                        "this check is never asked: the step is `idempotency: %s`",
                        idempotency_names[step->terms.idempotency]);
        problem_set_severity(load->problems, problem, SEVERITY_WARNING);
    }
    if (written && step->terms.idempotency == IDEMPOTENCY_BY_NATURE &&
        step->terms.effect == EFFECT_WRITE && slice_is(step->method, "POST"))
        problem_note(load->problems, read_problem_key(load, IL105, written),
                     "a POST usually makes one more each time");
    if (step->supersedes && !step->order_by && step->terms.idempotency != IDEMPOTENCY_BY_NATURE)
        problem_help(load->problems, read_problem_key(load, IL013, draft->at[STEP_SUPERSEDE]),
                     "It needs `order_by:`, which says what actions are of the same thing.");
}

const struct draft_what *inspect_acting(const struct draft_step *draft,
                                        const struct draft_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        for (const struct draft_what *what = chain->whats[i]; what; what = what->then) {
            bool is_body = false;
            for (size_t t = 0; t < draft->template_count; t++)
                is_body =
                    is_body || (what->kind == WRITTEN_TEMPLATE && draft->templates[t].has_body &&
                                slice_equal(draft->templates[t].name, what->name));
            if (is_body || what->kind == WRITTEN_UPSTREAM)
                return what;
        }
    return NULL;
}

/* IL106: R2. */
static void inspect_success(struct load *load, const struct draft_step *draft)
{
    static const enum cause causes[] = {CAUSE_UNAVAILABLE, CAUSE_FAILED, CAUSE_EXPIRED};
    if (draft->step->terms.effect == EFFECT_READ || !draft->at[STEP_SUCCESS] ||
        draft->at[STEP_FAILURE])
        return;
    for (size_t i = 0; i < 3; i++) {
        const struct draft_what *acting = inspect_acting(draft, &draft->chains[causes[i]]);
        if (!acting)
            continue;
        struct problem *problem = read_problem_key(load, IL106, draft->at[STEP_SUCCESS]);
        problem_note(load->problems, problem,
                     "`fallback: %s` acts on the world, and `success` false proves nothing",
                     cause_names[causes[i]]);
        problem_help(load->problems, problem,
                     "Say what proves that nothing was done, as in  failure: 'response.body.status "
                     "== \"rejected\"'");
        return;
    }
}

/* IL113 */
static void inspect_masked_key(struct load *load, const struct draft_step *draft)
{
    const struct step *step = draft->step;
    struct expr_field field;
    for (size_t cursor = 0; step->key && template_field_next(step->key, &cursor, &field);) {
        if (!step_masks_read(step, &field))
            continue;
        struct problem *problem = read_problem(load, IL113, draft->at[STEP_KEY]);
        problem_note(load->problems, problem, "it is shown with a hint for what is masked");
        problem_help(load->problems, problem,
                     "Where there is another name for the same thing, use that, as in  key: "
                     "${input.invoice}");
        return;
    }
}

static void inspect_key(struct load *load, const struct draft_step *draft)
{
    const struct step *step = draft->step;
    if (!draft->at[STEP_KEY] && kind_row(step->kind)->needs_key) {
        struct problem *problem = read_problem_key(load, IL107, draft->node);
        problem_note(load->problems, problem, "a submit without Idempotency-Key will be refused");
        problem_help(load->problems, problem,
                     "Name what makes two requests the same, as in  key: ${input.invoice}");
    }
    for (size_t i = 0; i <= step->key_was_count; i++) {
        const struct template *key = i == 0 ? step->key : step->key_was[i - 1];
        if (key && template_is_constant(key))
            problem_help(load->problems,
                         read_problem(load, IL108, draft->at[i == 0 ? STEP_KEY : STEP_KEY_WAS]),
                         "Write what tells one action from the next, as in ${input.invoice}");
    }
    if (step->key_was_count > 0 && !step->key)
        problem_message(load->problems, read_problem_key(load, IL011, draft->at[STEP_KEY_WAS]),
                        "`key_was` names the former `key`, and there is no `key`");
}

static void inspect_required(struct load *load, const struct draft_step *draft)
{
    const struct kind_row *kind = kind_row(draft->step->kind);
    if (!draft->at[STEP_KIND])
        return;
    if (kind->needs_recipient && !draft->at[STEP_RECIPIENT])
        problem_help(load->problems,
                     read_missing(load, draft->node, "recipient", "whom it reaches"),
                     "As in  recipient: ${input.email}");
    if (kind->needs_amount && !draft->at[STEP_AMOUNT])
        problem_help(load->problems, read_missing(load, draft->node, "amount", "how much it moves"),
                     "As in  amount: ${input.amount}");
}

/* Does the request itself carry this? */
static bool inspect_is_sent(const struct step *step, const struct expr_field *wanted)
{
    struct expr_field field;
    struct slice pointer;
    bool is_sent =
        wanted->root == EXPR_ROOT_PROVIDER_KEY && step->terms.idempotency == IDEMPOTENCY_BY_KEY;
    for (size_t cursor = 0; step->target && template_field_next(step->target, &cursor, &field);)
        is_sent = is_sent || slice_equal(field.path, wanted->path);
    for (size_t cursor = 0;
         step->body && template_tree_field_next(step->body, &cursor, &field, &pointer);)
        is_sent = is_sent || slice_equal(field.path, wanted->path);
    for (size_t cursor = 0;
         step->query && template_tree_field_next(step->query, &cursor, &field, &pointer);)
        is_sent = is_sent || slice_equal(field.path, wanted->path);
    for (size_t i = 0; i < step->header_count; i++)
        for (size_t cursor = 0; template_field_next(step->headers[i].value, &cursor, &field);)
            is_sent = is_sent || slice_equal(field.path, wanted->path);
    return is_sent;
}

/* IL112: R12. */
static void inspect_check(struct load *load, const struct draft_step *draft)
{
    struct expr_field field;
    if (!draft->check_call || draft->step->terms.is_caller)
        return;
    for (size_t cursor = 0; template_field_next(draft->check_call, &cursor, &field);)
        if (inspect_is_sent(draft->step, &field))
            return;
    struct problem *problem =
        read_problem_key(load, IL112, yaml_get(draft->at[STEP_CHECK], SLICE("call")));
    problem_note(load->problems, problem, "the request carries nothing that this call asks for");
    problem_help(load->problems, problem,
                 "Send a reference, as in  body: { reference: '${key}' } , and ask for it:  call: "
                 "mailer GET /v1/messages?reference=${key}");
}

void inspect_repeat(struct load *load, const struct draft_step *draft)
{
    inspect_attempts(load, draft);
    inspect_keeps(load, draft);
    inspect_class(load, draft);
    inspect_check(load, draft);
    inspect_success(load, draft);
    inspect_key(load, draft);
    inspect_masked_key(load, draft);
    inspect_required(load, draft);
}
