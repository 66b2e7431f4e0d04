/* api/proof: one byte changed, one record cut off, one row edited: said, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/proof.h"
#include "record/bundle.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/record.h"
#include "record/row.h"
#include "store/memory.h"

enum { ACTION = 7, STOP = 9 };

/* What a reader of the store gets instead of the truth. */
struct tampered {
    struct store_port real, port;
    uint64_t body_of, hash_of, gone, gone_payload, other_payload;
    bool gone_row, other_row, other_stop, gone_stop;
};

static void seal(const char *label, const char *text, struct buf *out, struct record *record)
{
    unsigned char salt[BUNDLE_SALT] = {1, 2, 3};
    record->has_payload = true;
    bundle_seal(salt, label, slice_text(text), out, record->payload);
}

static struct row make_row(uint64_t last_seq)
{
    struct row row = {.workflow = SLICE("w"),
                      .step = SLICE("s"),
                      .upstream = SLICE("u"),
                      .actor = SLICE("ana"),
                      .policy = SLICE("0123456789abcdef"),
                      .first_seq = 1,
                      .last_seq = last_seq};
    action_init(&row.action, ACTION, 1000, 0);
    row.action.state = STATE_DONE;
    row.action.ended_unix_ms = 2000;
    return row;
}

static void write_action(const struct store_port *store, uint64_t seq, enum record_kind kind,
                         const char *label)
{
    struct buf body, payload, row_bytes;
    struct row row = make_row(seq);
    struct record record = {.kind = kind,
                            .action = ACTION,
                            .at_unix_ms = 1000,
                            .policy = SLICE("0123456789abcdef"),
                            .state = STATE_DONE};
    buf_init(&body, 65536);
    buf_init(&payload, 65536);
    buf_init(&row_bytes, 65536);
    seal(label, "{}", &payload, &record);
    row_encode(&row, &row_bytes);
    digest_short(buf_slice(&row_bytes), record.row);
    record_encode(&record, &body);
    const struct store_write write = {.seq = seq,
                                      .record = buf_slice(&body),
                                      .payload = buf_slice(&payload),
                                      .action = ACTION,
                                      .is_ended = true,
                                      .row = buf_slice(&row_bytes)};
    assert_int_equal(store->submit(store->impl, &write, 1, NULL, NULL), ERR_OK);
    buf_done(&row_bytes);
    buf_done(&payload);
    buf_done(&body);
}

static void write_stop(const struct store_port *store, uint64_t seq, enum record_kind kind,
                       const char *value)
{
    struct buf body, key;
    struct record record = {
        .kind = kind, .stop = STOP, .at_unix_ms = 1000, .policy = SLICE("0123456789abcdef")};
    buf_init(&body, 65536);
    buf_init(&key, TEXT_ID_MAX);
    text_add_id(&key, ID_STOP, STOP);
    digest_short(slice_text(value), record.row);
    record_encode(&record, &body);
    const struct store_row row = {
        .table = STORE_STOPS, .key = buf_slice(&key), .value = slice_text(value)};
    const struct store_write write = {
        .seq = seq, .record = buf_slice(&body), .rows = &row, .row_count = 1};
    assert_int_equal(store->submit(store->impl, &write, 1, NULL, NULL), ERR_OK);
    buf_done(&key);
    buf_done(&body);
}

/* ---- the tampered port ---- */

static struct slice changed(struct arena *arena, struct slice bytes)
{
    char *copy = arena_alloc(arena, bytes.size + 1);
    memcpy(copy, bytes.at, bytes.size);
    copy[bytes.size / 2] ^= 1;
    return slice_of(copy, bytes.size);
}

static enum err tampered_records(void *impl, uint64_t from, size_t limit, struct arena *arena,
                                 struct store_record *out, size_t *out_count)
{
    struct tampered *t = impl;
    size_t kept = 0;
    enum err err = t->real.list_records(t->real.impl, from, limit, arena, out, out_count);
    for (size_t i = 0; err == ERR_OK && i < *out_count; i++) {
        if (out[i].seq == t->gone)
            continue;
        out[kept] = out[i];
        if (out[i].seq == t->body_of)
            out[kept].body = changed(arena, out[i].body);
        if (out[i].seq == t->hash_of)
            out[kept].hash[3] ^= 4;
        kept++;
    }
    *out_count = kept;
    return err;
}

