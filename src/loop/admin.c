/* loop/admin.c - reload, backup, tokens, the followers of the log. */
#include "loop/admin.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "loop/engine_state.h"
#include "loop/entries.h"
#include "loop/former_ids.h"
#include "loop/formers.h"
#include "loop/loaded.h"
#include "loop/order.h"
#include "loop/restarts.h"
#include "loop/steps.h"
#include "loop/submit.h"
#include "loop/triggers.h"
#include "loop/upstreams.h"
#include "policy/compare.h"
#include "record/number.h"
#include "record/row.h"

/* ---- tokens ---- */

struct token_row {
    struct slice name, made_by;
    uint64_t made_unix_ms;
};

static void token_row_encode(const struct token_row *token, struct buf *out)
{
    number_add_varint(out, token->made_unix_ms);
    number_add_varint(out, token->name.size);
    buf_add(out, token->name);
    buf_add(out, token->made_by);
}

static bool token_row_decode(struct slice bytes, struct token_row *out)
{
    uint64_t size = 0;
    if (!number_take_varint(&bytes, &out->made_unix_ms) || !number_take_varint(&bytes, &size) ||
        size > bytes.size)
        return false;
    out->name = slice_first(bytes, (size_t)size);
    out->made_by = slice_from(bytes, (size_t)size);
    return true;
}

static void admin_acknowledge(struct pending *pending)
{
    struct engine_reply reply = {.outcome = ENGINE_TAKEN};
    pending->done(pending->arg, &reply);
}

static void admin_token_put(void *impl, const struct principal *principal, struct slice name,
                            const unsigned char hash[32], engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    if (engine->has_failed || engine->unsaved >= ENGINE_UNSAVED_ACT) {
        engine_refuse(done, arg, ENGINE_STORE_FAILED, "the store cannot save it now");
        return;
    }
    struct buf key, value;
    buf_init(&key, 64);
    buf_init(&value, LIMIT_ROW);
    text_add_hex(&key, slice_of(hash, 32));
    struct token_row token = {
        .name = name, .made_by = principal->name, .made_unix_ms = (uint64_t)engine_now(engine)};
    token_row_encode(&token, &value);
    struct store_row row = {
        .table = STORE_TOKENS, .key = buf_slice(&key), .value = buf_slice(&value)};
    struct record record = {.kind = RECORD_TOKEN, .actor = principal->name, .subject = name};
    struct pending pending = {.saved = admin_acknowledge, .done = done, .arg = arg};
    struct control control = {.record = record, .rows = &row, .row_count = 1};
    engine_save_control(engine, &control, &pending);
    buf_done(&value);
    buf_done(&key);
}

/* Finds the row whose key begins with the id. */
static enum err admin_find_token(struct engine *engine, struct slice id, struct arena *arena,
                                 struct store_row *out)
{
    const struct store_port *store = &engine->options.store;
    struct store_row *rows = ARENA_ARRAY(arena, LIMIT_PAGE, struct store_row);
    struct slice after = {0};
    size_t count = LIMIT_PAGE;
    if (!rows)
        return ERR_NO_MEMORY;
    while (count == LIMIT_PAGE) {
        enum err err =
            store->list_rows(store->impl, STORE_TOKENS, after, LIMIT_PAGE, arena, rows, &count);
        if (err != ERR_OK)
            return err;
        for (size_t i = 0; i < count; i++) {
            after = rows[i].key;
            if (id.size >= 16 && slice_starts(rows[i].key, id)) {
                *out = rows[i];
                return ERR_OK;
            }
        }
    }
    return ERR_NOT_FOUND;
}

static void admin_token_revoke(void *impl, const struct principal *principal, struct slice id,
                               engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    struct arena arena;
    struct store_row row = {0};
    arena_init(&arena, ENGINE_SCRATCH);
    (void)engine_now(engine);
    enum err err = engine->has_failed ? ERR_IO : admin_find_token(engine, id, &arena, &row);
    if (err == ERR_OK) {
        struct token_row token = {0};
        (void)token_row_decode(row.value, &token); /* only for its name in the record */
        struct store_row removed = {.table = STORE_TOKENS, .key = row.key, .is_removed = true};
        struct record record = {.kind = RECORD_TOKEN,
                                .actor = principal->name,
                                .subject = token.name,
                                .number = 1}; /* revoked */
        struct pending pending = {.saved = admin_acknowledge, .done = done, .arg = arg};
        struct control control = {.record = record, .rows = &removed, .row_count = 1};
        engine_save_control(engine, &control, &pending);
    } else {
        engine_refuse(done, arg, err == ERR_NOT_FOUND ? ENGINE_NOT_FOUND : ENGINE_STORE_FAILED,
                      err == ERR_NOT_FOUND ? "no token has this id" : err_text(err));
    }
    arena_done(&arena);
}

