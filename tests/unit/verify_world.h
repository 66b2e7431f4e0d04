/* unit/verify_world.h - a store with everything in it, for test_verify.c: actions, keys,
 * payloads, a stop, an incident, a token; and on demand an open audit, a label and a claim.
 * Owns: the store (in memory) and what was written last of each action. */
#pragma once
#include "unit/cases.h"

#include "base/text.h"
#include "core/switchboard.h"
#include "record/bundle.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/label_row.h"
#include "record/record.h"
#include "record/row.h"
#include "record/stop_row.h"
#include "record/trigger_row.h"
#include "record/undone_row.h"
#include "store/memory.h"

enum { BYTES_MAX = 1 << 20, ACTIONS = 6 };

static uint64_t action_id(size_t i)
{
    return ((uint64_t)1795500000000 + i) << 20;
}

static void key_hash(size_t i, unsigned char out[STORE_KEY_SIZE])
{
    memset(out, (int)(0x10 + i), STORE_KEY_SIZE);
}

/* ---- a store with everything in it ---- */

struct world {
    struct store_memory *memory;
    struct store_port port;
    uint64_t seq;
    struct row rows[ACTIONS];
    struct buf record, row, payload, extra;
    struct store_row beside[2]; /* rows of the next world_save */
    size_t beside_count;
    unsigned char label_key[LABEL_ROW_KEY], audit_key[AUDIT_ROW_KEY];
};

static void world_submit(struct world *w, struct store_write *write)
{
    assert_int_equal(w->port.submit(w->port.impl, write, 1, NULL, NULL), ERR_OK);
    (void)store_memory_flush(w->memory, 100); /* one at most */
    w->seq = write->seq;
}

static void world_seal(struct world *w, struct record *record, const char *label)
{
    unsigned char salt[BUNDLE_SALT];
    memset(salt, (int)w->seq, sizeof salt);
    buf_reset(&w->payload);
    record->has_payload = true;
    bundle_seal(salt, label, SLICE("{\"key\":\"k\"}"), &w->payload, record->payload);
}

static void world_save(struct world *w, size_t i, struct record *record, const char *label)
{
    struct row *row = &w->rows[i];
    struct store_write write = {.seq = w->seq + 1, .action = row->action.id};
    struct store_key keys[2];
    record->action = row->action.id;
    record->previous = row->last_seq;
    record->state = row->action.state;
    row->last_seq = write.seq;
    buf_reset(&w->record);
    buf_reset(&w->row);
    buf_reset(&w->payload);
    if (label)
        world_seal(w, record, label);
    if (record->kind == RECORD_ADMITTED) {
        row->first_seq = write.seq;
        record->has_key = record->has_run = true;
        key_hash(i, record->key_hash);
        memset(record->run_hash, 0x77, RECORD_DIGEST);
        memset(record->fingerprint, (int)i + 1, RECORD_DIGEST);
        keys[0] = keys[1] = (struct store_key){.action = row->action.id};
        memcpy(keys[0].hash, record->key_hash, STORE_KEY_SIZE);
        memcpy(keys[0].fingerprint, record->fingerprint, STORE_KEY_SIZE);
        memcpy(keys[1].hash, record->run_hash, STORE_KEY_SIZE);
        keys[1].replaces = i > 0 ? w->rows[i - 1].action.id : 0; /* all of one run */
        write.keys = keys;
        write.key_count = 2;
    }
    row_encode(row, &w->row);
    digest_short(buf_slice(&w->row), record->row);
    record_encode(record, &w->record);
    write.record = buf_slice(&w->record);
    write.row = buf_slice(&w->row);
    write.payload = buf_slice(&w->payload);
    write.is_ended = state_is_end(row->action.state);
    write.frozen = SLICE("the frozen request");
    write.due_unix_ms = row->action.due_unix_ms;
    if (row->action.state == STATE_UNCERTAIN || row->action.state == STATE_IN_REVIEW)
        write.queue = STORE_QUEUE_PEOPLE;
    if (write.queue == STORE_QUEUE_PEOPLE)
        write.people_due_unix_ms = row->action.people_due_unix_ms;
    if (row->action.state == STATE_HELD)
        write.queue = STORE_QUEUE_HELD_STOP;
    write.scope = SLICE("w/s");
    write.upstream = SLICE("mailer");
    if (!digest_is_zero(row->order, ROW_DIGEST))
        write.order = slice_of(row->order, ROW_DIGEST);
    write.rows = w->beside;
    write.row_count = w->beside_count;
    w->beside_count = 0;
    world_submit(w, &write);
}

static void world_control(struct world *w, struct record *record, struct store_row *row)
{
    struct store_write write = {.seq = w->seq + 1, .rows = row, .row_count = row ? 1 : 0};
    buf_reset(&w->record);
    if (row)
        digest_short(row->value, record->row);
    record_encode(record, &w->record);
    write.record = buf_slice(&w->record);
    world_submit(w, &write);
}

