/* Each action's row against its newest record, its place in the store, and what it waits for. */
#include "record/verify_inside.h"

#include <stdio.h>

#include "base/check.h"
#include "base/text.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/row.h"
#include "record/who.h"

enum { ACTIONS_PAGE = 64, ACTIONS_WALK = 10000, VERIFY_WHAT = 80 };

/* "action a_…: " before each finding. */
struct verify_case {
    struct verify *verify;
    const struct store_action *stored;
    struct row row;
    char id[TEXT_ID_MAX];
};

static void verify_case_name(struct verify_case *c, uint64_t id)
{
    struct buf out;
    buf_init(&out, TEXT_ID_MAX - 1);
    text_add_id(&out, ID_ACTION, id);
    memset(c->id, 0, sizeof c->id);
    if (buf_ok(&out))
        memcpy(c->id, out.at, out.size);
    buf_done(&out);
}

/* R28: of what waits for people, there is somebody whom it falls to. */
static void verify_case_people(struct verify_case *c)
{
    const struct verify_options *options = &c->verify->options;
    const struct row *row = &c->row;
    if (!options->config || action_people_due(&row->action) == 0)
        return;
    const struct config *config = options->config(options->impl);
    struct who_answer answer;
    struct who_question question = {.config = config,
                                    .workflow = config_workflow_of(config, row->workflow),
                                    .step = config_step_of(config, row->workflow, row->step),
                                    .duty = row->action.state == STATE_IN_REVIEW ? WHO_DUTY_DECIDE
                                                                                 : WHO_DUTY_SETTLE,
                                    .actor = row->actor};
    bool is_anybody = who_find(&question, &answer);
    c->verify->people_count += !is_anybody || !answer.person;
    if (!is_anybody)
        verify_find(c->verify,
                    "action %s: it waits for a person, and nobody is named who may: name an owner, "
                    "or admins",
                    c->id);
    else if (!answer.person)
        verify_find(c->verify,
                    "action %s: it waits for %.*s, and nobody there or behind them may decide it: "
                    "%.*s asked for it",
                    c->id, SLICE_FMT(answer.group->name), SLICE_FMT(row->actor));
}

