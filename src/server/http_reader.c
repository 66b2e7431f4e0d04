#include "server/http_reader.h"

#include "base/limits.h"

enum { HTTP_CHUNK_DIGITS = 8 };

/* Classes of bytes. */
enum { TOKEN = 1, TARGET = 2, VALUE = 4, EXTENSION = 8 };
enum {
    HTTP_O = VALUE,                              /* obs-text, 0x80 to 0xff */
    HTTP_B = VALUE | EXTENSION,                  /* visible or blank, in values only */
    HTTP_U = TARGET | VALUE | EXTENSION,         /* and in a URI */
    HTTP_K = TOKEN | VALUE | EXTENSION,          /* and in a token */
    HTTP_T = TOKEN | TARGET | VALUE | EXTENSION, /* in both */
};

/* RFC 9110 5.6.2 token, 5.5 field value; RFC 3986 for targets, without "#". "[" and "]" pass
 * everywhere in a target: many clients send them raw in a query. */
static const unsigned char http_classes[256] = {
#define B HTTP_B
#define U HTTP_U
#define K HTTP_K
#define T HTTP_T
#define O HTTP_O
    0, 0, 0, 0, 0, 0, 0, 0, 0, B, 0, 0, 0, 0, 0, 0, /* HTAB */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* */
    B, T, B, K, T, T, T, T, U, U, T, T, U, T, T, U, /* SP ! " # $ % & ' ( ) * + , - . / */
    T, T, T, T, T, T, T, T, T, T, U, U, B, U, B, U, /* 0 to 9 : ; < = > ? */
    U, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* @ A to O */
    T, T, T, T, T, T, T, T, T, T, T, U, B, U, K, T, /* P to Z [ \ ] ^ _ */
    K, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* ` a to o */
    T, T, T, T, T, T, T, T, T, T, T, B, K, B, T, 0, /* p to z { | } ~ DEL */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* 0x80 */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* */
#undef B
#undef U
#undef K
#undef T
#undef O
};

static const struct {
    size_t max;
    enum http_reason reason; /* past it */
} http_sections[HTTP_SECTION_COUNT] = {
    [HTTP_IN_LINE] = {LIMIT_HTTP_LINE, HTTP_LONG_LINE},
    [HTTP_IN_FIELDS] = {LIMIT_HTTP_HEADER_BLOCK, HTTP_LONG_HEADERS},
    [HTTP_IN_CHUNKS] = {LIMIT_HTTP_CHUNK_FRAMING, HTTP_LONG_CHUNKS},
    [HTTP_IN_BODY] = {SIZE_MAX, HTTP_LARGE_BODY}, /* bounded before it is read */
};

static enum http_step http_reader_refuse(struct http_reader *reader, enum http_reason reason)
{
    reader->state = HTTP_AT_REFUSED;
    reader->reason = reason;
    return HTTP_REFUSED;
}

/* Takes `size` bytes off the front. */
static struct slice http_reader_take(struct slice *in, size_t size)
{
    struct slice taken = slice_first(*in, size);
    *in = slice_from(*in, size);
    return taken;
}

static struct slice http_reader_take_class(struct slice *in, unsigned class)
{
    size_t size = 0;
    while (size < in->size && (http_classes[(unsigned char)in->at[size]] & class))
        size++;
    return http_reader_take(in, size);
}

/* Takes a byte that must be this one. */
static enum http_step http_reader_expect(struct http_reader *reader, struct slice *in, char byte,
                                         enum http_reason otherwise)
{
    if (in->at[0] != byte)
        return http_reader_refuse(reader, otherwise);
    (void)http_reader_take(in, 1); /* known */
    return HTTP_MORE;
}

/* A byte that has no place here: LF has a reason of its own everywhere. */
static enum http_step http_reader_misplaced(struct http_reader *reader, char byte,
                                            enum http_reason reason)
{
    return http_reader_refuse(reader, byte == '\n' ? HTTP_BARE_LF : reason);
}

static enum http_step http_read_start(struct http_reader *reader, struct slice *in)
{
    if (in->at[0] != '\r') {
        reader->state = HTTP_AT_METHOD;
        return HTTP_MORE;
    }
    if (reader->has_skipped_line) /* RFC 9112 2.2 asks for at least one; one is enough */
        return http_reader_refuse(reader, HTTP_EMPTY_LINES);
    (void)http_reader_take(in, 1); /* known */
    reader->has_skipped_line = true;
    reader->state = HTTP_AT_START_LF;
    return HTTP_MORE;
}

static enum http_step http_read_start_lf(struct http_reader *reader, struct slice *in)
{
    reader->state = HTTP_AT_START;
    return http_reader_expect(reader, in, '\n', HTTP_BARE_CR);
}

static enum http_step http_read_method(struct http_reader *reader, struct slice *in)
{
    struct http_request *request = reader->request;
    struct slice whole = slice_first(*in, LIMIT_HTTP_METHOD - request->method_size + 1);
    struct slice part = http_reader_take_class(&whole, TOKEN);
    buf_add(&request->head, part);
    request->method_size += (uint32_t)part.size;
    *in = slice_from(*in, part.size);
    if (request->method_size > LIMIT_HTTP_METHOD)
        return http_reader_refuse(reader, HTTP_LONG_METHOD);
    if (in->size == 0)
        return HTTP_MORE;
    if (request->method_size == 0 || in->at[0] != ' ')
        return http_reader_misplaced(reader, in->at[0], HTTP_BAD_METHOD);
    (void)http_reader_take(in, 1); /* known */
    reader->state = HTTP_AT_TARGET;
    return HTTP_MORE;
}

static enum http_step http_read_target(struct http_reader *reader, struct slice *in)
{
    struct http_request *request = reader->request;
    struct slice part = http_reader_take_class(in, TARGET);
    buf_add(&request->head, part);
    request->target_size += (uint32_t)part.size;
    if (in->size == 0)
        return HTTP_MORE;
    if (in->at[0] == '\r' && request->target_size > 0)
        return http_reader_refuse(reader, HTTP_NO_VERSION); /* HTTP/0.9 */
    if (in->at[0] != ' ' || request->target_size == 0)
        return http_reader_misplaced(reader, in->at[0], HTTP_BAD_TARGET);
    (void)http_reader_take(in, 1); /* known */
    reader->state = HTTP_AT_VERSION;
    return HTTP_MORE;
}

/* "HTTP/" DIGIT "." DIGIT and CR, nothing else. */
static enum http_step http_read_version(struct http_reader *reader, struct slice *in)
{
    static const char pattern[] = "HTTP/0.0\r";
    char want = pattern[reader->version_size];
    char byte = in->at[0];
    bool is_good = want == '0' ? byte >= '0' && byte <= '9' : byte == want;
    if (!is_good)
        return http_reader_misplaced(
            reader, byte, reader->version_size == 0 ? HTTP_NO_VERSION : HTTP_BAD_VERSION);
    (void)http_reader_take(in, 1); /* known */
    if (want == '0') {
        reader->version_major = reader->version_minor;
        reader->version_minor = byte;
    }
    reader->version_size++;
    if (want != '\r')
        return HTTP_MORE;
    if (reader->version_major != '1' || reader->version_minor > '1')
        return http_reader_refuse(reader, HTTP_OTHER_VERSION);
    reader->request->is_version_1_0 = reader->version_minor == '0';
    reader->state = HTTP_AT_LINE_LF;
    return HTTP_MORE;
}

static enum http_step http_read_line_lf(struct http_reader *reader, struct slice *in)
{
    reader->state = HTTP_AT_FIELD;
    enum http_step step = http_reader_expect(reader, in, '\n', HTTP_BARE_CR);
    if (step != HTTP_MORE)
        return step;
    if (!buf_ok(&reader->request->head)) /* its maximum is the sum of the bounds: only memory */
        return http_reader_refuse(reader, HTTP_NO_MEMORY);
    enum http_reason reason = http_request_end_line(reader->request);
    return reason == HTTP_FINE ? HTTP_MORE : http_reader_refuse(reader, reason);
}

static enum http_step http_read_field(struct http_reader *reader, struct slice *in)
{
    size_t count = reader->request->header_count + reader->trailer_count;
    if (in->at[0] == '\r') {
        (void)http_reader_take(in, 1); /* known */
        reader->state = HTTP_AT_HEAD_LF;
        return HTTP_MORE;
    }
    if (in->at[0] == ' ' || in->at[0] == '\t')
        return http_reader_refuse(reader, HTTP_FOLDED);
    if (count == LIMIT_HTTP_HEADERS)
        return http_reader_refuse(reader, HTTP_MANY_HEADERS);
    reader->field = (struct http_field){.name_at = (uint32_t)reader->request->head.size};
    reader->state = HTTP_AT_NAME;
    return HTTP_MORE;
}

static void http_reader_lower(char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] = (char)(at[i] | 0x20);
}

/* Adds to the name. A trailer's must not touch head, whose slices are in use by now: its first
 * bytes go to a place of their own, enough to know the names that are forbidden there. */
static void http_reader_keep_name(struct http_reader *reader, struct slice part)
{
    struct buf *head = &reader->request->head;
    size_t name_size = reader->field.name_size;
    reader->field.name_size += (uint32_t)part.size;
    if (!reader->is_in_trailers) {
        size_t before = head->size;
        buf_add(head, part);
        http_reader_lower(head->at + before, head->size - before);
    } else if (name_size + part.size <= sizeof reader->trailer_name) {
        memcpy(reader->trailer_name + name_size, part.at, part.size);
        http_reader_lower(reader->trailer_name + name_size, part.size);
    }
}

static enum http_step http_read_name(struct http_reader *reader, struct slice *in)
{
    http_reader_keep_name(reader, http_reader_take_class(in, TOKEN));
    if (in->size == 0)
        return HTTP_MORE;
    char byte = in->at[0];
    if (byte == ':' && reader->field.name_size > 0) {
        (void)http_reader_take(in, 1); /* known */
        reader->field.value_at = reader->field.name_at + reader->field.name_size;
        reader->state = HTTP_AT_BLANK;
        return HTTP_MORE;
    }
    if (byte == ' ' || byte == '\t')
        return http_reader_refuse(reader, HTTP_BLANK_IN_NAME); /* RFC 9112 5.1 */
    return http_reader_misplaced(reader, byte, byte == '\r' ? HTTP_NO_COLON : HTTP_BAD_NAME);
}

static enum http_step http_read_blank(struct http_reader *reader, struct slice *in)
{
    while (in->size > 0 && (in->at[0] == ' ' || in->at[0] == '\t'))
        (void)http_reader_take(in, 1); /* known */
    if (in->size > 0)
        reader->state = HTTP_AT_VALUE;
    return HTTP_MORE;
}

static enum http_step http_read_value(struct http_reader *reader, struct slice *in)
{
    struct slice part = http_reader_take_class(in, VALUE);
    if (!reader->is_in_trailers)
        buf_add(&reader->request->head, part);
    reader->field.value_size += (uint32_t)part.size;
    if (in->size == 0)
        return HTTP_MORE;
    if (in->at[0] != '\r')
        return http_reader_misplaced(reader, in->at[0], HTTP_BAD_VALUE);
    (void)http_reader_take(in, 1); /* known */
    reader->state = HTTP_AT_FIELD_LF;
    return HTTP_MORE;
}

static enum http_reason http_reader_end_trailer(struct http_reader *reader)
{
    reader->trailer_count++;
    if (reader->field.name_size > sizeof reader->trailer_name)
        return HTTP_FINE; /* longer than any name that is looked for */
    return http_request_check_trailer(slice_of(reader->trailer_name, reader->field.name_size));
}

static enum http_reason http_reader_end_field(struct http_reader *reader)
{
    const struct buf *head = &reader->request->head;
    struct http_field *field = &reader->field;
    if (!buf_ok(head))
        return HTTP_NO_MEMORY;
    struct slice value = slice_of(head->at + field->value_at, field->value_size);
    field->value_size = (uint32_t)slice_trim(value).size; /* blanks are at its end only */
    return http_request_add_field(reader->request, *field);
}

static enum http_step http_read_field_lf(struct http_reader *reader, struct slice *in)
{
    reader->state = HTTP_AT_FIELD;
    enum http_step step = http_reader_expect(reader, in, '\n', HTTP_BARE_CR);
    if (step != HTTP_MORE)
        return step;
    enum http_reason reason =
        reader->is_in_trailers ? http_reader_end_trailer(reader) : http_reader_end_field(reader);
    return reason == HTTP_FINE ? HTTP_MORE : http_reader_refuse(reader, reason);
}

static enum http_step http_read_head_lf(struct http_reader *reader, struct slice *in)
{
    enum http_step step = http_reader_expect(reader, in, '\n', HTTP_BARE_CR);
    if (step != HTTP_MORE)
        return step;
    if (reader->is_in_trailers) {
        reader->state = HTTP_AT_WHOLE;
        return HTTP_WHOLE;
    }
    enum http_reason reason = http_request_end_head(reader->request);
    if (reason != HTTP_FINE)
        return http_reader_refuse(reader, reason);
    reader->state = HTTP_AT_BODY_DUE;
    return HTTP_HEAD;
}

/* Moves what there is of the body or chunk; true once it is whole. */
static bool http_reader_move_body(struct http_reader *reader, struct slice *in)
{
    size_t size = reader->body_left < in->size ? (size_t)reader->body_left : in->size;
    buf_add(&reader->request->body, http_reader_take(in, size));
    reader->body_left -= size;
    return reader->body_left == 0;
}

static enum http_step http_read_body(struct http_reader *reader, struct slice *in)
{
    bool is_whole = http_reader_move_body(reader, in);
    if (!buf_ok(&reader->request->body))
        return http_reader_refuse(reader, HTTP_NO_MEMORY);
    if (!is_whole)
        return HTTP_MORE;
    reader->state = HTTP_AT_WHOLE;
    return HTTP_WHOLE;
}

static enum http_step http_read_chunk_size(struct http_reader *reader, struct slice *in)
{
    char byte = in->at[0];
    unsigned digit = 16;
    if (byte >= '0' && byte <= '9')
        digit = (unsigned)(byte - '0');
    else if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f')
        digit = (unsigned)((byte | 0x20) - 'a') + 10;
    if (digit < 16 && reader->chunk_digits < HTTP_CHUNK_DIGITS) {
        reader->body_left = reader->body_left << 4 | digit;
        reader->chunk_digits++;
        (void)http_reader_take(in, 1); /* known */
        return HTTP_MORE;
    }
    if (reader->chunk_digits == 0 || (byte != '\r' && byte != ';'))
        return http_reader_misplaced(reader, byte, HTTP_BAD_CHUNK_SIZE);
    (void)http_reader_take(in, 1); /* known */
    reader->state = byte == ';' ? HTTP_AT_CHUNK_EXTENSION : HTTP_AT_CHUNK_LF;
    return HTTP_MORE;
}

/* RFC 9112 7.1.1: unknown extensions are ignored. A line end in one is an attack. */
static enum http_step http_read_chunk_extension(struct http_reader *reader, struct slice *in)
{
    (void)http_reader_take_class(in, EXTENSION); /* we know none */
    if (in->size == 0)
        return HTTP_MORE;
    if (in->at[0] != '\r')
        return http_reader_misplaced(reader, in->at[0], HTTP_BAD_CHUNK_EXTENSION);
    (void)http_reader_take(in, 1); /* known */
    reader->state = HTTP_AT_CHUNK_LF;
    return HTTP_MORE;
}

static enum http_step http_read_chunk_lf(struct http_reader *reader, struct slice *in)
{
    const struct buf *body = &reader->request->body;
    enum http_step step = http_reader_expect(reader, in, '\n', HTTP_BARE_CR);
    if (step != HTTP_MORE)
        return step;
    reader->chunk_digits = 0;
    reader->state = HTTP_AT_CHUNK_DATA;
    if (reader->body_left == 0) {
        reader->is_in_trailers = true;
        reader->state = HTTP_AT_FIELD;
    } else if (reader->body_left > body->size_max - body->size) {
        return http_reader_refuse(reader, HTTP_LARGE_BODY);
    }
    return HTTP_MORE;
}

static enum http_step http_read_chunk_data(struct http_reader *reader, struct slice *in)
{
    if (http_reader_move_body(reader, in))
        reader->state = HTTP_AT_CHUNK_CR;
    if (!buf_ok(&reader->request->body))
        return http_reader_refuse(reader, HTTP_NO_MEMORY);
    return HTTP_MORE;
}

static enum http_step http_read_chunk_cr(struct http_reader *reader, struct slice *in)
{
    reader->state = HTTP_AT_CHUNK_END;
    return http_reader_expect(reader, in, '\r', HTTP_BAD_CHUNK_END);
}

static enum http_step http_read_chunk_end(struct http_reader *reader, struct slice *in)
{
    reader->state = HTTP_AT_CHUNK_SIZE;
    return http_reader_expect(reader, in, '\n', HTTP_BAD_CHUNK_END);
}

static const struct {
    enum http_section section;
    enum http_step (*read)(struct http_reader *reader, struct slice *in);
} http_states[] = {
    [HTTP_AT_START] = {HTTP_IN_LINE, http_read_start},
    [HTTP_AT_START_LF] = {HTTP_IN_LINE, http_read_start_lf},
    [HTTP_AT_METHOD] = {HTTP_IN_LINE, http_read_method},
    [HTTP_AT_TARGET] = {HTTP_IN_LINE, http_read_target},
    [HTTP_AT_VERSION] = {HTTP_IN_LINE, http_read_version},
    [HTTP_AT_LINE_LF] = {HTTP_IN_LINE, http_read_line_lf},
    [HTTP_AT_FIELD] = {HTTP_IN_FIELDS, http_read_field},
    [HTTP_AT_NAME] = {HTTP_IN_FIELDS, http_read_name},
    [HTTP_AT_BLANK] = {HTTP_IN_FIELDS, http_read_blank},
    [HTTP_AT_VALUE] = {HTTP_IN_FIELDS, http_read_value},
    [HTTP_AT_FIELD_LF] = {HTTP_IN_FIELDS, http_read_field_lf},
    [HTTP_AT_HEAD_LF] = {HTTP_IN_FIELDS, http_read_head_lf},
    [HTTP_AT_BODY] = {HTTP_IN_BODY, http_read_body},
    [HTTP_AT_CHUNK_SIZE] = {HTTP_IN_CHUNKS, http_read_chunk_size},
    [HTTP_AT_CHUNK_EXTENSION] = {HTTP_IN_CHUNKS, http_read_chunk_extension},
    [HTTP_AT_CHUNK_LF] = {HTTP_IN_CHUNKS, http_read_chunk_lf},
    [HTTP_AT_CHUNK_DATA] = {HTTP_IN_BODY, http_read_chunk_data},
    [HTTP_AT_CHUNK_CR] = {HTTP_IN_CHUNKS, http_read_chunk_cr},
    [HTTP_AT_CHUNK_END] = {HTTP_IN_CHUNKS, http_read_chunk_end},
};
static_assert(sizeof http_states / sizeof *http_states == HTTP_AT_BODY_DUE, "all that take bytes");

void http_reader_begin(struct http_reader *reader, struct http_request *request, size_t body_max)
{
    *reader = (struct http_reader){.request = request};
    http_request_reset(request, body_max);
}

static void http_reader_begin_body(struct http_reader *reader)
{
    const struct http_request *request = reader->request;
    reader->body_left = request->content_length;
    if (request->is_chunked)
        reader->state = HTTP_AT_CHUNK_SIZE;
    else
        reader->state = reader->body_left > 0 ? HTTP_AT_BODY : HTTP_AT_WHOLE;
}

/* One state, over no more bytes than its section has room for (invariant 3). */
static enum http_step http_reader_step(struct http_reader *reader, struct slice *bytes)
{
    enum http_section section = http_states[reader->state].section;
    size_t room = http_sections[section].max - reader->section_size[section];
    if (room == 0)
        return http_reader_refuse(reader, http_sections[section].reason);
    struct slice window = slice_first(*bytes, room);
    size_t before = window.size;
    enum http_step step = http_states[reader->state].read(reader, &window);
    size_t taken = before - window.size;
    reader->section_size[section] += taken;
    *bytes = slice_from(*bytes, taken);
    return step;
}

enum http_step http_reader_read(struct http_reader *reader, struct slice *bytes)
{
    if (reader->state == HTTP_AT_BODY_DUE)
        http_reader_begin_body(reader);
    if (reader->state == HTTP_AT_WHOLE)
        return HTTP_WHOLE;
    if (reader->state == HTTP_AT_REFUSED)
        return HTTP_REFUSED;
    enum http_step step = HTTP_MORE;
    while (step == HTTP_MORE && bytes->size > 0)
        step = http_reader_step(reader, bytes);
    return step;
}

bool http_reader_is_idle(const struct http_reader *reader)
{
    return reader->state == HTTP_AT_START || reader->state == HTTP_AT_START_LF;
}
