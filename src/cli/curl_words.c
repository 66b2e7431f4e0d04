/* The shell's side of a pasted command: words, quotes, escapes. */
#include "base/text.h"
#include "cli/curl.h"

struct curl_reader {
    struct slice text;
    size_t at;
    struct buf word;
    const char *mistake;
};

static bool curl_reader_is_end(const struct curl_reader *reader)
{
    return reader->at >= reader->text.size;
}

static char curl_reader_next(struct curl_reader *reader)
{
    return reader->text.at[reader->at++];
}

/* '…' : nothing is special. */
static bool curl_read_single(struct curl_reader *reader)
{
    struct slice rest = slice_from(reader->text, reader->at);
    size_t end = slice_find(rest, '\'');
    if (end == rest.size) {
        reader->mistake = "a ' is not closed";
        return false;
    }
    buf_add(&reader->word, slice_first(rest, end));
    reader->at += end + 1;
    return true;
}

/* "…" : the backslash escapes " \ $ ` and a line's end. */
static bool curl_read_double(struct curl_reader *reader)
{
    while (!curl_reader_is_end(reader)) {
        char c = curl_reader_next(reader);
        if (c == '"')
            return true;
        bool has_next = !curl_reader_is_end(reader);
        if (c == '`' || (c == '$' && has_next && reader->text.at[reader->at] == '(')) {
            reader->mistake = "`…` and $(…) need a shell: put in what they give";
            return false;
        }
        if (c != '\\' || curl_reader_is_end(reader)) {
            buf_add_byte(&reader->word, c);
            continue;
        }
        char next = curl_reader_next(reader);
        if (!strchr("\"\\$`\n", next))
            buf_add_byte(&reader->word, c);
        if (next != '\n')
            buf_add_byte(&reader->word, next);
    }
    reader->mistake = "a \" is not closed";
    return false;
}

/* \xHH and \uHHHH of $'…': up to `digits` hex digits; the code point is added as UTF-8. */
static void curl_read_code(struct curl_reader *reader, size_t digits, bool is_byte)
{
    uint32_t code = 0;
    for (size_t i = 0; i < digits && !curl_reader_is_end(reader); i++) {
        static const char hex[] = "0123456789abcdef";
        char c = reader->text.at[reader->at];
        const char *place = c ? strchr(hex, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;
        if (!place)
            break;
        code = code * 16 + (uint32_t)(place - hex);
        reader->at++;
    }
    if (is_byte || code < 0x80) {
        buf_add_byte(&reader->word, (char)(unsigned char)code);
    } else if (code < 0x800) {
        buf_add_byte(&reader->word, (char)(unsigned char)(0xc0 | code >> 6));
        buf_add_byte(&reader->word, (char)(unsigned char)(0x80 | (code & 0x3f)));
    } else {
        buf_add_byte(&reader->word, (char)(unsigned char)(0xe0 | code >> 12));
        buf_add_byte(&reader->word, (char)(unsigned char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_byte(&reader->word, (char)(unsigned char)(0x80 | (code & 0x3f)));
    }
}

/* $'…' : browsers write it when a text holds a quote. */
static bool curl_read_dollar(struct curl_reader *reader)
{
    while (!curl_reader_is_end(reader)) {
        char c = curl_reader_next(reader);
        if (c == '\'')
            return true;
        if (c != '\\' || curl_reader_is_end(reader)) {
            buf_add_byte(&reader->word, c);
            continue;
        }
        static const char letters[] = "ntr", bytes[] = "\n\t\r";
        c = curl_reader_next(reader);
        const char *place = c ? strchr(letters, c) : NULL;
        if (c == 'x')
            curl_read_code(reader, 2, true);
        else if (c == 'u')
            curl_read_code(reader, 4, false);
        else
            buf_add_byte(&reader->word, place ? bytes[place - letters] : c);
    }
    reader->mistake = "a $' is not closed";
    return false;
}

static bool curl_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One piece of a word outside quotes: a quote, an escape, a bare character. */
static bool curl_read_piece(struct curl_reader *reader)
{
    char c = curl_reader_next(reader);
    bool has_next = !curl_reader_is_end(reader);
    char next = has_next ? reader->text.at[reader->at] : 0;
    if (c == '\'')
        return curl_read_single(reader);
    if (c == '"')
        return curl_read_double(reader);
    if (c == '$' && next == '\'') {
        reader->at++;
        return curl_read_dollar(reader);
    }
    if ((c == '$' && next == '(') || strchr("|;&<>`", c)) {
        reader->mistake =
            c ? "a shell would do something at one of | ; & < > ` $( : quote the URL, "
                "leave out the rest"
              : "a zero byte";
        return false;
    }
    if (c == '\\' && has_next) {
        reader->at++;
        if (next == '\r' && !curl_reader_is_end(reader) && reader->text.at[reader->at] == '\n')
            reader->at++;
        if (next != '\n' && next != '\r')
            buf_add_byte(&reader->word, next);
        return true;
    }
    buf_add_byte(&reader->word, c);
    return true;
}

/* A backslash and a line's end between words are a blank. */
static void curl_skip_blanks(struct curl_reader *reader)
{
    while (!curl_reader_is_end(reader)) {
        struct slice rest = slice_from(reader->text, reader->at);
        if (curl_is_blank(reader->text.at[reader->at]))
            reader->at++;
        else if (slice_starts(rest, SLICE("\\\n")))
            reader->at += 2;
        else if (slice_starts(rest, SLICE("\\\r\n")))
            reader->at += 3;
        else
            return;
    }
}

bool curl_words(struct slice text, struct arena *arena, struct slice out_words[CURL_WORDS],
                size_t *out_count, struct slice *out_mistake)
{
    struct curl_reader reader = {.text = text};
    size_t count = 0;
    buf_init(&reader.word, LIMIT_HTTP_BODY);
    if (!text_is_utf8(text) || slice_find(text, 0) < text.size)
        reader.mistake = "the command is not a text in UTF-8";
    for (curl_skip_blanks(&reader); !reader.mistake && !curl_reader_is_end(&reader);
         curl_skip_blanks(&reader)) {
        buf_reset(&reader.word);
        if (count == CURL_WORDS) {
            reader.mistake = "more words than a curl command has";
            break;
        }
        while (!curl_reader_is_end(&reader) && !curl_is_blank(text.at[reader.at]))
            if (!curl_read_piece(&reader))
                break;
        out_words[count++] = arena_copy(arena, buf_slice(&reader.word));
        if (!buf_ok(&reader.word) || arena->overflowed)
            reader.mistake = "the command is too long";
        if (reader.mistake)
            break;
    }
    buf_done(&reader.word);
    if (reader.mistake) {
        *out_mistake = slice_text(reader.mistake);
        return false;
    }
    *out_count = count;
    return true;
}
