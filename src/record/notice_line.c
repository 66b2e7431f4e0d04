#include "record/notice_line.h"

#include "base/limits.h"
#include "base/text.h"
#include "record/wording.h"

enum {
    LINE_REASON_MIN = 8,
    LINE_REASON_GOOD = 40, /* characters of it that names make room for */
    LINE_MARKS = 4         /* ": " and ". " */
};

/* The first so many characters; what is left out has a mark. */
static void line_add_cut(struct buf *out, struct slice text, size_t room)
{
    if (text_utf8_count(text) <= room) {
        buf_add(out, text);
        return;
    }
    for (size_t i = 0; i + 1 < room; i++) {
        size_t size = text_utf8_size(text);
        buf_add(out, slice_first(text, size));
        text = slice_from(text, size);
    }
    buf_add_text(out, "\xe2\x80\xa6");
}

/* Head and tail, with names as long as leaves room for the reason. Returns their characters. */
static size_t line_fit(const struct notice_line *line, size_t reason, struct buf *head,
                       struct buf *tail)
{
    static const struct notice_room rooms[] = {
        {60, 40, 24, false}, {40, 30, 16, false}, {28, 0, 12, true}, {20, 0, 10, true}};
    size_t wanted = reason < LINE_REASON_GOOD ? reason : LINE_REASON_GOOD, used = 0;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        buf_reset(head);
        buf_reset(tail);
        line->head(head, line->facts, &rooms[i]);
        line->tail(tail, line->facts, &rooms[i]);
        used = text_utf8_count(buf_slice(head)) + text_utf8_count(buf_slice(tail)) + LINE_MARKS;
        if (used + wanted <= LIMIT_NOTICE_LINE)
            break;
    }
    return used;
}

void notice_line_add(struct buf *out, const struct notice_line *line)
{
    struct buf head, tail, words;
    buf_init(&head, LIMIT_NOTICE_BODY);
    buf_init(&tail, LIMIT_NOTICE_BODY);
    buf_init(&words, LIMIT_REASON * 4);
    wording_add_line(&words, line->reason, LIMIT_REASON);
    size_t used = line_fit(line, text_utf8_count(buf_slice(&words)), &head, &tail);
    if (used > LIMIT_NOTICE_LINE) /* counters that nobody has */
        line_add_cut(out, buf_slice(&head),
                     text_utf8_count(buf_slice(&head)) - (used - LIMIT_NOTICE_LINE));
    else
        buf_add(out, buf_slice(&head));
    if (words.size > 0 && used + LINE_REASON_MIN <= LIMIT_NOTICE_LINE) {
        buf_add_text(out, line->lead);
        line_add_cut(out, buf_slice(&words), LIMIT_NOTICE_LINE - used);
    }
    buf_add_text(out, ". ");
    buf_add(out, buf_slice(&tail));
    buf_done(&words);
    buf_done(&tail);
    buf_done(&head);
}

void notice_row_add(struct buf *out, const char *name, struct slice value, size_t max)
{
    if (value.size == 0)
        return;
    buf_add_text(out, name);
    wording_add_line(out, value, max);
    buf_add_byte(out, '\n');
}
