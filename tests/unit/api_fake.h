/* tests/unit/api_fake.h - an engine of a few made-up actions, so that the API is tested without a
 * store, a loop and a network. What it answers is chosen by the key of a submit and by the id of an
 * action; everything else is as the port says. Included by test_api*.c and fuzz_api.c. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "api_fake_config.h"
#include "api_fake_evidence.h"
#include "api_fake_store.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/digest.h"

/* ---- actions: id n is in the state of row n ---- */

struct fake_row {
    enum action_state state;
    const char *workflow, *actor;
    enum cause cause;
};
static const struct fake_row fake_rows[] = {
    {STATE_DONE, "invoice-reminders", "billing-cron", CAUSE_NONE},       /* 1 */
    {STATE_IN_REVIEW, "invoice-reminders", "billing-cron", CAUSE_RULE},  /* 2 */
    {STATE_UNCERTAIN, "invoice-reminders", "billing-cron", CAUSE_NONE},  /* 3 */
    {STATE_REJECTED, "invoice-reminders", "billing-cron", CAUSE_NONE},   /* 4 */
    {STATE_FAILED, "invoice-reminders", "billing-cron", CAUSE_NONE},     /* 5 */
    {STATE_HELD, "invoice-reminders", "billing-cron", CAUSE_NONE},       /* 6 */
    {STATE_ATTEMPTING, "inquiry-routing", "helpdesk-bot", CAUSE_NONE},   /* 7 */
    {STATE_EXPIRED, "invoice-reminders", "ana", CAUSE_NONE},             /* 8 */
    {STATE_CANCELLED, "invoice-reminders", "billing-cron", CAUSE_NONE},  /* 9 */
    {STATE_IN_REVIEW, "inquiry-routing", "helpdesk-bot", CAUSE_RULE},    /* 10: four eyes */
    {STATE_DONE, "gone-workflow", "billing-cron", CAUSE_NONE},           /* 11: retired */
    {STATE_IN_REVIEW, "invoice-reminders", "ana", CAUSE_RULE},           /* 12: a person's own */
    {STATE_DONE, "invoice-reminders", "billing-cron", CAUSE_UNAVAILABLE} /* 13: degraded */
};
enum { FAKE_ROWS = sizeof fake_rows / sizeof *fake_rows };

struct fake {
    struct engine_port port;
    struct action actions[FAKE_ROWS];
    struct stop stop;
    bool has_stop;
    int calls;             /* that reached the engine and would change something */
    engine_done_fn *later; /* a submit that is not answered yet */
    void *later_arg;
    int forgotten;
    void (*on_record)(void *arg, uint64_t seq);
    void *follow_arg;
    uint64_t head;
    char saw[4096]; /* what the last call was given, in words */
    struct store_port store;
};

static struct slice fake_arena_text(struct arena *arena, const char *text)
{
    return arena_copy(arena, slice_text(text));
}

static bool fake_view(struct fake *fake, uint64_t id, struct arena *arena, struct view *out)
{
    if (id == 0 || id > FAKE_ROWS)
        return false;
    const struct fake_row *row = &fake_rows[id - 1];
    struct action *action = &fake->actions[id - 1];
    *action = (struct action){.id = id,
                              .state = row->state,
                              .cause = row->cause,
                              .reason = REASON_STATUS,
                              .mode = MODE_AUTO,
                              .starts_total = 1,
                              .reviews = 1,
                              .submitted_unix_ms = FAKE_NOW,
                              .due_kind = DUE_LEASE,
                              .due_unix_ms = FAKE_NOW + 60000,
                              .people_due_unix_ms = FAKE_NOW + 3600000};
    *out = (struct view){.action = action,
                         .config = &fake_config,
                         .workflow = fake_arena_text(arena, row->workflow),
                         .policy_version = fake_arena_text(arena, "0123456789abcdef"),
                         .now_unix_ms = FAKE_NOW};
    bool is_reminder = slice_is(out->workflow, "invoice-reminders");
    out->step_name = is_reminder ? SLICE("send_reminder") : SLICE("route_ticket");
    out->step = config_step(&fake_config, out->workflow, out->step_name);
    out->upstream = is_reminder ? SLICE("mailer") : SLICE("helpdesk");
    out->submit.key = fake_arena_text(arena, "K-1");
    out->submit.run = fake_arena_text(arena, "R-1");
    out->submit.actor = fake_arena_text(arena, row->actor);
    out->submit.summary = fake_arena_text(arena, "Reminder 2 for INV-1");
    out->submit.input_json = fake_arena_text(arena, "{\"invoice\":\"INV-1\"}");
    static struct record decided;
    out->decided = &decided;
    return true;
}

