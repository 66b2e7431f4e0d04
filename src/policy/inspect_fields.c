#include "policy/inspect.h"
#include "policy/near.h"

/* One place that reads input fields. */
struct inspect_place {
    struct load *load;
    const struct step *step;
    const struct yaml *node;
    size_t text_at;     /* where the expression or template begins in the node's text */
    bool needs_present; /* a field that is absent makes the submit fail */
    bool is_fallback;   /* or it makes this entry of a fallback fail */
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
                    place->is_fallback
                        ? "`input.%.*s` may be absent; the entry behind it in the fallback is then "
                          "tried"
                        : "`input.%.*s` may be absent; the submit is then refused (422)",
                    SLICE_FMT(known->name));
    problem_help(place->load->problems, problem,
                 "Remove the ? under `input:`, or write  has(input.%.*s) ? input.%.*s : \"\"",
                 SLICE_FMT(known->name), SLICE_FMT(known->name));
}

/* A value of this type can be what the field is declared as. */
static bool inspect_fits(enum field_type declared, enum expr_type type)
{
    bool is_number = type == EXPR_INT || type == EXPR_UINT || type == EXPR_DOUBLE;
    if (type == EXPR_NULL)
        return true;
    switch (declared) {
    case FIELD_ANY:
        return true;
    case FIELD_TEXT:
    case FIELD_DATE:
        return type == EXPR_STRING;
    case FIELD_NUMBER:
    case FIELD_INTEGER:
        return is_number;
    case FIELD_BOOLEAN:
        return type == EXPR_BOOL;
    }
    return true;
}

/* IL310: what is declared as a number, compared with a text. */
static void inspect_compared(const struct inspect_place *place, const struct expr *expr)
{
    static const char *const declared[] = {
        [FIELD_ANY] = "any value",    [FIELD_TEXT] = "a text",       [FIELD_NUMBER] = "a number",
        [FIELD_INTEGER] = "a number", [FIELD_BOOLEAN] = "a boolean", [FIELD_DATE] = "a date",
    };
    struct expr_compared compared;
    for (size_t cursor = 0; expr_compared_next(expr, &cursor, &compared);) {
        const struct field *field =
            place->step->has_input ? inspect_field(place->step, compared.name) : NULL;
        if (!field || inspect_fits(field->type, compared.type))
            continue;
        problem_message(
            place->load->problems,
            read_problem_in(place->load, IL310, place->node, place->text_at + compared.offset),
            "`input.%.*s` is declared as %s, and this is a %s", SLICE_FMT(field->name),
            declared[field->type], expr_type_name(compared.type));
    }
}

static void inspect_expr(const struct inspect_place *place, const struct expr *expr)
{
    struct expr_field field;
    for (size_t cursor = 0; expr && expr_field_next(expr, &cursor, &field);)
        inspect_one(place, &field, true);
    if (expr)
        inspect_compared(place, expr);
}

/* One field that a text reads, and where in a tree the text is. */
struct inspect_read {
    struct expr_field field;
    struct slice pointer;
};

/* Is the field asked for by has() in the same text? Fields of one text stand together. */
static bool inspect_is_guarded(const struct inspect_read *reads, size_t count, size_t index)
{
    const struct inspect_read *one = &reads[index];
    size_t from = index, to = index;
    while (from > 0 && slice_equal(reads[from - 1].pointer, one->pointer))
        from--;
    while (to < count && slice_equal(reads[to].pointer, one->pointer))
        to++;
    for (size_t i = from; i < to; i++) {
        const struct expr_field *other = &reads[i].field;
        if (other->is_has && other->name_count > 0 && one->field.name_count > 0 &&
            other->root == one->field.root && slice_equal(other->names[0], one->field.names[0]))
            return true;
    }
    return false;
}

static void inspect_template(const struct inspect_place *place, const struct template *template)
{
    struct inspect_read read = {.pointer = {NULL, 0}};
    size_t count = 0;
    for (size_t cursor = 0; template && template_field_next(template, &cursor, &read.field);)
        count++;
    struct inspect_read *reads = ARENA_ARRAY(place->load->arena, count + 1, struct inspect_read);
    if (!reads || count == 0)
        return;
    count = 0;
    for (size_t cursor = 0; template_field_next(template, &cursor, &read.field);)
        reads[count++] = read;
    for (size_t i = 0; i < count; i++)
        inspect_one(place, &reads[i].field, inspect_is_guarded(reads, count, i));
}

