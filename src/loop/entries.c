/* loop/entries.c - the actions in memory: those under way, unsaved, or waited for. */
#include "loop/entries.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "loop/engine_state.h"
#include "loop/order.h"
#include "loop/upstreams.h"
#include "record/row.h"

struct map_key entry_map_key(const unsigned char hash[STORE_KEY_SIZE])
{
    struct map_key key;
    memcpy(&key.high, hash, 8);
    memcpy(&key.low, hash + 8, 8);
    return key;
}

enum err entry_keep(char **slot, size_t *slot_size, struct slice bytes)
{
    char *copy = malloc(bytes.size + 1);
    if (!copy)
        return ERR_NO_MEMORY;
    if (bytes.size > 0)
        memcpy(copy, bytes.at, bytes.size);
    copy[bytes.size] = '\0';
    free(*slot);
    *slot = copy;
    *slot_size = bytes.size;
    return ERR_OK;
}

/* Copies the row's names into one block, so that the entry owns them. */
static enum err entry_own_names(struct entry *entry)
{
    struct slice *parts[] = {&entry->row.workflow,   &entry->row.step,   &entry->row.upstream,
                             &entry->row.actor,      &entry->row.policy, &entry->row.claimed_by,
                             &entry->row.assigned_to};
    enum { PARTS = sizeof parts / sizeof *parts };
    size_t size = 1;
    for (size_t i = 0; i < PARTS; i++)
        size += parts[i]->size;
    entry->names = malloc(size);
    if (!entry->names)
        return ERR_NO_MEMORY;
    char *at = entry->names;
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i]->size > 0)
            memcpy(at, parts[i]->at, parts[i]->size);
        *parts[i] = slice_of(at, parts[i]->size);
        at += parts[i]->size;
    }
    return ERR_OK;
}

struct entry *entry_new(struct engine *engine, const struct row *row)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->engine = engine;
    entry->row = *row;
    list_init(&entry->waiters);
    list_init(&entry->by_order);
    if (entry_own_names(entry) != ERR_OK) {
        free(entry);
        return NULL;
    }
    entry->step = config_step_of(engine_config(engine), entry->row.workflow, entry->row.step);
    row_place_risk(&entry->row, entry->step);
    entry->is_counted_held =
        entry->row.action.state == STATE_HELD && entry->row.action.hold_for == HOLD_FOR_UPSTREAM;
    return entry;
}

void entry_free(struct entry *entry)
{
    if (!entry)
        return;
    free(entry->names);
    free(entry->submit);
    free(entry->frozen);
    free(entry->outcome);
    free(entry->label);
    free(entry->fact);
    free(entry);
}

static void entry_forget(char **slot, size_t *size)
{
    free(*slot);
    *slot = NULL;
    *size = 0;
}

void entry_forget_values(struct entry *entry)
{
    entry_forget(&entry->submit, &entry->submit_size);
    entry_forget(&entry->outcome, &entry->outcome_size);
    entry_forget(&entry->frozen, &entry->frozen_size);
}

enum err entry_add(struct engine *engine, struct entry *entry, bool is_newest)
{
    struct map_key key = entry_map_key(entry->row.key_hash);
    enum err err = map_put(&engine->entries, map_key_u64(entry->row.action.id), entry);
    if (err == ERR_OK)
        order_enter(engine, entry);
    if (err != ERR_OK || !is_newest)
        return err;
    (void)map_remove(&engine->keys, key); /* an older generation may have answered for it */
    err = map_put(&engine->keys, key, entry);
    if (err != ERR_OK) { /* undo */
        (void)map_remove(&engine->entries, map_key_u64(entry->row.action.id));
        order_leave(engine, entry);
    }
    return err;
}

struct entry *entry_peek(struct engine *engine, uint64_t id)
{
    return map_get(&engine->entries, map_key_u64(id));
}

struct entry *entry_by_key(struct engine *engine, const unsigned char hash[STORE_KEY_SIZE])
{
    return map_get(&engine->keys, entry_map_key(hash));
}

static struct entry *entry_fetch(struct engine *engine, uint64_t id, enum err *out_err)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action stored = {0};
    struct row row = {0};
    struct entry *entry = NULL;
    const struct store_port *store = &engine->options.store;
    enum err err = store->get_action(store->impl, id, &arena, &stored);
    if (err == ERR_OK)
        err = row_decode(stored.row, &row);
    if (err == ERR_OK) {
        entry = entry_new(engine, &row);
        err = entry ? ERR_OK : ERR_NO_MEMORY;
    }
    if (err == ERR_OK && stored.frozen.size > 0)
        err = entry_keep(&entry->frozen, &entry->frozen_size, stored.frozen);
    /* Only the newest generation answers for the key (R9): the store says which one that is, unless
     * a newer one is in memory. */
    struct store_key newest = {0};
    bool is_newest = err == ERR_OK && !entry_by_key(engine, entry->row.key_hash) &&
                     store->get_key(store->impl, entry->row.key_hash, &newest) == ERR_OK &&
                     newest.action == id;
    if (err == ERR_OK)
        err = entry_add(engine, entry, is_newest);
    if (err != ERR_OK) {
        entry_free(entry);
        entry = NULL;
    }
    arena_done(&arena);
    *out_err = err;
    return entry;
}

