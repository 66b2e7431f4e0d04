/* record/verify: a store as it was written is good; one byte, one record, one row that is not as it
 * was written is found, with its place. The store is real (in memory); a port in front of it lies.
 */
#include "unit/cases.h"
#include "unit/verify_world.h"

#include <jansson.h>

#include "record/verify.h"

/* ---- a port that lies ---- */

struct liar {
    const struct store_port *truth;
    const char *lie;
    struct buf bytes; /* what is told instead */
    uint64_t changes;
};

static bool liar_says(const struct liar *liar, const char *lie)
{
    return strcmp(liar->lie, lie) == 0;
}

/* The bytes with one of them changed, the one at `at`. */
static struct slice liar_change(struct liar *liar, struct slice bytes, size_t at)
{
    buf_reset(&liar->bytes);
    buf_add(&liar->bytes, bytes);
    liar->bytes.at[at] ^= 1;
    return buf_slice(&liar->bytes);
}

static void liar_head(void *impl, uint64_t *out_seq, unsigned char out_hash[STORE_HASH_SIZE])
{
    struct liar *liar = impl;
    liar->truth->head(liar->truth->impl, out_seq, out_hash);
    struct store_record record;
    struct arena arena;
    arena_init(&arena, BYTES_MAX);
    if (liar_says(liar, "tail cut off")) {
        assert_int_equal(liar->truth->get_record(liar->truth->impl, 14, &arena, &record), ERR_OK);
        *out_seq = 14;
        memcpy(out_hash, record.hash, STORE_HASH_SIZE);
    }
    if (liar_says(liar, "head hash"))
        out_hash[3] ^= 1;
    arena_done(&arena);
}

static void liar_record(struct liar *liar, struct store_record *record)
{
    if (liar_says(liar, "record byte") && record->seq == 12)
        record->body = liar_change(liar, record->body, record->body.size - 3);
    if (liar_says(liar, "record hash") && record->seq == 12)
        record->hash[0] ^= 1;
    if (liar_says(liar, "record unreadable") && record->seq == 12)
        record->body = liar_change(liar, record->body, 0);
}

static enum err liar_get_record(void *impl, uint64_t seq, struct arena *arena,
                                struct store_record *out)
{
    struct liar *liar = impl;
    if ((liar_says(liar, "record missing") && seq == 13) ||
        (liar_says(liar, "tail cut off") && seq > 14))
        return ERR_NOT_FOUND;
    enum err err = liar->truth->get_record(liar->truth->impl, seq, arena, out);
    if (err == ERR_OK)
        liar_record(liar, out);
    return err;
}

static enum err liar_list_records(void *impl, uint64_t from_seq, size_t limit, struct arena *arena,
                                  struct store_record *out, size_t *out_count)
{
    struct liar *liar = impl;
    size_t count = 0;
    enum err err =
        liar->truth->list_records(liar->truth->impl, from_seq, limit, arena, out, &count);
    *out_count = 0;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        bool is_gone = (liar_says(liar, "record missing") && out[i].seq == 13) ||
                       (liar_says(liar, "last record missing") && out[i].seq == 16) ||
                       (liar_says(liar, "tail cut off") && out[i].seq > 14);
        if (is_gone)
            continue;
        out[*out_count] = out[i];
        liar_record(liar, &out[(*out_count)++]);
    }
    return err;
}

static enum err liar_get_payload(void *impl, uint64_t seq, struct arena *arena, struct slice *out)
{
    struct liar *liar = impl;
    if (liar_says(liar, "payload gone") && seq == 3)
        return ERR_NOT_FOUND;
    enum err err = liar->truth->get_payload(liar->truth->impl, seq, arena, out);
    if (err == ERR_OK && seq == 3 && liar_says(liar, "payload byte"))
        *out = liar_change(liar, *out, out->size - 2);
    if (err == ERR_OK && seq == 3 && liar_says(liar, "salt byte"))
        *out = liar_change(liar, *out, 0);
    return err;
}

