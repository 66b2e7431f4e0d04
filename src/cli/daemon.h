/* cli/daemon.h - one question to the daemon and its answer; where the daemon is, and who asks.
 * Owns: the URL (--url, INTERLOCK_URL, the `listen:` line), the token (INTERLOCK_TOKEN,
 *   secrets/cli-token), and the sentences for what went wrong.
 * Invariants:
 *   1. The `listen:` line is found by reading lines, not by loading the configuration: a policy
 *      with a mistake must not take the stop button away.
 *   2. A token goes to the daemon in a header only; it is never printed. */
#pragma once
#include <jansson.h>

#include "cli/invocation.h"

struct daemon_answer {
    int status;
    struct slice body; /* lives in the arena of the invocation */
    struct slice next; /* of the header Interlock-Next, or empty */
};
struct daemon_question {
    const char *method;
    struct slice target; /* path and query */
    struct slice body;   /* JSON, or empty */
    bool wants_text;     /* Accept: text/plain */
    bool wants_markdown; /* Accept: text/markdown */
    bool is_quiet;       /* that it is not reached is not told */
    int64_t wait_ms;     /* how long the daemon may take beside the usual; Prefer: wait */
    bool has_wait;
    struct slice key; /* Idempotency-Key, or empty */
};

/* false: not reached, and told; invocation->exit says the code. */
bool daemon_ask(struct invocation *invocation, const struct daemon_question *question,
                struct daemon_answer *out_answer);
/* GET with the text or, with --json, the JSON form; prints a good answer as it is. Gives the exit
 * code; a bad answer was told. */
int daemon_show(struct invocation *invocation, struct slice target);
/* Tells a bad answer (problem+json): what, why, what to do. Gives the exit code. */
int daemon_tell(struct invocation *invocation, const struct daemon_answer *answer);
/* Is there a token to ask with, and a place? Nothing is told. */
bool daemon_has_token(struct invocation *invocation);
static inline bool daemon_is_good(const struct daemon_answer *answer)
{
    return answer->status >= 200 && answer->status < 300;
}
/* The JSON of an answer, or NULL (told). The caller frees it by json_decref. */
json_t *daemon_json(struct invocation *invocation, const struct daemon_answer *answer);
/* Asks. With --json a good answer is printed; else the object is given, for words. NULL: there is
 * nothing more to say, and invocation->exit is the code. The caller frees it by json_decref. */
json_t *daemon_object(struct invocation *invocation, const struct daemon_question *question);
/* A text member, or "" when absent or of another type. Lives as long as the object. */
const char *daemon_text(const json_t *object, const char *name);

/* Was another place than that of the config file given (--url, INTERLOCK_URL)? */
bool daemon_is_elsewhere(const struct invocation *invocation);
/* A time of the API as people of the installation read it: "13:57 Europe/Madrid", with its date
 * when that is not today's; another text as it is. In the arena. */
const char *daemon_time(struct invocation *invocation, const char *time);
/* PREFIX and a path segment, encoded. In the arena. */
struct slice daemon_target(struct invocation *invocation, const char *prefix, struct slice segment,
                           const char *suffix);
