#include "policy/expr_text.h"

#include "base/text.h"
#include "policy/expr_regex.h"
#include "policy/expr_run.h"
#include "policy/expr_value.h"

/* Where `needle` starts in `text` at or after `from`, or text.size + 1. Every place that is looked
 * at costs a step: a text of many near matches ends in a fault, not in quadratic time. */
static bool expr_text_find(struct expr_run *run, const struct expr_node *node, struct slice text,
                           struct slice needle, size_t *from)
{
    size_t at = *from;
    *from = text.size + 1;
    if (!expr_run_spend(run, node, (text.size - at) / 64))
        return false;
    while (at + needle.size <= text.size) {
        if (needle.size > 0)
            at += slice_find(slice_from(text, at), needle.at[0]);
        if (at + needle.size > text.size)
            return true;
        if (!expr_run_spend(run, node, 1 + needle.size / 64))
            return false;
        if (slice_starts(slice_from(text, at), needle)) {
            *from = at;
            return true;
        }
        at++;
    }
    return true;
}

/* Bytes of the first `count` code points; false when there are fewer. */
static bool expr_text_offset(struct slice text, size_t count, size_t *out_bytes)
{
    size_t at = 0;
    while (count > 0 && at < text.size) {
        size_t step = text_utf8_size(slice_from(text, at));
        at += step ? step : 1;
        count--;
    }
    *out_bytes = at;
    return count == 0;
}

/* An argument that counts code points, as bytes. */
static bool expr_text_position(struct expr_run *run, const struct expr_node *node,
                               struct slice text, const struct expr_value *count, size_t *out_bytes)
{
    if (!expr_run_spend(run, node, text.size / 64))
        return false;
    if (count->integer < 0 || !expr_text_offset(text, (size_t)count->integer, out_bytes))
        return expr_run_fail(run, node, EXPR_FAULT_RANGE);
    return true;
}

bool expr_text_starts(struct expr_run *run, const struct expr_node *node,
                      const struct expr_value *arguments, struct expr_value *out)
{
    *out = expr_value_bool(slice_starts(arguments[0].string, arguments[1].string));
    return expr_run_spend(run, node, arguments[1].string.size / 64);
}

bool expr_text_ends(struct expr_run *run, const struct expr_node *node,
                    const struct expr_value *arguments, struct expr_value *out)
{
    struct slice text = arguments[0].string;
    struct slice end = arguments[1].string;
    *out = expr_value_bool(text.size >= end.size &&
                           slice_equal(slice_from(text, text.size - end.size), end));
    return expr_run_spend(run, node, end.size / 64);
}

bool expr_text_contains(struct expr_run *run, const struct expr_node *node,
                        const struct expr_value *arguments, struct expr_value *out)
{
    size_t at = 0;
    if (!expr_text_find(run, node, arguments[0].string, arguments[1].string, &at))
        return false;
    *out = expr_value_bool(at <= arguments[0].string.size);
    return true;
}

bool expr_text_matches(struct expr_run *run, const struct expr_node *node,
                       const struct expr_value *arguments, struct expr_value *out)
{
    const struct expr_regex *regex = node->regex;
    size_t cost = 0;
    if (!regex) {
        if (!expr_run_spend(run, node, 100 + arguments[1].string.size))
            return false;
        if (arguments[1].string.size > LIMIT_EXPR_TEXT)
            return expr_run_fail(run, node, EXPR_FAULT_STRING);
        regex = expr_regex_new(run->scratch, arguments[1].string, &run->fault.text);
        if (!regex)
            return expr_run_fail(run, node, EXPR_FAULT_PATTERN);
    }
    if (!expr_run_spend(run, node, arguments[0].string.size / 64))
        return false;
    enum expr_regex_result result =
        expr_regex_matches(regex, arguments[0].string, run->scratch, &cost);
    if (result == EXPR_REGEX_MEMORY)
        return expr_run_fail(run, node, EXPR_FAULT_MEMORY);
    if (result == EXPR_REGEX_COST)
        return expr_run_fail(run, node, EXPR_FAULT_PATTERN_COST);
    *out = expr_value_bool(result == EXPR_REGEX_YES);
    return expr_run_spend(run, node, cost / 16);
}

/* Letters from `first` on by `shift`; only ASCII. */
static bool expr_text_shift(struct expr_run *run, const struct expr_node *node, struct slice text,
                            char first, struct expr_value *out)
{
    char *at = expr_run_string(run, node, text.size);
    if (!at)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];
        bool is_other = c >= first && c <= first + ('z' - 'a');
        at[i] = is_other ? (char)(c ^ 0x20) : c;
    }
    *out = expr_value_text(slice_of(at, text.size));
    return true;
}

