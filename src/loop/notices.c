/* loop/notices.c - messages to people: durable before they are sent, sent at least once, in order
 * for each incident and channel, tried again a few times, and never in the way of an action. */
#include "loop/notices.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "loop/alerts.h"
#include "loop/engine_state.h"
#include "loop/restarts.h"
#include "loop/steps.h"
#include "record/notice.h"
#include "record/wording.h"

static const struct slice notice_inbox = {"inbox", 5};

/* ---- drafts and batches ---- */

void notice_draft_init(struct notice_draft *draft)
{
    *draft = (struct notice_draft){.about = NOTICE_TROUBLE};
    buf_init(&draft->line, LIMIT_NOTICE_LINE * 4 + LIMIT_SUMMARY);
    buf_init(&draft->body, LIMIT_NOTICE_BODY);
    buf_init(&draft->scope, LIMIT_SUMMARY);
}

void notice_draft_done(struct notice_draft *draft)
{
    buf_done(&draft->line);
    buf_done(&draft->body);
    buf_done(&draft->scope);
}

void notice_batch_init(struct notice_batch *batch)
{
    *batch = (struct notice_batch){0};
    arena_init(&batch->arena, ENGINE_SCRATCH);
    batch->items = ARENA_ARRAY(&batch->arena, LIMIT_PAGE, struct outgoing *);
    buf_init(&batch->names, LIMIT_REASON);
}

static void outgoing_free(struct outgoing *outgoing)
{
    free(outgoing->bytes);
    free(outgoing);
}

void notice_batch_done(struct notice_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        outgoing_free(batch->items[i]); /* those that were saved are no longer there */
    buf_done(&batch->names);
    arena_done(&batch->arena);
}

/* Its bytes anew, after a change of a field; the slices then live in them. */
static enum err outgoing_keep(struct outgoing *outgoing, const struct notice *notice)
{
    struct buf bytes;
    size_t size = 0;
    buf_init(&bytes, LIMIT_NOTICE_BODY * 4);
    notice_encode(notice, &bytes);
    bool is_good = buf_ok(&bytes);
    char *at = buf_take(&bytes, &size);
    if (!is_good || !at) {
        free(at);
        return ERR_NO_MEMORY;
    }
    enum err err = notice_decode(slice_of(at, size), &outgoing->notice);
    CHECK(err == ERR_OK); /* it was encoded just now */
    free(outgoing->bytes);
    outgoing->bytes = at;
    outgoing->size = size;
    return ERR_OK;
}

static struct outgoing *outgoing_new(struct engine *engine, const struct notice *notice)
{
    struct outgoing *outgoing = calloc(1, sizeof *outgoing);
    if (!outgoing)
        return NULL;
    outgoing->engine = engine;
    list_init(&outgoing->link);
    if (outgoing_keep(outgoing, notice) == ERR_OK)
        return outgoing;
    outgoing_free(outgoing);
    return NULL;
}

static bool notice_batch_put(struct engine *engine, struct notice_batch *batch,
                             const struct notice *notice)
{
    bool has_room = batch->items && batch->count < LIMIT_PAGE &&
                    engine->outbox_count + batch->count < LIMIT_NOTICES;
    struct outgoing *outgoing = has_room ? outgoing_new(engine, notice) : NULL;
    if (!outgoing)
        return false; /* LIMIT_NOTICES: the ladder goes on, and in the end it is said loudly */
    batch->items[batch->count++] = outgoing;
    buf_add_text(&batch->names, batch->names.size ? ", " : "");
    buf_add(&batch->names, notice->person);
    buf_add_text(&batch->names, " through ");
    buf_add(&batch->names, notice->channel);
    return true;
}

/* A channel that speaks to a room, or to one duty: one message is enough for all. */
static bool channel_is_shared(const struct channel *channel)
{
    return channel && (channel->kind == CHANNEL_IS_SLACK || channel->kind == CHANNEL_IS_PAGERDUTY);
}

/* Through what a person is told of it; NULL: not. A report rings no pager, nor does what came of a
 * restart: they come by mail. */
