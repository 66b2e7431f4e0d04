/* core/restart.h - may it run again? Who asked, for what, and who may say yes (R20).
 * Owns: the request to restart an incident, when it is over, and the rules of its approval. Pure.
 * Invariants:
 *   I11 who asked does not approve, but under `alone:`, after its time, and the answer says so.
 *   1. A service neither asks nor approves.
 *   2. An approval is for exactly what was asked for: another digest (a further stop, another
 *      configuration) voids the request.
 *   3. A request is over RESTART_ASKED_MS after it was made; with `alone:` so long after the time
 *      from which who asked may approve it.
 *   4. `alone:` is the stricter of now and when the incident opened.
 *   5. A no ends the request. It is said by whoever may approve, or by who asked; by another one
 *      than who asked it also ends the right of `alone:` for the incident: asking anew does not
 *      bring it back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/slice.h"

enum { RESTART_DIGEST = 16, RESTART_ASKED_MS = 60 * 60 * 1000 };

/* Parts of stored rows: only ever add at the end. */
enum restart_end {
    RESTART_END_NONE,     /* it stands, was used, is over; or nobody has ever asked */
    RESTART_END_REJECTED, /* somebody else said no */
    RESTART_END_WITHDRAWN /* who asked took it back */
};

struct restart_request {
    char by[LIMIT_NAME + 1]; /* the person; "" = nobody asks */
    int64_t at_unix_ms;
    unsigned char digest[RESTART_DIGEST]; /* of what is asked for */
    enum restart_end end;                 /* by "" = nobody: how the last one ended */
};

/* How things are now. */
struct restart_terms {
    int64_t now_unix_ms;
    int64_t alone_ms;         /* by the policy in force; 0 = never */
    int64_t alone_ms_at_open; /* and when the incident opened */
    bool needs_other;         /* somebody has said no in this incident: nobody approves alone */
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
    RESTART_REJECTED,    /* somebody has said no to it */
    RESTART_WITHDRAWN,   /* who asked has taken it back */
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
/* May this voice say no to it: RESTART_YES, or why not. Those who may approve, and who asked. */
enum restart_says restart_decide_no(const struct restart_request *request,
                                    const struct restart_terms *terms,
                                    const struct restart_voice *voice);
/* A no that may be said: from here on nothing stands. */
void restart_end(struct restart_request *request, struct slice person);
/* Does it stand: asked, not over, not changed? */
bool restart_stands(const struct restart_request *request, const struct restart_terms *terms);
/* After how long who asked may approve; 0 = never. */
int64_t restart_alone_ms(const struct restart_terms *terms);
int64_t restart_over_unix_ms(const struct restart_request *request,
                             const struct restart_terms *terms);
const char *restart_says_name(enum restart_says says);
