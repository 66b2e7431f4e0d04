/* loop/admin.h - what admins do: reload, tokens, backup, erasing, who is away.
 * Owns: which configuration is in force, and who follows the log (admin.c); what is erased
 *   (erase.c); who is away (away.c).
 * Invariants:
 *   I7  a bad policy file never lifts a stop: the configuration in force stays.
 *   R24 what is erased goes in the write that says so. */
#pragma once
#include "base/list.h"
#include "port/engine.h"

struct engine;
struct entry;
struct pending;

struct follower {
    struct list link;
    uint64_t handle;
    void (*on_record)(void *arg, uint64_t seq);
    void *arg;
};

/* ---- admin.c ---- */
/* The configuration in force, whole, with the record that says so. */
void engine_save_policy(struct engine *engine, struct slice actor, const struct pending *pending);
void engine_port_admin(struct engine_port *port);

/* ---- erase.c ---- */
/* ENGINE_ERASE; REFUSAL_NONE: it is on its way to the store. */
enum refusal engine_erase(struct engine *engine, const struct engine_call *call,
                          struct entry *entry);
/* The sweep by age (`retain:`): a bounded turn, when it is time. */
void engine_run_retain(struct engine *engine);

/* ---- away.c ---- */
MUST_USE enum err engine_load_away(struct engine *engine);
/* Whose time is over, or who has left, is away no longer: nobody acts in their place. */
void engine_run_away(struct engine *engine);
void engine_port_away(struct engine_port *port);