static enum err admin_tokens(void *impl, struct arena *arena, struct engine_token *out,
                             size_t *out_count)
{
    struct engine *engine = impl;
    const struct store_port *store = &engine->options.store;
    struct store_row *rows = ARENA_ARRAY(arena, LIMIT_PAGE, struct store_row);
    struct slice after = {0};
    size_t room = *out_count;
    size_t count = LIMIT_PAGE;
    *out_count = 0;
    if (!rows)
        return ERR_NO_MEMORY;
    while (count == LIMIT_PAGE && *out_count < room) {
        enum err err =
            store->list_rows(store->impl, STORE_TOKENS, after, LIMIT_PAGE, arena, rows, &count);
        if (err != ERR_OK)
            return err;
        for (size_t i = 0; i < count && *out_count < room; i++) {
            struct token_row token = {0};
            after = rows[i].key;
            if (!token_row_decode(rows[i].value, &token))
                return ERR_CORRUPT;
            out[(*out_count)++] =
                (struct engine_token){.id = slice_first(rows[i].key, 16),
                                      .name = token.name,
                                      .made_by = token.made_by,
                                      .made_unix_ms = (int64_t)token.made_unix_ms};
        }
    }
    return ERR_OK;
}

static bool admin_is_secret(const struct engine *engine, const struct secret_ref *secret,
                            const unsigned char hash[32])
{
    if (secret->source == SECRET_NONE || engine->loaded->secrets[secret->index].size == 0)
        return false;
    const unsigned char *own = engine->loaded->digests[secret->index];
    unsigned char difference = 0; /* constant time */
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        difference |= (unsigned char)(own[i] ^ hash[i]);
    return difference == 0;
}

/* The slice lives until the next reload, or in the engine's scratch until the next call. */
static bool admin_token_owner(void *impl, const unsigned char hash[32], struct slice *out_name)
{
    struct engine *engine = impl;
    const struct config *config = engine_config(engine);
    for (size_t i = 0; i < config->person_count; i++)
        if (admin_is_secret(engine, &config->person_tokens[i], hash)) {
            *out_name = config->people[i].name;
            return true;
        }
    for (size_t i = 0; i < config->service_count; i++)
        if (admin_is_secret(engine, &config->services[i].token, hash)) {
            *out_name = config->services[i].name;
            return true;
        }
    const struct store_port *store = &engine->options.store;
    struct arena arena;
    struct slice value = {0};
    struct token_row token = {0};
    struct buf *kept = &engine->token_name;
    buf_reset(kept);
    text_add_hex(kept, slice_of(hash, 32));
    arena_init(&arena, 65536);
    bool is_known =
        store->get_row(store->impl, STORE_TOKENS, buf_slice(kept), &arena, &value) == ERR_OK &&
        token_row_decode(value, &token);
    buf_reset(kept);
    if (is_known)
        buf_add(kept, token.name);
    *out_name = buf_slice(kept);
    arena_done(&arena);
    return is_known;
}

/* ---- reload (R28): all or nothing ---- */

static enum err reload_collect(struct engine *engine, struct arena *arena,
                               struct compare_uses *out_uses)
{
    const struct store_port *store = &engine->options.store;
    struct store_open_query query = {.limit = LIMIT_PAGE};
    size_t count = LIMIT_PAGE;
    enum err err = ERR_OK;
    compare_uses_init(out_uses);
    while (err == ERR_OK && count == LIMIT_PAGE) {
        struct arena scratch;
        arena_init(&scratch, (size_t)LIMIT_PAGE * LIMIT_REQUEST * 4);
        struct store_action *page = ARENA_ARRAY(&scratch, LIMIT_PAGE, struct store_action);
        err = page ? store->list_open(store->impl, &query, &scratch, page, &count) : ERR_NO_MEMORY;
        for (size_t i = 0; err == ERR_OK && i < count; i++) {
            struct row row = {0};
            query.after_id = page[i].id;
            err = row_decode(page[i].row, &row);
            if (err == ERR_OK)
                err = compare_uses_add(out_uses, arena,
                                       &(struct compare_use){row.workflow, row.step, row.upstream});
        }
        arena_done(&scratch);
    }
    for (size_t i = 0; err == ERR_OK && i < engine->board.stop_count; i++) {
        const struct stop *stop = &engine->board.stops[i];
        if (!stop->is_lifted)
            err = compare_uses_add(out_uses, arena,
                                   &(struct compare_use){slice_text(stop->names[0]),
                                                         slice_text(stop->names[1]),
                                                         slice_text(stop->names[2])});
    }
    return err;
}