struct entry *entry_get(struct engine *engine, uint64_t id, enum err *out_err)
{
    struct entry *entry = entry_peek(engine, id);
    *out_err = ERR_OK;
    return entry ? entry : entry_fetch(engine, id, out_err);
}

void entry_let_go(struct engine *engine, struct entry *entry)
{
    bool is_needed =
        entry->unsaved > 0 || entry->is_calling || entry->ask || !list_is_empty(&entry->waiters) ||
        entry->row.action.attempt_is_open; /* also a permit: the receipts of stops count it */
    if (is_needed)
        return;
    (void)map_remove(&engine->entries, map_key_u64(entry->row.action.id)); /* it is there */
    if (entry_by_key(engine, entry->row.key_hash) == entry)
        (void)map_remove(&engine->keys, entry_map_key(entry->row.key_hash)); /* likewise */
    if (entry->has_run && map_get(&engine->runs, entry_map_key(entry->run_hash)) == entry)
        (void)map_remove(&engine->runs, entry_map_key(entry->run_hash)); /* likewise */
    order_leave(engine, entry);
    entry_free(entry);
}

enum err entry_set_review(struct entry *entry, struct slice claimed_by, struct slice assigned_to)
{
    struct row former = entry->row;
    char *names = entry->names; /* the slices of the row still lie in it */
    entry->row.claimed_by = claimed_by;
    entry->row.assigned_to = assigned_to;
    if (entry_own_names(entry) != ERR_OK) {
        entry->names = names;
        entry->row = former;
        return ERR_NO_MEMORY;
    }
    free(names);
    return ERR_OK;
}

enum err entry_set_upstream(struct entry *entry, struct slice upstream)
{
    if (slice_equal(entry->row.upstream, upstream))
        return ERR_OK;
    struct upstream_state *old = engine_upstream(entry->engine, entry->row.upstream);
    struct slice former = entry->row.upstream;
    char *names = entry->names; /* the slices of the row still lie in it */
    entry->row.upstream = upstream;
    if (entry_own_names(entry) != ERR_OK) {
        entry->names = names;
        entry->row.upstream = former;
        return ERR_NO_MEMORY;
    }
    free(names);
    if (old && entry->is_counted_held)
        old->held--;
    entry->is_counted_held = false;
    return ERR_OK;
}

void row_place_risk(struct row *row, const struct step *step)
{
    uint8_t risk = 0;
    if (!step || !row->has_risk_id)
        return;
    if (row->risk_id == 0)
        risk = (uint8_t)step->risk_count;
    for (size_t i = 0; row->risk_id != 0 && i < step->risk_count; i++)
        if (row_risk_id(step->risks[i].name) == row->risk_id) {
            risk = (uint8_t)i;
            break;
        }
    row->action.risk = risk;
}

void row_name_risk(struct row *row, const struct step *step)
{
    if (!step)
        return; /* it keeps the one that it has */
    bool is_class = row->action.risk < step->risk_count;
    row->has_risk_id = true;
    row->risk_id = is_class ? row_risk_id(step->risks[row->action.risk].name) : 0;
}

struct scope row_scope(const struct row *row, const struct step *step)
{
    struct scope scope = {.workflow = row->workflow,
                          .step = row->step,
                          .upstream = row->upstream,
                          .risk = SLICE("normal")};
    if (!step)
        return scope;
    scope.workflow = step->workflow->name;
    scope.workflow_was = step->workflow->was;
    scope.step = step->name;
    scope.step_was = step->was;
    if (row->action.risk < step->risk_count)
        scope.risk = step->risks[row->action.risk].name;
    return scope;
}

struct scope entry_scope(const struct entry *entry)
{
    return row_scope(&entry->row, entry->step);
}

/* The bundle of the submit: kept in the entry once it was needed. */
enum err entry_read_submit(struct entry *entry, struct arena *arena, struct bundle_submit *out)
{
    const struct store_port *store = &entry->engine->options.store;
    if (!entry->submit) {
        struct slice stored = {0};
        uint64_t seq = entry->row.edited_seq ? entry->row.edited_seq : entry->row.first_seq;
        enum err err = store->get_payload(store->impl, seq, arena, &stored);
        if (err != ERR_OK)
            return err;
        if (stored.size < BUNDLE_SALT)
            return ERR_CORRUPT;
        err = entry_keep(&entry->submit, &entry->submit_size, slice_from(stored, BUNDLE_SALT));
        if (err != ERR_OK)
            return err;
    }
    /* A copy: what was read may outlive the entry. */
    struct slice bytes = arena_copy(arena, slice_of(entry->submit, entry->submit_size));
    return arena->overflowed ? ERR_NO_MEMORY : bundle_submit_decode(bytes, arena, out);
}

enum err entry_read_as_submitted(struct entry *entry, struct arena *arena,
                                 struct bundle_submit *out)
{
    const struct store_port *store = &entry->engine->options.store;
    struct slice stored = {0};
    if (entry->row.edited_seq == 0)
        return entry_read_submit(entry, arena, out);
    enum err err = store->get_payload(store->impl, entry->row.first_seq, arena, &stored);
    if (err == ERR_OK && stored.size < BUNDLE_SALT)
        err = ERR_CORRUPT;
    return err == ERR_OK ? bundle_submit_decode(slice_from(stored, BUNDLE_SALT), arena, out) : err;
}