static const char *verify_queue_name(enum store_queue queue)
{
    switch (queue) {
    case STORE_QUEUE_NONE:
        return "in no queue";
    case STORE_QUEUE_HELD_STOP:
        return "with what a stop holds";
    case STORE_QUEUE_HELD_UPSTREAM:
        return "with what waits for its upstream";
    case STORE_QUEUE_HELD_OTHER:
        return "with what a rule or the policy holds";
    case STORE_QUEUE_PEOPLE:
        return "in the inbox";
    case STORE_QUEUE_HELD_ORDER:
        return "behind an older action of its order key";
    case STORE_QUEUE_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

/* "WHAT: expected TIME, there is TIME" */
static void verify_case_time(struct verify_case *c, const char *what, int64_t wanted_unix_ms,
                             int64_t there_unix_ms)
{
    const int64_t times[] = {wanted_unix_ms, there_unix_ms};
    struct buf text;
    buf_init(&text, 128);
    for (size_t i = 0; i < 2; i++) {
        buf_add_text(&text, i == 0 ? "expected " : ", there is ");
        if (times[i] == 0)
            buf_add_text(&text, "none");
        else
            text_add_time(&text, times[i]);
    }
    verify_find(c->verify, "action %s: %s: %.*s", c->id, what, SLICE_FMT(buf_slice(&text)));
    buf_done(&text);
}

/* I8: what has not ended has a timer or people, and its timer stands where it is looked for. */
static void verify_case_waits(struct verify_case *c)
{
    const struct action *a = &c->row.action;
    bool has_timer = a->due_unix_ms > 0;
    bool has_people = action_people_due(a) > 0;
    bool waits = has_timer || has_people || (a->state == STATE_ATTEMPTING && a->attempt_is_open);
    if (!waits)
        verify_find(c->verify, "action %s: it is %s, and neither a timer nor a person has it",
                    c->id, state_name(a->state));
    if (c->stored->due_unix_ms != a->due_unix_ms)
        verify_case_time(c, "its timer does not stand in the queue as its row says", a->due_unix_ms,
                         c->stored->due_unix_ms);
    enum store_queue queue = row_queue(a);
    int64_t people_due_unix_ms = queue == STORE_QUEUE_PEOPLE ? action_people_due(a) : 0;
    if (c->stored->people_due_unix_ms != people_due_unix_ms)
        verify_case_time(c, "it does not stand in the inbox where its row says", people_due_unix_ms,
                         c->stored->people_due_unix_ms);
    if (c->stored->queue != queue)
        verify_find(c->verify, "action %s: it is %s and should stand %s, but stands %s", c->id,
                    state_name(a->state), verify_queue_name(queue),
                    verify_queue_name(c->stored->queue));
}

/* By these the store finds it for a stop, for its upstream, and for the next of its order. */
static void verify_case_place(struct verify_case *c)
{
    const struct row *row = &c->row;
    struct slice order = slice_of(row->order, STORE_KEY_SIZE);
    struct slice scope = c->stored->scope;
    size_t slash = slice_find(scope, '/');
    bool has_order = !digest_is_zero(row->order, STORE_KEY_SIZE);
    /* One whose end is contradicted is open again, and nothing waits behind it. */
    bool is_order_good =
        has_order ? slice_equal(c->stored->order, order) : c->stored->order.size == 0;
    is_order_good |= state_is_end(row->action.state) && c->stored->order.size == 0;
    if (!slice_equal(slice_first(scope, slash), row->workflow) ||
        !slice_equal(slice_from(scope, slash + 1), row->step))
        verify_find(c->verify,
                    "action %s: it is of %.*s/%.*s, but stands under %.*s: a stop would miss it",
                    c->id, SLICE_FMT(row->workflow), SLICE_FMT(row->step), SLICE_FMT(scope));
    if (!slice_equal(c->stored->upstream, row->upstream))
        verify_find(c->verify, "action %s: it goes to upstream %.*s, but stands under %.*s", c->id,
                    SLICE_FMT(row->upstream), SLICE_FMT(c->stored->upstream));
    if (!is_order_good)
        verify_find(c->verify,
                    "action %s: it does not stand under its order key: what comes after it would "
                    "not wait for it",
                    c->id);
}

static void verify_case_frozen(struct verify_case *c)
{
    unsigned char digest[DIGEST_SHORT];
    const struct action *a = &c->row.action;
    if (a->starts_total == 0 && c->stored->frozen.size > 0)
        verify_find(c->verify,
                    "action %s: it was never sent, but a request of %zu bytes lies beside it",
                    c->id, c->stored->frozen.size);
    if (!a->is_frozen || c->row.upstream.size == 0 || state_is_end(a->state))
        return;
    if (c->stored->frozen.size == 0) {
        verify_find(c->verify, "action %s: the request that was sent is not there", c->id);
        return;
    }
    digest_short(c->stored->frozen, digest);
    if (memcmp(digest, a->request_digest, DIGEST_SHORT) != 0)
        verify_find(c->verify, "action %s: its frozen request is not the one that was sent", c->id);
}

/* Names the record whose payload is gone. */
static enum err verify_case_payload(struct verify_case *c)
{
    struct verify *verify = c->verify;
    uint64_t seq = c->row.last_seq;
    for (size_t i = 0; i < ACTIONS_WALK && seq != 0; i++) {
        struct record record = {0};
        struct slice payload;
        enum err err = verify_read_record(verify, seq, &record);
        if (err != ERR_OK)
            break; /* told before */
        if (record.has_payload)
            err = verify->store->get_payload(verify->store->impl, seq, &verify->page, &payload);
        if (err == ERR_NOT_FOUND) {
            verify_find(verify,
                        "record %llu: its payload is gone, and nothing says that it was "
                        "erased (action %s)",
                        (unsigned long long)seq, c->id);
            return ERR_OK;
        }
        if (err != ERR_OK)
            return err;
        seq = record.previous < seq ? record.previous : 0;
    }
    verify_find(verify, "action %s: a payload is gone, and nothing says that it was erased", c->id);
    return ERR_OK;
}

/* Says of a row that is not its record's in what they differ, where the record says that. */
static void verify_case_differs(struct verify_case *c, const struct record *record)
{
    const struct action *a = &c->row.action;
    char what[VERIFY_WHAT];
    unsigned long long seq = (unsigned long long)c->row.last_seq;
    if (record->state != a->state) {
        verify_find(c->verify, "action %s: its row says %s, but record %llu left it %s", c->id,
                    state_name(a->state), seq, state_name(record->state));
        return;
    }
    (void)snprintf(what, sizeof what, "its row is not what record %llu made it", seq);
    if (record->due_unix_ms != a->due_unix_ms)
        verify_case_time(c, what, record->due_unix_ms, a->due_unix_ms);
    else if (record->people_due_unix_ms != a->people_due_unix_ms)
        verify_case_time(c, what, record->people_due_unix_ms, a->people_due_unix_ms);
    else
        verify_find(c->verify, "action %s: %s", c->id, what);
}

/* The row against the record that made it. */
static enum err verify_case_row(struct verify_case *c)
{
    struct record record = {0};
    unsigned char digest[DIGEST_SHORT];
    enum err err = verify_read_record(c->verify, c->row.last_seq, &record);
    if (err == ERR_NOT_FOUND || err == ERR_CORRUPT)
        return ERR_OK; /* told while the records were read */
    if (err != ERR_OK)
        return err;
    digest_short(c->stored->row, digest);
    if (memcmp(digest, record.row, DIGEST_SHORT) == 0)
        return ERR_OK;
    verify_case_differs(c, &record);
    return ERR_OK;
}

/* Is this row of a record that came after the head of this run? It may be saved already, though
 * the store's head does not tell so yet. */
static enum err verify_case_is_newer(struct verify_case *c, bool *out_is_newer)
{
    struct store_record stored = {0};
    const struct store_port *store = c->verify->store;
    *out_is_newer = c->row.last_seq > c->verify->head_seq;
    if (!*out_is_newer)
        return ERR_OK;
    enum err err = store->get_record(store->impl, c->row.last_seq, &c->verify->page, &stored);
    if (err != ERR_NOT_FOUND)
        return err;
    verify_find(c->verify, "action %s: its row names record %llu, which does not exist", c->id,
                (unsigned long long)c->row.last_seq);
    return ERR_OK;
}

static enum err verify_case_check(struct verify_case *c)
{
    struct verify *verify = c->verify;
    struct verify_action *action = verify_action(verify, c->stored->id);
    if (action)
        action->last_seq |= VERIFY_ROW_SEEN;
    if (row_decode(c->stored->row, &c->row) != ERR_OK) {
        verify_find(verify, "action %s: its row cannot be read", c->id);
        return ERR_OK;
    }
    if (action_is_over(&c->row.action))
        verify->ended++;
    else
        verify->unended++;
    verify->in_ended += c->stored->is_ended;
    verify->in_open += !c->stored->is_ended;
    bool is_newer = false;
    enum err err = verify_case_is_newer(c, &is_newer);
    if (err != ERR_OK || is_newer)
        return err;
    if (!action) {
        verify_find(verify, "action %s: it has a row, but no record admitted it", c->id);
        return ERR_OK;
    }
    if (c->row.action.id != c->stored->id)
        verify_find(verify, "action %s: its row is that of another action", c->id);
    uint64_t last = action->last_seq & VERIFY_SEQ_MASK;
    if (last != c->row.last_seq)
        verify_find(verify, "action %s: its row is that of record %llu, but record %llu came after",
                    c->id, (unsigned long long)c->row.last_seq, (unsigned long long)last);
    err = verify_case_row(c);
    if (c->stored->is_ended != action_is_over(&c->row.action))
        verify_find(verify, "action %s: it is %s, but stands among the %s ones", c->id,
                    state_name(c->row.action.state), c->stored->is_ended ? "ended" : "open");
    if (!c->stored->is_ended) {
        verify_case_waits(c);
        verify_case_place(c);
        verify_case_people(c);
        verify_case_frozen(c);
    }
    if (err == ERR_OK && action->last_seq & VERIFY_PAYLOAD_GONE)
        err = verify_case_payload(c);
    if (err == ERR_OK && action->last_seq & VERIFY_TELLS)
        err = verify_undone_end(verify, &c->row);
    return err;
}

enum err verify_actions_page(struct verify *verify, bool *out_is_done)
{
    struct store_action *page = ARENA_ARRAY(&verify->page, ACTIONS_PAGE, struct store_action);
    size_t count = 0;
    if (!page)
        return ERR_NO_MEMORY;
    enum err err = verify->store->list_actions(verify->store->impl, verify->before, ACTIONS_PAGE,
                                               &verify->page, page, &count);
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        struct verify_case c = {.verify = verify, .stored = &page[i]};
        verify->before = page[i].id;
        verify_case_name(&c, page[i].id);
        err = verify_case_check(&c);
    }
    *out_is_done = count < ACTIONS_PAGE;
    return err;
}

/* The counters beside the head, and by whose number the last start knew itself. While the store
 * goes on they are ahead of what was read. */
static enum err verify_counters(struct verify *verify)
{
    struct store_seals seals = {0};
    enum err err = verify->store->get_seals(verify->store->impl, &seals);
    if (err != ERR_OK && err != ERR_CORRUPT) /* told where the rows are compared */
        return err;
    if (seals.run_epoch < verify->run_epoch)
        verify_find(verify,
                    "the run epoch of the store is %llu, but the last start was number %llu: a "
                    "second process could go unseen",
                    (unsigned long long)seals.run_epoch, (unsigned long long)verify->run_epoch);
    bool is_still = seals.seq == verify->head_seq;
    if (is_still &&
        (seals.open_actions != verify->in_open || seals.ended_actions != verify->in_ended))
        verify_find(
            verify,
            "the store counts %llu open and %llu ended actions, but %llu and %llu are there",
            (unsigned long long)seals.open_actions, (unsigned long long)seals.ended_actions,
            (unsigned long long)verify->in_open, (unsigned long long)verify->in_ended);
    return ERR_OK;
}

enum err verify_unseen(struct verify *verify)
{
    for (size_t i = 0; i < verify->action_count; i++) {
        struct verify_case c = {.verify = verify};
        if (verify->actions[i].last_seq & VERIFY_ROW_SEEN)
            continue;
        verify_case_name(&c, verify->actions[i].id);
        verify_find(verify, "action %s: record %llu admitted it, but it has no row", c.id,
                    (unsigned long long)verify->actions[i].first_seq);
    }
    return verify_counters(verify);
}
