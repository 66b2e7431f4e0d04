#include "record/scan.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"

static void scan_skip_blanks(struct slice *s)
{
    size_t i = 0;
    while (i < s->size &&
           (s->at[i] == ' ' || s->at[i] == '\t' || s->at[i] == '\n' || s->at[i] == '\r'))
        i++;
    if (i > 0)
        *s = slice_from(*s, i);
}

static bool scan_take_byte(struct slice *s, char byte)
{
    if (s->size == 0 || s->at[0] != byte)
        return false;
    *s = slice_from(*s, 1);
    return true;
}

static size_t scan_digits(struct slice s, size_t from)
{
    while (from < s.size && s.at[from] >= '0' && s.at[from] <= '9')
        from++;
    return from;
}

/* Size of the number in front, or 0. */
static size_t scan_number_size(struct slice s)
{
    size_t start = s.size > 0 && s.at[0] == '-' ? 1 : 0;
    size_t end = scan_digits(s, start);
    if (end == start || (s.at[start] == '0' && end > start + 1))
        return 0;
    if (end < s.size && s.at[end] == '.') {
        size_t from = end + 1;
        end = scan_digits(s, from);
        if (end == from)
            return 0;
    }
    if (end < s.size && (s.at[end] == 'e' || s.at[end] == 'E')) {
        size_t from = end + 1;
        if (from < s.size && (s.at[from] == '+' || s.at[from] == '-'))
            from++;
        end = scan_digits(s, from);
        if (end == from)
            return 0;
    }
    return end;
}

