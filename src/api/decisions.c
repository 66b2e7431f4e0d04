#include "api/handlers.h"
#include "api/parameter.h"
#include "api/reply.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/log_line.h"

/* At most this many records are read for one answer, shown or not: a read is short, whatever it
 * filters out. A stream begins at most this far behind the head, so that it fits its buffer. */
enum { DECISIONS_LIMIT = 100, DECISIONS_PAGE = 100, DECISIONS_BEHIND = 200 };

/* A reader of the log on its way through it. */
struct decisions {
    struct call *call;
    uint64_t next;   /* sequence to be read next */
    uint64_t follow; /* handle, 0 = not following */
    bool is_text;
    bool sees_all;
    struct arena page; /* of one page of records */
    struct buf out;
};

static bool decisions_may_see(struct decisions *decisions, const struct record *record,
                              const struct view *view)
{
    struct call *call = decisions->call;
    if (decisions->sees_all)
        return true;
    if (record->action != 0)
        return view && call_may_see(call, view->config, view->workflow, view->step_name,
                                    view->submit.actor);
    if (record->workflow.size > 0)
        return call_may_see_stops(call, record->workflow);
    return call_principal_now(call).kind == PRINCIPAL_PERSON;
}

static void decisions_add_json(struct decisions *decisions, const struct store_record *stored)
{
    struct buf *out = &decisions->out;
    buf_add_text(out, "{\"seq\":");
    buf_add_u64(out, stored->seq);
    buf_add_text(out, ",\"hash\":\"");
    text_add_hex(out, slice_of(stored->hash, STORE_HASH_SIZE));
    buf_add_text(out, "\",\"record\":");
    buf_add(out, stored->body); /* as it was hashed (R27) */
    buf_add_text(out, "}\n");
}

static enum err decisions_add(struct decisions *decisions, const struct store_record *stored)
{
    const struct engine_port *engine = decisions->call->engine;
    struct record record = {0};
    struct view *view = NULL;
    if (decisions->sees_all && !decisions->is_text) {
        decisions_add_json(decisions, stored);
        return ERR_OK;
    }
    enum err err = record_decode(stored->body, &decisions->page, &record);
    if (err != ERR_OK)
        return err;
    record.seq = stored->seq;
    if (record.action != 0) {
        view = ARENA_NEW(&decisions->page, struct view);
        err = view ? engine->view(engine->impl, record.action, false, &decisions->page, view)
                   : ERR_NO_MEMORY;
        if (err != ERR_OK)
            return err;
    }
    if (!decisions_may_see(decisions, &record, view))
        return ERR_OK;
    if (decisions->is_text)
        log_line_add(&decisions->out, &record, view, engine->zone(engine->impl));
    else
        decisions_add_json(decisions, stored);
    return ERR_OK;
}

/* Appends up to `limit` records from `next` on. *out_count = how many there were. */
static enum err decisions_read(struct decisions *decisions, size_t limit, size_t *out_count)
{
    const struct engine_port *engine = decisions->call->engine;
    const struct store_port *store = engine->store(engine->impl);
    arena_init(&decisions->page, LIMIT_API_ARENA);
    struct store_record *records = ARENA_ARRAY(&decisions->page, limit, struct store_record);
    size_t count = limit;
    enum err err = records ? store->list_records(store->impl, decisions->next, limit,
                                                 &decisions->page, records, &count)
                           : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        err = decisions_add(decisions, &records[i]);
        decisions->next = records[i].seq + 1;
    }
    arena_done(&decisions->page);
    *out_count = err == ERR_OK ? count : 0;
    if (err == ERR_OK && !buf_ok(&decisions->out))
        err = ERR_LIMIT;
    return err;
}

static struct slice decisions_type(const struct decisions *decisions)
{
    return decisions->is_text ? SLICE("text/plain; charset=utf-8") : SLICE("application/jsonl");
}

static void decisions_reply(struct decisions *decisions, uint64_t limit)
{
    struct call *call = decisions->call;
    size_t count = 0, left = (size_t)limit;
    enum err err = ERR_OK;
    do {
        size_t want = left < DECISIONS_PAGE ? left : DECISIONS_PAGE;
        err = decisions_read(decisions, want, &count);
        left -= count;
    } while (err == ERR_OK && count == DECISIONS_PAGE && left > 0);
    if (err != ERR_OK) {
        reply_err(call, err);
        return;
    }
    call_add_header(call, "Interlock-Next",
                    arena_fmt(&call->arena, "%llu", (unsigned long long)decisions->next));
    call_answer(call, 200, decisions_type(decisions), buf_slice(&decisions->out));
}

