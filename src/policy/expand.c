#include "policy/expand.h"

#include "base/check.h"
#include "base/text.h"
#include "policy/config.h"
#include "policy/draft.h"
#include "policy/trap.h"

enum { EXPAND_COLUMN = 64, EXPAND_INDENT = 2 };

/* The output, and where the present line began. */
struct expand {
    struct buf *out;
    struct arena arena; /* quoted texts */
    size_t line;
};

static void expand_indent(struct expand *expand, int depth)
{
    expand->line = expand->out->size;
    buf_add_fmt(expand->out, "%*s", depth * EXPAND_INDENT, "");
}

/* Ends the line with its origin, in a column of its own where there is room. */
static void expand_end(struct expand *expand, const char *origin)
{
    struct slice text = slice_from(buf_slice(expand->out), expand->line);
    size_t width = text_utf8_count(text);
    int pad = width + 2 < EXPAND_COLUMN ? (int)(EXPAND_COLUMN - width) : 2;
    buf_add_fmt(expand->out, "%*s# %s\n", pad, "", origin);
}

static void expand_end_file(struct expand *expand, const struct yaml *node)
{
    int line = node->key ? node->key->line : node->line;
    struct slice name = node->file->name;
    for (size_t slash = slice_find(name, '/'); slash < name.size; slash = slice_find(name, '/'))
        name = slice_from(name, slash + 1);
    struct buf text;
    buf_init(&text, LIMIT_HTTP_LINE);
    buf_add_fmt(&text, "%.*s:%d", SLICE_FMT(name), line);
    expand_end(expand, buf_text(&text));
    buf_done(&text);
}

/* A text as YAML on one line: as it was typed where that is safe, else in quotes. */
static void expand_text(struct expand *expand, const struct yaml *node)
{
    bool has_lines = slice_find(node->text, '\n') < node->text.size;
    if (node->style == YAML_BLOCK || has_lines)
        buf_add_json_text(expand->out, node->text);
    else if (node->style == YAML_PLAIN)
        buf_add(expand->out, node->text);
    else
        buf_add(expand->out, trap_quote(&expand->arena, node->text));
}

static void expand_node(struct expand *expand, const struct yaml *node, int depth);

/* The value behind `NAME:` or `-`, and the end of the line. */
static void expand_value(struct expand *expand, const struct yaml *node, int depth)
{
    if (node->kind == YAML_TEXT) {
        buf_add_text(expand->out, node->is_absent ? "" : " ");
        expand_text(expand, node);
    } else if (node->count == 0) {
        buf_add_text(expand->out, node->kind == YAML_MAP ? " {}" : " []");
    }
    expand_end_file(expand, node);
    if (node->kind != YAML_TEXT)
        expand_node(expand, node, depth + 1);
}

static void expand_entry(struct expand *expand, const struct yaml *child, int depth)
{
    if (child->key) {
        expand_text(expand, child->key);
        buf_add_byte(expand->out, ':');
    } else {
        buf_add_byte(expand->out, '-');
    }
    if (!child->key && child->kind == YAML_MAP && child->first) { /* `- NAME: …` on one line */
        buf_add_byte(expand->out, ' ');
        expand_entry(expand, child->first, depth + 1);
        for (const struct yaml *next = child->first->next; next; next = next->next) {
            expand_indent(expand, depth + 1);
            expand_entry(expand, next, depth + 1);
        }
        return;
    }
    expand_value(expand, child, depth);
}

/* Depth is bounded: no tree is deeper than LIMIT_YAML_DEPTH. */
static void expand_node(struct expand *expand, const struct yaml *node, int depth)
{
    CHECK(depth < 2 * LIMIT_YAML_DEPTH);
    for (const struct yaml *child = node->first; child; child = child->next) {
        expand_indent(expand, depth);
        expand_entry(expand, child, depth);
    }
}

static void expand_written(struct expand *expand, const struct yaml *node, int depth)
{
    expand_indent(expand, depth);
    expand_text(expand, node->key);
    buf_add_byte(expand->out, ':');
    expand_value(expand, node, depth);
}

