/* loop/erase.c - what callers, people and upstreams said of an action is erased for good: by the
 * word of an admin, and by age where the policy says `retain:` (R24).
 * Owns: which payloads go, and how far the sweep has come.
 * Invariants:
 *   1. Only what is over is erased; the record, the row and the key stay (R7).
 *   2. The payloads go in the write that says so: no crash leaves one without the other.
 *   3. The sweep looks at a bounded number of records a turn, and never keeps admissions waiting.
 */
#include "loop/admin.h"

#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/loaded.h"
#include "loop/steps.h"
#include "record/number.h"

enum {
    ERASE_RECORDS = 4096,  /* of one action */
    RETAIN_PAGE = 200,     /* records looked at in one turn */
    RETAIN_ERASE = 20,     /* actions erased in one turn */
    RETAIN_BUSY_MS = 250,  /* the next turn while there is more to do */
    RETAIN_IDLE_MS = 60000 /* and when there is not */
};

/* The records of the action that brought a payload; ERR_LIMIT past ERASE_RECORDS. */
static enum err erase_list(struct engine *engine, const struct entry *entry, uint64_t *out_seqs,
                           size_t *out_count)
{
    const struct store_port *store = &engine->options.store;
    uint64_t seq = entry->row.last_seq;
    enum err err = ERR_OK;
    *out_count = 0;
    for (size_t i = 0; err == ERR_OK && seq != 0; i++) {
        struct arena arena;
        struct store_record stored = {0};
        struct record record = {0};
        arena_init(&arena, ENGINE_SCRATCH);
        err = i < ERASE_RECORDS ? store->get_record(store->impl, seq, &arena, &stored) : ERR_LIMIT;
        if (err == ERR_OK)
            err = record_decode(stored.body, &arena, &record);
        if (err == ERR_OK && record.has_payload && record.kind != RECORD_ERASED)
            out_seqs[(*out_count)++] = seq;
        seq = record.previous;
        arena_done(&arena);
    }
    return err;
}

/* Records it and erases; actor empty = by age. */
static enum err erase_now(struct engine *engine, struct entry *entry, struct slice actor,
                          struct slice reason)
{
    struct arena arena;
    struct buf words;
    size_t count = 0;
    arena_init(&arena, ERASE_RECORDS * sizeof(uint64_t) + 64);
    buf_init(&words, LIMIT_REASON * 8);
    uint64_t *seqs = ARENA_ARRAY(&arena, ERASE_RECORDS, uint64_t);
    enum err err = seqs ? erase_list(engine, entry, seqs, &count) : ERR_NO_MEMORY;
    if (err == ERR_OK) {
        if (reason.size > 0)
            loaded_encode_words(engine->loaded, &(struct bundle_words){.reason = reason}, &words);
        struct step_note note = {.kind = RECORD_ERASED,
                                 .actor = actor,
                                 .label = words.size > 0 ? BUNDLE_LABEL_WORDS : NULL,
                                 .payload = buf_slice(&words),
                                 .erased = seqs,
                                 .erased_count = count};
        if (entry->row.erased_unix_ms == 0) /* a replay goes on to say when that was */
            entry->row.erased_unix_ms = engine->now_unix_ms;
        entry_forget_values(entry);
        engine_save(engine, entry, &note);
    }
    buf_done(&words);
    arena_done(&arena);
    return err;
}

enum refusal engine_erase(struct engine *engine, const struct engine_call *call,
                          struct entry *entry)
{
    if (!action_is_over(&entry->row.action))
        return REFUSAL_NOT_ENDED;
    if (entry->unsaved > 0) /* its end is on the way to the store */
        return REFUSAL_UNDER_WAY;
    enum err err = erase_now(engine, entry, call->principal->name, call->reason);
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
    return REFUSAL_NONE;
}

/* ---- by age ---- */

static int64_t retain_of(const struct step *step)
{
    return step->retain_ms != 0 ? step->retain_ms : step->workflow->retain_ms;
}

/* How far the sweep of a step has come stands under step and time: another `retain:` looks at all
 * of it anew. */
static void retain_key(const struct step *step, struct buf *out)
{
    buf_add_fmt(out, "retain/%.*s/%.*s/%lld", SLICE_FMT(step->workflow->name),
                SLICE_FMT(step->name), (long long)retain_of(step));
}

static uint64_t retain_read(struct engine *engine, const struct buf *key)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct slice value = {0};
    uint64_t seq = 0;
    arena_init(&arena, 4096);
    if (store->get_row(store->impl, STORE_META, buf_slice(key), &arena, &value) != ERR_OK ||
        !number_take_varint(&value, &seq))
        seq = 0; /* from the first: what is erased already is passed over */
    arena_done(&arena);
    return seq;
}

