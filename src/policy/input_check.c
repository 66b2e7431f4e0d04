#include "policy/input_check.h"

#include "base/check.h"
#include "base/text.h"

static const char *field_type_name(enum field_type type)
{
    switch (type) {
    case FIELD_ANY:
        return "any";
    case FIELD_TEXT:
        return "text";
    case FIELD_NUMBER:
        return "number";
    case FIELD_INTEGER:
        return "integer";
    case FIELD_BOOLEAN:
        return "boolean";
    case FIELD_DATE:
        return "date";
    }
    CHECK_UNREACHABLE();
}

/* A full date (RFC 3339), with or without a time: 2026-11-24. */
static bool input_is_date(const json_t *value)
{
    struct slice text = slice_of(json_string_value(value), json_string_length(value));
    int64_t unix_ms = 0;
    char whole[20];
    if (text.size != 10)
        return text_parse_time(text, &unix_ms);
    memcpy(whole, text.at, 10);
    memcpy(whole + 10, "T00:00:00Z", 10);
    return text_parse_time(slice_of(whole, sizeof whole), &unix_ms);
}

/* 12.0 is an integer that a caller's library wrote as a double. */
static bool input_is_whole(const json_t *value)
{
    double real = json_real_value(value);
    return json_is_real(value) && real > -9007199254740992.0 && real < 9007199254740992.0 &&
           !(real < (double)(int64_t)real) && !(real > (double)(int64_t)real);
}

static bool input_has_type(const json_t *value, enum field_type type)
{
    switch (type) {
    case FIELD_ANY:
        return true;
    case FIELD_TEXT:
        return json_is_string(value);
    case FIELD_NUMBER:
        return json_is_number(value);
    case FIELD_INTEGER:
        return json_is_integer(value) || input_is_whole(value);
    case FIELD_BOOLEAN:
        return json_is_boolean(value);
    case FIELD_DATE:
        return json_is_string(value) && input_is_date(value);
    }
    CHECK_UNREACHABLE();
}

static bool input_field_is_good(const json_t *value, const struct field *field)
{
    if (!field->is_list)
        return input_has_type(value, field->type);
    if (!json_is_array(value))
        return false;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!input_has_type(json_array_get(value, i), field->type))
            return false;
    return true;
}

static const struct field *input_field(const struct step *step, struct slice name)
{
    for (size_t i = 0; i < step->field_count; i++)
        if (slice_equal(step->fields[i].name, name))
            return &step->fields[i];
    return NULL;
}

/* JSON pointer of a member. */
static struct slice input_pointer(struct slice name, struct arena *scratch)
{
    struct buf text;
    buf_init(&text, 4096);
    text_add_pointer_part(&text, name);
    struct slice kept = arena_copy(scratch, buf_slice(&text));
    buf_done(&text);
    return kept;
}

bool input_check(const struct step *step, const json_t *input, struct arena *scratch,
                 struct input_problem *out_problem)
{
    void *at = NULL;
    if (!step->has_input)
        return true;
    for (at = json_object_iter((json_t *)(uintptr_t)input); at;
         at = json_object_iter_next((json_t *)(uintptr_t)input, at)) {
        struct slice name = slice_text(json_object_iter_key(at));
        const struct field *field = input_field(step, name);
        if (field && input_field_is_good(json_object_iter_value(at), field))
            continue;
        out_problem->pointer = input_pointer(name, scratch);
        out_problem->message =
            field ? arena_fmt(scratch, "`%.*s` must be %s%s", SLICE_FMT(name),
                              field->is_list ? "a list of " : "", field_type_name(field->type))
                  : arena_fmt(scratch, "the step declares no field `%.*s`", SLICE_FMT(name));
        return false;
    }
    for (size_t i = 0; i < step->field_count; i++) {
        struct slice name = step->fields[i].name;
        if (step->fields[i].is_optional || json_object_get(input, name.at))
            continue;
        out_problem->pointer = input_pointer(name, scratch);
        out_problem->message = arena_fmt(scratch, "`%.*s` is missing", SLICE_FMT(name));
        return false;
    }
    return true;
}