/* `NAME: TEXT` that nobody wrote. */
static void expand_preset(struct expand *expand, int depth, const char *name, const char *text,
                          const char *origin)
{
    expand_indent(expand, depth);
    buf_add_fmt(expand->out, "%s: %s", name, text);
    expand_end(expand, origin);
}

static void expand_heading(struct expand *expand, int depth, const char *name,
                           const struct yaml *node, const char *origin)
{
    expand_indent(expand, depth);
    buf_add_fmt(expand->out, "%s:", name);
    if (node)
        expand_end_file(expand, node);
    else
        expand_end(expand, origin);
}

static void expand_time(struct expand *expand, int depth, const char *name, int64_t ms,
                        const char *origin)
{
    struct buf text;
    buf_init(&text, 64);
    text_add_duration(&text, ms);
    expand_preset(expand, depth, name, buf_text(&text), origin);
    buf_done(&text);
}

static void expand_number(struct expand *expand, int depth, const char *name, uint64_t value)
{
    struct buf text;
    buf_init(&text, 64);
    buf_add_u64(&text, value);
    expand_preset(expand, depth, name, buf_text(&text), "default");
    buf_done(&text);
}

void expand_add_what(struct buf *out, const struct step_terms *terms, enum cause cause)
{
    const struct what *what = &terms->what[cause];
    const struct what *then =
        what->then >= CAUSE_COUNT ? &terms->more[what->then - CAUSE_COUNT] : NULL;
    switch (what->kind) {
    case WHAT_REVIEW:
        buf_add_text(out, "review, due ");
        text_add_duration(out, what->ms);
        return;
    case WHAT_HOLD:
        buf_add_text(out, "hold ");
        text_add_duration(out, what->ms);
        if (then && then->kind == WHAT_REVIEW) {
            buf_add_text(out, ", then review, due ");
            text_add_duration(out, then->ms);
        }
        return;
    case WHAT_REFUSE:
        buf_add_text(out, "refuse");
        return;
    case WHAT_END:
        buf_add_text(out, "end");
        return;
    case WHAT_SKIP:
    case WHAT_ANSWER:
    case WHAT_ROUTE:
        break; /* no preset is one of these */
    }
    CHECK_UNREACHABLE();
}

/* Where the presets of a step come from, as comments. */
struct expand_origin {
    char kind[LIMIT_NAME], upstream[2 * LIMIT_NAME];
};

static struct expand_origin expand_origin(const struct step *step)
{
    struct expand_origin origin;
    struct buf text;
    buf_init(&text, sizeof origin.upstream - 1);
    buf_add_fmt(&text, "kind: %s", kind_names[step->kind]);
    (void)memcpy(origin.kind, buf_text(&text), text.size + 1); /* short names */
    buf_reset(&text);
    if (step->upstream)
        buf_add_fmt(&text, "upstream: %.*s", SLICE_FMT(step->upstream->name));
    (void)memcpy(origin.upstream, buf_text(&text), text.size + 1); /* fits by the buf's maximum */
    buf_done(&text);
    return origin;
}

static void expand_retry(struct expand *expand, const struct draft_step *draft,
                         const struct expand_origin *origin)
{
    const struct step_terms *terms = &draft->step->terms;
    const struct yaml *const *at = draft->retry;
    struct buf text;
    buf_init(&text, 64);
    buf_add_i64(&text, terms->attempts);
    expand_heading(expand, 2, "retry", draft->at[STEP_RETRY], origin->kind);
    if (at[RETRY_ATTEMPTS])
        expand_written(expand, at[RETRY_ATTEMPTS], 3);
    else if (terms->attempts > 1 && terms->idempotency == IDEMPOTENCY_NONE)
        buf_add_fmt(expand->out,
                    "      # attempts: %s, the further ones only after not_sent or "
                    "busy (%s)\n",
                    buf_text(&text), origin->kind);
    else
        expand_preset(expand, 3, "attempts", buf_text(&text), origin->kind);
    buf_reset(&text);
    text_add_duration(&text, terms->backoff_min_ms);
    buf_add_text(&text, "..");
    text_add_duration(&text, terms->backoff_max_ms);
    if (at[RETRY_BACKOFF])
        expand_written(expand, at[RETRY_BACKOFF], 3);
    else
        expand_preset(expand, 3, "backoff", buf_text(&text), "default");
    if (at[RETRY_WITHIN])
        expand_written(expand, at[RETRY_WITHIN], 3);
    else
        expand_time(expand, 3, "within", terms->within_ms, origin->kind);
    buf_done(&text);
}