static enum err fake_read_view(void *impl, uint64_t id, bool with_history, struct arena *arena,
                               struct view *out)
{
    struct fake *fake = impl;
    if (!fake_view(fake, id, arena, out))
        return ERR_NOT_FOUND;
    if (!with_history)
        return ERR_OK;
    out->history_count = 1;
    out->history = ARENA_NEW(arena, struct view_record);
    if (!out->history)
        return ERR_NO_MEMORY;
    out->history[0].record = (struct record){.kind = id == 4 ? RECORD_DECLINED : RECORD_ADMITTED,
                                             .at_unix_ms = FAKE_NOW,
                                             .action = id,
                                             .review = 1,
                                             .actor = SLICE("ben"),
                                             .state = out->action->state};
    return ERR_OK;
}

static void fake_done(struct fake *fake, uint64_t id, engine_done_fn *done, void *arg,
                      bool is_replayed)
{
    struct arena arena;
    struct view view;
    arena_init(&arena, 1 << 20);
    struct engine_reply reply = {.outcome = ENGINE_NOT_FOUND};
    if (fake_view(fake, id, &arena, &view)) {
        view.is_replayed = is_replayed;
        reply = (struct engine_reply){.outcome = ENGINE_TAKEN, .view = &view};
    }
    done(arg, &reply);
    arena_done(&arena);
}

/* "replayed" is a key that is known. */
static void fake_dry_run(struct fake *fake, uint64_t id, engine_done_fn *done, void *arg)
{
    struct arena arena;
    struct view view;
    const struct gate_answer gate = {.says = SAYS_REVIEW,
                                     .cause = CAUSE_RULE,
                                     .reason = REASON_MODE_REVIEW,
                                     .would = SAYS_REVIEW,
                                     .path_count = 1,
                                     .path = {{.gate = GATE_MODE, .says = SAYS_REVIEW}}};
    arena_init(&arena, 1 << 20);
    if (fake_view(fake, id, &arena, &view))
        done(arg, &(struct engine_reply){
                      .outcome = ENGINE_TAKEN, .view = &view, .gate = id == 1 ? NULL : &gate});
    arena_done(&arena);
}

static void fake_refuse(struct fake *fake, enum engine_refusal outcome, uint64_t id,
                        engine_done_fn *done, void *arg)
{
    struct arena arena;
    struct view view;
    arena_init(&arena, 1 << 20);
    struct engine_reply reply = {.outcome = outcome,
                                 .refusal = REFUSAL_ENDED,
                                 .detail = SLICE("the fake says why"),
                                 .retry_after_ms = 2500};
    if (id && fake_view(fake, id, &arena, &view))
        reply.view = &view;
    done(arg, &reply);
    arena_done(&arena);
}

static void fake_note(struct fake *fake, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void fake_note(struct fake *fake, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fake->saw, sizeof fake->saw, format, args); /* cut: only for comparing */
    va_end(args);
    fake->calls++;
}

