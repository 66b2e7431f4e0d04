#include "record/member.h"

void member_add_name(struct buf *out, const char *name)
{
    char last = out->size > 0 ? out->at[out->size - 1] : '{';
    buf_add_text(out, last == '{' || last == '[' ? "\"" : ",\"");
    buf_add_text(out, name);
    buf_add(out, SLICE("\":"));
}

void member_add_text(struct buf *out, const char *name, struct slice text)
{
    member_add_name(out, name);
    if (text.size > 0)
        buf_add_json_text(out, text);
    else
        buf_add(out, SLICE("null"));
}

void member_add_word(struct buf *out, const char *name, const char *word)
{
    member_add_text(out, name, slice_text(word));
}

void member_add_bool(struct buf *out, const char *name, bool value)
{
    member_add_name(out, name);
    buf_add_text(out, value ? "true" : "false");
}

void member_add_u64(struct buf *out, const char *name, uint64_t value)
{
    member_add_name(out, name);
    buf_add_u64(out, value);
}

void member_add_time(struct buf *out, const char *name, int64_t unix_ms)
{
    member_add_name(out, name);
    if (unix_ms == 0) {
        buf_add(out, SLICE("null"));
        return;
    }
    buf_add_byte(out, '"');
    text_add_time(out, unix_ms);
    buf_add_byte(out, '"');
}

void member_add_id(struct buf *out, const char *name, const char *prefix, uint64_t id)
{
    member_add_name(out, name);
    if (id == 0) {
        buf_add(out, SLICE("null"));
        return;
    }
    buf_add_byte(out, '"');
    text_add_id(out, prefix, id);
    buf_add_byte(out, '"');
}

void member_add_raw(struct buf *out, const char *name, struct slice json)
{
    member_add_name(out, name);
    buf_add(out, json.size > 0 ? json : SLICE("null"));
}
