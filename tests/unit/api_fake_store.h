/* tests/unit/api_fake_store.h - a log of made-up records: as many as its head says, and nothing
 * else. Included by api_fake.h. */
#pragma once
#include <stdint.h>

#include "port/store.h"
#include "record/record.h"

#define FAKE_NOW INT64_C(1764000000000)

static void fake_store_head(void *impl, uint64_t *out_seq, unsigned char out_hash[STORE_HASH_SIZE])
{
    *out_seq = *(const uint64_t *)impl;
    memset(out_hash, 0, STORE_HASH_SIZE);
}

/* Odd records are of action 1 (billing's), even ones of action 7 (support's); every fifth is a
 * control record. */
static enum err fake_store_records(void *impl, uint64_t from, size_t limit, struct arena *arena,
                                   struct store_record *out, size_t *out_count)
{
    const uint64_t head = *(const uint64_t *)impl;
    size_t count = 0;
    for (uint64_t seq = from; seq >= 1 && seq <= head && count < limit; seq++, count++) {
        struct record record = {.kind = seq % 5 ? RECORD_OUTCOME : RECORD_SERVING,
                                .at_unix_ms = FAKE_NOW,
                                .action = seq % 5 ? (seq % 2 ? 1 : 7) : 0,
                                .policy = SLICE("0123456789abcdef"),
                                .state = STATE_DONE};
        struct buf body;
        buf_init(&body, 4096);
        record_encode(&record, &body);
        out[count] = (struct store_record){.seq = seq, .body = arena_copy(arena, buf_slice(&body))};
        buf_done(&body);
    }
    *out_count = count;
    return ERR_OK;
}

/* A store without rows: a proof of it finds much. */
static enum err fake_store_actions(void *impl, uint64_t before, size_t limit, struct arena *arena,
                                   struct store_action *out, size_t *out_count)
{
    (void)impl, (void)before, (void)limit, (void)arena, (void)out;
    *out_count = 0;
    return ERR_OK;
}
static enum err fake_store_keys(void *impl, const unsigned char after[STORE_KEY_SIZE], size_t limit,
                                struct store_key *out, size_t *out_count)
{
    (void)impl, (void)after, (void)limit, (void)out;
    *out_count = 0;
    return ERR_OK;
}
static enum err fake_store_rows(void *impl, enum store_table table, struct slice after,
                                size_t limit, struct arena *arena, struct store_row *out,
                                size_t *out_count)
{
    (void)impl, (void)table, (void)after, (void)limit, (void)arena, (void)out;
    *out_count = 0;
    return ERR_OK;
}
static enum err fake_store_action(void *impl, uint64_t id, struct arena *arena,
                                  struct store_action *out)
{
    (void)impl, (void)id, (void)arena, (void)out;
    return ERR_NOT_FOUND;
}
static enum err fake_store_record(void *impl, uint64_t seq, struct arena *arena,
                                  struct store_record *out)
{
    size_t count = 0;
    enum err err = fake_store_records(impl, seq, 1, arena, out, &count);
    return err == ERR_OK && count == 0 ? ERR_NOT_FOUND : err;
}
static enum err fake_store_payload(void *impl, uint64_t seq, struct arena *arena, struct slice *out)
{
    (void)impl, (void)seq, (void)arena, (void)out;
    return ERR_NOT_FOUND;
}
static enum err fake_store_row(void *impl, enum store_table table, struct slice key,
                               struct arena *arena, struct slice *out)
{
    (void)impl, (void)table, (void)key, (void)arena, (void)out;
    return ERR_NOT_FOUND;
}
static enum err fake_store_key(void *impl, const unsigned char hash[STORE_KEY_SIZE],
                               struct store_key *out)
{
    (void)impl, (void)hash, (void)out;
    return ERR_NOT_FOUND;
}
static enum err fake_store_seals(void *impl, struct store_seals *out)
{
    *out = (struct store_seals){.seq = *(const uint64_t *)impl, .run_epoch = UINT64_MAX};
    return ERR_OK;
}
static void fake_store_let_go(void *impl)
{
    (void)impl;
}

/* impl: its head. */
static struct store_port fake_store_port(uint64_t *head)
{
    return (struct store_port){.impl = head,
                               .head = fake_store_head,
                               .get_action = fake_store_action,
                               .get_key = fake_store_key,
                               .get_record = fake_store_record,
                               .get_payload = fake_store_payload,
                               .get_row = fake_store_row,
                               .list_actions = fake_store_actions,
                               .list_records = fake_store_records,
                               .list_keys = fake_store_keys,
                               .list_rows = fake_store_rows,
                               .get_seals = fake_store_seals,
                               .let_go = fake_store_let_go};
}