/* The row of the action with one member changed. */
static struct slice liar_row(struct liar *liar, struct slice bytes, enum action_state state,
                             uint64_t last_seq)
{
    struct row row;
    assert_int_equal(row_decode(bytes, &row), ERR_OK);
    struct buf out;
    buf_init(&out, BYTES_MAX);
    row.action.state = state;
    if (last_seq != 0)
        row.last_seq = last_seq;
    row_encode(&row, &out);
    buf_reset(&liar->bytes);
    buf_add(&liar->bytes, buf_slice(&out));
    buf_done(&out);
    return buf_slice(&liar->bytes);
}

/* The row with a claim of somebody else, or without one. */
static struct slice liar_claim(struct liar *liar, struct slice bytes, struct slice claimed_by)
{
    struct row row;
    struct buf out;
    assert_int_equal(row_decode(bytes, &row), ERR_OK);
    buf_init(&out, BYTES_MAX);
    row.claimed_by = claimed_by;
    if (claimed_by.size == 0)
        row.claimed_until_unix_ms = 0;
    row_encode(&row, &out);
    buf_reset(&liar->bytes);
    buf_add(&liar->bytes, buf_slice(&out));
    buf_done(&out);
    return buf_slice(&liar->bytes);
}

static void liar_action(struct liar *liar, struct store_action *action)
{
    if (action->id == action_id(4) && liar_says(liar, "claim of another"))
        action->row = liar_claim(liar, action->row, SLICE("ben"));
    if (action->id == action_id(4) && liar_says(liar, "claim gone"))
        action->row = liar_claim(liar, action->row, SLICE(""));
    if (action->id == action_id(2) && liar_says(liar, "held row set to done")) {
        action->row = liar_row(liar, action->row, STATE_DONE, 0);
        action->is_ended = true;
    }
    if (action->id == action_id(3) && liar_says(liar, "row byte"))
        action->row = liar_change(liar, action->row, slice_find(action->row, 'm')); /* mailer */
    if (action->id == action_id(3) && liar_says(liar, "row unreadable"))
        action->row = slice_first(action->row, 10);
    if (action->id == action_id(1) && liar_says(liar, "old row"))
        action->row = liar_row(liar, action->row, STATE_UNCERTAIN, 13);
    if (action->id == action_id(1) && liar_says(liar, "row of the future"))
        action->row = liar_row(liar, action->row, STATE_DONE, 4711);
    if (action->id == action_id(0) && liar_says(liar, "ended among the open"))
        action->is_ended = false;
    if (action->id == action_id(2) && liar_says(liar, "timer moved"))
        action->due_unix_ms = 0;
    if (action->id == action_id(2) && liar_says(liar, "queue moved"))
        action->queue = STORE_QUEUE_NONE;
    if (action->id == action_id(2) && liar_says(liar, "held for another reason"))
        action->queue = STORE_QUEUE_HELD_OTHER;
    if (action->id == action_id(4) && liar_says(liar, "timer of nothing"))
        action->due_unix_ms = 5000;
    if (action->id == action_id(4) && liar_says(liar, "scope moved"))
        action->scope = SLICE("w/t");
    if (action->id == action_id(4) && liar_says(liar, "upstream moved"))
        action->upstream = SLICE("pager");
    if (action->id == action_id(4) && liar_says(liar, "order of nothing"))
        action->order = SLICE("0123456789abcdef");
    if (action->id == action_id(5) && liar_says(liar, "rest order gone"))
        action->order = SLICE("");
    if (action->queue == STORE_QUEUE_PEOPLE && liar_says(liar, "due moved"))
        action->people_due_unix_ms += 1;
    if (action->id == action_id(4) && liar_says(liar, "frozen byte"))
        action->frozen = SLICE("the frozen rEquest");
    if (action->id == action_id(4) && liar_says(liar, "frozen gone"))
        action->frozen = SLICE("");
    if (action->id == action_id(4) && liar_says(liar, "row of nobody"))
        action->id++;
}

