/* tests/contract/store_harness.h - one face for every implementation of port/store.h.
 * Owns: how each is opened, driven until all is told, made full, reopened. */
#pragma once
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/prng.h"
#include "port/store.h"
#include "store/memory.h"
#include "store/sqlite.h"

enum { HARNESS_TOLD_MAX = 20000, HARNESS_WATCHDOG_S = 120 };

struct harness;
struct harness_kind {
    void (*open)(struct harness *harness);
    void (*close)(struct harness *harness);
    /* One turn: something may be saved and told. */
    void (*turn)(struct harness *harness);
    void (*reopen)(struct harness *harness);
    /* With true the next large write finds no room. */
    void (*set_full)(struct harness *harness, bool is_full);
};

struct harness {
    const struct harness_kind *kind;
    struct store_port port;
    struct store_memory *memory;
    uv_loop_t loop;
    char folder[64];    /* of this test alone, removed with it */
    struct arena arena; /* of reads; reset by harness_settle */
    uint64_t next_seq;
    size_t submitted, told_count;
    uint64_t told[HARNESS_TOLD_MAX]; /* tickets, in the order of done */
    size_t changed_count;
};

static inline void harness_memory_open(struct harness *h)
{
    h->memory = store_memory_new();
    assert_non_null(h->memory);
    h->port = store_memory_port(h->memory);
}

static inline void harness_memory_close(struct harness *h)
{
    store_memory_free(h->memory);
}

static inline void harness_memory_turn(struct harness *h)
{
    (void)store_memory_flush(h->memory, 1); /* how many does not matter */
}

static inline void harness_memory_reopen(struct harness *h)
{
    store_memory_crash(h->memory);
}

static inline void harness_memory_set_full(struct harness *h, bool is_full)
{
    store_memory_set_full(h->memory, is_full);
}

static const struct harness_kind harness_memory = {
    harness_memory_open,   harness_memory_close,    harness_memory_turn,
    harness_memory_reopen, harness_memory_set_full,
};

static inline void harness_sqlite_open_again(struct harness *h)
{
    struct buf message;
    buf_init(&message, 4096);
    assert_int_equal(uv_loop_init(&h->loop), 0);
    struct store_sqlite_options options = {.folder = slice_text(h->folder)};
    enum err err = store_sqlite_open(&options, &h->loop, &h->port, &message);
    if (err != ERR_OK)
        fail_msg("%s: %s", err_text(err), buf_text(&message));
    assert_int_equal(message.size, 0);
    buf_done(&message);
}

static inline void harness_sqlite_open(struct harness *h)
{
    (void)snprintf(h->folder, sizeof h->folder, "/tmp/interlock-store-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(h->folder));
    harness_sqlite_open_again(h);
}

static inline void harness_sqlite_close_only(struct harness *h)
{
    store_sqlite_close(&h->port);
    assert_int_equal(uv_run(&h->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&h->loop), 0);
}

static inline void harness_remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
    assert_int_equal(closedir(dir), 0);
    assert_int_equal(rmdir(folder), 0);
}

static inline void harness_sqlite_close(struct harness *h)
{
    harness_sqlite_close_only(h);
    harness_remove_folder(h->folder);
}

static inline void harness_sqlite_turn(struct harness *h)
{
    (void)uv_run(&h->loop, UV_RUN_ONCE); /* whether handles are left does not matter */
}

static inline void harness_sqlite_reopen(struct harness *h)
{
    harness_sqlite_close_only(h);
    harness_sqlite_open_again(h);
}

static inline void harness_sqlite_set_full(struct harness *h, bool is_full)
{
    store_sqlite_set_size_max(&h->port, is_full ? 300 * 1024 : 0);
}

static const struct harness_kind harness_sqlite = {
    harness_sqlite_open,   harness_sqlite_close,    harness_sqlite_turn,
    harness_sqlite_reopen, harness_sqlite_set_full,
};

static inline void harness_done(void *arg, uint64_t through)
{
    struct harness *h = arg;
    assert_true(h->told_count < HARNESS_TOLD_MAX);
    h->told[h->told_count++] = through;
}

static inline void harness_changed(void *arg)
{
    ((struct harness *)arg)->changed_count++;
}

static inline struct harness *harness_new(const struct harness_kind *kind)
{
    (void)alarm(HARNESS_WATCHDOG_S); /* nothing was set before */
    struct harness *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->kind = kind;
    h->next_seq = 1;
    arena_init(&h->arena, 64 * 1024 * 1024);
    kind->open(h);
    h->port.watch(h->port.impl, harness_changed, h);
    return h;
}

