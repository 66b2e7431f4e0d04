/* loop/order.c - one thing at a time (R11): actions with the same order key start in the order of
 * their submits. At most one of them, the oldest that has not ended, may start; the others are held
 * for it, or take its place where the step says `supersede`.
 * Owns: the ring of the entries in memory of one order key. The rest is found by the store's
 *   index: memory holds no queue. */
#include "loop/order.h"

#include "base/list.h"
#include "base/map.h"
#include "loop/drains.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/gates.h"
#include "loop/steps.h"
#include "loop/views.h"
#include "policy/template.h"
#include "record/digest.h"
#include "record/identity.h"
#include "record/row.h"

enum { ORDER_PAGE = 8, ORDER_RELEASE_PAGE = 64, ORDER_SUPERSEDE_MAX = 64, ORDER_LOOK_BACK = 16 };

static bool order_is_set(const unsigned char order[STORE_KEY_SIZE])
{
    return !digest_is_zero(order, STORE_KEY_SIZE);
}

/* ---- the key ---- */

bool engine_order_applies(const struct step *step)
{
    bool is_by_nature = step->terms.idempotency == IDEMPOTENCY_BY_NATURE && step->upstream;
    return step->terms.effect == EFFECT_WRITE && (step->order_by || is_by_nature);
}

bool engine_order_key(struct engine *engine, const struct step *step, struct expr_scope *scope,
                      struct order_work *work)
{
    memset(work->order, 0, sizeof work->order);
    if (!engine_order_applies(step))
        return true;
    struct buf text;
    bool is_good = true;
    buf_init(&text, LIMIT_REQUEST);
    struct identity_name name = {.workflow = step->workflow->name};
    if (step->order_by) {
        struct expr_work expr = {.scratch = work->scratch};
        is_good = template_render_text(step->order_by, scope, &expr, &text) == EXPR_OK;
        work->problem = expr.problem;
    } else { /* what it changes is where it goes */
        name.workflow = step->upstream->name;
        buf_add(&text, work->request->method);
        buf_add_byte(&text, ' ');
        buf_add(&text, work->request->target);
    }
    name.text = buf_slice(&text);
    if (is_good && step->order_by)
        identity_order(engine->identity, &name, work->order);
    else if (is_good)
        identity_target(engine->identity, &name, work->order);
    buf_done(&text);
    return is_good;
}

/* ---- the ring ---- */

void order_enter(struct engine *engine, struct entry *entry)
{
    list_init(&entry->by_order);
    if (!order_is_set(entry->row.order))
        return;
    struct map_key key = entry_map_key(entry->row.order);
    struct entry *other = map_get(&engine->orders, key);
    if (other)
        list_add_before(&other->by_order, &entry->by_order);
    else if (map_put(&engine->orders, key, entry) != ERR_OK)
        engine_fail(engine, "out of memory");
}

void order_leave(struct engine *engine, struct entry *entry)
{
    if (!order_is_set(entry->row.order))
        return;
    struct map_key key = entry_map_key(entry->row.order);
    if (map_get(&engine->orders, key) == entry) {
        struct entry *next = list_is_empty(&entry->by_order)
                                 ? NULL
                                 : LIST_ENTRY(entry->by_order.next, struct entry, by_order);
        (void)map_remove(&engine->orders, key); /* it is there */
        if (next && map_put(&engine->orders, key, next) != ERR_OK)
            engine_fail(engine, "out of memory");
    }
    list_remove(&entry->by_order);
}

/* ---- who is before whom ---- */

/* Of those in memory: the oldest that has not ended, or NULL. */
static struct entry *order_oldest(struct engine *engine, const unsigned char order[STORE_KEY_SIZE])
{
    struct entry *first = map_get(&engine->orders, entry_map_key(order));
    struct entry *oldest = NULL;
    struct entry *entry = first;
    while (entry) {
        bool is_open = !state_is_end(entry->row.action.state);
        if (is_open && (!oldest || entry->row.action.id < oldest->row.action.id))
            oldest = entry;
        entry = LIST_ENTRY(entry->by_order.next, struct entry, by_order);
        if (entry == first)
            break;
    }
    return oldest;
}

