/* loop/restarts.h - how an incident comes back, as the files of the engine see it.
 * Owns: struct restart: requests and approvals (restarts.c); who may start meanwhile (ramps.c).
 * Invariants:
 *   I6  an approval lifts exactly the stops that were asked for; while a ramp runs, its stops bind
 *       all that it does not let in.
 *   I11 neither who asked nor a service approves. */
#pragma once
#include "base/list.h"
#include "core/ramp.h"
#include "core/restart.h"
#include "loop/stops.h"
#include "port/engine.h"
#include "port/store.h"
#include "record/incident_view.h"
#include "record/restart_row.h"

struct buf;
struct config;
struct engine;
struct entry;
struct group;
struct ramp;
struct view;

/* A request to restart an incident, and the ramp that follows its approval. */
struct restart {
    struct list link; /* of engine->restarts */
    struct restart_row row;
    bool is_dirty; /* its row changed with the action that is saved next */
};

/* ---- restarts.c ---- */
/* In memory; NULL: nobody has asked, or it is long over. */
struct restart *engine_restart_of(struct engine *engine, uint64_t incident);
/* Also of one that is long over; ERR_NOT_FOUND: nobody has ever asked. */
MUST_USE enum err engine_read_restart(struct engine *engine, uint64_t incident,
                                      struct restart_row *out);
/* How the request stands: which terms hold now. The digest lives in out_digest. */
struct restart_terms engine_restart_terms(struct engine *engine, uint64_t incident,
                                          unsigned char out_digest[RESTART_DIGEST]);
/* Those who approve it: the group `restart` of its scope, or who inherits from it. */
const struct group *engine_restarters(struct engine *engine, const struct stop *stop);
/* The row of a restart as it is now, in one record; pending as for a control. */
void engine_save_restart(struct engine *engine, struct restart *restart, struct record *record,
                         struct slice words, const struct pending *pending);
/* The same in one unit with the stops of its incident, which change as said. */
void engine_save_restart_with_stops(struct engine *engine, struct restart *restart,
                                    const struct record *record, struct stops_change *change,
                                    const struct pending *pending);
/* The stop that a word on a restart is about; NULL: refused, and told. */
struct stop *engine_restart_stop(struct engine *engine, uint64_t incident, engine_done_fn *done,
                                 void *arg);
/* It is durable: told to who spoke. */
void engine_restart_saved(struct pending *pending);
void engine_restart_copy_name(char out[LIMIT_NAME + 1], struct slice name);
/* A word on a restart, yes or no: whoever decides says in refusal.says what becomes of it. */
struct restart_hearing {
    struct restart *restart; /* NULL: nobody has ever asked */
    unsigned char digest[RESTART_DIGEST];
    struct restart_terms terms; /* as they are now; its digest is the one above */
    struct restart_voice voice; /* who speaks: membership counts at the use (R20) */
    struct restart_refusal refusal;
};
/* Its words live in the arena. */
void engine_restart_hear(struct engine *engine, const struct stop *stop,
                         const struct principal *principal, struct arena *arena,
                         struct restart_hearing *out);
/* Tells it to who spoke. text: the sentence. */
void engine_restart_refuse(enum restart_says says, const char *text, const struct pending *reply);
/* Who spoke gets no answer and says it again: the same one, when all of it is durable. */
void engine_restart_repeat(struct engine *engine, struct restart *restart, struct pending *reply);
/* R20: would each request that stands find somebody to approve it? Said in words where not. */
bool engine_restarts_allow(struct engine *engine, const struct config *next, struct buf *out);
/* How the stop that holds an action stands: who asks for its restart, how far its ramp is. */
void engine_restart_view(struct engine *engine, const struct stop *stop, struct arena *arena,
                         struct view *out);