static enum err liar_list_actions(void *impl, uint64_t before, size_t limit, struct arena *arena,
                                  struct store_action *out, size_t *out_count)
{
    struct liar *liar = impl;
    size_t count = 0;
    enum err err = liar->truth->list_actions(liar->truth->impl, before, limit, arena, out, &count);
    *out_count = 0;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        if (liar_says(liar, "row gone") && out[i].id == action_id(3))
            continue;
        out[*out_count] = out[i];
        liar_action(liar, &out[(*out_count)++]);
    }
    return err;
}

static enum err liar_get_key(void *impl, const unsigned char hash[STORE_KEY_SIZE],
                             struct store_key *out)
{
    struct liar *liar = impl;
    enum err err = liar->truth->get_key(liar->truth->impl, hash, out);
    if (err == ERR_OK && hash[0] == 0x12) {
        if (liar_says(liar, "key gone"))
            return ERR_NOT_FOUND;
        if (liar_says(liar, "key to an older action"))
            out->action = action_id(0);
        if (liar_says(liar, "fingerprint"))
            out->fingerprint[15] ^= 1;
    }
    if (hash[0] == 0x77 && liar_says(liar, "run gone"))
        return ERR_NOT_FOUND;
    return err;
}

static enum err liar_list_keys(void *impl, const unsigned char after[STORE_KEY_SIZE], size_t limit,
                               struct store_key *out, size_t *out_count)
{
    struct liar *liar = impl;
    enum err err = liar->truth->list_keys(liar->truth->impl, after, limit, out, out_count);
    for (size_t i = 0; err == ERR_OK && i < *out_count; i++) {
        if (out[i].hash[0] == 0x12 && liar_says(liar, "key of nobody"))
            out[i].action = 5;
        if (out[i].hash[0] == 0x12 && liar_says(liar, "key of another"))
            out[i].action = action_id(5);
        if (out[i].hash[0] == 0x77 && liar_says(liar, "run to an older action"))
            out[i].action = action_id(0);
        if (out[i].hash[0] == 0x77 && liar_says(liar, "run with a fingerprint"))
            out[i].fingerprint[15] ^= 1;
    }
    return err;
}

