/* record/mask_echo.c - masked values that an upstream repeats, in the forms that it may use. */
#include "base/text.h"
#include "record/mask.h"
#include "record/scan.h"

/* One masked value that is looked for. */
struct echo {
    struct slice text; /* as it stands without quotes and escapes */
    struct slice hint;
    bool is_number; /* it is, or reads as, a number: `number` */
    double number;
};

static unsigned char echo_fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* How many bytes of `text` at that place are this byte: as it is in any case, or URL-encoded; 0. */
static size_t echo_byte_size(struct slice text, size_t at, char wanted)
{
    if (at < text.size && echo_fold(text.at[at]) == echo_fold(wanted))
        return 1;
    if (at < text.size && wanted == ' ' && text.at[at] == '+')
        return 1;
    if (at + 2 >= text.size || text.at[at] != '%')
        return 0;
    int high = text_hex_digit(text.at[at + 1]), low = text_hex_digit(text.at[at + 2]);
    bool is_it = high >= 0 && low >= 0 && echo_fold((char)(high << 4 | low)) == echo_fold(wanted);
    return is_it ? 3 : 0;
}

/* How long the value is at that place; 0: it is not there. */
static size_t echo_size(const struct echo *echo, struct slice text, size_t at)
{
    size_t end = at;
    for (size_t i = 0; i < echo->text.size; i++) {
        size_t size = echo_byte_size(text, end, echo->text.at[i]);
        if (size == 0)
            return 0;
        end += size;
    }
    return end - at;
}

static bool echo_is_digit(struct slice text, size_t at)
{
    return at < text.size && text.at[at] >= '0' && text.at[at] <= '9';
}

/* The decoded text with the value taken out; false: it was not there. */
static bool echo_replace(const struct echo *echo, struct slice text, struct buf *out)
{
    size_t from = 0;
    for (size_t i = 0; i < text.size;) {
        size_t size = echo_size(echo, text, i);
        bool is_part = size > 0 && echo->is_number && /* of a longer number */
                       ((i > 0 && echo_is_digit(text, i - 1)) || echo_is_digit(text, i + size));
        if (size == 0 || is_part) {
            i++;
            continue;
        }
        buf_add(out, slice_of(text.at + from, i - from));
        buf_add(out, echo->hint);
        i += size;
        from = i;
    }
    buf_add(out, slice_from(text, from));
    return from > 0;
}

/* ---- the tokens of a JSON text ---- */

/* The next string or number at or after *inout_at; false: there is none. */
static bool echo_next(struct slice json, size_t *inout_at, struct slice *out_token)
{
    for (size_t at = *inout_at; at < json.size; at++) {
        char c = json.at[at];
        size_t size = 0;
        if (c == '"')
            size = scan_string_size(slice_from(json, at));
        else if (c == '-' || (c >= '0' && c <= '9'))
            while (at + size < json.size &&
                   (echo_is_digit(json, at + size) ||
                    (json.at[at + size] != '\0' && strchr("+-.eE", json.at[at + size]))))
                size++;
        if (size == 0)
            continue;
        *out_token = slice_of(json.at + at, size);
        *inout_at = at + size;
        return true;
    }
    return false;
}

/* One token of the response: as it is, or with the value taken out. */
static void echo_add_token(const struct echo *echo, struct slice token, struct buf *out)
{
    struct buf text, replaced;
    double number = 0;
    if (token.at[0] != '"') {
        bool is_it = echo->is_number && scan_real(token, &number) && number == echo->number;
        if (is_it)
            buf_add_json_text(out, SLICE(MASK_TEXT));
        else
            buf_add(out, token);
        return;
    }
    buf_init(&text, token.size + 1);
    buf_init(&replaced, (token.size + 1) * (echo->hint.size + 1));
    if (scan_add_text(token, &text) && echo_replace(echo, buf_slice(&text), &replaced))
        buf_add_json_text(out, buf_ok(&replaced) ? buf_slice(&replaced) : SLICE(MASK_TEXT));
    else
        buf_add(out, token);
    buf_done(&replaced);
    buf_done(&text);
}