static void inspect_tree(struct inspect_place place, const struct template_tree *tree)
{
    struct inspect_read read;
    const struct yaml *root = place.node;
    size_t count = 0;
    for (size_t cursor = 0;
         tree && template_tree_field_next(tree, &cursor, &read.field, &read.pointer);)
        count++;
    struct inspect_read *reads = ARENA_ARRAY(place.load->arena, count + 1, struct inspect_read);
    if (!reads || count == 0)
        return;
    count = 0;
    for (size_t cursor = 0; template_tree_field_next(tree, &cursor, &read.field, &read.pointer);)
        reads[count++] = read;
    for (size_t i = 0; i < count; i++) {
        place.node = compile_find(root, reads[i].pointer);
        inspect_one(&place, &reads[i].field, inspect_is_guarded(reads, count, i));
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
    const struct template *const calls[] = {draft->check_call, draft->refresh_call};
    const int asking[] = {STEP_CHECK, STEP_REFRESH};
    place.needs_present = false;
    for (size_t i = 0; i < 2; i++) {
        place.node = calls[i] ? yaml_get(at[asking[i]], SLICE("call")) : NULL;
        if (place.node)
            place.text_at = inspect_offset(place.node, template_text(calls[i]));
        if (place.node)
            inspect_template(&place, calls[i]);
    }
    place.needs_present = true;
    place.text_at = 0;
    place.node = at[STEP_BODY];
    inspect_tree(place, step->body);
    place.node = at[STEP_QUERY];
    inspect_tree(place, step->query);
    inspect_headers(place, at[STEP_HEADERS]);
    place.is_fallback = true;
    for (size_t i = 0; i < draft->template_count; i++) {
        place.node = draft->templates[i].value;
        inspect_tree(place, draft->templates[i].tree);
    }
    place.is_fallback = false;
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

/* Some step that is covered has the field, or has no shape. */
static bool inspect_some_step_has(const struct draft_workflow *workflow, struct slice step,
                                  struct slice name)
{
    for (size_t i = 0; i < workflow->workflow->step_count; i++) {
        const struct step *one = &workflow->workflow->steps[i];
        bool is_covered = step.size == 0 || slice_equal(one->name, step);
        if (is_covered && (!one->has_input || inspect_field(one, name) ||
                           workflow->steps[i].has_step_ended_badly))
            return true;
    }
    return false;
}

static void inspect_common(struct load *load, const struct draft_workflow *workflow,
                           const struct draft_trigger *at)
{
    struct expr_field field;
    for (size_t cursor = 0; at->argument && expr_field_next(at->argument, &cursor, &field);) {
        if (field.root != EXPR_ROOT_INPUT || field.name_count == 0 ||
            inspect_some_step_has(workflow, at->step, field.names[0]))
            continue;
        struct near near;
        near_init(&near, field.names[0]);
        for (size_t i = 0; i < workflow->workflow->step_count; i++)
            for (size_t j = 0; j < workflow->workflow->steps[i].field_count; j++)
                near_offer(&near, workflow->workflow->steps[i].fields[j].name);
        struct problem *problem =
            read_problem_in(load, IL306, at->node, at->argument_at + field.offset);
        problem_message(load->problems, problem, "no step has an input field `%.*s`",
                        SLICE_FMT(slice_first(field.names[0], LIMIT_NAME)));
        if (near.best.size > 0)
            problem_help(load->problems, problem, "Did you mean `input.%.*s`?",
                         SLICE_FMT(near.best));
    }
}

void inspect_fields_of_all(struct load *load, const struct draft_workflow *workflow)
{
    for (size_t i = 0; i < workflow->trigger_count; i++)
        inspect_common(load, workflow, &workflow->triggers[i]);
    for (size_t i = 0; i < workflow->cause_count; i++)
        inspect_common(load, workflow, &workflow->causes[i]);
}
