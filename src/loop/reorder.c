/* loop/reorder.c - what is open follows its policy when that orders by another thing (R11).
 * Owns: the row "order" of STORE_META: a digest of what all steps order by, as the open actions of
 *   the store are ordered.
 * Invariants:
 *   1. While they differ, nothing that is in order starts: neither the old keys nor the new ones
 *      say who is before whom. Stops, answers and all else go on.
 *   2. The digest is written behind the last action that was moved: a crash in between begins
 *      anew. */
#include "base/list.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/order.h"
#include "loop/steps.h"
#include "policy/template.h"
#include "record/digest.h"
#include "record/row.h"

enum { REORDER_PAGE = 256 };
static const struct slice reorder_name = {"order", 5};

static void reorder_add_text(struct buf *out, struct slice text)
{
    buf_add_fmt(out, "%zu:", text.size);
    buf_add(out, text);
}

/* Of all that says which thing an action is about. */
static enum err reorder_digest(const struct config *config, unsigned char out[STORE_KEY_SIZE])
{
    struct buf text;
    buf_init(&text, ENGINE_SCRATCH);
    for (size_t w = 0; w < config->workflow_count; w++)
        for (size_t s = 0; s < config->workflows[w].step_count; s++) {
            const struct step *step = &config->workflows[w].steps[s];
            if (!engine_order_applies(step))
                continue;
            reorder_add_text(&text, step->workflow->name);
            reorder_add_text(&text, step->name);
            if (step->order_by) {
                reorder_add_text(&text, template_text(step->order_by));
                continue;
            }
            reorder_add_text(&text, step->upstream->name);
            reorder_add_text(&text, step->method);
            reorder_add_text(&text, step->target ? template_text(step->target) : (struct slice){0});
        }
    digest_short(buf_slice(&text), out);
    enum err err = buf_ok(&text) ? ERR_OK : ERR_NO_MEMORY;
    buf_done(&text);
    return err;
}

/* What is stored is in the order of the policies in force. */
static void reorder_end(struct engine *engine)
{
    unsigned char digest[STORE_KEY_SIZE];
    struct pending none = {0};
    if (reorder_digest(engine_config(engine), digest) != ERR_OK)
        return; /* without memory: the next start looks again */
    struct store_row row = {
        .table = STORE_META, .key = reorder_name, .value = slice_of(digest, sizeof digest)};
    engine_save_rows(engine, &row, 1, &none);
    engine->is_reordering = false;
    engine->is_ordering = true; /* what was held meanwhile */
    engine->order_after = 0;
}

enum err engine_reorder_begin(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    unsigned char digest[STORE_KEY_SIZE];
    struct slice stored = {0};
    struct arena arena;
    arena_init(&arena, 4096);
    enum err err = reorder_digest(engine_config(engine), digest);
    if (err == ERR_OK)
        err = store->get_row(store->impl, STORE_META, reorder_name, &arena, &stored);
    bool is_same = err == ERR_OK && !engine->is_reordering &&
                   slice_equal(stored, slice_of(digest, sizeof digest));
    arena_done(&arena);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    engine->is_reordering = !is_same;
    engine->reorder_after = 0;
    if (!is_same && engine->unended == 0)
        reorder_end(engine);
    return ERR_OK;
}

/* Its key by the policy in force. false: it cannot be told, and stays what it is. */
static bool reorder_key(struct engine *engine, struct entry *entry, struct arena *scratch,
                        unsigned char out[STORE_KEY_SIZE])
{
    struct bundle_submit submit = {0};
    struct bundle_request request = {0};
    struct expr_scope scope = {0};
    struct order_work work = {.scratch = scratch, .request = &request};
    json_t *input = NULL, *context = NULL;
    struct buf frozen;
    buf_init(&frozen, LIMIT_REQUEST * 2);
    bool is_good = entry_read_submit(entry, scratch, &submit) == ERR_OK &&
                   engine_submit_scope(entry, &submit, &scope, &input, &context);
    if (is_good && !entry->step->order_by && engine_order_applies(entry->step)) {
        if (entry->row.action.is_frozen && entry->row.action.route == 0)
            buf_add(&frozen, slice_of(entry->frozen, entry->frozen_size));
        else
            is_good = entry->row.action.route == 0 &&
                      engine_render_request(entry, &entry->row.action, &scope, scratch, &frozen);
        is_good = is_good && bundle_request_decode(buf_slice(&frozen), scratch, &request) == ERR_OK;
    }
    is_good = is_good && engine_order_key(engine, entry->step, &scope, &work);
    if (is_good)
        memcpy(out, work.order, STORE_KEY_SIZE);
    json_decref(context);
    json_decref(input);
    buf_done(&frozen);
    return is_good;
}

static void reorder_one(struct engine *engine, uint64_t id)
{
    enum err err = ERR_OK;
    struct arena scratch;
    unsigned char order[STORE_KEY_SIZE];
    struct entry *entry = entry_get(engine, id, &err);
    if (!entry) {
        engine_fail(engine, err_text(err));
        return;
    }
    arena_init_pooled(&scratch, ENGINE_SCRATCH, &engine->arenas);
    bool is_moved = entry->step && !state_is_end(entry->row.action.state) &&
                    reorder_key(engine, entry, &scratch, order) &&
                    memcmp(order, entry->row.order, STORE_KEY_SIZE) != 0;
    if (is_moved) {
        struct step_note note = {.kind = RECORD_REORDERED, .upstream = entry->row.upstream};
        order_leave(engine, entry);
        memcpy(entry->row.order, order, STORE_KEY_SIZE);
        order_enter(engine, entry);
        engine_save(engine, entry, &note);
    }
    arena_done(&scratch);
    entry_let_go(engine, entry);
}

/* Is it in order, or will it be? */
static bool reorder_wants(const struct engine *engine, struct slice bytes)
{
    struct row row = {0};
    if (row_decode(bytes, &row) != ERR_OK)
        return false;
    const struct step *step = config_step_of(engine_config(engine), row.workflow, row.step);
    return step && (engine_order_applies(step) || !digest_is_zero(row.order, STORE_KEY_SIZE));
}

void engine_run_reorder(struct engine *engine)
{
    const struct store_port *store = &engine->options.store;
    struct store_open_query query = {.after_id = engine->reorder_after, .limit = REORDER_PAGE};
    struct arena arena;
    size_t count = 0, looked = 0;
    if (!engine->is_reordering || engine->is_closing || engine->has_failed ||
        engine->unsaved >= ENGINE_UNSAVED_ADMIT)
        return;
    arena_init(&arena, (size_t)REORDER_PAGE * LIMIT_REQUEST * 4);
    struct store_action *page = ARENA_ARRAY(&arena, REORDER_PAGE, struct store_action);
    enum err err =
        page ? store->list_open(store->impl, &query, &arena, page, &count) : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count && engine->unsaved < ENGINE_UNSAVED_ACT; i++) {
        if (reorder_wants(engine, page[i].row))
            reorder_one(engine, page[i].id);
        engine->reorder_after = page[i].id;
        looked++;
    }
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
    else if (count < REORDER_PAGE && looked == count)
        reorder_end(engine);
    arena_done(&arena);
}