/* Of those that sleep in the store, the first after `after` that has not ended; 0 = none. */
static uint64_t order_stored(struct engine *engine, const unsigned char order[STORE_KEY_SIZE],
                             uint64_t after)
{
    const struct store_port *store = &engine->options.store;
    struct store_open_query query = {
        .order = slice_of(order, STORE_KEY_SIZE), .after_id = after, .limit = ORDER_PAGE};
    uint64_t found = 0;
    size_t count = ORDER_PAGE;
    enum err err = ERR_OK;
    while (err == ERR_OK && count == ORDER_PAGE && found == 0) {
        struct store_action page[ORDER_PAGE];
        struct arena arena;
        arena_init(&arena, ENGINE_SCRATCH);
        err = store->list_open(store->impl, &query, &arena, page, &count);
        for (size_t i = 0; err == ERR_OK && i < count && found == 0; i++) {
            struct row row;
            query.after_id = page[i].id;
            if (entry_peek(engine, page[i].id))
                continue; /* memory knows it better */
            err = row_decode(page[i].row, &row);
            bool is_of_it = err == ERR_OK && memcmp(row.order, order, STORE_KEY_SIZE) == 0;
            if (is_of_it && !state_is_end(row.action.state))
                found = page[i].id;
        }
        arena_done(&arena);
    }
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
    return found;
}

uint64_t engine_order_before(struct engine *engine, const unsigned char order[STORE_KEY_SIZE],
                             uint64_t id)
{
    struct entry *oldest = order_oldest(engine, order);
    uint64_t first = order_stored(engine, order, 0);
    if (oldest && (first == 0 || oldest->row.action.id < first))
        first = oldest->row.action.id;
    return first < id ? first : 0;
}

/* R11: has a newer one started? The oldest alone may, so only what was ordered otherwise has. */
bool engine_order_is_overtaken(struct engine *engine, const struct entry *entry)
{
    if (!order_is_set(entry->row.order))
        return false;
    for (struct list *node = entry->by_order.next; node != &entry->by_order; node = node->next) {
        const struct entry *other = LIST_ENTRY(node, struct entry, by_order);
        if (other->row.action.id > entry->row.action.id && other->row.action.starts_total > 0)
            return true;
    }
    (void)engine;
    return false;
}

/* ---- supersede ---- */

static bool order_may_go(const struct action *action)
{
    return !state_is_end(action->state) && action->state != STATE_UNCERTAIN &&
           !action->attempt_is_open && !action->may_have_happened;
}

static void order_cancel(struct engine *engine, struct entry *entry, uint64_t newer)
{
    struct action_event event;
    struct action_effects effects;
    engine_event(engine, entry, EVENT_SUPERSEDE, &event);
    struct step_note note = {
        .kind = RECORD_CANCELLED, .upstream = entry->row.upstream, .number = newer};
    engine_step(engine, entry, &event, &note, &effects);
}

void engine_order_admitted(struct engine *engine, struct entry *entry)
{
    const struct step *step = entry->step;
    if (!step || !step->supersedes || !order_is_set(entry->row.order) ||
        state_is_end(entry->row.action.state))
        return;
    uint64_t id = entry->row.action.id;
    uint64_t ids[ORDER_SUPERSEDE_MAX];
    size_t count = 0;
    for (struct list *node = entry->by_order.next; node != &entry->by_order; node = node->next) {
        uint64_t other = LIST_ENTRY(node, struct entry, by_order)->row.action.id;
        if (other < id && count < ORDER_SUPERSEDE_MAX)
            ids[count++] = other;
    }
    uint64_t after = 0; /* more than these were superseded before, each by the next */
    while (count < ORDER_SUPERSEDE_MAX &&
           (after = order_stored(engine, entry->row.order, after)) != 0 && after < id)
        ids[count++] = after;
    for (size_t i = 0; i < count; i++) {
        enum err err = ERR_OK;
        struct entry *older = entry_get(engine, ids[i], &err);
        if (!older) {
            engine_fail(engine, err_text(err));
            return;
        }
        if (older->step == step && order_may_go(&older->row.action))
            order_cancel(engine, older, id);
        entry_let_go(engine, older);
    }
}

bool engine_order_gives_way(struct engine *engine, struct entry *entry)
{
    const struct step *step = entry->step;
    if (!step || !step->supersedes || !order_is_set(entry->row.order) ||
        !order_may_go(&entry->row.action))
        return false;
    uint64_t id = entry->row.action.id;
    uint64_t newer = 0;
    for (struct list *node = entry->by_order.next; node != &entry->by_order; node = node->next) {
        const struct entry *other = LIST_ENTRY(node, struct entry, by_order);
        if (other->row.action.id > id && other->step == step &&
            !state_is_end(other->row.action.state))
            newer = other->row.action.id;
    }
    if (newer == 0)
        newer = order_stored(engine, entry->row.order, id);
    if (newer == 0)
        return false;
    order_cancel(engine, entry, newer);
    return true;
}

