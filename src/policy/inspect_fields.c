#include "policy/inspect.h"
#include "policy/near.h"

/* One place that reads input fields. */
struct inspect_place {
    struct load *load;
    const struct step *step;
    const struct yaml *node;
    size_t text_at;     /* where the expression or template begins in the node's text */
    bool needs_present; /* a field that is absent makes the submit fail */
};

static const struct field *inspect_field(const struct step *step, struct slice name)
{
    for (size_t i = 0; i < step->field_count; i++)
        if (slice_equal(step->fields[i].name, name))
            return &step->fields[i];
    return NULL;
}

static void inspect_unknown(const struct inspect_place *place, const struct expr_field *field)
{
    struct near near;
    near_init(&near, field->names[0]);
    for (size_t i = 0; i < place->step->field_count; i++)
        near_offer(&near, place->step->fields[i].name);
    struct problem *problem =
        read_problem_in(place->load, IL306, place->node, place->text_at + field->offset);
    problem_message(place->load->problems, problem, "`input` has no field `%.*s`",
                    SLICE_FMT(slice_first(field->names[0], LIMIT_NAME)));
    if (near.best.size > 0)
        problem_help(place->load->problems, problem, "Did you mean `input.%.*s`?",
                     SLICE_FMT(near.best));
}

static void inspect_one(const struct inspect_place *place, const struct expr_field *field,
                        bool is_guarded)
{
    if (field->root != EXPR_ROOT_INPUT || field->name_count == 0 || !place->step->has_input)
        return;
    const struct field *known = inspect_field(place->step, field->names[0]);
    if (!known) {
        inspect_unknown(place, field);
        return;
    }
    size_t at = place->text_at + field->offset;
    if (field->name_count > 1 && known->type != FIELD_ANY) {
        problem_message(place->load->problems, read_problem_in(place->load, IL306, place->node, at),
                        "`input.%.*s` is declared as a plain value: it has no field `%.*s`",
                        SLICE_FMT(known->name),
                        SLICE_FMT(slice_first(field->names[1], LIMIT_NAME)));
        return;
    }
    if (!known->is_optional || !place->needs_present || field->is_has || is_guarded)
        return;
    struct problem *problem = read_problem_in(place->load, IL111, place->node, at);
    problem_message(place->load->problems, problem,
                    "`input.%.*s` may be absent; the submit is then refused (422)",
                    SLICE_FMT(known->name));
    problem_help(place->load->problems, problem,
                 "Remove the ? under `input:`, or write  has(input.%.*s) ? input.%.*s : \"\"",
                 SLICE_FMT(known->name), SLICE_FMT(known->name));
}

static void inspect_template(const struct inspect_place *place, const struct template *template)
{
    struct expr_field field, other;
    if (!template)
        return;
    for (size_t cursor = 0; template_field_next(template, &cursor, &field);) {
        bool is_guarded = false;
        for (size_t again = 0; template_field_next(template, &again, &other);)
            is_guarded = is_guarded ||
                         (other.is_has && other.name_count > 0 && field.name_count > 0 &&
                          other.root == field.root && slice_equal(other.names[0], field.names[0]));
        inspect_one(place, &field, is_guarded);
    }
}

static void inspect_expr(const struct inspect_place *place, const struct expr *expr)
{
    struct expr_field field;
    for (size_t cursor = 0; expr && expr_field_next(expr, &cursor, &field);)
        inspect_one(place, &field, true);
}

static void inspect_tree(struct inspect_place place, const struct template_tree *tree)
{
    struct expr_field field;
    struct slice pointer;
    const struct yaml *root = place.node;
    for (size_t cursor = 0; tree && template_tree_field_next(tree, &cursor, &field, &pointer);) {
        place.node = compile_find(root, pointer);
        inspect_one(&place, &field, false);
    }
}

static void inspect_headers(struct inspect_place place, const struct yaml *map)
{
    for (size_t i = 0; i < place.step->header_count; i++) {
        place.node = yaml_get(map, place.step->headers[i].name);
        if (place.node)
            inspect_template(&place, place.step->headers[i].value);
    }
}

/* Where the text of a condition begins within its sentence. */
static size_t inspect_offset(const struct yaml *node, struct slice text)
{
    for (size_t i = 0; i + text.size <= node->text.size; i++)
        if (slice_equal(slice_first(slice_from(node->text, i), text.size), text))
            return i;
    return 0;
}

void inspect_fields(struct load *load, const struct draft_step *draft)
{
    const struct step *step = draft->step;
    const struct yaml *const *at = draft->at;
    struct inspect_place place = {.load = load, .step = step, .needs_present = true};
    const struct {
        int field;
        const struct template *template;
    } texts[] = {{STEP_KEY, step->key},       {STEP_SUMMARY, step->summary},
                 {STEP_CALL, step->target},   {STEP_RECIPIENT, step->recipient},
                 {STEP_AMOUNT, step->amount}, {STEP_ORDER_BY, step->order_by}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        place.node = at[texts[i].field];
        place.text_at = 0;
        if (place.node && texts[i].field == STEP_CALL && step->target)
            place.text_at = inspect_offset(place.node, template_text(step->target));
        if (place.node)
            inspect_template(&place, texts[i].template);
    }
    place.text_at = 0;
    place.node = at[STEP_BODY];
    inspect_tree(place, step->body);
    place.node = at[STEP_QUERY];
    inspect_tree(place, step->query);
    inspect_headers(place, at[STEP_HEADERS]);
    place.needs_present = false;
    place.node = at[STEP_SUCCESS];
    inspect_expr(&place, step->success);
    place.node = at[STEP_FAILURE];
    inspect_expr(&place, step->failure);
    for (size_t i = 0; i < step->rule_count; i++) {
        place.node = draft->rule_nodes[i];
        place.text_at = inspect_offset(place.node, step->rules[i].text);
        inspect_expr(&place, step->rules[i].condition);
    }
    for (size_t i = 0; i < step->risk_count; i++) {
        place.node = draft->risk_nodes[i];
        place.text_at = inspect_offset(place.node, step->risks[i].text);
        inspect_expr(&place, step->risks[i].condition);
    }
}
