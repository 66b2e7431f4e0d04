/* loop/restart_news.c - who is told of a restart: those who may approve it, until somebody answers;
 * the owner and who asked, what came of it.
 * Owns: row.news and row.ladder of struct restart. What is to be told is durable with what it tells
 * of, and told by a write of its own: a crash in between tells it after the start. */
#include "loop/restarts.h"

#include <stdio.h>

#include "base/check.h"
#include "loop/alert_telling.h"
#include "loop/engine_state.h"
#include "loop/incidents.h"
#include "loop/notices.h"
#include "loop/stops.h"
#include "record/ids.h"
#include "record/receipt.h"
#include "record/restart_notice.h"

/* ---- whom ---- */

static bool news_is_away(const struct engine *engine, const struct person *person)
{
    return away_find(&engine->away, person->name, engine->now_unix_ms) != NULL;
}

/* Those who may approve: the first who is there, then the others who are, then whoever is away,
 * too. A cover approves nothing by being one: it is not told. */
static void news_approvers(const struct engine *engine, const struct group *group, unsigned levels,
                           struct slice but, struct alert_people *out)
{
    size_t there = 0;
    for (size_t i = 0; group && i < group->member_count; i++) {
        const struct person *person = group->members[i];
        if (slice_equal(person->name, but) || news_is_away(engine, person))
            continue;
        if (levels & (there == 0 ? LADDER_FIRST : LADDER_OWNERS))
            alert_people_add(out, person);
        there++;
    }
    if (levels & LADDER_DUTIES)
        alert_people_add_members(out, group, but);
    if (levels & LADDER_ADMINS)
        alert_people_add_members(out, engine_config(engine)->admins, but);
}

/* Who asked, the owner, and those who were asked to approve it: all but who said no. */
static void news_people_rejected(struct engine *engine, const struct restart *restart,
                                 const struct stop *stop, struct alert_people *out)
{
    const struct config *config = engine_config(engine);
    const struct restart_no *no = restart_row_end(&restart->row);
    struct slice by = no ? slice_text(no->by) : (struct slice){0};
    const struct duties *duties = config_duties_of(config, slice_text(stop->names[0]));
    if (no && strcmp(no->by, no->asked_by) != 0)
        alert_people_add(out, config_person(config, slice_text(no->asked_by)));
    alert_people_add_members(out, duties->owner, by);
    alert_people_add_members(out, engine_restarters(engine, stop), by);
}

/* Of what came of a request. */
static void news_people(struct engine *engine, const struct restart *restart,
                        const struct stop *stop, struct alert_people *out)
{
    const struct restart_row *row = &restart->row;
    const struct duties *duties =
        config_duties_of(engine_config(engine), slice_text(stop->names[0]));
    struct slice by = slice_text(row->approved_by);
    if (row->news != RESTART_NEWS_REJECTED)
        alert_people_add(out, config_person(engine_config(engine), slice_text(row->asked_by)));
    switch (row->news) {
    case RESTART_NEWS_APPROVED:
        alert_people_add_members(out, duties->owner, by);
        return;
    case RESTART_NEWS_STUCK:
    case RESTART_NEWS_BACK:
        alert_people_add(out, config_person(engine_config(engine), by));
        alert_people_add_members(out, duties->owner, (struct slice){0});
        return;
    case RESTART_NEWS_ALONE: /* loud */
        alert_people_add_members(out, duties->owner, (struct slice){0});
        alert_people_add_members(out, duties->restart, (struct slice){0});
        alert_people_add_members(out, duties->inform, (struct slice){0});
        alert_people_add_members(out, engine_config(engine)->admins, (struct slice){0});
        return;
    case RESTART_NEWS_CHANGED:
    case RESTART_NEWS_OVER:
        alert_people_add_members(out, engine_restarters(engine, stop), (struct slice){0});
        alert_people_add_members(out, duties->owner, (struct slice){0});
        return;
    case RESTART_NEWS_REJECTED:
        news_people_rejected(engine, restart, stop, out);
        return;
    case RESTART_NEWS_ASKED:
    case RESTART_NEWS_NONE:
        break;
    }
    CHECK_UNREACHABLE();
}

