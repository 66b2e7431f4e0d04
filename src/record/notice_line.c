#include "record/notice_line.h"

#include "base/limits.h"
#include "base/text.h"
#include "record/wording.h"

enum { LINE_REASON_MIN = 8, LINE_MARKS = 4 /* ": " and ". " */ };

/* The reason in what is left of the line, by characters. */
static void line_add_reason(struct buf *out, struct slice reason, size_t room)
{
    struct buf words;
    buf_init(&words, LIMIT_REASON * 4);
    wording_add_line(&words, reason, LIMIT_REASON);
    struct slice rest = buf_slice(&words);
    if (text_utf8_count(rest) <= room) {
        buf_add(out, rest);
    } else {
        for (size_t i = 0; i + 1 < room; i++) {
            size_t size = text_utf8_size(rest);
            buf_add(out, slice_first(rest, size));
            rest = slice_from(rest, size);
        }
        buf_add_text(out, "\xe2\x80\xa6");
    }
    buf_done(&words);
}

void notice_line_add(struct buf *out, const struct notice_line *line)
{
    size_t used = text_utf8_count(line->head) + text_utf8_count(line->tail) + LINE_MARKS;
    buf_add(out, line->head);
    if (line->reason.size > 0 && used + LINE_REASON_MIN <= LIMIT_NOTICE_LINE) {
        buf_add_text(out, line->lead);
        line_add_reason(out, line->reason, LIMIT_NOTICE_LINE - used);
    }
    buf_add_text(out, ". ");
    buf_add(out, line->tail);
}

void notice_row_add(struct buf *out, const char *name, struct slice value, size_t max)
{
    if (value.size == 0)
        return;
    buf_add_text(out, name);
    wording_add_line(out, value, max);
    buf_add_byte(out, '\n');
}