static const struct channel *notice_channel(const struct engine *engine,
                                            const struct notice_draft *draft,
                                            const struct person *person)
{
    const struct config *config = engine_config(engine);
    bool is_pager = person->tell && person->tell->kind == CHANNEL_IS_PAGERDUTY;
    bool is_quiet =
        draft->about == NOTICE_REPORT || (draft->about == NOTICE_RESTART && draft->rung == 0);
    if (!is_quiet || !is_pager)
        return person->tell;
    for (size_t i = 0; i < config->channel_count; i++)
        if (config->channels[i].kind == CHANNEL_IS_MAIL && person->email.size > 0)
            return &config->channels[i];
    return NULL;
}

/* The people of one shared channel: "ana, ben". Empty when one before it stands for it. */
static struct slice notice_person(struct notice_batch *batch, const struct channel *const *channels,
                                  const struct person *const *people, size_t count, size_t index)
{
    struct slice names = people[index]->name;
    if (!channel_is_shared(channels[index]))
        return names;
    for (size_t i = 0; i < count; i++) {
        if (channels[i] != channels[index] || i == index)
            continue;
        if (i < index)
            return (struct slice){0};
        names =
            arena_fmt(&batch->arena, "%.*s, %.*s", SLICE_FMT(names), SLICE_FMT(people[i]->name));
    }
    return slice_first(names, LIMIT_SUMMARY);
}

static struct notice notice_of_draft(struct engine *engine, const struct notice_draft *draft)
{
    return (struct notice){.id = engine_new_id(engine),
                           .order = engine->seq + 1, /* of the write that is being made */
                           .incident = draft->incident,
                           .about = draft->about,
                           .rung = draft->rung,
                           .made_unix_ms = engine->now_unix_ms,
                           .next_unix_ms = engine->now_unix_ms,
                           .scope = buf_slice(&draft->scope),
                           .line = buf_slice(&draft->line),
                           .body = buf_slice(&draft->body)};
}

size_t notice_batch_add(struct engine *engine, struct notice_batch *batch,
                        const struct notice_draft *draft, const struct person *const *people,
                        size_t people_count)
{
    size_t made = 0;
    const struct channel **channels =
        ARENA_ARRAY(&batch->arena, people_count + 1, const struct channel *);
    for (size_t i = 0; channels && i < people_count; i++)
        channels[i] = notice_channel(engine, draft, people[i]);
    for (size_t i = 0; channels && i < people_count; i++) {
        struct slice person = notice_person(batch, channels, people, people_count, i);
        if (person.size == 0)
            continue;
        struct notice notice = notice_of_draft(engine, draft);
        notice.person = person;
        notice.channel = channels[i] ? channels[i]->name : notice_inbox;
        if (!channels[i]) { /* no channel at all: it stands in the inbox from now on */
            notice.state = NOTICE_DELIVERED;
            notice.ended_unix_ms = engine->now_unix_ms;
        }
        made += notice_batch_put(engine, batch, &notice);
    }
    return made;
}

struct slice notice_batch_names(const struct notice_batch *batch)
{
    return batch->names.size ? buf_slice(&batch->names) : SLICE("nobody");
}

void notice_batch_rows(struct notice_batch *batch, struct store_row *out_rows)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct buf key;
        buf_init(&key, 3 * TEXT_ID_MAX);
        notice_add_key(&batch->items[i]->notice, &key);
        out_rows[i] =
            (struct store_row){.table = STORE_NOTICES,
                               .key = arena_copy(&batch->arena, buf_slice(&key)),
                               .value = slice_of(batch->items[i]->bytes, batch->items[i]->size)};
        buf_done(&key);
    }
}

void notice_batch_is_durable(struct pending *pending)
{
    engine_send_notices(pending->engine);
}

void notice_batch_save(struct engine *engine, struct notice_batch *batch,
                       const struct record *record, const struct store_row *row)
{
    struct pending pending = {.saved = notice_batch_is_durable};
    struct store_row *rows = calloc(batch->count + 1, sizeof *rows);
    size_t own = row != NULL;
    if (!rows) {
        engine_fail(engine, "out of memory");
        return;
    }
    if (row)
        rows[0] = *row;
    notice_batch_rows(batch, &rows[own]);
    struct control control = {.record = *record, .rows = rows, .row_count = own + batch->count};
    control.record.subject = notice_batch_names(batch);
    engine_save_control(engine, &control, &pending);
    notice_batch_saved(engine, batch);
    free(rows);
}

