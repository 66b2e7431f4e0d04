#include "upstream/curl_head.h"

enum { CURL_HEAD_FINAL = 200, CURL_HEAD_SWITCHING = 101 };

void curl_head_init(struct curl_head *head)
{
    *head = (struct curl_head){0};
    buf_init(&head->bytes, LIMIT_ANSWER_HEAD);
}

void curl_head_done(struct curl_head *head)
{
    buf_done(&head->bytes);
}

void curl_head_reset(struct curl_head *head)
{
    buf_reset(&head->bytes);
    head->count = 0;
    head->seen_size = 0;
    head->status = 0;
    head->is_in_block = false;
    head->is_whole = false;
    head->is_too_large = false;
}

static struct slice curl_head_without_end(struct slice line)
{
    if (line.size > 0 && line.at[line.size - 1] == '\n')
        line.size--;
    if (line.size > 0 && line.at[line.size - 1] == '\r')
        line.size--;
    return line;
}

/* "HTTP/1.1 200 OK", the reason being optional. */
static bool curl_head_add_status(struct curl_head *head, struct slice line)
{
    uint64_t status = 0;
    struct slice code = slice_from(line, slice_find(line, ' ') + 1);
    struct slice rest = slice_from(code, 3);
    if (!slice_starts(line, SLICE("HTTP/")) || !slice_to_u64(slice_first(code, 3), 999, &status))
        return false;
    if (status < 100 || (rest.size > 0 && rest.at[0] != ' '))
        return false;
    if (status == CURL_HEAD_SWITCHING) /* never asked for: what follows is not HTTP */
        return false;
    buf_reset(&head->bytes);
    head->count = 0;
    head->status = (int)status;
    head->is_in_block = true;
    return true;
}

/* obs-fold (RFC 9112 5.2): the value goes on after one blank. */
static bool curl_head_add_folded(struct curl_head *head, struct slice text)
{
    if (head->count == 0)
        return false;
    struct curl_head_line *last = &head->lines[head->count - 1];
    buf_add_byte(&head->bytes, ' ');
    buf_add(&head->bytes, text);
    last->value_size += (uint32_t)text.size + 1;
    return buf_ok(&head->bytes);
}

static bool curl_head_add_field(struct curl_head *head, struct slice line)
{
    if (line.at[0] == ' ' || line.at[0] == '\t')
        return curl_head_add_folded(head, slice_trim(line));
    size_t colon = slice_find(line, ':');
    if (colon == line.size)
        return true; /* not a header; libcurl passes it over, and so do we */
    if (head->count == LIMIT_ANSWER_HEADERS) {
        head->is_too_large = true;
        return false;
    }
    struct slice name = slice_trim(slice_first(line, colon));
    struct slice value = slice_trim(slice_from(line, colon + 1));
    uint32_t at = (uint32_t)head->bytes.size;
    buf_add(&head->bytes, name);
    buf_add(&head->bytes, value);
    head->lines[head->count++] = (struct curl_head_line){
        at, (uint32_t)name.size, at + (uint32_t)name.size, (uint32_t)value.size};
    return buf_ok(&head->bytes);
}

bool curl_head_add(struct curl_head *head, struct slice line)
{
    head->seen_size += line.size;
    if (head->seen_size > LIMIT_ANSWER_HEAD) { /* invariant 3 */
        head->is_too_large = true;
        return false;
    }
    if (head->is_whole)
        return true; /* a trailer: invariant 2 */
    line = curl_head_without_end(line);
    if (!head->is_in_block)
        return curl_head_add_status(head, line);
    if (line.size > 0)
        return curl_head_add_field(head, line);
    head->is_in_block = false;
    head->is_whole = head->status >= CURL_HEAD_FINAL; /* invariant 1 */
    return true;
}

void curl_head_finish(struct curl_head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        const struct curl_head_line *line = &head->lines[i];
        head->headers[i] =
            (struct upstream_header){slice_of(head->bytes.at + line->name_at, line->name_size),
                                     slice_of(head->bytes.at + line->value_at, line->value_size)};
    }
}