void engine_save_policy(struct engine *engine, struct slice actor, const struct pending *pending)
{
    struct buf hex;
    buf_init(&hex, 64);
    text_add_hex(&hex, slice_of(engine_config(engine)->version, 32));
    const struct store_row own[] = {
        {.table = STORE_POLICIES, .key = buf_slice(&hex), .value = engine_config(engine)->source},
        {.table = STORE_META, .key = SLICE("policy"), .value = buf_slice(&hex)}};
    enum { OWN = sizeof own / sizeof *own };
    size_t count = 0, id_count = 0;
    struct arena arena;
    struct store_row *ids = NULL;
    arena_init(&arena, ENGINE_SCRATCH);
    const struct store_row *moved = engine_trigger_rows(engine, &count); /* R22 */
    enum err err = former_ids_rows(engine, &arena, &ids, &id_count);     /* R20 */
    struct store_row *rows = calloc(OWN + count + id_count, sizeof *rows);
    if (!rows || err != ERR_OK) {
        engine_fail(engine, err_text(rows ? err : ERR_NO_MEMORY));
        free(rows);
        arena_done(&arena);
        buf_done(&hex);
        return;
    }
    memcpy(rows, own, sizeof own);
    if (count > 0)
        memcpy(rows + OWN, moved, count * sizeof *rows);
    if (id_count > 0)
        memcpy(rows + OWN + count, ids, id_count * sizeof *rows);
    count += id_count;
    struct record record = {
        .kind = RECORD_POLICY, .actor = actor, .policy = slice_first(buf_slice(&hex), 16)};
    struct control control = {.record = record, .rows = rows, .row_count = OWN + count};
    engine_save_control(engine, &control, pending);
    free(rows);
    arena_done(&arena);
    buf_done(&hex);
}

/* The new configuration is in force: what is in memory follows it. */
static void reload_take(struct engine *engine, struct loaded *loaded)
{
    struct loaded *old = engine->loaded;
    engine->loaded = loaded;
    buf_reset(&engine->flag); /* what was flagged at boot is mended */
    size_t cursor = 0;
    struct entry *entry = NULL;
    while ((entry = map_next(&engine->entries, &cursor)) != NULL) {
        const struct step *step =
            config_step_of(loaded->config, entry->row.workflow, entry->row.step);
        row_name_risk(&entry->row, entry->step); /* stops name classes; their order may change */
        row_place_risk(&entry->row, step);
        entry->step = step;
    }
    if (engine_make_upstreams(engine) != ERR_OK)
        engine_fail(engine, "out of memory");
    if (engine_make_triggers(engine) != ERR_OK)
        engine_fail(engine, "what triggers have counted cannot be read");
    formers_clear(engine);
    loaded_free(old);
}

static void reload_refuse(engine_done_fn *done, void *arg, struct slice problems)
{
    struct engine_reply reply = {.outcome = ENGINE_BAD_INPUT, .detail = problems};
    done(arg, &reply);
}