static inline void harness_free(struct harness *h)
{
    h->kind->close(h);
    arena_done(&h->arena);
    free(h);
}

static inline enum err harness_try(struct harness *h, const struct store_write *writes,
                                   size_t count)
{
    enum err err = h->port.submit(h->port.impl, writes, count, harness_done, h);
    if (err != ERR_OK)
        return err;
    h->submitted++;
    for (size_t i = 0; i < count; i++)
        h->next_seq += writes[i].seq != 0;
    return ERR_OK;
}

static inline void harness_submit(struct harness *h, const struct store_write *writes, size_t count)
{
    assert_int_equal(harness_try(h, writes, count), ERR_OK);
}

/* Until everything submitted was told. */
static inline void harness_settle(struct harness *h)
{
    enum err why = ERR_OK;
    while (h->told_count < h->submitted) {
        h->kind->turn(h);
        if (h->port.state(h->port.impl, &why) == STORE_FAILED)
            fail_msg("the store has failed: %s", err_text(why));
    }
    arena_done(&h->arena);
}

static inline void harness_reopen(struct harness *h)
{
    harness_settle(h);
    h->kind->reopen(h);
    h->submitted = 0;
    h->told_count = 0;
    h->port.watch(h->port.impl, harness_changed, h);
}

/* A record with the next sequence number and nothing else. */
static inline struct store_write harness_record(const struct harness *h, const char *body)
{
    return (struct store_write){.seq = h->next_seq, .record = slice_text(body)};
}

static inline struct store_write harness_open_action(const struct harness *h, uint64_t id,
                                                     const char *row)
{
    return (struct store_write){.seq = h->next_seq,
                                .record = SLICE("{}"),
                                .action = id,
                                .row = slice_text(row),
                                .frozen = SLICE("frozen"),
                                .scope = SLICE("wf/step")};
}

static inline struct store_key harness_key(const char *hash, uint64_t action, uint64_t replaces)
{
    struct store_key key = {.action = action, .replaces = replaces};
    assert_true(strlen(hash) <= sizeof key.hash);
    memcpy(key.hash, hash, strlen(hash));
    memcpy(key.fingerprint, "fingerprint", 11);
    return key;
}

/* Given its number and a record; durable when it returns. */
static inline void harness_save_action(struct harness *h, struct store_write write)
{
    write.seq = h->next_seq;
    write.record = SLICE("{}");
    harness_submit(h, &write, 1);
    harness_settle(h);
}

static inline void harness_turn_until(struct harness *h, enum store_state wanted)
{
    enum err why = ERR_OK;
    while (h->port.state(h->port.impl, &why) != wanted)
        h->kind->turn(h);
}

static inline void harness_expect_counts(struct harness *h, uint64_t open, uint64_t ended)
{
    struct store_counts counts;
    h->port.counts(h->port.impl, &counts);
    assert_int_equal(counts.open_actions, open);
    assert_int_equal(counts.ended_actions, ended);
}

static inline size_t harness_list_open(struct harness *h, struct store_open_query query,
                                       struct store_action *out)
{
    size_t count = 0;
    if (query.limit == 0)
        query.limit = LIMIT_PAGE;
    assert_int_equal(h->port.list_open(h->port.impl, &query, &h->arena, out, &count), ERR_OK);
    return count;
}

/* ---- each case on each implementation ---- */

static inline int harness_set_up_memory(void **state)
{
    *state = harness_new(&harness_memory);
    return 0;
}

static inline int harness_set_up_sqlite(void **state)
{
    *state = harness_new(&harness_sqlite);
    return 0;
}

static inline int harness_tear_down(void **state)
{
    harness_free(*state);
    return 0;
}

#define HARNESS_MEMORY(name)                                                                       \
    {                                                                                              \
        "memory_" #name, name, harness_set_up_memory, harness_tear_down, NULL                      \
    }
#define HARNESS_SQLITE(name)                                                                       \
    {                                                                                              \
        "sqlite_" #name, name, harness_set_up_sqlite, harness_tear_down, NULL                      \
    }
#define HARNESS_BOTH(name) HARNESS_MEMORY(name), HARNESS_SQLITE(name)

#define assert_slice(got, want) assert_true(slice_is((got), (want)))
