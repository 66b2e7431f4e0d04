/* loop/watchdog.c - somebody else notices when interlock is down: pings out, signs of life in the
 * store, and the time without one told after a start (R29). */
#include "loop/watchdog.h"

#include "base/uri.h"
#include "loop/engine_state.h"
#include "loop/incidents.h"
#include "loop/notices.h"
#include "loop/steps.h"
#include "record/life_row.h"
#include "record/notice_text.h"

enum {
    LIFE_SIGN_MS = 20 * 1000, /* how exactly down time is known */
    LIFE_DOWN_MS = 60 * 1000, /* a restart is shorter, and told to nobody */
    LIFE_PING_MS = 10 * 1000
};

/* ---- pings ---- */

static void watchdog_done(void *arg, const struct upstream_answer *answer)
{
    struct engine *engine = arg;
    struct life *life = &engine->life;
    life->is_asking = false;
    life->was_asked = true;
    life->is_good =
        answer->phase == UPSTREAM_ANSWERED && answer->status >= 200 && answer->status < 300;
    life->asked_unix_ms = engine_now(engine);
    struct slice what = slice_first(answer->what, LIMIT_NOTICE_WHAT - 1);
    if (what.size > 0)
        memcpy(life->what, what.at, what.size);
    life->what[what.size] = '\0';
}

static void watchdog_ping(struct engine *engine)
{
    struct upstream_endpoint endpoint = {.name = SLICE("watchdog")};
    struct upstream_call call = {.endpoint = &endpoint,
                                 .method = SLICE("GET"),
                                 .timeout_ms = LIFE_PING_MS,
                                 .connect_timeout_ms = LIFE_PING_MS,
                                 .answer_max = LIMIT_NOTICE_ANSWER,
                                 .done = watchdog_done,
                                 .arg = engine};
    uri_split_base(engine_config(engine)->watchdog_url, &endpoint.base_url, &call.target);
    const struct upstream_port *upstream = &engine->options.upstream;
    engine->life.is_asking = true;
    if (upstream->call(upstream->impl, &call) != ERR_OK)
        engine->life.is_asking = false; /* no room: next time */
}

/* ---- signs of life ---- */

void engine_save_life(struct engine *engine)
{
    struct buf value;
    struct wall_sign sign = {.at_unix_ms = engine->now_unix_ms,
                             .lag_ms = engine->clocks.lag_ms,
                             .until_unix_ms = engine->clocks.until_unix_ms,
                             .unsure_unix_ms = engine->clocks.unsure_unix_ms};
    buf_init(&value, LIMIT_ROW);
    if (engine->options.clock.boot)
        engine->options.clock.boot(engine->options.clock.impl, &sign.boot);
    life_row_encode(&sign, &value);
    struct store_row row = {.table = STORE_META, .key = LIFE_ROW_KEY, .value = buf_slice(&value)};
    struct store_write write = {.rows = &row, .row_count = 1};
    const struct store_port *store = &engine->options.store;
    enum err err = store->submit(store->impl, &write, 1, NULL, NULL);
    if (err != ERR_OK && err != ERR_BUSY)
        engine_fail(engine, err_text(err));
    engine->life.sign_unix_ms = engine->now_unix_ms;
    buf_done(&value);
}

void engine_run_watchdog(struct engine *engine)
{
    struct life *life = &engine->life;
    const struct config *config = engine_config(engine);
    if (engine->now_unix_ms - life->sign_unix_ms >= LIFE_SIGN_MS)
        engine_save_life(engine);
    if (config->watchdog_url.size == 0 || life->is_asking ||
        engine->now_unix_ms < life->next_unix_ms)
        return;
    life->next_unix_ms = engine->now_unix_ms + config->watchdog_every_ms;
    watchdog_ping(engine);
}

/* ---- down time ---- */

/* Told once: to who answers for everything, else to admins. */
void engine_tell_down(struct engine *engine, int64_t down_ms)
{
    const struct config *config = engine_config(engine);
    const struct group *group =
        config->switch_duties.owner ? config->switch_duties.owner : config->admins;
    struct notice_batch batch;
    struct notice_draft draft;
    engine->life.down_ms = down_ms;
    const struct journal everything = {0}; /* all that there ever was */
    struct notice_facts facts = {.about = NOTICE_DOWN,
                                 .scope = SLICE("interlock"),
                                 .waiting = engine->unended,
                                 .lost = engine_journal_lost(engine, &everything),
                                 .since_unix_ms = engine->now_unix_ms - engine->life.down_ms,
                                 .now_unix_ms = engine->now_unix_ms,
                                 .zone = engine->options.zone};
    notice_batch_init(&batch);
    notice_draft_init(&draft);
    draft.about = NOTICE_DOWN;
    notice_text_line(&facts, &draft.line);
    notice_text_body(&facts, &draft.body);
    buf_add(&draft.scope, facts.scope);
    if (group)
        (void)notice_batch_add(engine, &batch, &draft, group->members, group->member_count);
    struct record record = {.kind = RECORD_DOWN, .number = (uint64_t)engine->life.down_ms};
    notice_batch_save(engine, &batch, &record, NULL);
    notice_draft_done(&draft);
    notice_batch_done(&batch);
}

enum err engine_load_life(struct engine *engine)
{
    int64_t down_ms = engine->clocks.down_ms;
    engine_save_life(engine);
    if (down_ms >= LIFE_DOWN_MS && !engine->options.is_copy)
        engine_tell_down(engine, down_ms);
    return ERR_OK;
}
