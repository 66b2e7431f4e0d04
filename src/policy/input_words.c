#include "policy/input_words.h"

static bool word_is_json(struct slice word)
{
    enum { FLAGS = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL };
    json_t *json = word.size > 0 ? json_loadb(word.at, word.size, FLAGS, NULL) : NULL;
    json_decref(json);
    return json != NULL;
}

bool word_is_number(struct slice word)
{
    return word.size > 0 && strchr("-0123456789", word.at[0]) && word_is_json(word);
}

/* Does the word stand as it is? Else it is a text. */
static bool word_is_raw(const struct field *field, struct slice word)
{
    if (!field || field->is_list)
        return word_is_json(word);
    switch (field->type) {
    case FIELD_ANY:
        return word_is_json(word);
    case FIELD_TEXT:
    case FIELD_DATE:
        return false;
    case FIELD_NUMBER:
    case FIELD_INTEGER:
        return word_is_number(word);
    case FIELD_BOOLEAN:
        return slice_is(word, "true") || slice_is(word, "false");
    }
    return false;
}

static const struct field *word_field(const struct step *step, struct slice name)
{
    for (size_t i = 0; step && i < step->field_count; i++)
        if (slice_equal(step->fields[i].name, name))
            return &step->fields[i];
    return NULL;
}

bool input_from_words(const struct step *step, bool is_edit, const json_t *words, struct buf *out)
{
    json_t *object = (json_t *)(uintptr_t)words; /* the iterators of jansson want it so */
    buf_add_byte(out, '{');
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const json_t *value = json_object_iter_value(at);
        struct slice name = slice_text(json_object_iter_key(at));
        struct slice word = slice_of(json_string_value(value), json_string_length(value));
        if (!json_is_string(value))
            return false;
        buf_add_text(out, at == json_object_iter(object) ? "" : ",");
        buf_add_json_text(out, name);
        buf_add_byte(out, ':');
        const struct field *field = word_field(step, name);
        bool is_away = is_edit && field && field->is_optional && slice_is(word, "null");
        if (is_away || word_is_raw(field, word))
            buf_add(out, word);
        else
            buf_add_json_text(out, word);
    }
    buf_add_byte(out, '}');
    return true;
}