static void world_policy(struct world *w)
{
    unsigned char version[DIGEST_SIZE];
    struct slice source = SLICE("workflow: w");
    digest_bytes(source, version);
    buf_reset(&w->extra);
    text_add_hex(&w->extra, slice_of(version, sizeof version));
    struct store_row row = {.table = STORE_POLICIES, .key = buf_slice(&w->extra), .value = source};
    struct record record = {.kind = RECORD_POLICY};
    world_control(w, &record, &row);
}

/* One stop with its incident and a token. */
static void world_things(struct world *w)
{
    struct stop stop = {.id = 7, .incident = 8, .names = {"w"}, .by = "ana"};
    struct incident_row incident = {.id = 8, .stop = 7};
    struct record record = {.kind = RECORD_STOP, .stop = 7, .incident = 8};
    buf_reset(&w->extra);
    stop_row_encode(&stop, &w->extra);
    struct store_row row = {
        .table = STORE_STOPS, .key = SLICE(ID_STOP "0000000000007"), .value = buf_slice(&w->extra)};
    world_control(w, &record, &row);
    stop.held = 1;
    buf_reset(&w->extra);
    stop_row_encode(&stop, &w->extra);
    row.value = buf_slice(&w->extra);
    record = (struct record){.kind = RECORD_STOPPED, .stop = 7, .incident = 8};
    world_control(w, &record, &row);
    buf_reset(&w->extra);
    incident_row_encode(&incident, &w->extra);
    row = (struct store_row){.table = STORE_INCIDENTS,
                             .key = SLICE(ID_INCIDENT "0000000000008"),
                             .value = buf_slice(&w->extra)};
    record = (struct record){.kind = RECORD_INCIDENT, .incident = 8};
    world_control(w, &record, &row);
    row = (struct store_row){
        .table = STORE_TOKENS, .key = SLICE("00aa"), .value = SLICE("token of ci")};
    record = (struct record){.kind = RECORD_TOKEN, .subject = SLICE("ci")};
    world_control(w, &record, &row);
}

static void world_admit(struct world *w, size_t i)
{
    w->rows[i] = (struct row){.action = {.id = action_id(i),
                                         .state = STATE_ATTEMPTING,
                                         .attempt_is_open = true,
                                         .is_frozen = true,
                                         .starts = 1,
                                         .starts_total = 1},
                              .workflow = SLICE("w"),
                              .step = SLICE("s"),
                              .upstream = SLICE("mailer"),
                              .actor = SLICE("cron")};
    if (i == 5)
        memset(w->rows[i].order, 0x55, ROW_DIGEST);
    digest_short(SLICE("the frozen request"), w->rows[i].action.request_digest);
    struct record record = {.kind = RECORD_ADMITTED};
    world_save(w, i, &record, BUNDLE_LABEL_SUBMIT);
}

static void world_move(struct world *w, size_t i, enum action_state state)
{
    struct action *a = &w->rows[i].action;
    struct record record = {.kind = RECORD_OUTCOME};
    a->state = state;
    a->attempt_is_open = false;
    a->due_unix_ms = state == STATE_HELD ? 5000 : 0;
    bool is_of_people = state == STATE_UNCERTAIN || state == STATE_IN_REVIEW;
    a->people_due_unix_ms = is_of_people ? 6000 : 0;
    world_save(w, i, &record, BUNDLE_LABEL_OUTCOME);
}

/* What is known of its audit and labels, with the record that says so. */
static void world_label(struct world *w, size_t i, const struct label_row *label)
{
    struct label_row row = *label;
    struct record record = {.kind = row.count ? RECORD_LABELLED : RECORD_OUTCOME};
    row.action = action_id(i);
    row.made_seq = row.last_seq = w->seq + 1;
    buf_reset(&w->extra);
    label_row_encode(&row, &w->extra);
    digest_short(buf_slice(&w->extra), record.label);
    label_row_key(row.action, w->label_key);
    w->beside[w->beside_count++] = (struct store_row){.table = STORE_LABELS,
                                                      .key = slice_of(w->label_key, LABEL_ROW_KEY),
                                                      .value = buf_slice(&w->extra)};
    audit_row_key(row.due_unix_ms, row.action, w->audit_key);
    if (label_row_is_open(&row))
        w->beside[w->beside_count++] =
            (struct store_row){.table = STORE_AUDITS,
                               .key = slice_of(w->audit_key, AUDIT_ROW_KEY),
                               .value = SLICE("w")};
    world_save(w, i, &record, NULL);
}

/* An open audit, a label, and a claim. */
static void world_people(struct world *w)
{
    struct label_row label = {.workflow = SLICE("w"), .step = SLICE("s")};
    label.is_drawn = true;
    label.due_unix_ms = 9000;
    world_label(w, 1, &label); /* 17 */
    label.count = 1;
    label.first = (struct label_said){SLICE("right"), SLICE("ana"), false, 7000, 18};
    label.last = label.first;
    world_label(w, 0, &label); /* 18 */
    w->rows[4].claimed_by = SLICE("ana");
    w->rows[4].claimed_until_unix_ms = 8000;
    struct record record = {.kind = RECORD_CLAIMED, .actor = SLICE("ana")};
    world_save(w, 4, &record, NULL); /* 19 */
}

