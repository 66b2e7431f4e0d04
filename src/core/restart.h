/* core/restart.h - may it run again? Who asked, for what, and who may say yes (R20).
 * Owns: the request to restart an incident, when it is over, and the rules of its approval. Pure.
 * Invariants:
 *   I11 who asked does not approve, but under `alone:`, after its time, and the answer says so.
 *   1. A service neither asks nor approves.
 *   2. An approval is for exactly what was asked for: another digest (a further stop, another
 *      configuration) voids the request.
 *   3. A request is over RESTART_ASKED_MS after it was made; with `alone:` so long after the time
 *      from which who asked may approve it.
 *   4. `alone:` is the stricter of now and when the incident opened. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/slice.h"

enum { RESTART_DIGEST = 16, RESTART_ASKED_MS = 60 * 60 * 1000 };

struct restart_request {
    char by[LIMIT_NAME + 1]; /* the person; "" = nobody asks */
    int64_t at_unix_ms;
    unsigned char digest[RESTART_DIGEST]; /* of what is asked for */
};

/* How things are now. */
struct restart_terms {
    int64_t now_unix_ms;
    int64_t alone_ms;         /* by the policy in force; 0 = never */
    int64_t alone_ms_at_open; /* and when the incident opened */
    const unsigned char *digest;
};
/* Who speaks. */
struct restart_voice {
    struct slice person; /* or the service's human */
    bool is_service;
    bool is_member; /* of the group `restart`, now */
};

/* In the order in which they are asked; zero is the careful one. */
enum restart_says {
    RESTART_NOT_ASKED,   /* nobody has asked */
    RESTART_SERVICE,     /* a service does not approve */
    RESTART_NOT_MEMBER,  /* only the group `restart` does */
    RESTART_OVER,        /* asked too long ago */
    RESTART_CHANGED,     /* what is stopped, or the configuration, is not what it was */
    RESTART_OWN,         /* who asked does not approve */
    RESTART_OWN_NOT_YET, /* who asked may approve later: `alone:` */
    RESTART_YES,
    RESTART_YES_ALONE, /* who asked approves, as the policy allows */
    RESTART_SAYS_COUNT
};

enum restart_says restart_decide(const struct restart_request *request,
                                 const struct restart_terms *terms,
                                 const struct restart_voice *voice);
/* Does it stand: asked, not over, not changed? */
bool restart_stands(const struct restart_request *request, const struct restart_terms *terms);
/* After how long who asked may approve; 0 = never. */
int64_t restart_alone_ms(const struct restart_terms *terms);
int64_t restart_over_unix_ms(const struct restart_request *request,
                             const struct restart_terms *terms);
const char *restart_says_name(enum restart_says says);