void notice_batch_saved(struct engine *engine, struct notice_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct outgoing *outgoing = batch->items[i];
        outgoing->seq = engine->seq;
        if (outgoing->notice.state != NOTICE_WAITING) {
            outgoing_free(outgoing);
            continue;
        }
        list_add_before(&engine->outbox, &outgoing->link);
        engine->outbox_count++;
    }
    batch->count = 0;
}

/* ---- who was told before ---- */

enum err engine_list_notices(void *impl, uint64_t incident, struct arena *arena, struct notice *out,
                             size_t *out_count)
{
    struct engine *engine = impl;
    const struct store_port *store = &engine->options.store;
    struct store_row *rows = ARENA_ARRAY(arena, LIMIT_PAGE, struct store_row);
    struct buf prefix;
    size_t room = *out_count;
    size_t count = 0;
    *out_count = 0;
    buf_init(&prefix, 3 * TEXT_ID_MAX);
    notice_add_prefix(incident, &prefix);
    struct slice after = buf_slice(&prefix);
    bool is_over = !rows;
    enum err err = rows ? ERR_OK : ERR_NO_MEMORY;
    while (!is_over && err == ERR_OK) {
        err = store->list_rows(store->impl, STORE_NOTICES, after, LIMIT_PAGE, arena, rows, &count);
        is_over = count < LIMIT_PAGE;
        for (size_t i = 0; err == ERR_OK && i < count; i++) {
            after = rows[i].key;
            if (!slice_starts(after, buf_slice(&prefix)) || *out_count == room) {
                is_over = true;
                break;
            }
            err = notice_decode(rows[i].value, &out[(*out_count)++]);
        }
    }
    for (struct list *node = engine->outbox.next;
         err == ERR_OK && node != &engine->outbox && *out_count < room; node = node->next) {
        const struct outgoing *outgoing = LIST_ENTRY(node, struct outgoing, link);
        bool is_listed = false; /* it has ended, and its row may be there already */
        for (size_t i = 0; i < *out_count; i++)
            is_listed = is_listed || out[i].id == outgoing->notice.id;
        if (outgoing->notice.incident != incident || is_listed)
            continue;
        out[*out_count] = outgoing->notice;
        if (outgoing->seq > engine->saved_seq) { /* its end is not durable yet */
            out[*out_count].state = NOTICE_WAITING;
            out[*out_count].ended_unix_ms = 0;
        }
        (*out_count)++;
    }
    buf_done(&prefix);
    return err;
}

/* What an end follows; a pager that rang for an approval rings on until then, too. */
static bool notice_is_trouble(const struct notice *notice, const struct channel *channel)
{
    bool is_ring = notice->about == NOTICE_RESTART && notice->rung > 0 && channel &&
                   channel->kind == CHANNEL_IS_PAGERDUTY;
    return notice->about == NOTICE_TROUBLE || notice->about == NOTICE_INFORM || is_ring;
}

/* Was this one told already, by an entry before it? */
static bool notice_is_told(const struct engine *engine, const struct notice *notices, size_t index)
{
    const struct channel *channel = config_channel(engine_config(engine), notices[index].channel);
    for (size_t i = 0; i < index; i++)
        if (notice_is_trouble(&notices[i], channel) && notices[i].state != NOTICE_FAILED &&
            slice_equal(notices[i].channel, notices[index].channel) &&
            (channel_is_shared(channel) || slice_equal(notices[i].person, notices[index].person)))
            return true;
    return false;
}

void engine_told_people(struct engine *engine, uint64_t incident, struct alert_people *people)
{
    const struct config *config = engine_config(engine);
    struct arena arena;
    size_t count = LIMIT_PAGE;
    arena_init(&arena, ENGINE_SCRATCH);
    struct notice *told = ARENA_ARRAY(&arena, LIMIT_PAGE, struct notice);
    if (!told || engine_list_notices(engine, incident, &arena, told, &count) != ERR_OK)
        count = 0; /* better twice than not */
    for (size_t i = 0; i < count; i++) {
        const struct channel *channel = config_channel(config, told[i].channel);
        if (told[i].state == NOTICE_FAILED || !notice_is_trouble(&told[i], channel))
            continue;
        alert_people_add(people, config_person(config, told[i].person));
        for (size_t p = 0; channel_is_shared(channel) && p < config->person_count; p++)
            if (config->people[p].tell == channel)
                alert_people_add(people, &config->people[p]);
    }
    arena_done(&arena);
}

