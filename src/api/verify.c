#include "api/handlers.h"
#include "api/parameter.h"
#include "api/proof.h"
#include "api/reply.h"
#include "base/limits.h"
#include "record/member.h"

enum { VERIFY_PAGE = 500 };

static void verify_reply(struct call *call, const struct proof *proof, uint64_t from, bool is_end)
{
    struct buf out, cursor;
    uint64_t head = 0;
    unsigned char hash[STORE_HASH_SIZE];
    const struct store_port *store = call->engine->store(call->engine->impl);
    store->head(store->impl, &head, hash);
    buf_init(&out, LIMIT_HTTP_ANSWER);
    buf_init(&cursor, LIMIT_HTTP_LINE);
    buf_add_byte(&out, '{');
    member_add_bool(&out, "good", !proof->broken);
    member_add_u64(&out, "from", from);
    member_add_u64(&out, "through", proof->next_seq - 1);
    member_add_u64(&out, "head", head);
    if (!is_end)
        proof_add_cursor(proof, &cursor);
    member_add_text(&out, "next", buf_slice(&cursor));
    member_add_name(&out, "hash");
    buf_add_byte(&out, '"');
    text_add_hex(&out, slice_of(proof->previous, STORE_HASH_SIZE));
    buf_add_byte(&out, '"');
    member_add_name(&out, "broken");
    if (proof->broken) {
        buf_add_byte(&out, '{');
        member_add_u64(&out, "seq", proof->broken_seq);
        member_add_word(&out, "what", proof->broken);
        buf_add_byte(&out, '}');
    } else {
        buf_add_text(&out, "null");
    }
    buf_add_byte(&out, '}');
    reply_json(call, 200, &out);
    buf_done(&cursor);
    buf_done(&out);
}

/* A page of the proof; the reader goes on with `next` (R25: short reads, nothing held). */
void verify_get(struct call *call)
{
    struct slice cursor = {0};
    struct proof proof;
    const struct parameter fields[] = {{"cursor", &cursor}};
    const struct store_port *store = call->engine->store(call->engine->impl);
    if (!parameter_read(call, fields, 1))
        return;
    proof_begin(&proof);
    if (cursor.at && !proof_parse_cursor(cursor, &proof)) {
        (void)parameter_refuse(call, "cursor", "the `next` of an answer"); /* answered */
        return;
    }
    uint64_t from = proof.next_seq;
    size_t count = 0;
    enum err err = proof_page(store, &proof, VERIFY_PAGE, &count);
    bool is_end = count < VERIFY_PAGE || proof.broken;
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    if (is_end)
        proof_end(store, &proof, false);
    verify_reply(call, &proof, from, is_end);
}
