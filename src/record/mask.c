#include "record/mask.h"

#include "base/text.h"
#include "record/scan.h"

/* Size of the first character of an address, or 0 when the text is none: one @ with something
 * before it and a host with a dot after it, and nothing that is no address. */
static size_t mask_address_head(struct slice text)
{
    size_t at = slice_find(text, '@');
    struct slice host = slice_from(text, at + 1);
    if (at == 0 || host.size == 0 || slice_find(host, '@') < host.size)
        return 0;
    for (size_t i = 0; i < host.size; i++) {
        char c = host.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-'))
            return 0;
    }
    return slice_find(host, '.') < host.size ? text_utf8_size(text) : 0;
}

void mask_add_value(struct slice text, struct buf *out)
{
    size_t head = mask_address_head(text);
    if (head == 0) {
        buf_add_text(out, MASK_TEXT);
        return;
    }
    buf_add(out, slice_first(text, head));
    buf_add_text(out, "\xe2\x80\xa6");
    buf_add(out, slice_from(text, slice_find(text, '@')));
}

bool mask_covers(const struct step *step, struct slice path)
{
    static const struct slice root = {"input", 5};
    if (step->masked_count > 0 && (slice_is(path, "run") || slice_is(path, "key")))
        return true; /* callers make them of what they like */
    if (step->masked_count == 0 || !slice_starts(path, root))
        return false;
    struct slice rest = slice_from(path, root.size);
    if (rest.size == 0 || rest.at[0] != '.')
        return rest.size == 0 || rest.at[0] == '['; /* all of it, or a name that we cannot tell */
    rest = slice_from(rest, 1);
    size_t end = 0;
    while (end < rest.size && rest.at[end] != '.' && rest.at[end] != '[')
        end++;
    return step_masks(step, slice_first(rest, end));
}

void mask_add_input(const struct step *step, struct slice input_json, struct buf *out)
{
    struct scan_walk walk;
    struct slice key;
    struct slice value;
    struct buf text;
    struct buf hint;
    bool is_first = true;
    if (step->masked_count == 0) {
        buf_add(out, input_json);
        return;
    }
    buf_init(&text, input_json.size + 1);
    buf_init(&hint, input_json.size + 16);
    scan_open(&walk, input_json);
    buf_add_byte(out, '{');
    while (scan_next(&walk, &key, &value)) {
        buf_reset(&text);
        buf_reset(&hint);
        buf_add(out, is_first ? SLICE("") : SLICE(","));
        buf_add(out, key);
        buf_add_byte(out, ':');
        is_first = false;
        if (!scan_add_text(key, &text) || !step_masks(step, buf_slice(&text))) {
            buf_add(out, value);
            continue;
        }
        buf_reset(&text);
        if (!scan_add_text(value, &text)) /* a number or more: no hint */
            buf_reset(&text);
        mask_add_value(buf_slice(&text), &hint);
        buf_add_json_text(out, buf_slice(&hint));
    }
    buf_add_byte(out, '}');
    buf_done(&text);
    buf_done(&hint);
}