static enum err tampered_payload(void *impl, uint64_t seq, struct arena *arena, struct slice *out)
{
    struct tampered *t = impl;
    if (seq == t->gone_payload)
        return ERR_NOT_FOUND;
    enum err err = t->real.get_payload(t->real.impl, seq, arena, out);
    if (err == ERR_OK && seq == t->other_payload)
        *out = changed(arena, *out);
    return err;
}

static enum err tampered_action(void *impl, uint64_t id, struct arena *arena,
                                struct store_action *out)
{
    struct tampered *t = impl;
    if (t->gone_row)
        return ERR_NOT_FOUND;
    enum err err = t->real.get_action(t->real.impl, id, arena, out);
    if (err == ERR_OK && t->other_row) {
        struct row row = make_row(2);
        struct buf bytes;
        buf_init(&bytes, 65536);
        row.action.state = STATE_UNCERTAIN;
        row_encode(&row, &bytes);
        out->row = arena_copy(arena, buf_slice(&bytes));
        buf_done(&bytes);
    }
    return err;
}

static enum err tampered_row(void *impl, enum store_table table, struct slice key,
                             struct arena *arena, struct slice *out)
{
    struct tampered *t = impl;
    if (t->gone_stop)
        return ERR_NOT_FOUND;
    enum err err = t->real.get_row(t->real.impl, table, key, arena, out);
    if (err == ERR_OK && t->other_stop)
        *out = SLICE("running");
    return err;
}

/* Forwards what is not tampered with. */
static enum err tampered_record(void *impl, uint64_t seq, struct arena *arena,
                                struct store_record *out)
{
    struct tampered *t = impl;
    return t->real.get_record(t->real.impl, seq, arena, out);
}
static void tampered_head(void *impl, uint64_t *out_seq, unsigned char out_hash[STORE_HASH_SIZE])
{
    struct tampered *t = impl;
    t->real.head(t->real.impl, out_seq, out_hash);
}
static void tampered_counts(void *impl, struct store_counts *out)
{
    struct tampered *t = impl;
    t->real.counts(t->real.impl, out);
}

struct fixture {
    struct store_memory *memory;
    struct tampered tampered;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->memory = store_memory_new();
    assert_non_null(f->memory);
    struct store_port store = store_memory_port(f->memory);
    write_action(&store, 1, RECORD_ADMITTED, BUNDLE_LABEL_SUBMIT);
    write_action(&store, 2, RECORD_OUTCOME, BUNDLE_LABEL_OUTCOME);
    write_stop(&store, 3, RECORD_STOP, "stopped");
    write_stop(&store, 4, RECORD_RESTART, "lifted");
    assert_int_equal(store_memory_flush(f->memory, 10), 4);
    f->tampered = (struct tampered){.real = store};
    f->tampered.port = (struct store_port){.impl = &f->tampered,
                                           .head = tampered_head,
                                           .counts = tampered_counts,
                                           .get_action = tampered_action,
                                           .get_record = tampered_record,
                                           .get_payload = tampered_payload,
                                           .get_row = tampered_row,
                                           .list_records = tampered_records};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    store_memory_free(f->memory);
    free(f);
    return 0;
}

/* Reads in pages of `page`, over the cursor; returns what is broken, or NULL. */
static const char *prove(const struct fixture *f, size_t page, uint64_t *out_seq)
{
    struct proof proof;
    struct buf cursor;
    size_t count = 0;
    buf_init(&cursor, 65536);
    proof_begin(&proof);
    do {
        assert_int_equal(proof_page(&f->tampered.port, &proof, page, &count), ERR_OK);
        uint64_t admitted = proof.admitted; /* the only thing that is not in the cursor */
        buf_reset(&cursor);
        proof_add_cursor(&proof, &cursor);
        if (!proof.broken)
            assert_true(proof_parse_cursor(buf_slice(&cursor), &proof));
        proof.admitted = admitted;
    } while (count == page && !proof.broken);
    proof_end(&f->tampered.port, &proof, true);
    buf_done(&cursor);
    *out_seq = proof.broken_seq;
    return proof.broken;
}

