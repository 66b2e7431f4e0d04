/* loop/alerts.h - who is told of an incident, and told on, until somebody answers.
 * Owns: struct alert: the open incidents (alerts.c); whom a level of the ladder names
 *   (alert_people.c). What is told, and its write: alert_telling.h.
 * Invariants:
 *   1. An incident is durable together with its first messages.
 *   R28 the people are those of the configuration in force. */
#pragma once
#include "base/limits.h"
#include "base/list.h"
#include "core/ladder.h"
#include "core/switchboard.h"
#include "loop/steps.h"
#include "record/journal.h"

struct duties;
struct engine;
struct person;

/* An incident that somebody is told of until it is acknowledged or closed. */
struct alert {
    struct list link; /* of engine->alerts */
    uint64_t incident;
    struct ladder ladder;
    char by[LIMIT_NAME + 1]; /* who acknowledged it last */
    struct journal journal;
    struct stop scope; /* of one that no stop made: its scope, as a stop's */
};

/* What a trigger says that moves nothing. */
struct engine_alarm {
    struct slice workflow, step; /* step: empty = all of it */
    struct slice words;          /* "19 of the last 100 wrong, limit 10 %" */
    struct slice by;             /* "trigger late" */
    struct journal_trip trip;
};

/* ---- alerts.c ---- */
/* `alert` of a trigger: somebody is told, until somebody answers. */
void engine_alarm(struct engine *engine, const struct engine_alarm *alarm);
/* An incident that no stop makes, with its journal and its first messages in one write; why: in
 * words, or empty. NULL: LIMIT_ALERTS, or the store has no room. */
struct alert *engine_alert_begin(struct engine *engine, const struct journal *journal,
                                 struct slice why);
/* What ended undone, with the rows that say who was told: an incident of its own, or one more
 * message of the open one that the journal names. false: as above. */
bool engine_alert_undone(struct engine *engine, const struct journal *journal,
                         const struct store_row *rows, size_t row_count);
/* A later trouble is the same one: from now on its journal is this one. Said in its story in these
 * words; who answers for it and has not heard of it is told. */
void engine_alert_join(struct engine *engine, struct alert *alert, const struct journal *journal,
                       struct slice words);
/* Something more is the same trouble: said in its story, and told to whoever has not heard of it:
 * the first of those who answer for `journal`, and who was told of the incident record.number. */
void engine_alert_add(struct engine *engine, struct alert *alert, const struct record *record,
                      struct slice words, const struct journal *journal);
/* Its end, with what is told of it: "15:10 · 409 sent by 15:19". reply: whose done is told when it
 * is durable; or NULL. */
void engine_alert_end(struct engine *engine, struct alert *alert, struct slice by,
                      struct slice words, const struct pending *reply);
/* Its journal changed: saved with the record that says so, whose words go into its payload. */
void engine_alert_save(struct engine *engine, struct alert *alert, const struct record *record,
                       struct slice words, const struct pending *pending);
/* Does somebody take care of it? Their word holds for a while (LADDER_HOLD_MS). */
static inline bool engine_alert_is_answered(const struct alert *alert)
{
    return alert->ladder.state == LADDER_ACKNOWLEDGED;
}
/* The open incident, or NULL. */
struct alert *engine_alert_find(struct engine *engine, uint64_t incident);
/* Whoever is to inform others is told once more. */
void engine_alert_remind(struct engine *engine, struct alert *alert);
/* Right after the writes of the stop and of its incident; the same for its end. trip: of a
 * trigger; or NULL. */
void engine_alert_open(struct engine *engine, const struct stop *stop, struct slice reason,
                       const struct journal_trip *trip);
void engine_alert_close(struct engine *engine, const struct stop *stop, struct slice by,
                        struct slice reason);
/* A message of that rung failed for good. */
void engine_alert_lost(struct engine *engine, uint64_t incident, uint8_t rung);
/* Time has passed: the next rung of those that nobody has answered. */
void engine_run_alerts(struct engine *engine);
/* The incidents that nobody answers for, as many as there is room for. */
size_t engine_unanswered(const struct engine *engine, uint64_t *out_incidents, size_t room);
MUST_USE enum err engine_load_alerts(struct engine *engine);
void engine_alerts_done(struct engine *engine);
void engine_port_alerts(struct engine_port *port);

/* ---- alert_people.c ---- */
enum { ALERT_PEOPLE = 256 }; /* told by one rung */
struct alert_people {
    const struct person *people[ALERT_PEOPLE];
    size_t count;
};
bool alert_people_have(const struct alert_people *people, struct slice name);
/* Each once; NULL is nobody. What finds no room is left out. */
void alert_people_add(struct alert_people *people, const struct person *person);
/* The members of a group, but one of that name; group: or NULL. */
void alert_people_add_members(struct alert_people *people, const struct group *group,
                              struct slice but);
/* The people of some levels, each once. */
void engine_alert_people(const struct engine *engine, const struct journal *journal,
                         unsigned levels, struct alert_people *out);
/* Of its workflow in the configuration in force, else of the switch. */
const struct duties *engine_alert_duties(const struct engine *engine,
                                         const struct journal *journal);
