/* policy/load_asks.c - reads that interlock makes for an action: `check` (R12) and `refresh` (R10).
 * Owns: both fields of a step. Keeps: a negative answer never counts sooner than R12 says, unless
 *   the policy calls the check definitive. */
#include "policy/load.h"

enum {
    ASKS_ROOTS_CHECK = EXPR_ROOT_INPUT | EXPR_ROOT_RESPONSE | EXPR_ROOT_KEY | EXPR_ROOT_PROVIDER_KEY
};

static const struct expr *load_check_condition(struct load *load, const struct yaml *map,
                                               const struct yaml *node, const char *name)
{
    struct slice text;
    if (!node)
        (void)read_missing(load, map, name, "a bare \"not found\" proves nothing");
    else if (read_text(load, node, &text))
        return compile_condition(load, node, 0, text, ASKS_ROOTS_CHECK);
    return NULL;
}

/* max(2 x timeout, 60 s). A definitive check may be asked sooner, where the policy says so. */
static void load_settle(struct load *load, struct step_terms *terms, const struct yaml *node)
{
    int64_t least_ms = 2 * terms->timeout_ms > KIND_MINUTE ? 2 * terms->timeout_ms : KIND_MINUTE;
    terms->settle_ms = least_ms;
    if (!node)
        return;
    if (terms->is_check_definitive)
        least_ms = KIND_SECOND;
    (void)read_duration(load, node, (struct read_range){least_ms, KIND_MS_MAX},
                        &terms->settle_ms); /* told */
}

static void load_check(struct load *load, struct draft_step *draft, const struct yaml *node)
{
    const struct yaml *at[CHECK_FIELD_COUNT];
    struct step *step = draft->step;
    struct step_terms *terms = &step->terms;
    struct check check = {.happened = NULL};
    bool has_call = false;
    if (!read_map(load, node, &fields_check, at))
        return;
    if (at[CHECK_CALL])
        has_call = load_ask_call(load, at[CHECK_CALL], &check.call);
    else
        (void)read_missing(load, node, "call", "how the upstream is asked");
    draft->check_call = check.call.target;
    check.happened = load_check_condition(load, node, at[CHECK_HAPPENED], "happened");
    check.not_happened = load_check_condition(load, node, at[CHECK_NOT_HAPPENED], "not_happened");
    if (at[CHECK_DEFINITIVE])
        (void)read_bool(load, at[CHECK_DEFINITIVE], &terms->is_check_definitive); /* told */
    load_settle(load, terms, at[CHECK_SETTLE]);
    struct check *kept = ARENA_NEW(load->arena, struct check);
    bool is_asked = terms->idempotency == IDEMPOTENCY_BY_CHECK && terms->effect == EFFECT_WRITE;
    if (!kept || !has_call || !check.happened || !check.not_happened || !is_asked)
        return;
    *kept = check;
    step->check = kept;
    terms->has_check = true;
}

/* One field of `set`: a field of the input, and what it is by now. */
static void load_refresh_field(struct load *load, struct draft_step *draft,
                               const struct yaml *child, struct refresh *refresh,
                               struct refresh_field *fields)
{
    struct slice text;
    load_field_is_known(load, draft->step, child->key, child->key->text);
    if (!read_text(load, child, &text))
        return;
    const struct expr *value =
        compile_expr(load, child, 0, text, EXPR_ROOT_INPUT | EXPR_ROOT_RESPONSE);
    if (value)
        fields[refresh->field_count++] = (struct refresh_field){child->key->text, value};
}

static void load_refresh(struct load *load, struct draft_step *draft, const struct yaml *node)
{
    const struct yaml *at[REFRESH_FIELD_COUNT];
    struct refresh refresh = {.origin = read_origin(node)};
    struct refresh_field *fields = NULL;
    bool has_call = false;
    if (!read_map(load, node, &fields_refresh, at))
        return;
    if (at[REFRESH_CALL])
        has_call = load_ask_call(load, at[REFRESH_CALL], &refresh.call);
    else
        (void)read_missing(load, node, "call", "where the fresh fact is read");
    draft->refresh_call = refresh.call.target;
    if (!at[REFRESH_SET])
        (void)read_missing(load, node, "set", "which input fields it renews");
    else if (read_is_map(load, at[REFRESH_SET]))
        fields = ARENA_ARRAY(load->arena, at[REFRESH_SET]->count + 1, struct refresh_field);
    for (const struct yaml *child = fields ? at[REFRESH_SET]->first : NULL; child;
         child = child->next)
        load_refresh_field(load, draft, child, &refresh, fields);
    refresh.fields = fields;
    struct refresh *kept = ARENA_NEW(load->arena, struct refresh);
    if (!kept || !has_call || refresh.field_count == 0)
        return;
    *kept = refresh;
    draft->step->refresh = kept;
    draft->step->terms.has_refresh = draft->step->terms.effect == EFFECT_WRITE;
}

void load_asks(struct load *load, struct draft_step *draft)
{
    if (draft->at[STEP_CHECK])
        load_check(load, draft, draft->at[STEP_CHECK]);
    if (draft->at[STEP_REFRESH])
        load_refresh(load, draft, draft->at[STEP_REFRESH]);
}