static enum err liar_list_rows(void *impl, enum store_table table, struct slice after, size_t limit,
                               struct arena *arena, struct store_row *out, size_t *out_count)
{
    static const struct {
        const char *changed, *gone;
    } lies[STORE_TABLE_COUNT] = {
        [STORE_POLICIES] = {"policy byte", ""},
        [STORE_STOPS] = {"stop byte", "stop gone"},
        [STORE_INCIDENTS] = {"incident byte", "incident gone"},
        [STORE_TOKENS] = {"token byte", ""},
        [STORE_LABELS] = {"label byte", "label gone"},
        [STORE_AUDITS] = {"audit byte", ""},
        [STORE_AWAY] = {"rest away byte", "rest away gone"},
        [STORE_PLANS] = {"rest plan byte", "rest plan gone"},
        [STORE_META] = {"rest note byte", "rest note gone"},
        [STORE_COUNTS] = {"rest counter byte", "rest counter gone"},
        [STORE_UPSTREAMS] = {"rest budget byte", "rest budget gone"},
        [STORE_LADDERS] = {"rest ladder byte", "rest ladder gone"},
        [STORE_NOTICES] = {"rest message byte", "rest message gone"},
        [STORE_JOURNALS] = {"rest journal byte", "rest journal gone"},
        [STORE_TRIGGERS] = {"rest trigger byte", "rest trigger gone"},
        [STORE_REPEATS] = {"rest repeat byte", "rest repeat gone"},
        [STORE_SIGNALS] = {"rest signal byte", "rest signal gone"},
        [STORE_UNDONE] = {"undone byte", "undone rows gone"},
    };
    struct liar *liar = impl;
    enum err err =
        liar->truth->list_rows(liar->truth->impl, table, after, limit, arena, out, out_count);
    if (err != ERR_OK || *out_count == 0 || !lies[table].changed)
        return err;
    if (liar_says(liar, lies[table].changed))
        out[0].value = liar_change(liar, out[0].value,
                                   table == STORE_TRIGGERS ? slice_find(out[0].value, 'w')
                                                           : out[0].value.size - 1);
    if (liar_says(liar, lies[table].gone))
        *out_count = 0;
    if (table == STORE_UNDONE && liar_says(liar, "undone telling gone") &&
        slice_starts(out[0].key, SLICE("/")))
        out[0] = out[--*out_count];
    if (table == STORE_UNDONE && liar_says(liar, "undone of no incident") &&
        slice_starts(out[0].key, SLICE("/")))
        out[0].value = liar_change(liar, out[0].value, 1);
    if (table == STORE_UNDONE && liar_says(liar, "undone wait gone") && *out_count > 1)
        *out_count = 1;
    if (table == STORE_LABELS && liar_says(liar, "label of another"))
        out[0].key = out[1].key;
    if (table == STORE_AUDITS && liar_says(liar, "audit moved"))
        out[0].key = liar_change(liar, out[0].key, 7);
    if (table == STORE_AUDITS && liar_says(liar, "audit of another"))
        out[0].key = liar_change(liar, out[0].key, 15);
    if (table == STORE_STOPS && liar_says(liar, "stop of nobody"))
        out[0].key = SLICE(ID_STOP "0000000000009");
    if (table == STORE_AWAY && liar_says(liar, "rest away of another"))
        out[0].key = SLICE("cleo");
    if (table == STORE_REPEATS && liar_says(liar, "rest repeats swapped")) {
        struct slice value = out[0].value;
        out[0].value = out[1].value;
        out[1].value = value;
    }
    if (table == STORE_REPEATS && liar_says(liar, "rest repeat made whole again"))
        memset(out[0].sum, 0, sizeof out[0].sum); /* as if its sum had been edited as well */
    return err;
}

/* What is told of the sums beside the head. */
static enum err liar_get_seals(void *impl, struct store_seals *out)
{
    struct liar *liar = impl;
    enum err err = liar->truth->get_seals(liar->truth->impl, out);
    struct store_seal *repeats = &out->of[STORE_SEAL_ROWS(STORE_REPEATS)];
    if (liar_says(liar, "rest sum"))
        repeats->sum[3] ^= 1;
    if (liar_says(liar, "rest written meanwhile")) {
        repeats->sum[3] ^= 1;
        repeats->changes = ++liar->changes;
    }
    if (liar_says(liar, "rest sums unreadable"))
        err = ERR_CORRUPT;
    out->open_actions += liar_says(liar, "open count");
    out->ended_actions += liar_says(liar, "ended count");
    if (liar_says(liar, "rest run epoch"))
        out->run_epoch = 3;
    return err;
}

static enum err liar_get_row(void *impl, enum store_table table, struct slice key,
                             struct arena *arena, struct slice *out)
{
    struct liar *liar = impl;
    if (table == STORE_AUDITS && liar_says(liar, "audit gone"))
        return ERR_NOT_FOUND;
    return liar->truth->get_row(liar->truth->impl, table, key, arena, out);
}

static void liar_let_go(void *impl)
{
    struct liar *liar = impl;
    liar->truth->let_go(liar->truth->impl);
}

static struct store_port liar_port(struct liar *liar)
{
    struct store_port port = *liar->truth;
    port.impl = liar;
    port.head = liar_head;
    port.get_record = liar_get_record;
    port.list_records = liar_list_records;
    port.get_payload = liar_get_payload;
    port.list_actions = liar_list_actions;
    port.get_key = liar_get_key;
    port.list_keys = liar_list_keys;
    port.list_rows = liar_list_rows;
    port.get_row = liar_get_row;
    port.get_seals = liar_get_seals;
    port.let_go = liar_let_go;
    return port;
}

/* ---- runs ---- */

