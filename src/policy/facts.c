#include "policy/facts.h"

/* What comes after a name in a path: another name, an index, a bracket, or the end. */
static bool facts_ends_name(struct slice rest)
{
    return rest.size == 0 || rest.at[0] == '.' || rest.at[0] == '[' || rest.at[0] == ')' ||
           rest.at[0] == '"';
}

/* Does the path of an expression ("input.email", "has(input.email)", input["e-mail"]) show a masked
 * field? One that shows the whole input shows them all. */
static bool facts_is_masked(const struct step *step, struct slice path)
{
    if (slice_starts(path, SLICE("has(")))
        path = slice_from(path, 4);
    if (step->masked_count > 0 && (slice_is(path, "run") || slice_is(path, "key")))
        return true; /* callers make them of what they like */
    if (step->masked_count == 0 || !slice_starts(path, SLICE("input")))
        return false;
    path = slice_from(path, 5);
    if (path.size == 0 || path.at[0] == ')')
        return true; /* the input as a whole */
    path = slice_from(path, slice_starts(path, SLICE("[\"")) ? 2 : 1);
    for (size_t i = 0; i < step->masked_count; i++)
        if (slice_starts(path, step->masked[i]) &&
            facts_ends_name(slice_from(path, step->masked[i].size)))
            return true;
    return false;
}

static void facts_keep_saw(const struct step *step, const struct expr_saw *saw, uint8_t path_index,
                           struct arena *scratch, struct facts_saw *out)
{
    for (size_t i = 0; i < saw->count && out->count < LIMIT_SAW; i++) {
        const struct expr_saw_item *item = &saw->items[i];
        struct buf text;
        buf_init(&text, LIMIT_SAW_VALUE * 8);
        if (facts_is_masked(step, item->path))
            buf_add_text(&text, "\"***\"");
        else
            expr_saw_item_add_json(&text, item);
        out->items[out->count++] = (struct facts_saw_item){
            path_index, arena_copy(scratch, item->path), arena_copy(scratch, buf_slice(&text))};
        buf_done(&text);
    }
}

static enum truth facts_ask(const struct step *step, const struct expr *condition,
                            const struct expr_scope *scope, uint8_t path_index,
                            struct arena *scratch, struct facts_saw *out_saw)
{
    struct expr_saw saw = {.count = 0};
    struct expr_work work = {.scratch = scratch, .saw = &saw};
    bool holds = false;
    enum expr_result result = expr_eval_bool(condition, scope, &work, &holds);
    facts_keep_saw(step, &saw, path_index, scratch, out_saw);
    if (result == EXPR_ERROR)
        return TRUTH_UNDECIDABLE; /* invariant 1 */
    return holds ? TRUTH_TRUE : TRUTH_FALSE;
}

void facts_evaluate(const struct step *step, const struct expr_scope *scope, struct arena *scratch,
                    struct gate_facts *out_facts, struct facts_saw *out_saw)
{
    enum { FIRST_RULE = 2 }; /* in the path: risk, switch, then the rules */
    struct expr_scope seen = *scope;
    out_saw->count = 0;
    *out_facts = (struct gate_facts){.rule_count = step->rule_count,
                                     .risk_count = step->risk_count,
                                     .has_confidence = scope->has_confidence,
                                     .confidence = scope->confidence};
    for (size_t i = 0; i < step->risk_count; i++)
        out_facts->risks[i] = facts_ask(step, step->risks[i].condition, &seen, 0, scratch, out_saw);
    uint8_t risk = gate_risk(&step->terms, out_facts);
    seen.risk = step_risk_name(step, risk);
    for (size_t i = 0; i < step->rule_count; i++)
        out_facts->rules[i] = facts_ask(step, step->rules[i].condition, &seen,
                                        (uint8_t)(FIRST_RULE + i), scratch, out_saw);
}
