/* loop/incidents.h - what an incident holds, what changed before it, which trouble opens one.
 * Owns: incidents as they are read (incidents.c); the journals of open ones, in struct alert
 *   (journals.c); causes (changes.c); who signed the plan (plans.c); what has lasted (troubles.c);
 *   which of them are one (joins.c).
 * Invariants:
 *   1. What is said is a record of its own: nothing that was said is written over.
 *   2. One trouble is one incident (decision 0025).
 *   I12 what is degraded is told when it lasts. */
#pragma once
#include "port/engine.h"
#include "record/incident_view.h"
#include "record/journal.h"
#include "record/tally.h"

struct alert;
struct arena;
struct engine;
struct row;
struct stop;

/* ---- incidents.c ---- */
/* An incident with its journal; ERR_NOT_FOUND. Slices live in the arena. */
MUST_USE enum err engine_read_incident(struct engine *engine, uint64_t id, struct arena *arena,
                                       struct engine_incident *out);
/* What a person said with that record; or empty. */
struct slice engine_words(struct engine *engine, uint64_t seq, struct arena *arena);
/* Why that stop was made, as somebody said; or empty. */
struct slice engine_stop_reason(struct engine *engine, const struct stop *stop,
                                struct arena *arena);
void engine_port_incidents(struct engine_port *port);

/* ---- journals.c ---- */
/* What is counted and who is named as it opens; its names and times are there. */
void engine_journal_open(struct engine *engine, struct journal *journal);
/* Its scope has grown: what is new in it counts from now on. */
void engine_journal_widen(struct engine *engine, const struct journal *former,
                          struct journal *inout_journal);
/* What it is called: "inquiry-routing", "upstream mailer", "everything", "clock". */
void engine_journal_add_scope(const struct journal *journal, const struct stop *scope,
                              struct buf *out);
/* What the workflows of its scope count, from the hour of its opening on. */
void engine_journal_tally(struct engine *engine, const struct journal *journal, struct tally *out);
/* The same since it opened: without what that hour had counted before. */
void engine_journal_since(const struct journal *journal, struct tally *inout_tally);
/* How many of its scope were lost since it opened, by the counts; LOST_UNKNOWN. Of an empty
 * journal: of all that there ever was. */
int64_t engine_journal_lost(struct engine *engine, const struct journal *journal);
/* How many wait in its scope now; of an upstream: for it. */
uint64_t engine_journal_waits(struct engine *engine, const struct journal *journal);
/* Trouble of an upstream: it is that of each workflow that calls it, and told to its owner. */
bool engine_journal_is_shared(const struct journal *journal);
/* Is that workflow within its scope? */
bool engine_journal_covers(const struct engine *engine, const struct journal *journal,
                           struct slice workflow);
/* The strictest of its stops in force; of none: that of the first. */
enum position engine_incident_position(const struct engine *engine, uint64_t incident,
                                       const struct stop *first);
/* Of one that is closed, too; ERR_NOT_FOUND. */
MUST_USE enum err engine_read_journal(struct engine *engine, uint64_t incident,
                                      struct journal *out);
/* Whoever is to inform others and has not is told once more. */
void engine_run_journals(struct engine *engine);
/* Why, of one that no stop made: what lasts, or what the trigger said. */
struct slice engine_alert_why(struct engine *engine, const struct alert *alert,
                              struct arena *arena);
void engine_port_journals(struct engine_port *port);

/* ---- changes.c ---- */
/* What is different about the actions that went wrong before it opened. */
MUST_USE enum err engine_find_changes(struct engine *engine, struct arena *arena,
                                      struct incident_view *view);

/* ---- plans.c ---- */
void engine_port_plans(struct engine_port *port);

/* ---- troubles.c ---- */
/* What lasts becomes an incident; what is over closes it. */
void engine_run_troubles(struct engine *engine);
/* An action ended: by a fallback of that cause, or by none. */
void engine_trouble_ended(struct engine *engine, const struct row *row);
/* The start: an open incident of the last run. */
void engine_trouble_loaded(struct engine *engine, const struct journal *journal);

/* ---- joins.c ---- */
/* Does an open incident tell of it already? */
bool engine_trouble_is_told(struct engine *engine, const struct journal *journal);
/* A trouble that lasts: an incident of its own, or part of an open one. true: somebody is told. */
bool engine_trouble_open(struct engine *engine, const struct journal *journal);
/* How many are late by now: said in place of the number that its incident opened with. */
void engine_trouble_count(struct engine *engine, const struct journal *journal);
/* The open incident that tells already of what a trigger's alert is about; or NULL. */
struct alert *engine_alarm_incident(struct engine *engine, const struct journal *alarm);
/* The same, also where that one began as the alert itself; 0. */
uint64_t engine_alarm_told(struct engine *engine, const struct journal *alarm);
/* Is that alert about what an open incident of the kind tells already? One that may become part of
 * what lasts, and end with it, tells of its own signal alone. */
bool engine_alarms_are_one(const struct journal *open, const struct journal *alarm);
/* Open incidents that another one explains by now become part of that. */
void engine_run_joins(struct engine *engine);
