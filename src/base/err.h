/* base/err.h - the operating errors: what can go wrong without anybody's mistake.
 * Owns: their names and texts. How each is answered: reply_err in api/reply.c.
 * Invariants:
 *   1. ERR_OK is zero; every other value has a text of its own.
 *   2. errno, SQLite and libcurl codes become an enum err where they arise. */
#pragma once

#define ERR_LIST(X)                                                                                \
    X(ERR_OK, "ok")                                                                                \
    X(ERR_NO_MEMORY, "out of memory")                                                              \
    X(ERR_LIMIT, "a limit was reached")                                                            \
    X(ERR_BUSY, "a queue is full")                                                                 \
    X(ERR_NO_SPACE, "no space left on the disk of the store")                                      \
    X(ERR_IO, "reading or writing failed")                                                         \
    X(ERR_CORRUPT, "stored data is damaged")                                                       \
    X(ERR_LOCKED, "another process holds the lock")                                                \
    X(ERR_VERSION, "stored by a newer version")                                                    \
    X(ERR_CONFLICT, "it exists already")                                                           \
    X(ERR_NOT_FOUND, "not found")                                                                  \
    X(ERR_INVALID, "not valid")                                                                    \
    X(ERR_DENIED, "not allowed")                                                                   \
    X(ERR_UNREACHABLE, "not reachable")                                                            \
    X(ERR_CLOSED, "closed")

enum err {
#define X(name, text) name,
    ERR_LIST(X)
#undef X
        ERR_COUNT
};

/* A constant text without a final full stop. */
const char *err_text(enum err err);

#define MUST_USE __attribute__((warn_unused_result))