/* An absence, a plan, a start, an order key, and a row of each table that no record proves. */
static void world_rest(struct world *w)
{
    static const enum store_table tables[] = {STORE_META,     STORE_COUNTS,  STORE_UPSTREAMS,
                                              STORE_LADDERS,  STORE_NOTICES, STORE_REPEATS,
                                              STORE_JOURNALS, STORE_REPEATS, STORE_SIGNALS};
    struct store_row rows[sizeof tables / sizeof *tables + 1];
    static const char keys[] = "abcdefghi";
    struct trigger_row trigger = {.workflow = SLICE("w"), .name = SLICE("many"), .stop = 7};
    size_t count = sizeof tables / sizeof *tables;
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct store_row){
            .table = tables[i], .key = slice_of(&keys[i], 1), .value = slice_of(keys, i + 1)};
    buf_reset(&w->extra);
    trigger_row_encode(&trigger, &w->extra);
    rows[count] = (struct store_row){
        .table = STORE_TRIGGERS, .key = SLICE("\x80\x81"), .value = buf_slice(&w->extra)};
    struct store_write write = {.rows = rows, .row_count = count + 1};
    assert_int_equal(w->port.submit(w->port.impl, &write, 1, NULL, NULL), ERR_OK);
    (void)store_memory_flush(w->memory, 100);
    struct store_row row = {.table = STORE_AWAY, .key = SLICE("ben"), .value = SLICE("9000cleo")};
    struct record record = {.kind = RECORD_AWAY, .subject = SLICE("ben"), .number = 9000};
    world_control(w, &record, &row); /* 17 */
    row = (struct store_row){.table = STORE_PLANS, .key = SLICE("w"), .value = SLICE("facts, ana")};
    record = (struct record){.kind = RECORD_SIGNED, .workflow = SLICE("w")};
    world_control(w, &record, &row); /* 18 */
    record = (struct record){.kind = RECORD_SERVING, .number = 4};
    world_control(w, &record, NULL); /* 19 */
    row = (struct store_row){.table = STORE_AWAY, .key = SLICE("cleo"), .is_removed = true};
    record = (struct record){.kind = RECORD_AWAY, .subject = SLICE("cleo")}; /* is back */
    world_control(w, &record, &row);                                         /* 20 */
}

/* One ended undone and somebody was told of it; another, later, and nobody was told yet. */
static void world_undone(struct world *w)
{
    struct undone waits = {
        .count = {.expired = 1, .late = 1}, .since_unix_ms = 7000, .until_unix_ms = 7000};
    struct buf key, value;
    buf_init(&key, LIMIT_NAME);
    buf_init(&value, LIMIT_ROW);
    undone_key_add(&key, SLICE("w"), 6000);
    undone_telling_encode(8, &value);
    buf_reset(&w->extra);
    undone_encode(&waits, &w->extra);
    struct store_row rows[] = {
        {.table = STORE_UNDONE, .key = buf_slice(&key), .value = buf_slice(&value)},
        {.table = STORE_UNDONE, .key = SLICE("w"), .value = buf_slice(&w->extra)}};
    for (size_t i = 0; i < 2; i++) {
        struct action *a = &w->rows[4 + i].action;
        struct record record = {.kind = RECORD_OUTCOME, .tells = SLICE("owners")};
        a->state = STATE_EXPIRED;
        a->mode = MODE_AUTO;
        a->attempt_is_open = false;
        a->ended_unix_ms = record.at_unix_ms = i == 0 ? 6000 : 7000;
        w->beside[w->beside_count++] = rows[i];
        world_save(w, 4 + i, &record, NULL); /* 17, 18 */
    }
    buf_done(&value);
    buf_done(&key);
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->memory = store_memory_new();
    assert_non_null(w->memory);
    w->port = store_memory_port(w->memory);
    buf_init(&w->record, BYTES_MAX);
    buf_init(&w->row, BYTES_MAX);
    buf_init(&w->payload, BYTES_MAX);
    buf_init(&w->extra, BYTES_MAX);
    world_policy(w); /* 1 */
    for (size_t i = 0; i < ACTIONS; i++)
        world_admit(w, i);             /* 2..7 */
    world_things(w);                   /* 8..11 */
    world_move(w, 0, STATE_DONE);      /* 12 */
    world_move(w, 1, STATE_UNCERTAIN); /* 13 */
    world_move(w, 2, STATE_HELD);      /* 14 */
    world_move(w, 1, STATE_DONE);      /* 15 */
    world_move(w, 3, STATE_FAILED);    /* 16 */
}

static void world_done(struct world *w)
{
    store_memory_free(w->memory);
    buf_done(&w->record);
    buf_done(&w->row);
    buf_done(&w->payload);
    buf_done(&w->extra);
}