static void admin_reload(void *impl, const struct principal *principal, engine_done_fn *done,
                         void *arg)
{
    struct engine *engine = impl;
    struct arena arena;
    struct buf text;
    struct compare_uses uses;
    (void)engine_now(engine);
    arena_init(&arena, ENGINE_SCRATCH);
    buf_init(&text, 1024 * 1024);
    struct loaded *loaded =
        engine->options.load ? engine->options.load(engine->options.arg, &text) : NULL;
    enum err err = engine->has_failed ? ERR_IO : ERR_OK;
    bool is_good = loaded != NULL && err == ERR_OK;
    if (is_good) {
        buf_reset(&text); /* warnings: what refuses it stands alone */
        err = reload_collect(engine, &arena, &uses);
        is_good =
            err == ERR_OK && compare_configs(engine_config(engine), loaded->config, &uses, &text);
        is_good = is_good && engine_restarts_allow(engine, loaded->config, &text) &&
                  former_ids_allow(&engine->options.store, loaded->config, &text);
    }
    if (!is_good) {
        if (text.size == 0)
            buf_add_text(&text, err_text(err));
        buf_add_text(&text,
                     "Nothing was loaded: the former configuration stays in force, whole.\n");
        reload_refuse(done, arg, buf_slice(&text));
        loaded_free(loaded);
    } else {
        reload_take(engine, loaded);
        for (size_t i = 0; i < uses.count; i++)
            gone_note(engine, uses.items[i].workflow, uses.items[i].step);
        engine_ramps_reloaded(engine, principal->name);
        struct pending pending = {.saved = admin_acknowledge, .done = done, .arg = arg};
        engine_save_policy(engine, principal->name, &pending);
        if (engine_reorder_begin(engine) != ERR_OK)
            engine_fail(engine, "what the store orders by cannot be read");
        engine_run_reorder(engine); /* mostly a page is all */
        engine_run_upstreams(engine);
    }
    buf_done(&text);
    arena_done(&arena);
    engine_set_alarm(engine);
}

/* ---- backup ---- */

struct backup_call {
    engine_done_fn *done;
    void *arg;
};

static void admin_backup_done(void *arg, enum err err)
{
    struct backup_call *call = arg;
    if (err == ERR_OK) {
        struct engine_reply reply = {.outcome = ENGINE_TAKEN};
        call->done(call->arg, &reply);
    } else {
        engine_refuse(call->done, call->arg, ENGINE_STORE_FAILED, err_text(err));
    }
    free(call);
}

static void admin_backup(void *impl, const struct principal *principal, struct slice path,
                         engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    const struct store_port *store = &engine->options.store;
    (void)principal;
    struct backup_call *call = malloc(sizeof *call);
    if (!call) {
        engine_refuse(done, arg, ENGINE_NO_ROOM, "out of memory");
        return;
    }
    *call = (struct backup_call){done, arg};
    enum err err = store->backup(store->impl, path, admin_backup_done, call);
    if (err == ERR_OK)
        return;
    free(call);
    bool is_place = err == ERR_CONFLICT || err == ERR_INVALID || err == ERR_IO;
    const char *detail = err_text(err);
    if (err == ERR_CONFLICT)
        detail = "a file of this name exists; a backup never overwrites";
    else if (err == ERR_IO)
        detail = "no file can be made there: is its folder there, and may interlock write into it?";
    engine_refuse(done, arg, is_place ? ENGINE_BAD_INPUT : ENGINE_STORE_FAILED, detail);
}

/* ---- followers, sandbox ---- */

static uint64_t admin_follow(void *impl, void (*on_record)(void *arg, uint64_t seq), void *arg)
{
    struct engine *engine = impl;
    struct follower *follower = malloc(sizeof *follower);
    if (!follower)
        return 0;
    *follower =
        (struct follower){.handle = ++engine->next_handle, .on_record = on_record, .arg = arg};
    list_add_before(&engine->followers, &follower->link);
    return follower->handle;
}

static void admin_unfollow(void *impl, uint64_t handle)
{
    struct engine *engine = impl;
    for (struct list *node = engine->followers.next; node != &engine->followers;
         node = node->next) {
        struct follower *follower = LIST_ENTRY(node, struct follower, link);
        if (follower->handle != handle)
            continue;
        list_remove(&follower->link);
        free(follower);
        return;
    }
}

static enum err admin_sandbox(void *impl, struct slice upstream, struct slice settings_json,
                              struct buf *out_report_json)
{
    struct engine *engine = impl;
    const struct upstream *named = config_upstream(engine_config(engine), upstream);
    if (!named || !named->is_sandbox || !engine->options.sandbox)
        return ERR_NOT_FOUND;
    return engine->options.sandbox(engine->options.arg, upstream, settings_json, out_report_json);
}

void engine_port_admin(struct engine_port *port)
{
    port->token_put = admin_token_put;
    port->token_revoke = admin_token_revoke;
    port->tokens = admin_tokens;
    port->token_owner = admin_token_owner;
    port->reload = admin_reload;
    port->backup = admin_backup;
    port->follow = admin_follow;
    port->unfollow = admin_unfollow;
    port->sandbox = admin_sandbox;
}