static void expect(struct fixture *f, uint64_t seq, const char *words)
{
    for (size_t page = 1; page <= 5; page++) {
        uint64_t at = 0;
        const char *broken = prove(f, page, &at);
        if (!broken != !words)
            fail_msg("pages of %zu: got %s, want %s", page, broken ? broken : "good",
                     words ? words : "good");
        if (!words)
            continue;
        if (!strstr(broken, words) || at != seq)
            fail_msg("pages of %zu: got %d %s, want %d %s", page, (int)at, broken, (int)seq, words);
    }
}

static void what_was_written_is_good(void **state)
{
    expect(*state, 0, NULL);
}

static void a_changed_byte_is_found(void **state)
{
    struct fixture *f = *state;
    f->tampered.body_of = 2;
    expect(f, 2, "not the ones that were written");
}

static void a_changed_hash_is_found(void **state)
{
    struct fixture *f = *state;
    f->tampered.hash_of = 3;
    expect(f, 3, "not the ones that were written");
}

static void a_record_that_is_gone_is_found(void **state)
{
    struct fixture *f = *state;
    f->tampered.gone = 2;
    expect(f, 2, "is not there");
    f->tampered.gone = 4; /* the last one */
    expect(f, 4, "is not there");
}

static void a_payload_is_what_was_committed_to(void **state)
{
    struct fixture *f = *state;
    f->tampered.other_payload = 1;
    expect(f, 1, "its payload is not");
    f->tampered.other_payload = 0;
    f->tampered.gone_payload = 2;
    expect(f, 2, "its payload is gone");
}

static void an_edited_row_is_found(void **state)
{
    struct fixture *f = *state;
    f->tampered.other_row = true;
    expect(f, 1, "the row of its action is not the one");
    f->tampered.other_row = false;
    f->tampered.gone_row = true;
    expect(f, 1, "the row of its action is not there");
}

static void an_edited_stop_is_found(void **state)
{
    struct fixture *f = *state;
    f->tampered.other_stop = true;
    expect(f, 4, "the row of its stop");
    f->tampered.other_stop = false;
    f->tampered.gone_stop = true;
    expect(f, 4, "the row of its stop");
}

static void a_head_is_known_or_cut_off(void **state)
{
    struct fixture *f = *state;
    uint64_t seq = 0;
    unsigned char hash[STORE_HASH_SIZE];
    f->tampered.real.head(f->tampered.real.impl, &seq, hash);
    assert_true(proof_has(&f->tampered.port, seq, hash));
    assert_false(proof_has(&f->tampered.port, seq + 1, hash));
    hash[0] ^= 1;
    assert_false(proof_has(&f->tampered.port, seq, hash));
}

static void cursors_from_outside_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "0-",
        "1",
        "1-ab",
        "x-0000000000000000000000000000000000000000000000000000000000000000",
        "0-0000000000000000000000000000000000000000000000000000000000000000",
        "1-0000000000000000000000000000000000000000000000000000000000000000-a_0000000000001.1",
        "1-0000000000000000000000000000000000000000000000000000000000000000-s_0000000000001",
        "1-0000000000000000000000000000000000000000000000000000000000000000-s_0000000000001.x"};
    struct proof proof;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(proof_parse_cursor(slice_text(bad[i]), &proof));
    struct buf many;
    buf_init(&many, 65536);
    buf_add_text(&many, "1-0000000000000000000000000000000000000000000000000000000000000000");
    for (int i = 0; i < PROOF_DOUBTS; i++)
        buf_add_text(&many, "-s_0000000000001.1");
    assert_true(proof_parse_cursor(buf_slice(&many), &proof));
    buf_add_text(&many, "-s_0000000000001.1");
    assert_false(proof_parse_cursor(buf_slice(&many), &proof));
    buf_done(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_byte_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_hash_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_that_is_gone_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_payload_is_what_was_committed_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_edited_row_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_edited_stop_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_head_is_known_or_cut_off, set_up, tear_down),
        cmocka_unit_test(cursors_from_outside_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