static bool scan_hex4(struct slice s, uint32_t *out_unit)
{
    unsigned char bytes[2];
    if (!text_parse_hex(slice_first(s, 4), bytes, 2))
        return false;
    *out_unit = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

/* One escape, `\` in front; its size, or 0. */
static size_t scan_escape(struct slice s, uint32_t *out_code)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (s.size < 2)
        return 0;
    const char *simple = s.at[1] ? strchr(from, s.at[1]) : NULL;
    if (simple) {
        *out_code = (unsigned char)to[simple - from];
        return 2;
    }
    uint32_t high = 0;
    uint32_t low = 0;
    if (s.at[1] != 'u' || !scan_hex4(slice_from(s, 2), &high))
        return 0;
    if (high < 0xd800 || high > 0xdfff) {
        *out_code = high;
        return 6;
    }
    if (high > 0xdbff || s.size < 12 || s.at[6] != '\\' || s.at[7] != 'u' ||
        !scan_hex4(slice_from(s, 8), &low) || low < 0xdc00 || low > 0xdfff)
        return 0;
    *out_code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

/* By byte: it ends a run of those that stand for themselves: a quote, a backslash, a control. */
static const bool scan_is_special[256] = {
    true, true, true, true, true, true, true, true, true,         true,         true, true,
    true, true, true, true, true, true, true, true, true,         true,         true, true,
    true, true, true, true, true, true, true, true, ['"'] = true, ['\\'] = true};

static size_t scan_plain_size(struct slice s, size_t from)
{
    size_t i = from;
    while (i < s.size && !scan_is_special[(unsigned char)s.at[i]])
        i++;
    return i - from;
}

size_t scan_string_size(struct slice s)
{
    uint32_t code = 0;
    if (s.size < 2 || s.at[0] != '"')
        return 0;
    for (size_t i = 1; i < s.size;) {
        i += scan_plain_size(s, i);
        if (i == s.size || (unsigned char)s.at[i] < 0x20)
            return 0;
        if (s.at[i] == '"')
            return i + 1;
        size_t step = scan_escape(slice_from(s, i), &code);
        if (step == 0)
            return 0;
        i += step;
    }
    return 0;
}

static size_t scan_word_size(struct slice s, const char *word)
{
    return slice_starts(s, slice_text(word)) ? strlen(word) : 0;
}

static size_t scan_scalar_size(struct slice s)
{
    switch (scan_type(s)) {
    case SCAN_NULL:
        return scan_word_size(s, "null");
    case SCAN_FALSE:
        return scan_word_size(s, "false");
    case SCAN_TRUE:
        return scan_word_size(s, "true");
    case SCAN_NUMBER:
        return scan_number_size(s);
    case SCAN_TEXT:
        return scan_string_size(s);
    case SCAN_BAD:
    case SCAN_ARRAY:
    case SCAN_OBJECT:
        break;
    }
    return 0;
}

enum scan_type scan_type(struct slice raw)
{
    if (raw.size == 0)
        return SCAN_BAD;
    switch (raw.at[0]) {
    case '{':
        return SCAN_OBJECT;
    case '[':
        return SCAN_ARRAY;
    case '"':
        return SCAN_TEXT;
    case 'n':
        return SCAN_NULL;
    case 't':
        return SCAN_TRUE;
    case 'f':
        return SCAN_FALSE;
    default:
        return raw.at[0] == '-' || (raw.at[0] >= '0' && raw.at[0] <= '9') ? SCAN_NUMBER : SCAN_BAD;
    }
}

static bool scan_take_key(struct slice *s, struct slice *out_key)
{
    scan_skip_blanks(s);
    size_t size = scan_string_size(*s);
    if (size == 0)
        return false;
    *out_key = slice_first(*s, size);
    *s = slice_from(*s, size);
    scan_skip_blanks(s);
    return scan_take_byte(s, ':');
}

/* The open brackets around the place where a scan stands, innermost last. */
struct scan_stack {
    uint64_t is_object; /* a bit each, the innermost lowest */
    unsigned depth;
};
static_assert(LIMIT_JSON_DEPTH <= 64, "a bit for each level");

/* After `{` or `[`: false when too deep, or when no key follows. *out_is_empty: closed at once. */
static bool scan_enter(struct scan_stack *stack, struct slice *s, bool *out_is_empty)
{
    bool is_object = s->at[0] == '{';
    struct slice key;
    *s = slice_from(*s, 1);
    scan_skip_blanks(s);
    *out_is_empty = scan_take_byte(s, is_object ? '}' : ']');
    if (stack->depth == LIMIT_JSON_DEPTH)
        return false;
    if (*out_is_empty)
        return true;
    stack->is_object = stack->is_object << 1 | is_object;
    stack->depth++;
    return !is_object || scan_take_key(s, &key);
}

/* After a value: closes what ends here. True with depth 0 at the end, or before the next value. */
static bool scan_leave(struct scan_stack *stack, struct slice *s)
{
    struct slice key;
    while (stack->depth > 0) {
        bool is_object = stack->is_object & 1;
        scan_skip_blanks(s);
        if (scan_take_byte(s, ','))
            return !is_object || scan_take_key(s, &key);
        if (!scan_take_byte(s, is_object ? '}' : ']'))
            return false;
        stack->is_object >>= 1;
        stack->depth--;
    }
    return true;
}

/* Takes one value and the blanks before it off the front of *rest; *out_raw has no blanks around
 * it. On false *rest is somewhere inside. */
static bool scan_take(struct slice *rest, struct slice *out_raw)
{
    struct scan_stack stack = {0, 0};
    scan_skip_blanks(rest);
    const char *start = rest->at;
    do {
        scan_skip_blanks(rest);
        enum scan_type type = scan_type(*rest);
        bool is_whole = true;
        if (type == SCAN_OBJECT || type == SCAN_ARRAY) {
            if (!scan_enter(&stack, rest, &is_whole))
                return false;
        } else {
            size_t size = scan_scalar_size(*rest);
            if (size == 0)
                return false;
            *rest = slice_from(*rest, size);
        }
        if (is_whole && !scan_leave(&stack, rest))
            return false;
    } while (stack.depth > 0);
    *out_raw = slice_of(start, (size_t)(rest->at - start));
    return true;
}

bool scan_document(struct slice bytes, struct slice *out_raw)
{
    struct slice raw;
    if (!scan_take(&bytes, &raw))
        return false;
    scan_skip_blanks(&bytes);
    if (bytes.size > 0)
        return false;
    *out_raw = raw;
    return true;
}

void scan_open(struct scan_walk *walk, struct slice raw)
{
    enum scan_type type = scan_type(raw);
    *walk = (struct scan_walk){.rest = slice_from(raw, 1), .is_first = true};
    walk->close = type == SCAN_OBJECT ? '}' : ']';
    walk->is_bad = type != SCAN_OBJECT && type != SCAN_ARRAY;
}

static bool scan_fail(struct scan_walk *walk)
{
    walk->is_bad = true;
    return false;
}

bool scan_next(struct scan_walk *walk, struct slice *out_key, struct slice *out_value)
{
    if (walk->is_bad)
        return false;
    scan_skip_blanks(&walk->rest);
    if (scan_take_byte(&walk->rest, walk->close))
        return walk->rest.size == 0 ? false : scan_fail(walk);
    if (!walk->is_first && !scan_take_byte(&walk->rest, ','))
        return scan_fail(walk);
    walk->is_first = false;
    struct slice key = {0};
    struct slice value;
    if (walk->close == '}' && !scan_take_key(&walk->rest, &key))
        return scan_fail(walk);
    if (!scan_take(&walk->rest, &value))
        return scan_fail(walk);
    *out_key = key;
    *out_value = value;
    return true;
}

static void scan_add_code(struct buf *out, uint32_t code)
{
    char bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i > 1; i--) {
        bytes[i - 1] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    bytes[0] = (char)(heads[size] | code);
    buf_add(out, slice_of(bytes, size));
}

bool scan_add_text(struct slice raw, struct buf *out)
{
    if (scan_string_size(raw) != raw.size || raw.size == 0)
        return false;
    struct slice s = slice_of(raw.at + 1, raw.size - 2);
    while (s.size > 0) {
        size_t plain = slice_find(s, '\\');
        buf_add(out, slice_first(s, plain));
        s = slice_from(s, plain);
        uint32_t code = 0;
        if (s.size > 0) {
            s = slice_from(s, scan_escape(s, &code));
            scan_add_code(out, code);
        }
    }
    return true;
}

bool scan_text(struct slice raw, struct arena *arena, struct slice *out_text)
{
    if (raw.size < 2 || scan_string_size(raw) != raw.size)
        return false;
    struct slice inner = slice_of(raw.at + 1, raw.size - 2);
    if (slice_find(inner, '\\') == inner.size) {
        *out_text = inner;
        return true;
    }
    struct buf text;
    buf_init(&text, raw.size); /* an escape is never shorter than what it stands for */
    bool is_good = scan_add_text(raw, &text) && buf_ok(&text);
    struct slice copy = arena_copy(arena, buf_slice(&text));
    is_good = is_good && copy.size == text.size;
    buf_done(&text);
    if (is_good)
        *out_text = copy;
    return is_good;
}

bool scan_is(struct slice raw, const char *text)
{
    size_t size = strlen(text);
    return raw.size == size + 2 && raw.at[0] == '"' && memcmp(raw.at + 1, text, size) == 0;
}

bool scan_u64(struct slice raw, uint64_t max, uint64_t *out_value)
{
    return slice_to_u64(raw, max, out_value);
}

bool scan_i64(struct slice raw, int64_t *out_value)
{
    bool is_negative = raw.size > 0 && raw.at[0] == '-';
    uint64_t max = (uint64_t)INT64_MAX + is_negative;
    uint64_t value = 0;
    if (!slice_to_u64(slice_from(raw, is_negative), max, &value))
        return false;
    *out_value = (int64_t)(is_negative ? 0 - value : value);
    return true;
}

bool scan_real(struct slice raw, double *out_value)
{
    char text[64]; /* strtod wants a NUL; what we store is shorter */
    if (raw.size == 0 || raw.size >= sizeof text || scan_number_size(raw) != raw.size)
        return false;
    memcpy(text, raw.at, raw.size);
    text[raw.size] = '\0';
    *out_value = strtod(text, NULL);
    return true;
}

void scan_add_compact(struct slice raw, struct buf *out)
{
    while (raw.size > 0) {
        scan_skip_blanks(&raw);
        size_t size = raw.size > 0 && raw.at[0] == '"' ? scan_string_size(raw) : 0;
        if (size == 0) {
            while (size < raw.size && raw.at[size] != '"' && (unsigned char)raw.at[size] > ' ')
                size++;
        }
        if (size == 0)
            return; /* a broken string: not a checked value */
        buf_add(out, slice_first(raw, size));
        raw = slice_from(raw, size);
    }
}