static void expand_uncertain(struct expand *expand, const struct draft_step *draft,
                             const struct expand_origin *origin)
{
    const struct step *step = draft->step;
    const struct yaml *const *at = draft->uncertain;
    if (step->terms.effect == EFFECT_READ && !draft->at[STEP_UNCERTAIN])
        return;
    expand_heading(expand, 2, "uncertain", draft->at[STEP_UNCERTAIN], origin->kind);
    const struct group *owner = step->workflow->duties.owner;
    if (at[UNCERTAIN_WHO])
        expand_written(expand, at[UNCERTAIN_WHO], 3);
    else if (owner)
        expand_preset(expand, 3, "who", owner->name.at, "the owner");
    if (at[UNCERTAIN_DUE])
        expand_written(expand, at[UNCERTAIN_DUE], 3);
    else
        expand_time(expand, 3, "due", step->terms.uncertain_due_ms, origin->kind);
}

/* `settle` has a preset, and is what people ask about. */
static void expand_check(struct expand *expand, const struct draft_step *draft)
{
    const struct yaml *node = draft->at[STEP_CHECK];
    if (yaml_get(node, SLICE("settle")) || !draft->step->check) {
        expand_written(expand, node, 2);
        return;
    }
    expand_heading(expand, 2, "check", node, "");
    for (const struct yaml *child = node->first; child; child = child->next)
        expand_written(expand, child, 3);
    expand_time(expand, 3, "settle", draft->step->terms.settle_ms, "2 x timeout, at least 1m");
}

static void expand_fallback(struct expand *expand, const struct draft_step *draft,
                            const struct expand_origin *origin)
{
    expand_heading(expand, 2, "fallback", draft->at[STEP_FALLBACK], origin->kind);
    for (size_t cause = CAUSE_LOW_CONFIDENCE; cause < CAUSE_COUNT; cause++) {
        const struct what *what = &draft->step->terms.what[cause];
        bool is_asked = cause != CAUSE_LOW_CONFIDENCE || draft->step->terms.has_confidence;
        if (draft->chains[cause].node) {
            expand_written(expand, draft->chains[cause].node, 3);
            continue;
        }
        if (what->kind == WHAT_END || !is_asked)
            continue;
        struct buf text;
        buf_init(&text, 256);
        expand_add_what(&text, &draft->step->terms, (enum cause)cause);
        expand_preset(expand, 3, cause_names[cause], buf_text(&text), origin->kind);
        buf_done(&text);
    }
}

static void expand_idempotency(struct expand *expand, const struct draft_step *draft,
                               const struct expand_origin *origin)
{
    const struct step *step = draft->step;
    enum idempotency idempotency = step->terms.idempotency;
    const char *why = "default";
    if (step->terms.effect == EFFECT_READ)
        return; /* a read may always be repeated */
    if (idempotency == IDEMPOTENCY_BY_KEY)
        why = origin->upstream;
    else if (idempotency == IDEMPOTENCY_BY_CHECK)
        why = "the check";
    else if (idempotency == IDEMPOTENCY_BY_NATURE)
        why = "PUT and DELETE";
    expand_preset(expand, 2, "idempotency", idempotency_names[idempotency], why);
}