/* The no that ended the last request, or came before the one that stands, in words; or empty. */
struct slice engine_restart_no_words(struct engine *engine, uint64_t incident, struct arena *arena);
/* How far an open incident is on its way back, for its page. */
void engine_restart_words(struct engine *engine, struct arena *arena, struct incident_view *view);
MUST_USE enum err engine_load_restarts(struct engine *engine);
void engine_restarts_done(struct engine *engine);
void engine_port_restarts(struct engine_port *port);

/* ---- holders.c ---- */
/* "everything on review (i_…)": what still holds what a lifted stop has let go. *out_is_whole: all
 * of it. */
void engine_holders_add(struct engine *engine, const struct stop *lifted, struct buf *out,
                        bool *out_is_whole);
/* The same of an incident whose stops are lifted, or start again. */
void engine_holders_view(struct engine *engine, struct arena *arena, struct incident_view *view);

/* ---- rejections.c ---- */
/* Somebody says no to the request that stands: engine_port.reject. */
void engine_port_rejections(struct engine_port *port);

/* ---- restart_news.c ---- */
/* Tells what row.news says, right after the write that made it durable. reason: of the request;
 * empty = the one that is stored. */
void engine_tell_restart(struct engine *engine, struct restart *restart, struct slice reason);
/* What is not told yet, before other news takes its place. */
void engine_tell_restart_first(struct engine *engine, struct restart *restart);
/* Time has passed: told on, void, over; and what a crash left untold. */
void engine_run_restart_news(struct engine *engine);
/* A message of that rung failed for good. */
void engine_restart_lost(struct engine *engine, uint64_t incident, uint8_t rung);

/* ---- ramps.c ---- */
/* The ramp of the scope of a stop, and how long a stage may stand still. */
const struct ramp *engine_ramp_of(const struct engine *engine, const struct stop *stop,
                                  int64_t *out_stage_due_ms);
/* The policy that a ramp goes by; another one sends it back. */
void engine_ramp_terms(const struct engine *engine, const struct stop *stop,
                       unsigned char out[RESTART_DIGEST]);
/* Which ramps let it start, or go on. */
void engine_let_in(const struct engine *engine, const struct action *action,
                   const unsigned char *key_hash, struct let_in *out);
/* All that run: for calls that are no action's. */
void engine_let_in_all(const struct engine *engine, struct let_in *out);
/* What one event of an action means for them: before its write, which takes their rows with it. */
void engine_ramps_after(struct engine *engine, const struct entry *entry,
                        const struct action *before, const struct action_effects *effects);
/* Rows of those that the write changes, at most LIMIT_RAMPS; returns how many. */
size_t engine_ramp_rows(struct engine *engine, struct arena *arena, struct store_row *out_rows);
/* After that write: what has passed, is over, is stuck, and has no record yet, gets it. */
void engine_ramps_follow(struct engine *engine);
/* What the records and people do not know of one yet, before somebody's word changes it. */
void engine_ramp_make_up(struct engine *engine, struct restart *restart);
/* Is there anything that both cover? A workflow goes by any of its names (R28). */
bool engine_stops_meet(const struct engine *engine, const struct stop *a, const struct stop *b);
/* A further stop is in force: ramps on its scope are over, as stopped. */
void engine_ramps_stopped(struct engine *engine, const struct stop *stop);
/* Another configuration is in force. */
void engine_ramps_reloaded(struct engine *engine, struct slice actor);
/* At a start: a stop was saved, and that it sends a ramp back was not. */
void engine_ramps_recovered(struct engine *engine);
void engine_run_ramps(struct engine *engine);
/* When that is worth calling; 0 = not by time. */
int64_t engine_ramps_due_unix_ms(const struct engine *engine);
/* An incident is starting again by its ramp, and nobody needs to do anything. */
bool engine_is_ramping(struct engine *engine, uint64_t incident);
/* It is approved: the ramp begins, or what is stuck goes on. */
void engine_ramp_begin(struct engine *engine, struct restart *restart, const struct stop *stop);