static struct verify *run(const struct store_port *port, const struct verify_options *options)
{
    struct verify *verify = verify_new(port, options);
    assert_non_null(verify);
    bool is_done = false;
    while (!is_done)
        assert_int_equal(verify_step(verify, &is_done), ERR_OK);
    return verify;
}

static void add_report(const struct verify *verify, struct buf *out)
{
    struct buf json;
    json_error_t error;
    buf_init(&json, BYTES_MAX);
    verify_text_add(out, verify);
    verify_json_add(&json, verify);
    json_t *value = json_loadb(buf_text(&json), json.size, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(value);
    assert_int_equal(json_is_true(json_object_get(value, "good")), verify_is_good(verify));
    json_decref(value);
    buf_done(&json);
}

static void lie_case(const struct cases_line *line)
{
    struct world w;
    struct liar liar = {0};
    char name[200];
    struct buf report;
    world_init(&w);
    if (slice_is(line->parts[0], "due moved"))
        world_move(&w, 5, STATE_UNCERTAIN);
    if (slice_starts(line->parts[0], SLICE("label")) ||
        slice_starts(line->parts[0], SLICE("audit")) ||
        slice_starts(line->parts[0], SLICE("claim")) || slice_is(line->parts[0], "no people"))
        world_people(&w);
    if (slice_starts(line->parts[0], SLICE("undone")))
        world_undone(&w);
    if (slice_starts(line->parts[0], SLICE("rest")))
        world_rest(&w);
    buf_init(&report, BYTES_MAX);
    buf_init(&liar.bytes, BYTES_MAX);
    (void)snprintf(name, sizeof name, "%.*s", SLICE_FMT(line->parts[0])); /* short names */
    liar.lie = name;
    liar.truth = &w.port;
    struct store_port port = liar_port(&liar);
    struct verify *verify = run(&port, NULL);
    add_report(verify, &report);
    const char *first = strstr(buf_text(&report), "\n  ");
    struct slice found = first ? slice_text(first + 3) : SLICE("good");
    found = slice_first(found, slice_find(found, '\n'));
    struct slice wanted = line->parts[1];
    if (wanted.size > 0 && wanted.at[wanted.size - 1] == '*') {
        wanted = slice_first(wanted, wanted.size - 1);
        found = slice_first(found, wanted.size);
    }
    if (!slice_equal(found, wanted))
        fail_msg("%s:%d: found \"%.*s\" in\n%s", line->file, line->number, SLICE_FMT(found),
                 buf_text(&report));
    verify_free(verify);
    buf_done(&report);
    buf_done(&liar.bytes);
    world_done(&w);
}

static const struct config *config_of(void *impl)
{
    return impl;
}

/* R28: what waits for a person waits for somebody; here for the admins, or for nobody. */
static void what_waits_for_nobody_is_found(void **state)
{
    struct person ana = {.name = SLICE("ana")};
    const struct person *members[] = {&ana};
    struct group admins = {.name = SLICE("admins"), .members = members, .member_count = 1};
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct world w;
        struct config config = {.admins = round ? NULL : &admins};
        struct verify_options options = {.config = config_of, .impl = &config};
        struct buf report;
        buf_init(&report, BYTES_MAX);
        world_init(&w);
        world_move(&w, 5, STATE_UNCERTAIN);
        struct verify *verify = run(&w.port, &options);
        assert_int_equal(verify_is_good(verify), round == 0);
        add_report(verify, &report);
        if (round)
            assert_non_null(strstr(buf_text(&report), "a_1M8627GR50000: it waits for a person, and "
                                                      "nobody is named"));
        verify_free(verify);
        world_done(&w);
        buf_done(&report);
    }
}

