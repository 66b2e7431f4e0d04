/* loop/alert_telling.c - what is told of an incident becomes durable together with its ladder and
 * its journal: one write with one record. */
#include "loop/alert_telling.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "loop/engine_state.h"
#include "loop/loaded.h"
#include "loop/notices.h"
#include "record/ids.h"

void alert_save(struct engine *engine, const struct alert *alert, struct alert_write *write)
{
    struct buf key, value, journal, words;
    size_t count = write->batch ? write->batch->count : 0;
    struct store_row *rows = calloc(count + 2 + write->row_count, sizeof *rows);
    buf_init(&key, TEXT_ID_MAX);
    buf_init(&value, LIMIT_ROW);
    buf_init(&journal, LIMIT_ROW);
    buf_init(&words, LIMIT_REASON * 8);
    text_add_id(&key, ID_INCIDENT, alert->incident);
    struct ladder_row row = {.incident = alert->incident,
                             .ladder = alert->ladder,
                             .acknowledged_by = slice_text(alert->by)};
    ladder_row_encode(&row, &value);
    journal_encode(&alert->journal, &journal);
    if (write->words.size > 0)
        loaded_encode_words(engine->loaded, &(struct bundle_words){.reason = write->words}, &words);
    CHECK(buf_ok(&journal) && buf_ok(&words));
    if (rows) {
        rows[0] = (struct store_row){
            .table = STORE_LADDERS, .key = buf_slice(&key), .value = buf_slice(&value)};
        rows[1] = (struct store_row){
            .table = STORE_JOURNALS, .key = buf_slice(&key), .value = buf_slice(&journal)};
        if (write->batch)
            notice_batch_rows(write->batch, &rows[2]);
        if (write->row_count > 0)
            memcpy(&rows[2 + count], write->rows, write->row_count * sizeof *rows);
        struct control controls[2] = {{.record = write->record}, {.record = write->record}};
        size_t last = write->incident != NULL;
        if (write->incident)
            controls[0] = *write->incident;
        controls[last].record.incident = alert->incident;
        controls[last].rows = rows;
        controls[last].row_count = count + 2 + write->row_count;
        controls[last].words = buf_slice(&words);
        engine_save_controls(engine, controls, last + 1, write->pending);
        if (write->batch)
            notice_batch_saved(engine, write->batch);
    } else {
        engine_fail(engine, "out of memory");
    }
    buf_done(&words);
    buf_done(&journal);
    buf_done(&value);
    buf_done(&key);
    free(rows);
}

void engine_alert_save(struct engine *engine, struct alert *alert, const struct record *record,
                       struct slice words, const struct pending *pending)
{
    struct alert_write write = {.record = *record, .words = words, .pending = pending};
    alert_save(engine, alert, &write);
}

void alert_add_inform(struct engine *engine, const struct alert *alert,
                      const struct alert_word *word, struct notice_batch *batch)
{
    const struct person *person =
        config_person(engine_config(engine), slice_text(alert->journal.informs));
    struct alert_word inform = *word;
    struct notice_draft draft;
    if (!person || alert->journal.inform_due_unix_ms == 0)
        return;
    notice_draft_init(&draft);
    inform.about = NOTICE_INFORM;
    alert_make_texts(engine, alert, &inform, &draft);
    draft.about = NOTICE_INFORM;
    draft.incident = alert->incident;
    (void)notice_batch_add(engine, batch, &draft, &person, 1);
    notice_draft_done(&draft);
}

void alert_tell(struct engine *engine, struct alert *alert, struct ladder_effects effects,
                const struct alert_word *word, struct control *incident)
{
    struct notice_batch batch = {0};
    struct pending pending = {.saved = notice_batch_is_durable};
    struct notice_draft draft;
    uint8_t rung = alert->ladder.rung;
    bool is_informed = false;
    notice_batch_init(&batch);
    notice_draft_init(&draft);
    alert_make_texts(engine, alert, word, &draft);
    while (effects.levels != 0) {
        struct alert_people people = {.count = 0};
        engine_alert_people(engine, &alert->journal, effects.levels, &people);
        if (effects.is_loud)
            (void)fprintf(stderr, "interlock: nobody answers: %s\n", buf_text(&draft.line));
        rung = alert->ladder.rung;
        draft.rung = rung;
        draft.incident = alert->incident;
        is_informed = /* the message says who informs, by when, and what */
            is_informed || alert_people_have(&people, slice_text(alert->journal.informs));
        size_t made = notice_batch_add(engine, &batch, &draft, people.people, people.count);
        struct ladder_event told = {.kind = LADDER_TOLD,
                                    .now_unix_ms = engine->now_unix_ms,
                                    .rung = rung,
                                    .count = (uint32_t)made};
        ladder_step(&alert->ladder, &told, &effects);
    }
    if (word->is_opening && !is_informed)
        alert_add_inform(engine, alert, word, &batch);
    struct alert_write write = {
        .record = {.kind = RECORD_TELLING, .number = rung, .subject = notice_batch_names(&batch)},
        .incident = incident,
        .batch = &batch,
        .rows = word->rows,
        .row_count = word->row_count,
        .pending = &pending};
    alert_save(engine, alert, &write);
    notice_draft_done(&draft);
    notice_batch_done(&batch);
}

void alert_tell_told(struct engine *engine, struct alert *alert, struct alert_write *write,
                     const struct alert_word *word)
{
    struct notice_batch batch = {0};
    struct notice_draft draft;
    notice_batch_init(&batch);
    notice_draft_init(&draft);
    if (word->stop) {
        alert_make_texts(engine, alert, word, &draft);
        draft.about = word->about;
        draft.rung = alert->ladder.rung;
        draft.incident = alert->incident;
        draft.is_quiet = alert->journal.kind == INCIDENT_UNDONE || alert->journal.joined_into != 0;
        notice_batch_add_told(engine, &batch, &draft);
    }
    write->batch = &batch;
    alert_save(engine, alert, write);
    notice_draft_done(&draft);
    notice_batch_done(&batch);
}
