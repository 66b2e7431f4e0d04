/* Any lines of an answer, in any order: what was collected lies within what came, and a block is
 * whole only by an empty line after a final status.
 * Input: the header lines of an answer, each with its line feed. */
#include "base/check.h"
#include "upstream/curl_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(struct curl_head *head)
{
    size_t total = 0;
    curl_head_finish(head);
    CHECK(head->count <= LIMIT_ANSWER_HEADERS && head->bytes.size <= LIMIT_ANSWER_HEAD);
    CHECK(!head->is_whole || (head->status >= 200 && head->status <= 999));
    for (size_t i = 0; i < head->count; i++) {
        struct slice name = head->headers[i].name, value = head->headers[i].value;
        CHECK(name.size == 0 || (name.at >= head->bytes.at && slice_find(name, ':') == name.size));
        CHECK(slice_find(value, '\n') == value.size);
        total += name.size + value.size;
    }
    CHECK(total == head->bytes.size || head->bytes.overflowed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct curl_head head;
    static bool is_ready;
    if (!is_ready)
        curl_head_init(&head);
    is_ready = true;
    curl_head_reset(&head);
    struct slice rest = slice_of(data, size);
    while (rest.size > 0) {
        size_t end = slice_find(rest, '\n');
        if (!curl_head_add(&head, slice_first(rest, end + 1)))
            break;
        rest = slice_from(rest, end + 1);
    }
    fuzz_check(&head);
    return 0;
}