static uint64_t fake_submit(void *impl, const struct engine_submit *submit)
{
    static const struct {
        const char *key;
        enum engine_refusal outcome;
        uint64_t id;
        bool is_replayed;
    } answers[] = {
        {"done", ENGINE_TAKEN, 1, false},          {"replayed", ENGINE_TAKEN, 1, true},
        {"review", ENGINE_TAKEN, 2, false},        {"uncertain", ENGINE_TAKEN, 3, false},
        {"rejected", ENGINE_TAKEN, 4, false},      {"failed", ENGINE_TAKEN, 5, false},
        {"held", ENGINE_TAKEN, 6, false},          {"expired", ENGINE_TAKEN, 8, false},
        {"cancelled", ENGINE_TAKEN, 9, false},     {"degraded", ENGINE_TAKEN, 13, false},
        {"stranger", ENGINE_TAKEN, 12, true},      {"conflict", ENGINE_CONFLICT, 1, false},
        {"stopped", ENGINE_STOPPED, 0, false},     {"noroom", ENGINE_NO_ROOM, 0, false},
        {"broken", ENGINE_STORE_FAILED, 0, false}, {"badinput", ENGINE_BAD_INPUT, 0, false},
        {"differs", ENGINE_KEY_DIFFERS, 0, false}};
    struct fake *fake = impl;
    fake_note(fake,
              "%.*s key=%.*s run=%.*s because=%.*s trace=%.*s input=%.*s context=%.*s "
              "confidence=%d:%g wait=%lld dry=%d",
              SLICE_FMT(submit->principal->name), SLICE_FMT(submit->key), SLICE_FMT(submit->run),
              SLICE_FMT(submit->because), SLICE_FMT(submit->trace), SLICE_FMT(submit->input_json),
              SLICE_FMT(submit->context_json), submit->has_confidence, submit->confidence,
              (long long)submit->wait_ms, submit->is_dry_run);
    if (slice_is(submit->key, "later")) {
        fake->later = submit->done;
        fake->later_arg = submit->arg;
        return 7;
    }
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (!slice_is(submit->key, answers[i].key))
            continue;
        if (answers[i].outcome == ENGINE_TAKEN && submit->is_dry_run)
            fake_dry_run(fake, answers[i].id, submit->done, submit->arg);
        else if (answers[i].outcome == ENGINE_TAKEN)
            fake_done(fake, answers[i].id, submit->done, submit->arg, answers[i].is_replayed);
        else
            fake_refuse(fake, answers[i].outcome, answers[i].id, submit->done, submit->arg);
        return 0;
    }
    if (submit->key.size == 0)
        fake_refuse(fake, ENGINE_NO_KEY, 0, submit->done, submit->arg);
    else
        fake_done(fake, 1, submit->done, submit->arg, false);
    return 0;
}

static void fake_forget(void *impl, uint64_t handle)
{
    struct fake *fake = impl;
    (void)handle;
    fake->later = NULL;
    fake->forgotten++;
}

static void fake_act(void *impl, const struct engine_call *call)
{
    struct fake *fake = impl;
    fake_note(fake,
              "%.*s act=%d action=%llu review=%d digest=%.*s reason=%.*s evidence=%.*s happened=%d "
              "send=%d token=%.*s attempt=%d outcome=%d response=%.*s edit=%.*s",
              SLICE_FMT(call->principal->name), (int)call->act, (unsigned long long)call->action,
              call->review, SLICE_FMT(call->digest), SLICE_FMT(call->reason),
              SLICE_FMT(call->evidence), call->happened, call->send, SLICE_FMT(call->token),
              call->attempt, (int)call->outcome, SLICE_FMT(call->response_json),
              SLICE_FMT(call->edit_json));
    if (call->action == 4 && call->act != ENGINE_AGAIN)
        fake_refuse(fake, ENGINE_NOT_NOW, 4, call->done, call->arg);
    else
        fake_done(fake, call->action, call->done, call->arg, false);
}

static void fake_label_refused(void *impl, const struct principal *principal, struct slice workflow,
                               struct slice name)
{
    fake_note(impl, "%.*s label of no %.*s in %.*s", SLICE_FMT(principal->name), SLICE_FMT(name),
              SLICE_FMT(workflow));
}

static enum err fake_list(void *impl, const struct engine_query *query, struct arena *arena,
                          struct view *out, size_t *out_count, uint64_t *out_next)
{
    struct fake *fake = impl;
    uint64_t id = query->before && query->before <= FAKE_ROWS ? query->before - 1 : FAKE_ROWS;
    size_t count = 0;
    for (; id > 0 && count < query->limit; id--)
        if ((!query->has_state || fake_rows[id - 1].state == query->state) &&
            fake_view(fake, id, arena, &out[count]))
            count++;
    *out_count = count;
    *out_next = id > 0 ? id + 1 : 0;
    return ERR_OK;
}

static enum err fake_inbox(void *impl, const struct engine_inbox_query *query, struct arena *arena,
                           struct inbox_item *out, struct engine_inbox_page *out_page)
{
    static const uint64_t ids[] = {3, 2, 10, 12};
    struct fake *fake = impl;
    size_t count = 0;
    for (size_t i = 0; i < sizeof ids / sizeof *ids && count < query->limit; i++) {
        struct inbox_item *item = &out[count];
        *item = (struct inbox_item){.id = ids[i], .by_unix_ms = (int64_t)i};
        if (!fake_view(fake, ids[i], arena, &item->view) ||
            (query->workflow.size > 0 && !slice_equal(item->view.workflow, query->workflow)))
            continue;
        item->kind = inbox_kind_of(item->view.action);
        count++;
    }
    *out_page = (struct engine_inbox_page){.count = count};
    return ERR_OK;
}