/* ---- following ---- */

static void decisions_end(struct decisions *decisions)
{
    struct call *call = decisions->call;
    if (decisions->follow)
        call->engine->unfollow(call->engine->impl, decisions->follow);
    decisions->follow = 0;
    (*call->followers)--;
    call->gone = NULL;
    buf_done(&decisions->out);
    call_stream_end(call); /* decisions lives in the call's arena: until the call is left */
}

static void decisions_gone(struct call *call)
{
    decisions_end(call->stream);
}

/* Sends what is there from `next` on. A reader that is too slow is ended: it goes on from the last
 * sequence that it has seen (R30: bounded, never a growing queue). */
static enum err decisions_pump(struct decisions *decisions)
{
    size_t count = 0;
    enum err err = ERR_OK;
    do {
        buf_reset(&decisions->out);
        err = decisions_read(decisions, DECISIONS_PAGE, &count);
        if (err == ERR_OK && decisions->out.size > 0)
            err = call_stream_chunk(decisions->call, buf_slice(&decisions->out));
    } while (err == ERR_OK && count == DECISIONS_PAGE);
    return err;
}

static void decisions_on_record(void *arg, uint64_t seq)
{
    struct decisions *decisions = arg;
    struct call *call = decisions->call;
    call_enter(call);
    if (seq >= decisions->next && decisions_pump(decisions) != ERR_OK)
        decisions_end(decisions);
    call_leave(call);
}

static void decisions_follow(struct decisions *decisions, uint64_t head)
{
    struct call *call = decisions->call;
    struct decisions *kept = ARENA_NEW(&call->arena, struct decisions);
    if (*call->followers >= LIMIT_FOLLOWERS || !kept) {
        reply_refuse(call, TROUBLE_NO_ROOM, "%d streams of the log are under way (LIMIT_FOLLOWERS)",
                     LIMIT_FOLLOWERS);
        return;
    }
    if (decisions->next + DECISIONS_BEHIND < head) {
        reply_refuse(call, TROUBLE_BAD_QUERY,
                     "a stream begins at most %d records behind the head, which is %llu: read "
                     "pages up to there first",
                     DECISIONS_BEHIND, (unsigned long long)head);
        return;
    }
    *kept = *decisions;
    decisions->out = (struct buf){0}; /* it has moved */
    call->stream = kept;
    call->gone = decisions_gone;
    (*call->followers)++;
    enum err err = call_stream_begin(call, decisions_type(kept));
    if (err == ERR_OK)
        kept->follow = call->engine->follow(call->engine->impl, decisions_on_record, kept);
    if (err != ERR_OK || decisions_pump(kept) != ERR_OK)
        decisions_end(kept);
}

struct decisions_query {
    struct slice from, last, limit, follow;
};

void decisions_get(struct call *call)
{
    struct decisions_query query = {0};
    const struct parameter fields[] = {{"from", &query.from},
                                       {"last", &query.last},
                                       {"limit", &query.limit},
                                       {"follow", &query.follow}};
    struct decisions decisions = {.call = call};
    uint64_t limit = DECISIONS_LIMIT, last = 0, head = 0;
    unsigned char hash[STORE_HASH_SIZE];
    bool is_following = false;
    const struct store_port *store = call->engine->store(call->engine->impl);
    store->head(store->impl, &head, hash);
    if (!parameter_format(call, fields, sizeof fields / sizeof *fields, &decisions.is_text) ||
        !parameter_count(call, "from", query.from, INT64_MAX, &decisions.next) ||
        !parameter_count(call, "last", query.last, LIMIT_PAGE, &last) ||
        !parameter_count(call, "limit", query.limit, LIMIT_PAGE, &limit) ||
        !parameter_flag(call, "follow", query.follow, &is_following))
        return;
    if (decisions.next && last) {
        (void)parameter_refuse(call, "last", "without \"from\""); /* answered */
        return;
    }
    if (last)
        decisions.next = head > last ? head - last + 1 : 1;
    else if (!decisions.next)
        decisions.next = is_following ? head + 1 : 1;
    limit = last > limit ? last : limit;
    decisions.sees_all =
        right_allows(call->config, &call->principal, RIGHT_AUDIT, &(struct right_subject){0});
    buf_init(&decisions.out, LIMIT_HTTP_ANSWER);
    if (is_following)
        decisions_follow(&decisions, head);
    else
        decisions_reply(&decisions, limit);
    buf_done(&decisions.out);
}
