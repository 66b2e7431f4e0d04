#include "api/words.h"

#include "api/body.h"
#include "api/reply.h"
#include "base/limits.h"
#include "policy/input_words.h"

static bool words_refuse(struct call *call, const char *detail)
{
    reply_trouble(call, &(struct trouble){.code = TROUBLE_BAD_BODY,
                                          .pointer = SLICE("/words"),
                                          .detail = slice_text(detail)});
    return false;
}

/* Parsed as the body was, with the same bounds. NULL: it cannot be. */
static json_t *words_parse(struct slice whole, const char *name)
{
    json_t *tree = whole.size > 0 && body_is_shallow(whole)
                       ? json_loadb(whole.at, whole.size, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    json_t *value = json_incref(json_object_get(tree, name));
    json_decref(tree);
    return value;
}

bool words_read(struct call *call, const struct words_place *place, struct slice *out_raw)
{
    json_t *words = json_object_get(call->body, "words");
    struct buf whole;
    if (json_object_get(call->body, place->name))
        return words_refuse(call, "\"words\" stand in place of it: not both");
    buf_init(&whole, LIMIT_PAYLOAD);
    buf_add_fmt(&whole, "{\"%s\":", place->name);
    size_t begin = whole.size;
    bool is_texts = input_from_words(call->step, place->is_edit, words, &whole);
    size_t size = whole.size - begin;
    buf_add_byte(&whole, '}');
    struct slice made = buf_ok(&whole) ? call_copy(call, buf_slice(&whole)) : (struct slice){0};
    buf_done(&whole);
    if (!is_texts)
        return words_refuse(call, "each word is a text; a value of another type stands in JSON");
    json_t *value = words_parse(made, place->name);
    if (!value || json_object_set_new(call->body, place->name, value) != 0)
        return words_refuse(call, "one of them is a number beyond what JSON readers take, nests "
                                  "too deep (LIMIT_JSON_DEPTH), or is too long");
    *out_raw = slice_first(slice_from(made, begin), size);
    return true;
}