/* A field of a step that nobody wrote: its preset, if it has one. */
static void expand_step_preset(struct expand *expand, const struct draft_step *draft, size_t field,
                               const struct expand_origin *origin)
{
    const struct step *step = draft->step;
    const struct step_terms *terms = &step->terms;
    bool is_upstreams = step->upstream && step->upstream->timeout_ms > 0;
    const struct group *reviewers = step->workflow->duties.reviewers
                                        ? step->workflow->duties.reviewers
                                        : step->workflow->duties.owner;
    if (field == STEP_CALL && terms->is_caller)
        expand_preset(expand, 2, "call", "caller", origin->kind);
    else if (field == STEP_MODE)
        expand_preset(expand, 2, "mode", mode_names[terms->mode], "the workflow");
    else if (field == STEP_REVIEWERS && reviewers)
        expand_preset(expand, 2, "reviewers", reviewers->name.at, "the workflow");
    else if (field == STEP_FOUR_EYES)
        expand_preset(expand, 2, "four_eyes", "false", "default");
    else if (field == STEP_IDEMPOTENCY)
        expand_idempotency(expand, draft, origin);
    else if (field == STEP_TIMEOUT && !terms->is_caller)
        expand_time(expand, 2, "timeout", terms->timeout_ms,
                    is_upstreams ? origin->upstream : origin->kind);
    else if (field == STEP_START_BY && terms->is_caller)
        expand_time(expand, 2, "start_by", terms->start_by_ms, "default");
    else if (field == STEP_LEASE && terms->is_caller)
        expand_time(expand, 2, "lease", terms->lease_ms, "default");
    else if (field == STEP_STALE_AFTER && terms->effect == EFFECT_WRITE)
        expand_time(expand, 2, "stale_after", terms->stale_after_ms, "default");
    else if (field == STEP_TRUST_RETRY_HINT)
        expand_preset(expand, 2, "trust_retry_hint", "false", "default");
}

static void expand_step(struct expand *expand, const struct draft_step *draft)
{
    struct expand_origin origin = expand_origin(draft->step);
    expand_indent(expand, 1);
    expand_text(expand, draft->node->key);
    buf_add_byte(expand->out, ':');
    expand_end_file(expand, draft->node);
    for (size_t field = 0; field < STEP_FIELD_COUNT; field++) {
        if (field == STEP_RETRY)
            expand_retry(expand, draft, &origin);
        else if (field == STEP_UNCERTAIN)
            expand_uncertain(expand, draft, &origin);
        else if (field == STEP_FALLBACK)
            expand_fallback(expand, draft, &origin);
        else if (field == STEP_CHECK && draft->at[field])
            expand_check(expand, draft);
        else if (draft->at[field])
            expand_written(expand, draft->at[field], 2);
        else
            expand_step_preset(expand, draft, field, &origin);
    }
}

static void expand_workflow(struct expand *expand, const struct draft_workflow *draft)
{
    const struct workflow *workflow = draft->workflow;
    buf_add_fmt(expand->out, "# ==== %.*s\n", SLICE_FMT(workflow->file));
    for (size_t field = 0; field < WORKFLOW_FIELD_COUNT; field++) {
        if (field == WORKFLOW_STEPS) {
            expand_heading(expand, 0, "steps", draft->at[field], "");
            for (size_t i = 0; i < workflow->step_count; i++)
                expand_step(expand, &draft->steps[i]);
        } else if (draft->at[field]) {
            expand_written(expand, draft->at[field], 0);
        } else if (field == WORKFLOW_MODE) {
            expand_preset(expand, 0, "mode", mode_names[workflow->mode], "default");
        } else if (field == WORKFLOW_REVIEWERS && workflow->duties.owner) {
            expand_preset(expand, 0, "reviewers", workflow->duties.owner->name.at, "the owner");
        }
    }
}