/* The record of its end names the newer one. */
static enum err order_newer(struct engine *engine, const struct entry *entry, struct arena *arena,
                            uint64_t *out_id)
{
    const struct store_port *store = &engine->options.store;
    struct store_record stored = {0};
    struct record record = {0};
    uint64_t seq = entry->row.last_seq;
    for (int i = 0; i < ORDER_LOOK_BACK && seq != 0 && *out_id == 0; i++) {
        enum err err = store->get_record(store->impl, seq, arena, &stored);
        if (err == ERR_OK)
            err = record_decode(stored.body, arena, &record);
        if (err != ERR_OK) /* not durable yet: nobody is told of it yet */
            return err == ERR_NOT_FOUND ? ERR_OK : err;
        if (record.kind == RECORD_CANCELLED)
            *out_id = record.number;
        seq = record.previous;
    }
    return ERR_OK;
}

enum err engine_order_view(struct engine *engine, const struct entry *entry, struct arena *arena,
                           struct view *out)
{
    struct view newer = {0};
    enum err err = order_newer(engine, entry, arena, &out->newer);
    struct entry *hot = out->newer != 0 ? entry_peek(engine, out->newer) : NULL;
    struct entry *found = hot || out->newer == 0 ? hot : entry_get(engine, out->newer, &err);
    if (found && found->row.erased_unix_ms == 0) {
        newer.step = found->step;
        err = entry_read_submit(found, arena, &newer.submit);
        engine_view_mask(arena, &newer);
        out->newer_key = arena_copy(arena, newer.submit.key);
    }
    if (found && !hot)
        entry_let_go(engine, found);
    return err == ERR_NOT_FOUND ? ERR_OK : err; /* its id stands all the same */
}

/* ---- the next one ---- */

static bool order_may_release(const struct engine *engine)
{
    return !engine->is_closing && !engine->has_failed && !engine->is_reordering &&
           engine->unsaved < ENGINE_UNSAVED_ACT;
}

/* Lets it into the gate if it is held for its order and nothing is before it any more. */
static void order_try(struct engine *engine, struct entry *entry)
{
    const struct action *action = &entry->row.action;
    if (entry->unsaved == 0 && action->state == STATE_HELD && action->hold_for == HOLD_FOR_ORDER &&
        !engine_defers_action(engine, action) &&
        engine_order_before(engine, entry->row.order, action->id) == 0)
        engine_enter_gate(engine, entry, false, (struct slice){0});
}

void engine_order_saved(struct engine *engine, struct entry *entry)
{
    if (!order_is_set(entry->row.order) || entry->unsaved > 0)
        return;
    if (!order_may_release(engine)) {
        engine_drains_freed(engine, NULL);
        engine->is_ordering = true;
        engine->order_after = 0;
        return;
    }
    if (!state_is_end(entry->row.action.state)) {
        order_try(engine, entry);
        return;
    }
    uint64_t next = engine_order_before(engine, entry->row.order, UINT64_MAX);
    enum err err = ERR_OK;
    struct entry *waiting = next != 0 ? entry_get(engine, next, &err) : NULL;
    if (waiting) {
        engine_drains_freed(engine, waiting);
        order_try(engine, waiting);
        entry_let_go(engine, waiting);
    }
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
}

void engine_release_order(struct engine *engine)
{
    if (!engine->is_ordering || !order_may_release(engine))
        return;
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    struct store_action *page = ARENA_ARRAY(&arena, ORDER_RELEASE_PAGE, struct store_action);
    struct store_open_query query = {.has_queue = true,
                                     .queue = STORE_QUEUE_HELD_ORDER,
                                     .after_id = engine->order_after,
                                     .limit = ORDER_RELEASE_PAGE};
    size_t count = 0;
    const struct store_port *store = &engine->options.store;
    enum err err =
        page ? store->list_open(store->impl, &query, &arena, page, &count) : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        engine->order_after = page[i].id;
        struct entry *entry = entry_get(engine, page[i].id, &err);
        if (err != ERR_OK)
            break;
        order_try(engine, entry);
        entry_let_go(engine, entry);
    }
    if (err == ERR_OK && count == 0) {
        engine->is_ordering = false;
        engine->order_after = 0;
    }
    arena_done(&arena);
    if (err != ERR_OK)
        engine_fail(engine, err_text(err));
}
