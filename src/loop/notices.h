/* loop/notices.h - messages to people, from the draft to the delivery.
 * Owns: struct outgoing: the messages that are not delivered yet (notices.c).
 * Invariants:
 *   1. No message leaves before it is durable; each is sent at least once.
 *   2. Those of an incident and a channel leave in the order of their records. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "port/store.h"
#include "record/notice.h"

struct alert_people;
struct engine;
struct pending;
struct person;
struct record;

/* A message that is not delivered yet. */
struct outgoing {
    struct list link; /* of engine->outbox, in the order in which they were made */
    struct engine *engine;
    struct notice notice; /* its slices live in bytes */
    char *bytes;
    size_t size;
    uint64_t seq; /* the record that it became durable with */
    bool is_sending;
};

/* What messages are made of, and those made for one write. */
struct notice_draft {
    enum notice_about about;
    uint64_t incident;
    uint8_t rung;
    bool is_quiet; /* its end is for receivers that keep a state, and not for people */
    struct buf line, body, scope;
};

struct notice_batch {
    struct arena arena;
    struct outgoing **items;
    size_t count;
    struct buf names; /* "ana through email, ben through pager" */
};

void notice_draft_init(struct notice_draft *draft);
void notice_draft_done(struct notice_draft *draft);
void notice_batch_init(struct notice_batch *batch);
void notice_batch_done(struct notice_batch *batch);
/* A message to each; those of a channel that speaks to a room are one. Returns how many. */
size_t notice_batch_add(struct engine *engine, struct notice_batch *batch,
                        const struct notice_draft *draft, const struct person *const *people,
                        size_t people_count);
/* A message to each who was told of the incident before. */
void notice_batch_add_told(struct engine *engine, struct notice_batch *batch,
                           const struct notice_draft *draft);
/* Adds those of the configuration in force who were told of the incident; of a channel that speaks
 * to a room, all who are in it. */
void engine_told_people(struct engine *engine, uint64_t incident, struct alert_people *people);
struct slice notice_batch_names(const struct notice_batch *batch);
/* Room for batch->count rows. */
void notice_batch_rows(struct notice_batch *batch, struct store_row *out_rows);
/* Their write is queued: they are sent when it is durable. */
void notice_batch_saved(struct engine *engine, struct notice_batch *batch);
/* All of it in one write: the record, whose subject is who is told; the row that it is about, or
 * NULL; the messages, which are sent when it is durable. */
void notice_batch_save(struct engine *engine, struct notice_batch *batch,
                       const struct record *record, const struct store_row *row);
/* A write with messages is durable: they are sent. */
void notice_batch_is_durable(struct pending *pending);
/* Sends what is durable and due. */
void engine_send_notices(struct engine *engine);
enum err engine_list_notices(void *impl, uint64_t incident, struct arena *arena,
                             struct notice *out_notices, size_t *out_count);
MUST_USE enum err engine_load_notices(struct engine *engine);
void engine_notices_done(struct engine *engine);