/* ---- what ---- */

/* A stop of the incident, also when it is lifted and gone from memory. */
static const struct stop *news_stop(struct engine *engine, uint64_t incident, struct arena *arena)
{
    struct engine_incident found = {0};
    const struct stop *stop = engine_incident_stop(engine, incident);
    if (!stop && engine_read_incident(engine, incident, arena, &found) == ERR_OK)
        stop = engine_read_stop(engine, found.stop, arena);
    return stop;
}

/* The no that is told, or stood before what is asked for: its reason is in no_why. */
static struct restart_no_words news_no(struct engine *engine, const struct restart *restart,
                                       struct slice said, struct buf *no_why)
{
    const struct restart_row *row = &restart->row;
    bool is_news = row->news == RESTART_NEWS_REJECTED;
    const struct restart_no *no = is_news ? restart_row_end(row) : &row->rejected;
    struct arena arena;
    if (!no || !no->by[0] || (!is_news && row->news != RESTART_NEWS_ASKED))
        return (struct restart_no_words){.no = NULL};
    arena_init(&arena, ENGINE_SCRATCH);
    if (!is_news || said.size == 0)
        said = engine_words(engine, no->words_seq, &arena);
    redact_add(&engine->loaded->redact, said, false, no_why);
    arena_done(&arena);
    return (struct restart_no_words){no, buf_slice(no_why), engine->now_unix_ms,
                                     engine->options.zone};
}

static void news_make_texts(struct engine *engine, const struct restart *restart,
                            const struct stop *stop, struct slice said, struct notice_draft *draft)
{
    const struct restart_row *row = &restart->row;
    unsigned char digest[RESTART_DIGEST];
    struct restart_terms terms = engine_restart_terms(engine, row->incident, digest);
    struct buf reason, ramp, no_why;
    buf_init(&no_why, LIMIT_REASON * 4);
    buf_init(&reason, LIMIT_REASON * 4);
    buf_init(&ramp, LIMIT_REASON);
    struct restart_no_words no = news_no(engine, restart, said, &no_why);
    if (row->news != RESTART_NEWS_REJECTED)
        redact_add(&engine->loaded->redact, said, false, &reason);
    receipt_add_scope(&draft->scope, stop);
    if (row->is_ramping)
        ramp_text_add(&ramp, engine_ramp_of(engine, stop, NULL), &row->ramp);
    const struct alert *alert = engine_alert_find(engine, row->incident);
    bool is_used = row->news == RESTART_NEWS_APPROVED || row->news == RESTART_NEWS_ALONE;
    bool is_again = row->ladder.opened_unix_ms < engine->now_unix_ms;
    int64_t alone_ms = restart_alone_ms(&terms);
    struct restart_notice notice = {
        .news = row->news,
        .incident = row->incident,
        .scope = buf_slice(&draft->scope),
        .asked_by = slice_text(row->asked_by),
        .reason = buf_slice(&reason),
        .no = no,
        .approved_by = is_used ? slice_text(row->approved_by) : (struct slice){0},
        .group = engine_restarters(engine, stop),
        .is_again = is_again,
        .waiting = alert_count_waiting(engine, stop),
        .lost = alert ? engine_journal_lost(engine, &alert->journal) : LOST_UNKNOWN,
        .asked_unix_ms = row->request.at_unix_ms,
        .over_unix_ms = restart_over_unix_ms(&row->request, &terms),
        .alone_unix_ms = alone_ms > 0 ? row->request.at_unix_ms + alone_ms : 0,
        .ramp = buf_slice(&ramp),
        .stuck_action = row->ramp.stuck_action,
        .now_unix_ms = engine->now_unix_ms,
        .zone = engine->options.zone};
    draft->about = NOTICE_RESTART;
    draft->incident = row->incident;
    restart_notice_line(&notice, &draft->line);
    restart_notice_body(&notice, &draft->body);
    buf_done(&ramp);
    buf_done(&reason);
    buf_done(&no_why);
}

