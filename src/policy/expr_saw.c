/* What a deciding expression read, as JSON for the record. */
#include "policy/expr_value.h"

#define EXPR_SAW_MARK "\xe2\x80\xa6" /* … */

/* At most `size` bytes, not in the middle of a character. */
static struct slice expr_saw_cut(struct slice text, size_t size)
{
    if (size >= text.size)
        return text;
    while (size > 0 && ((unsigned char)text.at[size] & 0xc0) == 0x80)
        size--;
    return slice_first(text, size);
}

static void expr_saw_add_marked(struct buf *out, struct slice beginning)
{
    struct buf text;
    buf_init(&text, LIMIT_SAW_VALUE + sizeof EXPR_SAW_MARK);
    buf_add(&text, beginning);
    buf_add_text(&text, EXPR_SAW_MARK);
    buf_add_json_text(out, buf_slice(&text));
    buf_done(&text);
}

void expr_saw_item_add_json(struct buf *out, const struct expr_saw_item *item)
{
    const struct expr_value *value = &item->value;
    if (value->type == EXPR_STRING && value->string.size > LIMIT_SAW_VALUE) {
        expr_saw_add_marked(out, expr_saw_cut(value->string, LIMIT_SAW_VALUE));
        return;
    }
    /* A text within the limit may grow by its escapes; a list or map is measured as JSON. */
    bool is_group = value->type == EXPR_LIST || value->type == EXPR_MAP;
    struct buf text;
    buf_init(&text, is_group ? LIMIT_SAW_VALUE : 6 * LIMIT_SAW_VALUE + 2);
    enum err err = expr_value_write(&text, value);
    if (err == ERR_OK)
        buf_add(out, buf_slice(&text));
    else if (err == ERR_LIMIT)
        expr_saw_add_marked(out, buf_slice(&text));
    else
        buf_add_text(out, "null"); /* no field of JSON gets here */
    buf_done(&text);
}

void expr_saw_add_json(struct buf *out, const struct expr_saw *saw)
{
    buf_add_byte(out, '{');
    for (size_t i = 0; i < saw->count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        buf_add_json_text(out, saw->items[i].path);
        buf_add_byte(out, ':');
        expr_saw_item_add_json(out, &saw->items[i]);
    }
    if (saw->dropped_count > 0)
        buf_add_fmt(out, "%s\"%s\":%zu", saw->count > 0 ? "," : "", EXPR_SAW_MARK,
                    saw->dropped_count);
    buf_add_byte(out, '}');
}
