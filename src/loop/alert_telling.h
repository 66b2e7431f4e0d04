/* loop/alert_telling.h - one telling of an incident, for the files of its alerts.
 * Owns: what is said (alert_texts.c), and its write (alert_telling.c). Which telling is due is the
 *   ladder's (alerts.c).
 * Invariants:
 *   1. Ladder, journal and messages are one write: no crash leaves one without the others.
 *   R23 secrets that stand in a person's words do not leave. */
#pragma once
#include "loop/alerts.h"
#include "loop/steps.h"
#include "record/notice.h"

struct notice_batch;
struct notice_draft;

/* What one telling says, of which stop. */
struct alert_word {
    const struct stop *stop; /* NULL: nothing is known of it any more */
    enum notice_about about;
    struct slice by, reason;
    struct slice asked_by;        /* RECOVERED of a stop: who asked that it runs again */
    bool is_opening;              /* those who are told hear of it for the first time */
    const struct store_row *rows; /* that become durable with it */
    size_t row_count;
};

/* One write: what happened to the incident, where it has a row of its own, and what is told. */
struct alert_write {
    struct record record;
    struct control *incident; /* before it; or NULL */
    struct slice words;       /* what somebody said with it; or empty */
    struct notice_batch *batch;
    const struct store_row *rows; /* besides */
    size_t row_count;
    const struct pending *pending;
};

/* ---- alert_texts.c ---- */
/* What waits in the scope of a stop, as far as the counters know it. */
uint64_t alert_count_waiting(struct engine *engine, const struct stop *stop);
/* Line, body and scope of the draft. word->stop is there. */
void alert_make_texts(struct engine *engine, const struct alert *alert,
                      const struct alert_word *word, struct notice_draft *draft);

/* ---- alert_telling.c ---- */
/* The rows of ladder and journal, then those of the messages, in one write with one record. */
void alert_save(struct engine *engine, const struct alert *alert, struct alert_write *write);
/* Whoever is named to inform others hears of it at once, with a draft. */
void alert_add_inform(struct engine *engine, const struct alert *alert,
                      const struct alert_word *word, struct notice_batch *batch);
/* Does what the core says: whom to tell, until a rung has somebody. incident: its own record, where
 * it opens by this; or NULL. */
void alert_tell(struct engine *engine, struct alert *alert, struct ladder_effects effects,
                const struct alert_word *word, struct control *incident);
/* Those who were told are told the end of it, or those receivers that keep a state. */
void alert_tell_told(struct engine *engine, struct alert *alert, struct alert_write *write,
                     const struct alert_word *word);