/* I8: row and record agree, and yet nothing would ever move it. */
static void what_nothing_moves_is_found(void **state)
{
    static const struct {
        enum action_state state;
        const char *words;
    } tries[] = {
        {STATE_UNCERTAIN,
         "a_1M8627GR50000: it is uncertain, and neither a timer nor a person has it"},
        {STATE_HELD, "a_1M8627GR50000: it is held, and neither a timer nor a person has it"},
        {STATE_WAITING, "a_1M8627GR50000: it is waiting, and neither a timer nor a person has it"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct world w;
        struct buf report;
        struct record record = {.kind = RECORD_OUTCOME};
        buf_init(&report, BYTES_MAX);
        world_init(&w);
        w.rows[5].action.state = tries[i].state;
        w.rows[5].action.attempt_is_open = false;
        world_save(&w, 5, &record, NULL);
        struct verify *verify = run(&w.port, NULL);
        add_report(verify, &report);
        assert_non_null(strstr(buf_text(&report), tries[i].words));
        assert_non_null(strstr(buf_text(&report), "BROKEN, 1 finding:"));
        assert_non_null(strstr(buf_text(&report), "What to do: verify has changed nothing."));
        verify_free(verify);
        world_done(&w);
        buf_done(&report);
    }
}

/* R28, I11: there is somebody, but who asked for it does not decide it. */
static void what_its_own_submitter_would_decide_is_found(void **state)
{
    struct person cron = {.name = SLICE("cron")};
    const struct person *members[] = {&cron};
    struct group admins = {.name = SLICE("admins"), .members = members, .member_count = 1};
    struct config config = {.admins = &admins};
    struct verify_options options = {.config = config_of, .impl = &config};
    struct world w;
    struct buf report;
    (void)state;
    buf_init(&report, BYTES_MAX);
    world_init(&w);
    world_move(&w, 5, STATE_IN_REVIEW);
    struct verify *verify = run(&w.port, &options);
    add_report(verify, &report);
    assert_non_null(strstr(buf_text(&report), "a_1M8627GR50000: it waits for admins, and nobody "
                                              "there or behind them may decide it: cron asked"));
    verify_free(verify);
    world_done(&w);
    buf_done(&report);
}

static void each_change_is_found_with_its_place(void **state)
{
    (void)state;
    assert_true(cases_run("verify.cases", lie_case) > 30);
}

/* The report of a whole store says up to where it proves it; that line finds a cut tail later. */
static void a_kept_head_finds_a_cut_tail(void **state)
{
    (void)state;
    struct world w;
    struct buf report;
    struct liar liar = {.lie = "tail cut off"};
    world_init(&w);
    buf_init(&report, BYTES_MAX);
    liar.truth = &w.port;
    struct verify *verify = run(&w.port, NULL);
    assert_true(verify_is_good(verify));
    add_report(verify, &report);
    verify_free(verify);
    struct slice line = slice_text(strstr(buf_text(&report), "complete up to record "));
    line = slice_from(slice_first(line, slice_find(line, '\n')), strlen("complete up to record "));
    struct verify_options options;
    assert_true(verify_parse_head(line, &options));
    assert_int_equal(options.head_seq, 16);
    verify = run(&w.port, &options);
    assert_true(verify_is_good(verify));
    verify_free(verify);
    struct store_port port = liar_port(&liar);
    verify = run(&port, &options);
    assert_false(verify_is_good(verify));
    buf_reset(&report);
    add_report(verify, &report);
    assert_non_null(strstr(buf_text(&report),
                           "the store ends at record 14, but record 16 was there: 2 are cut off"));
    verify_free(verify);
    options.head_hash[0] ^= 1;
    verify = run(&w.port, &options);
    buf_reset(&report);
    add_report(verify, &report);
    assert_non_null(strstr(buf_text(&report), "record 16: it is not the one whose hash was kept"));
    verify_free(verify);
    assert_false(verify_parse_head(SLICE("16"), &options));
    assert_false(verify_parse_head(SLICE("x:00"), &options));
    buf_done(&report);
    world_done(&w);
}

/* R25: on a live store, what comes after the start of the run is left to the next one. */
static void a_live_store_is_good(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (size_t steps = 0; steps < 8; steps++) {
        struct verify *verify = verify_new(&w.port, NULL);
        bool is_done = false;
        for (size_t i = 0; !is_done; i++) {
            assert_int_equal(verify_step(verify, &is_done), ERR_OK);
            if (i != steps)
                continue;
            world_move(&w, 2, steps % 2 ? STATE_HELD : STATE_UNCERTAIN);
            world_things(&w);
        }
        struct buf report;
        buf_init(&report, BYTES_MAX);
        add_report(verify, &report);
        if (!verify_is_good(verify))
            fail_msg("after %d steps:\n%s", (int)steps, buf_text(&report));
        buf_done(&report);
        verify_free(verify);
    }
    world_done(&w);
}

/* R24: an erased payload is no damage when a record, or the row, says so. */
static void erasing_breaks_nothing(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct record record = {.kind = RECORD_ERASED};
    w.rows[0].erased_unix_ms = 7000;
    world_save(&w, 0, &record, NULL);
    assert_int_equal(w.port.erase_payload(w.port.impl, w.rows[0].first_seq), ERR_OK);
    struct verify *verify = run(&w.port, NULL);
    struct buf report;
    buf_init(&report, BYTES_MAX);
    add_report(verify, &report);
    if (!verify_is_good(verify))
        fail_msg("%s", buf_text(&report));
    assert_non_null(strstr(buf_text(&report), "1 erased"));
    buf_done(&report);
    verify_free(verify);
    world_done(&w);
}

static void an_empty_store_is_good(void **state)
{
    (void)state;
    struct store_memory *memory = store_memory_new();
    struct store_port port = store_memory_port(memory);
    struct verify *verify = run(&port, NULL);
    assert_true(verify_is_good(verify));
    verify_free(verify);
    verify_free(NULL);
    store_memory_free(memory);
}

/* Many records a page, many pages. */
static void many_actions_are_one_proof(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < 700; i++) {
        w.rows[5].action.id = action_id(100 + i);
        struct record record = {.kind = RECORD_ADMITTED};
        struct row row = w.rows[5];
        struct store_key key = {.action = row.action.id};
        struct store_write write = {.seq = w.seq + 1, .action = row.action.id, .is_ended = true};
        row.action.state = STATE_DONE;
        row.action.attempt_is_open = false;
        row.first_seq = row.last_seq = write.seq;
        record.action = row.action.id;
        record.state = STATE_DONE;
        record.has_key = true;
        memcpy(record.key_hash, &row.action.id, 8);
        memset(record.key_hash + 8, 0x55, 8);
        memcpy(key.hash, record.key_hash, STORE_KEY_SIZE);
        memcpy(key.fingerprint, record.fingerprint, STORE_KEY_SIZE);
        buf_reset(&w.row);
        buf_reset(&w.record);
        row_encode(&row, &w.row);
        digest_short(buf_slice(&w.row), record.row);
        record_encode(&record, &w.record);
        write.record = buf_slice(&w.record);
        write.row = buf_slice(&w.row);
        write.keys = &key;
        write.key_count = 1;
        world_submit(&w, &write);
    }
    struct verify *verify = run(&w.port, NULL);
    struct buf report;
    buf_init(&report, BYTES_MAX);
    add_report(verify, &report);
    if (!verify_is_good(verify))
        fail_msg("%s", buf_text(&report));
    assert_non_null(strstr(buf_text(&report), "good: 716 records"));
    buf_done(&report);
    verify_free(verify);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_is_good),
        cmocka_unit_test(a_live_store_is_good),
        cmocka_unit_test(erasing_breaks_nothing),
        cmocka_unit_test(many_actions_are_one_proof),
        cmocka_unit_test(a_kept_head_finds_a_cut_tail),
        cmocka_unit_test(each_change_is_found_with_its_place),
        cmocka_unit_test(what_waits_for_nobody_is_found),
        cmocka_unit_test(what_nothing_moves_is_found),
        cmocka_unit_test(what_its_own_submitter_would_decide_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