bool expr_text_lower(struct expr_run *run, const struct expr_node *node,
                     const struct expr_value *arguments, struct expr_value *out)
{
    return expr_text_shift(run, node, arguments[0].string, 'A', out);
}

bool expr_text_upper(struct expr_run *run, const struct expr_node *node,
                     const struct expr_value *arguments, struct expr_value *out)
{
    return expr_text_shift(run, node, arguments[0].string, 'a', out);
}

/* Unicode's White_Space. */
static bool expr_text_is_blank(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

bool expr_text_trim(struct expr_run *run, const struct expr_node *node,
                    const struct expr_value *arguments, struct expr_value *out)
{
    struct slice text = arguments[0].string;
    uint32_t code = 0;
    size_t step = text_utf8_decode(text, &code);
    while (step > 0 && expr_text_is_blank(code)) {
        text = slice_from(text, step);
        step = text_utf8_decode(text, &code);
    }
    while (text.size > 0) {
        size_t last = text.size - 1;
        while (last > 0 && ((unsigned char)text.at[last] & 0xc0) == 0x80)
            last--;
        if (text_utf8_decode(slice_from(text, last), &code) == 0 || !expr_text_is_blank(code))
            break;
        text.size = last;
    }
    *out = expr_value_text(text);
    return expr_run_spend(run, node, arguments[0].string.size / 64);
}

/* How often `what` occurs, at most `most`; an empty one stands before each code point and at the
 * end. */
static bool expr_text_count(struct expr_run *run, const struct expr_node *node, struct slice text,
                            struct slice what, size_t most, size_t *out_count)
{
    size_t count = 0;
    if (what.size == 0) {
        count = text_utf8_count(text) + 1;
        *out_count = count < most ? count : most;
        return expr_run_spend(run, node, text.size);
    }
    for (size_t at = 0; count < most; at += what.size, count++) {
        if (!expr_text_find(run, node, text, what, &at))
            return false;
        if (at > text.size)
            break;
    }
    *out_count = count;
    return true;
}

/* -1: all. */
static size_t expr_text_most(const struct expr_value *limit)
{
    return limit->integer < 0 ? SIZE_MAX : (size_t)limit->integer;
}

/* The next occurrence at or after `at`; for an empty `what` the next border of a code point. */
static size_t expr_text_next(struct slice text, struct slice what, size_t at, bool is_first)
{
    if (what.size == 0) {
        size_t step = is_first ? 0 : text_utf8_size(slice_from(text, at));
        return at + step;
    }
    while (!slice_starts(slice_from(text, at), what))
        at++; /* it is there: counted before */
    return at;
}

bool expr_text_replace(struct expr_run *run, const struct expr_node *node,
                       const struct expr_value *arguments, struct expr_value *out)
{
    struct slice text = arguments[0].string;
    struct slice old = arguments[1].string;
    struct slice new = arguments[2].string;
    size_t most = node->count == 4 ? expr_text_most(&arguments[3]) : SIZE_MAX;
    size_t count = 0;
    size_t grown = 0;
    if (!expr_text_count(run, node, text, old, most, &count))
        return false;
    if (__builtin_mul_overflow(count, new.size, &grown) || grown > LIMIT_EXPR_STRING)
        return expr_run_fail(run, node, EXPR_FAULT_STRING);
    size_t size = text.size - count * old.size + grown;
    char *at = expr_run_string(run, node, size);
    if (!at)
        return false;
    size_t from = 0;
    size_t to = 0;
    for (size_t i = 0; i < count; i++) {
        size_t found = expr_text_next(text, old, from, i == 0);
        memcpy(at + to, text.at + from, found - from);
        to += found - from;
        if (new.size > 0)
            memcpy(at + to, new.at, new.size);
        to += new.size;
        from = found + old.size;
    }
    if (text.size > from)
        memcpy(at + to, text.at + from, text.size - from);
    *out = expr_value_text(slice_of(at, size));
    return true;
}

bool expr_text_split(struct expr_run *run, const struct expr_node *node,
                     const struct expr_value *arguments, struct expr_value *out)
{
    struct slice text = arguments[0].string;
    struct slice by = arguments[1].string;
    size_t most = node->count == 3 ? expr_text_most(&arguments[2]) : SIZE_MAX;
    size_t cuts = 0;
    if (most > 0 && !expr_text_count(run, node, text, by, most - 1, &cuts))
        return false;
    if (by.size == 0) /* between the code points only */
        cuts = text_utf8_count(text) > cuts ? cuts : text_utf8_count(text) - (text.size > 0);
    size_t count = most == 0 || (by.size == 0 && text.size == 0) ? 0 : cuts + 1;
    struct expr_value *items = expr_run_items(run, node, count);
    if (!items)
        return false;
    size_t from = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        size_t found = expr_text_next(text, by, from, false);
        items[i] = expr_value_text(slice_of(text.at + from, found - from));
        from = found + by.size;
    }
    if (count > 0)
        items[count - 1] = expr_value_text(slice_from(text, from));
    *out = expr_value_list(items, count);
    return true;
}