#include "unit/api_fake_incident.h"
#include "unit/api_fake_restart.h"

/* ---- status ---- */

static void fake_counts(void *impl, int64_t since, struct arena *arena, struct engine_counts *out,
                        size_t *out_count)
{
    (void)impl;
    (void)since;
    (void)arena;
    out[0] = (struct engine_counts){.workflow = SLICE("invoice-reminders"),
                                    .automatic = 400,
                                    .reviewed = 3,
                                    .held = 2,
                                    .uncertain = 1,
                                    .in_review = 1,
                                    .refused = 5,
                                    .oldest_held_unix_ms = FAKE_NOW - 1500};
    out[0].entered[STATE_DONE] = 403;
    out[0].degraded[CAUSE_UNAVAILABLE] = 4;
    out[1] = (struct engine_counts){.workflow = SLICE("inquiry-routing"), .automatic = 9};
    *out_count = 2;
}

static void fake_list_upstreams(void *impl, struct arena *arena, struct engine_upstream *out,
                                size_t *out_count)
{
    (void)impl;
    (void)arena;
    out[0] = (struct engine_upstream){.name = SLICE("mailer"),
                                      .breaker = BREAKER_OPEN,
                                      .cause = BREAKER_FOR_FAILURES,
                                      .cause_count = 5,
                                      .cause_of = 5,
                                      .opened_unix_ms = FAKE_NOW - 5000,
                                      .held = 2,
                                      .concurrency = 64,
                                      .tokens_tenths = 95,
                                      .probe_at_unix_ms = FAKE_NOW + 5000};
    out[0].attempts[OUTCOME_OK] = 403;
    *out_count = 1;
}

static void fake_health(void *impl, struct arena *arena, struct engine_health *out)
{
    struct fake *fake = impl;
    (void)arena;
    *out = (struct engine_health){.is_ready = !fake->has_stop || fake->stop.names[0][0],
                                  .why = SLICE("the fake is not ready"),
                                  .warnings = SLICE("[\"IL900 not enforced in this version\"]"),
                                  .unended = 6,
                                  .started_unix_ms = FAKE_NOW - 1000,
                                  .now_unix_ms = FAKE_NOW,
                                  .store = {.records = fake->head, .batches = 3},
                                  .head_seq = fake->head};
}

/* ---- the log ---- */

static const struct store_port *fake_store(void *impl)
{
    return &((struct fake *)impl)->store;
}

static uint64_t fake_follow(void *impl, void (*on_record)(void *arg, uint64_t seq), void *arg)
{
    struct fake *fake = impl;
    fake->on_record = on_record;
    fake->follow_arg = arg;
    return 1;
}

static void fake_unfollow(void *impl, uint64_t handle)
{
    (void)handle;
    ((struct fake *)impl)->on_record = NULL;
}

/* ---- administration ---- */

static void fake_reload(void *impl, const struct principal *principal, engine_done_fn *done,
                        void *arg)
{
    fake_note(impl, "%.*s reload", SLICE_FMT(principal->name));
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN});
}

static void fake_backup(void *impl, const struct principal *principal, struct slice path,
                        engine_done_fn *done, void *arg)
{
    fake_note(impl, "%.*s backup %.*s", SLICE_FMT(principal->name), SLICE_FMT(path));
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN});
}

static void fake_token_put(void *impl, const struct principal *principal, struct slice name,
                           const unsigned char hash[32], engine_done_fn *done, void *arg)
{
    (void)hash;
    fake_note(impl, "%.*s token %.*s", SLICE_FMT(principal->name), SLICE_FMT(name));
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN});
}

static void fake_token_revoke(void *impl, const struct principal *principal, struct slice id,
                              engine_done_fn *done, void *arg)
{
    fake_note(impl, "%.*s revoke %.*s", SLICE_FMT(principal->name), SLICE_FMT(id));
    bool is_known = slice_is(id, "0123456789abcdef");
    done(arg, &(struct engine_reply){.outcome = is_known ? ENGINE_TAKEN : ENGINE_NOT_FOUND});
}