/* ---- the write ---- */

/* Its row and the messages, in one write. */
static void news_save(struct engine *engine, struct restart *restart, struct notice_batch *batch)
{
    struct buf key, value;
    restart->row.news = RESTART_NEWS_NONE;
    buf_init(&key, TEXT_ID_MAX);
    buf_init(&value, 4096);
    text_add_id(&key, ID_INCIDENT, restart->row.incident);
    restart_row_encode(&restart->row, &value);
    struct store_row row = {
        .table = STORE_RESTARTS, .key = buf_slice(&key), .value = buf_slice(&value)};
    struct record record = {.kind = RECORD_TELLING,
                            .incident = restart->row.incident,
                            .number = restart->row.ladder.rung};
    notice_batch_save(engine, batch, &record, &row);
    buf_done(&value);
    buf_done(&key);
}

/* The request, to those who may approve it: until a rung has somebody. */
static void news_climb(struct engine *engine, struct restart *restart,
                       struct ladder_effects effects, struct notice_draft *draft,
                       struct notice_batch *batch)
{
    struct ladder *ladder = &restart->row.ladder;
    const struct stop *stop = engine_incident_stop(engine, restart->row.incident);
    const struct group *group = stop ? engine_restarters(engine, stop) : NULL;
    while (effects.levels != 0) {
        struct alert_people people = {.count = 0};
        news_approvers(engine, group, effects.levels, slice_text(restart->row.asked_by), &people);
        if (effects.is_loud)
            (void)fprintf(stderr, "interlock: nobody answers: %s\n", buf_text(&draft->line));
        draft->rung = ladder->rung;
        size_t made = notice_batch_add(engine, batch, draft, people.people, people.count);
        struct ladder_event told = {.kind = LADDER_TOLD,
                                    .now_unix_ms = engine->now_unix_ms,
                                    .rung = ladder->rung,
                                    .count = (uint32_t)made};
        ladder_step(ladder, &told, &effects);
    }
}

/* Tells row.news, or ASKED once more, as the ladder says. */
static void news_tell(struct engine *engine, struct restart *restart, struct slice reason,
                      struct ladder_effects effects)
{
    struct arena arena;
    struct notice_draft draft;
    struct notice_batch batch;
    struct alert_people people = {.count = 0};
    arena_init(&arena, ENGINE_SCRATCH);
    notice_draft_init(&draft);
    notice_batch_init(&batch);
    const struct stop *stop = news_stop(engine, restart->row.incident, &arena);
    if (stop) {
        if (reason.size == 0 && restart->row.news != RESTART_NEWS_REJECTED)
            reason = engine_words(engine, restart->row.words_seq, &arena);
        news_make_texts(engine, restart, stop, reason, &draft);
        if (restart->row.news == RESTART_NEWS_ASKED)
            news_climb(engine, restart, effects, &draft, &batch);
        else
            news_people(engine, restart, stop, &people);
        if (restart->row.news == RESTART_NEWS_ALONE)
            (void)fprintf(stderr, "interlock: %s\n", buf_text(&draft.line));
        if (people.count > 0)
            (void)notice_batch_add(engine, &batch, &draft, people.people, people.count);
    }
    news_save(engine, restart, &batch);
    notice_batch_done(&batch);
    notice_draft_done(&draft);
    arena_done(&arena);
}