void notice_batch_add_told(struct engine *engine, struct notice_batch *batch,
                           const struct notice_draft *draft)
{
    size_t count = LIMIT_PAGE;
    struct notice *told = ARENA_ARRAY(&batch->arena, LIMIT_PAGE, struct notice);
    if (!told ||
        engine_list_notices(engine, draft->incident, &batch->arena, told, &count) != ERR_OK)
        return; /* the state of the ladder is what counts */
    for (size_t i = 0; i < count; i++) {
        const struct channel *channel = config_channel(engine_config(engine), told[i].channel);
        bool keeps_state = channel && channel->kind == CHANNEL_IS_PAGERDUTY;
        bool was_told = notice_is_trouble(&told[i], channel);
        if (!was_told || told[i].state == NOTICE_FAILED || !channel ||
            notice_is_told(engine, told, i) ||
            ((draft->about == NOTICE_ACKNOWLEDGED || draft->is_quiet) && !keeps_state))
            continue;
        struct notice notice = notice_of_draft(engine, draft);
        notice.person = told[i].person;
        notice.channel = told[i].channel;
        (void)notice_batch_put(engine, batch, &notice); /* LIMIT_NOTICES: it is over anyway */
    }
}

/* ---- sending ---- */

static void outgoing_remove(struct engine *engine, struct outgoing *outgoing)
{
    list_remove(&outgoing->link);
    engine->outbox_count--;
    outgoing_free(outgoing);
}

static void outgoing_saved(struct pending *pending)
{
    engine_send_notices(pending->engine);
}

/* The last row in place of the waiting one, with the record that says so. */
static void outgoing_save_end(struct engine *engine, const struct outgoing *outgoing,
                              struct slice waiting_key)
{
    const struct notice *notice = &outgoing->notice;
    struct buf key, subject;
    struct pending pending = {.saved = outgoing_saved};
    buf_init(&key, 3 * TEXT_ID_MAX);
    buf_init(&subject, LIMIT_REASON);
    notice_add_key(notice, &key);
    buf_add(&subject, notice->person);
    buf_add_text(&subject, " through ");
    buf_add(&subject, notice->channel);
    struct store_row rows[2] = {{.table = STORE_NOTICES,
                                 .key = buf_slice(&key),
                                 .value = slice_of(outgoing->bytes, outgoing->size)},
                                {.table = STORE_NOTICES, .key = waiting_key, .is_removed = true}};
    struct control control = {
        .record = {.kind = notice->state == NOTICE_DELIVERED ? RECORD_TOLD : RECORD_NOT_TOLD,
                   .incident = notice->incident,
                   .number = notice->rung,
                   .subject = buf_slice(&subject)},
        .rows = rows,
        .row_count = 2};
    engine_save_control(engine, &control, &pending);
    buf_done(&subject);
    buf_done(&key);
}

/* It has ended: what stays is who, through what, when, and why not. It is in memory until that is
 * durable, so that whoever asks who was told finds it in one of both. */
static void outgoing_end(struct engine *engine, struct outgoing *outgoing, enum notice_state state,
                         struct slice what)
{
    struct notice notice = outgoing->notice;
    struct buf waiting;
    buf_init(&waiting, 3 * TEXT_ID_MAX);
    notice_add_key(&notice, &waiting);
    notice.state = state;
    notice.tries++;
    notice.ended_unix_ms = engine->now_unix_ms;
    notice.what = what;
    if (outgoing_keep(outgoing, &notice) == ERR_OK) {
        outgoing_save_end(engine, outgoing, buf_slice(&waiting));
        outgoing->seq = engine->seq;
        if (state == NOTICE_FAILED && outgoing->notice.about == NOTICE_TROUBLE)
            engine_alert_lost(engine, outgoing->notice.incident, outgoing->notice.rung);
        if (state == NOTICE_FAILED && outgoing->notice.about == NOTICE_RESTART)
            engine_restart_lost(engine, outgoing->notice.incident, outgoing->notice.rung);
    } /* else: without memory it is sent once more at the next beat */
    buf_done(&waiting);
}