static void fake_away_put(void *impl, const struct principal *principal, const struct away *away,
                          engine_done_fn *done, void *arg)
{
    struct engine_reply reply = {.outcome = ENGINE_TAKEN};
    fake_note(impl, "%.*s away %.*s until=%lld cover=%.*s", SLICE_FMT(principal->name),
              SLICE_FMT(away->person), (long long)away->until_unix_ms, SLICE_FMT(away->cover));
    done(arg, &reply);
}

static const struct away_list *fake_away(void *impl)
{
    static const struct away_list nobody = {NULL, 0};
    (void)impl;
    return &nobody;
}

static enum err fake_list_tokens(void *impl, struct arena *arena, struct engine_token *out,
                                 size_t *out_count)
{
    (void)impl;
    (void)arena;
    out[0] = (struct engine_token){.id = SLICE("0123456789abcdef"),
                                   .name = SLICE("billing-cron"),
                                   .made_by = SLICE("ben"),
                                   .made_unix_ms = FAKE_NOW};
    *out_count = 1;
    return ERR_OK;
}

/* The token of NAME is "t-NAME". */
static bool fake_token_owner(void *impl, const unsigned char hash[32], struct slice *out_name)
{
    static const char *const names[] = {"ana",          "ben",          "eve",
                                        "billing-cron", "helpdesk-bot", "ghost"};
    (void)impl;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unsigned char want[DIGEST_SIZE];
        char token[32];
        (void)snprintf(token, sizeof token, "t-%s", names[i]); /* the names are short */
        digest_bytes(slice_text(token), want);
        if (memcmp(want, hash, DIGEST_SIZE) != 0)
            continue;
        *out_name = slice_text(names[i]);
        return true;
    }
    return false;
}

static enum err fake_sandbox(void *impl, struct slice upstream, struct slice settings,
                             struct buf *out)
{
    if (!slice_is(upstream, "mailer"))
        return ERR_NOT_FOUND;
    if (settings.size)
        fake_note(impl, "sandbox %.*s", SLICE_FMT(settings));
    buf_add_text(out, "{\"received\":3}");
    return ERR_OK;
}

static const struct config *fake_get_config(void *impl)
{
    (void)impl;
    return &fake_config;
}

static int64_t fake_now(void *impl)
{
    (void)impl;
    return FAKE_NOW;
}

static const struct zone *fake_zone(void *impl)
{
    (void)impl;
    return NULL;
}

static void fake_random(void *impl, void *out, size_t size)
{
    (void)impl;
    memset(out, 0x5a, size);
}

static enum err fake_triggers(void *impl, struct slice workflow, struct arena *arena,
                              struct engine_trigger **out, size_t *out_count)
{
    (void)impl;
    (void)workflow;
    *out = ARENA_ARRAY(arena, 1, struct engine_trigger);
    *out_count = 0;
    return *out ? ERR_OK : ERR_NO_MEMORY;
}

static void fake_init(struct fake *fake)
{
    *fake = (struct fake){.head = 12};
    fake_fill_config();
    fake->store = fake_store_port(&fake->head);
    fake->port = (struct engine_port){.impl = fake,
                                      .config = fake_get_config,
                                      .now_unix_ms = fake_now,
                                      .random = fake_random,
                                      .zone = fake_zone,
                                      .submit = fake_submit,
                                      .act = fake_act,
                                      .label_refused = fake_label_refused,
                                      .forget = fake_forget,
                                      .view = fake_read_view,
                                      .list = fake_list,
                                      .inbox = fake_inbox,
                                      .label_of = fake_label_of,
                                      .label_sums = fake_label_sums,
                                      .tally = fake_tally,
                                      .oldest = fake_oldest,
                                      .evidence = fake_evidence,
                                      .stops_since = fake_stops_since,
                                      .stop = fake_stop,
                                      .restart = fake_restart,
                                      .approve = fake_approve,
                                      .reject = fake_reject,
                                      .restart_of = fake_restart_of,
                                      .incident_reason = fake_restart,
                                      .incident_view = fake_incident_view,
                                      .plan_signature = fake_plan_signature,
                                      .plan_sign = fake_plan_sign,
                                      .troubles = fake_troubles,
                                      .incident_remark = fake_remark,
                                      .incident_close = fake_restart,
                                      .ack = fake_ack,
                                      .ladder = fake_ladder,
                                      .notices = fake_notices,
                                      .stops = fake_stops,
                                      .stop_by_id = fake_stop_by_id,
                                      .incidents = fake_incidents,
                                      .incident = fake_incident,
                                      .stop_reason = fake_stop_reason,
                                      .in_flight = fake_in_flight,
                                      .counts = fake_counts,
                                      .upstreams = fake_list_upstreams,
                                      .triggers = fake_triggers,
                                      .health = fake_health,
                                      .store = fake_store,
                                      .follow = fake_follow,
                                      .unfollow = fake_unfollow,
                                      .reload = fake_reload,
                                      .backup = fake_backup,
                                      .token_put = fake_token_put,
                                      .token_revoke = fake_token_revoke,
                                      .tokens = fake_list_tokens,
                                      .away_put = fake_away_put,
                                      .away = fake_away,
                                      .token_owner = fake_token_owner,
                                      .sandbox = fake_sandbox};
}