static void echo_take_out(const struct echo *echo, struct buf *inout)
{
    struct buf next;
    struct slice token;
    size_t at = 0, from = 0;
    buf_init(&next, inout->size * 8 + 4096);
    struct slice json = buf_slice(inout);
    while (echo_next(json, &at, &token)) {
        size_t start = (size_t)(token.at - json.at);
        buf_add(&next, slice_of(json.at + from, start - from));
        echo_add_token(echo, token, &next);
        from = at;
    }
    buf_add(&next, slice_from(json, from));
    bool is_good = buf_ok(&next);
    buf_reset(inout);
    buf_add(inout, is_good ? buf_slice(&next) : SLICE("null"));
    buf_done(&next);
}

/* A name of a member is no value. */
static bool echo_is_name(struct slice json, size_t after)
{
    while (after < json.size && (json.at[after] == ' ' || json.at[after] == '\t' ||
                                 json.at[after] == '\n' || json.at[after] == '\r'))
        after++;
    return after < json.size && json.at[after] == ':';
}

static void echo_take_out_leaf(struct slice token, struct buf *inout)
{
    struct buf text, hint;
    bool is_text = token.at[0] == '"';
    buf_init(&text, token.size + 1);
    buf_init(&hint, token.size + 64);
    if (is_text && !scan_add_text(token, &text))
        buf_reset(&text);
    if (!is_text)
        buf_add(&text, token);
    if (is_text)
        mask_add_value(buf_slice(&text), &hint);
    else
        buf_add_text(&hint, MASK_TEXT);
    struct echo echo = {.text = buf_slice(&text), .hint = buf_slice(&hint)};
    echo.is_number = scan_real(echo.text, &echo.number);
    if (text.size >= MASK_FIND_MIN)
        echo_take_out(&echo, inout);
    buf_done(&hint);
    buf_done(&text);
}

void mask_add_response(const struct step *step, struct slice input_json, struct slice response_json,
                       struct buf *out)
{
    struct scan_walk walk;
    struct slice key, value, token;
    struct buf name, shown;
    size_t leaves = 0;
    if (step->masked_count == 0) {
        buf_add(out, response_json);
        return;
    }
    buf_init(&name, input_json.size + 1);
    buf_init(&shown, response_json.size * 8 + 4096);
    buf_add(&shown, response_json);
    scan_open(&walk, input_json);
    while (scan_next(&walk, &key, &value)) {
        buf_reset(&name);
        if (!scan_add_text(key, &name) || !step_masks(step, buf_slice(&name)))
            continue;
        size_t at = 0;
        while (leaves <= MASK_LEAVES && echo_next(value, &at, &token))
            if (!echo_is_name(value, at) && ++leaves <= MASK_LEAVES)
                echo_take_out_leaf(token, &shown);
    }
    if (leaves > MASK_LEAVES)
        buf_add_text(out, "null");
    else
        buf_add(out, buf_slice(&shown));
    buf_done(&shown);
    buf_done(&name);
}

void mask_add_text(const struct step *step, struct slice input_json, struct slice text,
                   struct buf *out)
{
    struct buf json, masked, plain;
    if (step->masked_count == 0 || text.size == 0) {
        buf_add(out, text);
        return;
    }
    buf_init(&json, text.size * 6 + 2);
    buf_init(&masked, text.size * 64 + 4096);
    buf_init(&plain, text.size * 64 + 4096);
    buf_add_json_text(&json, text);
    mask_add_response(step, input_json, buf_slice(&json), &masked);
    bool is_good = buf_ok(&json) && buf_ok(&masked) && scan_add_text(buf_slice(&masked), &plain);
    buf_add(out, is_good ? buf_slice(&plain) : SLICE(MASK_TEXT));
    buf_done(&plain);
    buf_done(&masked);
    buf_done(&json);
}