bool expr_text_join(struct expr_run *run, const struct expr_node *node,
                    const struct expr_value *arguments, struct expr_value *out)
{
    const struct expr_list *list = &arguments[0].list;
    struct slice by = node->count == 2 ? arguments[1].string : SLICE("");
    size_t size = 0;
    if (!expr_run_spend(run, node, list->count))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        struct expr_value item = expr_list_at(list, i);
        if (item.type != EXPR_STRING)
            return expr_run_fail_type(run, node, item.type);
        size += item.string.size + (i > 0 ? by.size : 0);
        if (size > LIMIT_EXPR_STRING)
            return expr_run_fail(run, node, EXPR_FAULT_STRING);
    }
    char *at = expr_run_string(run, node, size);
    if (!at)
        return false;
    size_t to = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct slice item = expr_list_at(list, i).string;
        if (i > 0 && by.size > 0)
            memcpy(at + to, by.at, by.size);
        to += i > 0 ? by.size : 0;
        if (item.size > 0)
            memcpy(at + to, item.at, item.size);
        to += item.size;
    }
    *out = expr_value_text(slice_of(at, size));
    return true;
}

bool expr_text_substring(struct expr_run *run, const struct expr_node *node,
                         const struct expr_value *arguments, struct expr_value *out)
{
    struct slice text = arguments[0].string;
    size_t from = 0;
    size_t to = text.size;
    if (!expr_text_position(run, node, text, &arguments[1], &from))
        return false;
    if (node->count == 3 && !expr_text_position(run, node, text, &arguments[2], &to))
        return false;
    if (to < from)
        return expr_run_fail(run, node, EXPR_FAULT_RANGE);
    *out = expr_value_text(slice_of(text.at ? text.at + from : "", to - from));
    return true;
}

bool expr_text_char_at(struct expr_run *run, const struct expr_node *node,
                       const struct expr_value *arguments, struct expr_value *out)
{
    size_t at = 0;
    if (!expr_text_position(run, node, arguments[0].string, &arguments[1], &at))
        return false;
    struct slice rest = slice_from(arguments[0].string, at);
    *out = expr_value_text(slice_first(rest, text_utf8_size(rest)));
    return true;
}

/* Bytes back to code points; -1 past the end. */
static struct expr_value expr_text_counted(struct slice text, size_t at)
{
    if (at > text.size)
        return expr_value_int(-1);
    return expr_value_int((int64_t)text_utf8_count(slice_first(text, at)));
}

/* Where a search starts: the strings extension wants it inside of the text. */
static bool expr_text_start(struct expr_run *run, const struct expr_node *node,
                            const struct expr_value *arguments, size_t *out_bytes)
{
    struct slice text = arguments[0].string;
    if (!expr_text_position(run, node, text, &arguments[2], out_bytes))
        return false;
    if (*out_bytes == text.size && arguments[1].string.size > 0)
        return expr_run_fail(run, node, EXPR_FAULT_RANGE);
    return true;
}

bool expr_text_index_of(struct expr_run *run, const struct expr_node *node,
                        const struct expr_value *arguments, struct expr_value *out)
{
    struct slice text = arguments[0].string;
    size_t at = 0;
    if (node->count == 3 && !expr_text_start(run, node, arguments, &at))
        return false;
    if (!expr_text_find(run, node, text, arguments[1].string, &at))
        return false;
    *out = expr_text_counted(text, at);
    return expr_run_spend(run, node, text.size / 64);
}

bool expr_text_last_index_of(struct expr_run *run, const struct expr_node *node,
                             const struct expr_value *arguments, struct expr_value *out)
{
    struct slice text = arguments[0].string;
    struct slice needle = arguments[1].string;
    size_t at = text.size;
    if (node->count == 3 && !expr_text_start(run, node, arguments, &at))
        return false;
    if (needle.size > text.size) {
        *out = expr_value_int(-1);
        return true;
    }
    if (at > text.size - needle.size)
        at = text.size - needle.size;
    while (!slice_starts(slice_from(text, at), needle)) {
        if (!expr_run_spend(run, node, 1 + needle.size / 64))
            return false;
        if (at-- == 0) {
            *out = expr_value_int(-1);
            return true;
        }
    }
    *out = expr_text_counted(text, at);
    return expr_run_spend(run, node, text.size / 64);
}