void engine_tell_restart(struct engine *engine, struct restart *restart, struct slice reason)
{
    struct ladder_effects effects = {0};
    struct ladder_event event = {.kind = LADDER_CLOSE, .now_unix_ms = engine->now_unix_ms};
    const struct stop *stop = engine_incident_stop(engine, restart->row.incident);
    if (restart->row.news == RESTART_NEWS_NONE)
        return;
    if (restart->row.news == RESTART_NEWS_ASKED && stop) {
        const struct duties *duties =
            config_duties_of(engine_config(engine), slice_text(stop->names[0]));
        event.kind = LADDER_OPEN;
        event.times = (struct ladder_times){duties->level_2_ms, duties->level_3_ms};
    }
    ladder_step(&restart->row.ladder, &event, &effects);
    news_tell(engine, restart, reason, effects);
}

void engine_tell_restart_first(struct engine *engine, struct restart *restart)
{
    if (restart->row.news != RESTART_NEWS_NONE)
        engine_tell_restart(engine, restart, (struct slice){0});
    if (!restart->row.is_ramping || !restart->row.ramp.is_stuck || restart->row.is_stuck_told)
        return;
    restart->row.is_stuck_told = true;
    restart->row.news = RESTART_NEWS_STUCK;
    engine_tell_restart(engine, restart, (struct slice){0});
}

/* ---- time passes ---- */

static void news_climb_on(struct engine *engine, struct restart *restart,
                          enum ladder_event_kind kind, uint8_t rung)
{
    struct ladder_effects effects;
    struct ladder_event event = {.kind = kind, .now_unix_ms = engine->now_unix_ms, .rung = rung};
    ladder_step(&restart->row.ladder, &event, &effects);
    if (effects.levels == 0)
        return;
    restart->row.news = RESTART_NEWS_ASKED;
    news_tell(engine, restart, (struct slice){0}, effects);
}

/* A request that nobody can approve any more: recorded, and told. */
static void news_end(struct engine *engine, struct restart *restart, bool is_over)
{
    struct pending none = {0};
    struct record record = {
        .kind = RECORD_RESTART_REFUSED,
        .actor = SLICE("interlock"),
        .subject = slice_text(restart_says_name(is_over ? RESTART_OVER : RESTART_CHANGED))};
    restart->row.news = is_over ? RESTART_NEWS_OVER : RESTART_NEWS_CHANGED;
    engine_save_restart(engine, restart, &record, (struct slice){0}, &none);
    engine_tell_restart(engine, restart, (struct slice){0});
}

static void news_run(struct engine *engine, struct restart *restart)
{
    const struct restart_request *request = &restart->row.request;
    unsigned char digest[RESTART_DIGEST];
    const struct stop *stop = engine_incident_stop(engine, restart->row.incident);
    bool is_closed = !stop || stop->is_lifted;
    if (is_closed && restart->row.news != RESTART_NEWS_ALONE)
        restart->row.news = RESTART_NEWS_NONE; /* a crash later: its end is told, and says it */
    engine_tell_restart_first(engine, restart);
    if (!request->by[0] || restart->row.ladder.state == LADDER_CLOSED ||
        restart->row.ladder.opened_unix_ms == 0 || !stop || stop->is_lifted || stop->is_lifting)
        return;
    struct restart_terms terms = engine_restart_terms(engine, restart->row.incident, digest);
    if (restart_stands(request, &terms))
        news_climb_on(engine, restart, LADDER_TIMER, 0);
    else
        news_end(engine, restart, engine->now_unix_ms >= restart_over_unix_ms(request, &terms));
}

void engine_run_restart_news(struct engine *engine)
{
    for (struct list *node = engine->restarts.next; node != &engine->restarts; node = node->next) {
        if (engine->unsaved >= ENGINE_UNSAVED_ACT || engine->has_failed)
            return; /* at the next beat */
        news_run(engine, LIST_ENTRY(node, struct restart, link));
    }
}

void engine_restart_lost(struct engine *engine, uint64_t incident, uint8_t rung)
{
    struct restart *restart = engine_restart_of(engine, incident);
    if (restart && rung != 0 && restart->row.request.by[0] &&
        restart->row.ladder.state == LADDER_RUNNING)
        news_climb_on(engine, restart, LADDER_LOST, rung);
}
