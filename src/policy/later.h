/* policy/later.h - what is read and checked now, and enforced by a later version (IL900).
 * Owns: the one list of such fields: what each will do, what holds until then, and which later work
 *   takes it off the list.
 * Invariants:
 *   1. What is in a configuration and does nothing yet is told, each time it is loaded.
 *   2. Each entry has a sample in tests/unit/policy/later.cases that gives exactly its warning. */
#pragma once
#include "policy/read.h"

/* X(id, field, what holds until then, the work that brings it) */
#define LATER_LIST(X)                                                                              \
    X(LATER_KEY_KEEP, "key_keep", "keys are kept for ever", "retention")                           \
    X(LATER_CONSOLE, "console", "there is no page yet; behind_proxy counts", "the console")        \
    X(LATER_TLS, "tls", "interlock serves plain http", "TLS at the door")                          \
    X(LATER_WITNESS, "witness", "a restored backup is not noticed", "restore and witness")         \
    X(LATER_GAP_WATCH, "gap_watch", "a restored backup is not noticed", "restore and witness")

enum later {
#define X(id, field, until, work) id,
    LATER_LIST(X)
#undef X
        LATER_COUNT
};
struct later_entry {
    const char *id, *field, *until, *work;
};
extern const struct later_entry later_entries[LATER_COUNT];

/* The warning, at the key of the node (or at the node, in a list). */
void later_tell(struct load *load, enum later later, const struct yaml *node);