static void retain_write(struct engine *engine, const struct buf *key, uint64_t seq)
{
    const struct store_port *store = &engine->options.store;
    struct buf value;
    buf_init(&value, 16);
    number_add_varint(&value, seq);
    struct store_row row = {.table = STORE_META, .key = buf_slice(key), .value = buf_slice(&value)};
    struct store_write write = {.rows = &row, .row_count = 1};
    enum err err = store->submit(store->impl, &write, 1, NULL, NULL);
    if (err != ERR_OK && err != ERR_BUSY) /* busy: the same page is looked at once more */
        engine_fail(engine, err_text(err));
    buf_done(&value);
}

/* An ended action of the step, old enough, and not erased, or this record says something of it
 * since? Then it is erased now. */
static enum err retain_one(struct engine *engine, const struct step *step,
                           const struct record *record, size_t *inout_erased)
{
    enum err err = ERR_OK;
    struct entry *entry = entry_get(engine, record->action, &err);
    if (!entry)
        return err;
    const struct row *row = &entry->row;
    bool is_left = row->erased_unix_ms == 0 ||
                   (record->has_payload && record->at_unix_ms >= row->erased_unix_ms);
    bool is_due = entry->step == step && entry->unsaved == 0 && is_left &&
                  action_is_over(&row->action) &&
                  row->action.ended_unix_ms + retain_of(step) <= engine->now_unix_ms;
    if (is_due) {
        err = erase_now(engine, entry, (struct slice){0}, (struct slice){0});
        (*inout_erased)++;
    }
    entry_let_go(engine, entry);
    return err;
}

/* One page of the records of a step; *out_is_more: there is work for another turn. */
static enum err retain_page(struct engine *engine, const struct step *step, bool *out_is_more)
{
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct buf key;
    size_t count = 0;
    size_t erased = 0;
    size_t i = 0;
    arena_init(&arena, ENGINE_SCRATCH);
    buf_init(&key, LIMIT_NAME * 2 + 64);
    retain_key(step, &key);
    uint64_t seq = retain_read(engine, &key);
    struct store_record *page = ARENA_ARRAY(&arena, RETAIN_PAGE, struct store_record);
    enum err err =
        page ? store->list_records(store->impl, seq + 1, RETAIN_PAGE, &arena, page, &count)
             : ERR_NO_MEMORY;
    for (; err == ERR_OK && i < count && erased < RETAIN_ERASE; i++) {
        struct record record = {0};
        err = record_decode(page[i].body, &arena, &record);
        if (err != ERR_OK || record.at_unix_ms + retain_of(step) > engine->now_unix_ms)
            break;
        if (record.action != 0 && state_is_end(record.state) && record.kind != RECORD_ERASED)
            err = retain_one(engine, step, &record, &erased);
    }
    *out_is_more = err == ERR_OK && (i == RETAIN_PAGE || erased == RETAIN_ERASE);
    if (err == ERR_OK && i > 0)
        retain_write(engine, &key, page[i - 1].seq);
    buf_done(&key);
    arena_done(&arena);
    return err;
}

/* The step of the next turn; NULL when all had theirs, and the round begins anew. */
static const struct step *retain_next(struct engine *engine)
{
    const struct config *config = engine_config(engine);
    size_t place = 0;
    for (size_t w = 0; w < config->workflow_count; w++)
        for (size_t s = 0; s < config->workflows[w].step_count; s++, place++) {
            const struct step *step = &config->workflows[w].steps[s];
            if (place < engine->retain_place || retain_of(step) == 0)
                continue;
            engine->retain_place = place + 1;
            return step;
        }
    engine->retain_place = 0;
    return NULL;
}

void engine_run_retain(struct engine *engine)
{
    if (engine->now_unix_ms < engine->retain_unix_ms || engine->is_closing || engine->has_failed)
        return;
    bool is_more = false;
    enum err err = ERR_OK;
    const struct step *step = NULL;
    if (engine->unsaved < ENGINE_UNSAVED_ADMIT / 2)
        step = retain_next(engine);
    if (step)
        err = retain_page(engine, step, &is_more);
    if (err != ERR_OK) {
        engine_fail(engine, err_text(err));
        return;
    }
    engine->retain_is_busy = engine->retain_is_busy || is_more;
    bool is_round_over = !step; /* all of them had their turn */
    bool goes_on = !is_round_over || engine->retain_is_busy;
    if (is_round_over)
        engine->retain_is_busy = false;
    engine->retain_unix_ms = engine->now_unix_ms + (goes_on ? RETAIN_BUSY_MS : RETAIN_IDLE_MS);
}
