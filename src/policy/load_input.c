#include "policy/load.h"
#include "policy/near.h"

static const char *const load_types[] = {"any", "text", "number", "integer", "boolean", "date"};

/* What other languages call them. */
static const struct {
    const char *name, *type;
} load_aliases[] = {{"string", "text"},    {"str", "text"},      {"int", "integer"},
                    {"bool", "boolean"},   {"float", "number"},  {"double", "number"},
                    {"decimal", "number"}, {"datetime", "date"}, {"timestamp", "date"},
                    {"object", "any"},     {"map", "any"}};

static bool load_field_name(struct load *load, const struct yaml *node, struct field *field)
{
    struct slice name = node->key->text;
    if (name.size > 1 && name.at[name.size - 1] == '?') {
        field->is_optional = true;
        name.size--;
    }
    bool is_good =
        name.size > 0 && name.size <= LIMIT_NAME && (name.at[0] < '0' || name.at[0] > '9');
    for (size_t i = 0; i < name.size; i++) {
        char byte = name.at[i];
        is_good = is_good && ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= '0' && byte <= '9') || byte == '_' || byte == '-');
    }
    if (!is_good) {
        struct problem *problem = read_problem_key(load, IL014, node);
        problem_message(load->problems, problem, "`%.*s` is not a good name for a field",
                        SLICE_FMT(slice_first(node->key->text, LIMIT_NAME)));
        problem_help(load->problems, problem,
                     "Letters, digits, _ and -; a ? at the end if it may be absent.");
        return false;
    }
    field->name = name;
    return true;
}

static bool load_field_type(struct load *load, const struct yaml *node, struct field *field)
{
    struct words words;
    if (!words_init(&words, load, node))
        return false;
    field->is_list = words_take_all(&words, "list of");
    for (size_t i = 0; i < sizeof load_types / sizeof *load_types; i++)
        if (words_take(&words, load_types[i])) {
            field->type = (enum field_type)i;
            return words_are_over(&words) || words_refuse(&words, "the end");
        }
    struct slice got = words_peek(&words);
    if (got.size == 0)
        return words_refuse(&words, "a type");
    struct problem *problem = read_problem_in(load, IL013, node, words.at);
    problem_message(load->problems, problem, "`%.*s` is not a type",
                    SLICE_FMT(slice_first(got, LIMIT_NAME)));
    for (size_t i = 0; i < sizeof load_aliases / sizeof *load_aliases; i++)
        if (slice_is(got, load_aliases[i].name))
            got = slice_text(load_aliases[i].type);
    read_tell_choices(load->problems, problem, got, load_types,
                      sizeof load_types / sizeof *load_types);
    return false;
}

void load_input(struct load *load, struct draft_step *draft)
{
    struct step *step = draft->step;
    const struct yaml *node = draft->at[STEP_INPUT];
    if (!node || !read_is_map(load, node))
        return;
    struct field *fields = ARENA_ARRAY(load->arena, node->count + 1, struct field);
    if (!fields)
        return;
    step->has_input = true;
    step->fields = fields;
    for (const struct yaml *child = node->first; child; child = child->next) {
        struct field field = {.origin = read_origin(child)};
        if (step->field_count == LIMIT_FIELDS) {
            problem_message(load->problems, read_problem_key(load, IL005, child),
                            "more than %d fields (LIMIT_FIELDS)", LIMIT_FIELDS);
            return;
        }
        bool has_name = load_field_name(load, child, &field);
        for (size_t i = 0; has_name && i < step->field_count; i++)
            if (slice_equal(fields[i].name, field.name))
                problem_message(load->problems, read_problem_key(load, IL004, child),
                                "`%.*s` is here twice", SLICE_FMT(field.name));
        if (load_field_type(load, child, &field) && has_name)
            fields[step->field_count++] = field;
        else
            draft->has_step_ended_badly = true;
    }
}

void load_field_is_known(struct load *load, const struct step *step, const struct yaml *node,
                         struct slice name)
{
    struct near near;
    if (!step->has_input)
        return;
    near_init(&near, name);
    for (size_t i = 0; i < step->field_count; i++) {
        if (slice_equal(step->fields[i].name, name))
            return;
        near_offer(&near, step->fields[i].name);
    }
    struct problem *problem = read_problem(load, IL306, node);
    problem_message(load->problems, problem, "`input` has no field `%.*s`",
                    SLICE_FMT(slice_first(name, LIMIT_NAME)));
    if (near.best.size > 0)
        problem_help(load->problems, problem, "Did you mean `%.*s`?", SLICE_FMT(near.best));
}

void load_mask(struct load *load, struct draft_step *draft)
{
    struct step *step = draft->step;
    size_t count = 0;
    const struct yaml *item = read_items(draft->at[STEP_MASK], &count);
    struct slice *names = ARENA_ARRAY(load->arena, count + 1, struct slice);
    if (!names)
        return;
    step->masked = names;
    for (; item && count > 0; item = item->next, count--) {
        struct slice name;
        if (!read_line(load, item, &name))
            continue;
        if (slice_starts(name, SLICE("input.")))
            name = slice_from(name, 6);
        if (!draft->has_step_ended_badly)
            load_field_is_known(load, step, item, name);
        names[step->masked_count++] = name;
    }
}