/* Later once more, or given up. That it was tried is noted when there is room for it. */
static void outgoing_delay(struct engine *engine, struct outgoing *outgoing,
                           const struct notify_result *result)
{
    struct notice notice = outgoing->notice;
    int64_t wait_ms = ladder_retry_ms(notice.tries + 1);
    if (wait_ms < 0) {
        outgoing_end(engine, outgoing, NOTICE_FAILED, result->what);
        return;
    }
    if (result->retry_after_ms > wait_ms)
        wait_ms = result->retry_after_ms < RETRY_AFTER_MAX_MS ? result->retry_after_ms
                                                              : RETRY_AFTER_MAX_MS;
    notice.tries++;
    notice.what = result->what;
    notice.next_unix_ms = engine->now_unix_ms + wait_ms;
    if (outgoing_keep(outgoing, &notice) != ERR_OK)
        return; /* without memory it stays as it was: it is tried again at the next beat */
    struct buf key;
    buf_init(&key, 3 * TEXT_ID_MAX);
    notice_add_key(&outgoing->notice, &key);
    struct store_row row = {.table = STORE_NOTICES,
                            .key = buf_slice(&key),
                            .value = slice_of(outgoing->bytes, outgoing->size)};
    struct store_write write = {.rows = &row, .row_count = 1};
    const struct store_port *store = &engine->options.store;
    enum err err = store->submit(store->impl, &write, 1, NULL, NULL);
    if (err != ERR_OK && err != ERR_BUSY)
        engine_fail(engine, err_text(err));
    buf_done(&key);
}

static void outgoing_done(void *arg, const struct notify_result *result)
{
    struct outgoing *outgoing = arg;
    struct engine *engine = outgoing->engine;
    struct notify_result safe = *result;
    struct buf masked, what;
    (void)engine_now(engine);
    outgoing->is_sending = false;
    engine->sending_count--;
    if (engine->has_failed)
        return;
    buf_init(&masked, LIMIT_NOTICE_BODY);
    buf_init(&what, LIMIT_NOTICE_BODY);
    redact_add(&engine->loaded->redact, slice_first(result->what, LIMIT_NOTICE_BODY / 4), true,
               &masked); /* a receiver's words */
    wording_add_line(&what, buf_slice(&masked), LIMIT_NOTICE_WHAT);
    safe.what = buf_slice(&what);
    switch (result->outcome) {
    case NOTIFY_DELIVERED:
        outgoing_end(engine, outgoing, NOTICE_DELIVERED, (struct slice){0});
        break;
    case NOTIFY_NEVER:
        outgoing_end(engine, outgoing, NOTICE_FAILED, safe.what);
        break;
    case NOTIFY_LATER:
        outgoing_delay(engine, outgoing, &safe);
        break;
    }
    buf_done(&what);
    buf_done(&masked);
    engine_send_notices(engine);
}

/* Its turn comes after those before it, for the same incident and channel. */
static bool outgoing_is_next(const struct engine *engine, const struct outgoing *outgoing)
{
    size_t under_way = 0;
    bool is_behind = false;
    for (struct list *node = engine->outbox.next; node != &engine->outbox; node = node->next) {
        const struct outgoing *other = LIST_ENTRY(node, struct outgoing, link);
        if (other == outgoing) {
            is_behind = true;
            continue;
        }
        if (other->notice.state != NOTICE_WAITING ||
            !slice_equal(other->notice.channel, outgoing->notice.channel))
            continue;
        under_way += other->is_sending;
        if (!is_behind && other->notice.incident == outgoing->notice.incident)
            return false;
    }
    return under_way < LIMIT_NOTICES_PER_CHANNEL;
}