/* ---- a request and its answer ---- */

enum { FAKE_HEADERS = 16 };
struct fake_exchange {
    struct door_exchange door; /* first */
    struct door_request request;
    struct door_header headers[FAKE_HEADERS];
    int answers; /* respond or stream_end */
    int status;
    struct buf head, body; /* "Name: value\n", … */
    bool is_streaming, is_slow;
};

static void fake_take_head(struct fake_exchange *exchange, const struct door_response *response)
{
    exchange->status = response->status;
    buf_add_fmt(&exchange->head, "Content-Type: %.*s\n", SLICE_FMT(response->content_type));
    for (size_t i = 0; i < response->header_count; i++)
        buf_add_fmt(&exchange->head, "%.*s: %.*s\n", SLICE_FMT(response->headers[i].name),
                    SLICE_FMT(response->headers[i].value));
}

static void fake_respond(struct door_exchange *door, const struct door_response *response)
{
    struct fake_exchange *exchange = (struct fake_exchange *)(void *)door;
    exchange->answers++;
    fake_take_head(exchange, response);
    buf_add(&exchange->body, response->body);
}

static enum err fake_stream_begin(struct door_exchange *door, const struct door_response *head)
{
    struct fake_exchange *exchange = (struct fake_exchange *)(void *)door;
    exchange->is_streaming = true;
    fake_take_head(exchange, head);
    return ERR_OK;
}

static enum err fake_stream_chunk(struct door_exchange *door, struct slice bytes)
{
    struct fake_exchange *exchange = (struct fake_exchange *)(void *)door;
    if (exchange->is_slow)
        return ERR_BUSY;
    buf_add(&exchange->body, bytes);
    return ERR_OK;
}

static void fake_stream_end(struct door_exchange *door)
{
    struct fake_exchange *exchange = (struct fake_exchange *)(void *)door;
    exchange->answers++;
    exchange->is_streaming = false;
}

/* method, path?query; body may hold anything. Headers are added by fake_exchange_header. */
static void fake_exchange_init(struct fake_exchange *exchange, struct slice method,
                               struct slice target, struct slice body)
{
    size_t mark = slice_find(target, '?');
    *exchange = (struct fake_exchange){.door = {.respond = fake_respond,
                                                .stream_begin = fake_stream_begin,
                                                .stream_chunk = fake_stream_chunk,
                                                .stream_end = fake_stream_end},
                                       .request = {.method = method,
                                                   .path = slice_first(target, mark),
                                                   .query = slice_from(target, mark + 1),
                                                   .body = body,
                                                   .peer = {"127.0.0.1:5", 11}}};
    exchange->door.request = &exchange->request;
    exchange->request.headers = exchange->headers;
    buf_init(&exchange->head, 1 << 20);
    buf_init(&exchange->body, 64 << 20);
}

static void fake_exchange_header(struct fake_exchange *exchange, struct slice name,
                                 struct slice value)
{
    if (exchange->request.header_count < FAKE_HEADERS)
        exchange->headers[exchange->request.header_count++] = (struct door_header){name, value};
}

static void fake_exchange_done(struct fake_exchange *exchange)
{
    buf_done(&exchange->head);
    buf_done(&exchange->body);
}