static void expand_upstream(struct expand *expand, const struct upstream *upstream,
                            const struct draft_upstream *draft)
{
    expand_indent(expand, 1);
    expand_text(expand, draft->node->key);
    buf_add_byte(expand->out, ':');
    expand_end_file(expand, draft->node);
    for (size_t field = 0; field < UPSTREAM_FIELD_COUNT; field++) {
        if (field == UPSTREAM_IDEMPOTENCY && draft->at[field]) {
            const struct yaml *const *at = draft->key_header;
            expand_heading(expand, 2, "idempotency", draft->at[field], "");
            for (size_t i = 0; i < KEY_HEADER_FIELD_COUNT; i++)
                if (at[i])
                    expand_written(expand, at[i], 3);
            if (!at[KEY_HEADER_HEADER])
                expand_preset(expand, 3, "header", upstream->key_header.at, "default");
            if (!at[KEY_HEADER_KEEPS])
                expand_preset(expand, 3, "keeps", "unknown", "default: repeats within 1h");
            if (!at[KEY_HEADER_QUOTED])
                expand_preset(expand, 3, "quoted", "false", "default");
        } else if (draft->at[field]) {
            expand_written(expand, draft->at[field], 2);
        } else if (field == UPSTREAM_CONCURRENCY) {
            expand_number(expand, 2, "concurrency", (uint64_t)upstream->concurrency);
        }
    }
}

static void expand_limits(struct expand *expand, const struct config *config)
{
    const struct yaml *const *at = config->draft->limits;
    const struct limits *limits = &config->limits;
    const uint64_t values[LIMITS_FIELD_COUNT] = {limits->unended, limits->body, limits->waiters,
                                                 limits->disk_reserve};
    expand_heading(expand, 0, "limits", config->draft->at[INSTALLATION_LIMITS], "default");
    for (size_t i = 0; i < LIMITS_FIELD_COUNT; i++)
        if (at[i])
            expand_written(expand, at[i], 1);
        else
            expand_number(expand, 1, fields_limits.names[i], values[i]);
}

static void expand_installation_preset(struct expand *expand, const struct config *config,
                                       size_t field)
{
    struct buf text;
    buf_init(&text, LIMIT_HTTP_LINE);
    buf_add_fmt(&text, "%.*s:%d", SLICE_FMT(config->listen_host), config->listen_port);
    if (field == INSTALLATION_LISTEN)
        expand_preset(expand, 0, "listen", buf_text(&text), "default");
    else if (field == INSTALLATION_STORE)
        expand_preset(expand, 0, "store", config->store_path.at, "default");
    else if (field == INSTALLATION_POLICIES)
        expand_preset(expand, 0, "policies", config->policies_path.at, "default");
    else if (field == INSTALLATION_TIMEZONE)
        expand_preset(expand, 0, "timezone", config->timezone.at, "default");
    buf_done(&text);
}

static void expand_installation(struct expand *expand, const struct config *config)
{
    const struct draft *draft = config->draft;
    buf_add_fmt(expand->out, "# ==== %.*s\n", SLICE_FMT(draft->installation->file->name));
    for (size_t field = 0; field < INSTALLATION_FIELD_COUNT; field++) {
        if (field == INSTALLATION_LIMITS) {
            expand_limits(expand, config);
        } else if (field == INSTALLATION_UPSTREAMS && draft->at[field]) {
            expand_heading(expand, 0, "upstreams", draft->at[field], "");
            for (size_t i = 0; i < config->upstream_count; i++)
                expand_upstream(expand, &config->upstreams[i], &draft->upstreams[i]);
        } else if (draft->at[field]) {
            expand_written(expand, draft->at[field], 0);
        } else {
            expand_installation_preset(expand, config, field);
        }
    }
}

void config_expand(const struct config *config, struct buf *out)
{
    struct expand expand = {.out = out};
    arena_init(&expand.arena, CONFIG_ARENA_MAX);
    expand_installation(&expand, config);
    for (size_t i = 0; i < config->workflow_count; i++) {
        buf_add_byte(out, '\n');
        expand_workflow(&expand, &config->draft->workflows[i]);
    }
    arena_done(&expand.arena);
}