/* NULL, or why it can never be sent as things are. */
static const char *outgoing_obstacle(const struct engine *engine, const struct notify_message *m)
{
    if (!m->channel)
        return "there is no channel of this name any more";
    if (m->channel->kind == CHANNEL_IS_MAIL && m->address.size == 0)
        return "this person has no mail address";
    if (m->channel->secret.source != SECRET_NONE && m->secret.size == 0)
        return "the secret of this channel could not be read";
    return engine->options.notify.send ? NULL : "nothing is sent from here";
}

/* false: it has ended. */
static void outgoing_send(struct engine *engine, struct outgoing *outgoing)
{
    const struct config *config = engine_config(engine);
    const struct person *person = config_person(config, outgoing->notice.person);
    const struct channel *channel = config_channel(config, outgoing->notice.channel);
    struct notify_message message = {.channel = channel,
                                     .notice = &outgoing->notice,
                                     .address = person ? person->email : (struct slice){0},
                                     .now_unix_ms = engine->now_unix_ms,
                                     .done = outgoing_done,
                                     .arg = outgoing};
    if (channel && channel->secret.source != SECRET_NONE)
        message.secret = engine->loaded->secrets[channel->secret.index];
    const char *obstacle = outgoing_obstacle(engine, &message);
    if (obstacle) {
        outgoing_end(engine, outgoing, NOTICE_FAILED, slice_text(obstacle));
        return;
    }
    enum err err = engine->options.notify.send(engine->options.notify.impl, &message);
    if (err == ERR_OK) {
        outgoing->is_sending = true;
        engine->sending_count++;
    } else if (err == ERR_INVALID || err == ERR_LIMIT) {
        outgoing_end(engine, outgoing, NOTICE_FAILED, SLICE("it cannot be sent as it is"));
    } /* else: no room now; at the next beat */
}

void engine_send_notices(struct engine *engine)
{
    for (struct list *node = engine->outbox.next; node != &engine->outbox;) {
        struct outgoing *outgoing = LIST_ENTRY(node, struct outgoing, link);
        node = node->next;
        if (outgoing->notice.state != NOTICE_WAITING) {
            if (outgoing->seq <= engine->saved_seq)
                outgoing_remove(engine, outgoing);
            continue;
        }
        if (engine->is_closing || engine->has_failed ||
            engine->sending_count >= LIMIT_NOTICES_UNDER_WAY ||
            engine->unsaved >= ENGINE_UNSAVED_ACT)
            return;
        if (!outgoing->is_sending && outgoing->seq <= engine->saved_seq &&
            outgoing->notice.next_unix_ms <= engine->now_unix_ms &&
            outgoing_is_next(engine, outgoing))
            outgoing_send(engine, outgoing);
    }
}

/* ---- the start, the end ---- */

/* What was not delivered is sent again: at least once, with the same id. */
enum err engine_load_notices(struct engine *engine)
{
    struct arena arena;
    arena_init(&arena, ENGINE_SCRATCH);
    const struct store_port *store = &engine->options.store;
    struct store_row *rows = ARENA_ARRAY(&arena, LIMIT_PAGE, struct store_row);
    struct slice after = {0};
    size_t count = 0;
    bool is_over = !rows;
    enum err err = rows ? ERR_OK : ERR_NO_MEMORY;
    while (!is_over && err == ERR_OK) {
        err = store->list_rows(store->impl, STORE_NOTICES, after, LIMIT_PAGE, &arena, rows, &count);
        is_over = err != ERR_OK || count < LIMIT_PAGE;
        for (size_t i = 0; err == ERR_OK && i < count; i++) {
            struct notice notice = {0};
            after = rows[i].key;
            err = notice_decode(rows[i].value, &notice);
            if (err == ERR_OK && notice.state != NOTICE_WAITING) { /* they come first */
                is_over = true;
                break;
            }
            struct outgoing *outgoing = err == ERR_OK ? outgoing_new(engine, &notice) : NULL;
            if (!outgoing) {
                err = err == ERR_OK ? ERR_NO_MEMORY : err;
                break;
            }
            list_add_before(&engine->outbox, &outgoing->link);
            engine->outbox_count++;
        }
    }
    arena_done(&arena);
    return err;
}

void engine_notices_done(struct engine *engine)
{
    while (!list_is_empty(&engine->outbox))
        outgoing_remove(engine, LIST_ENTRY(engine->outbox.next, struct outgoing, link));
}
