/* cli/init.h - what `interlock init` is about to write.
 * Owns: the plan of one installation with one workflow, from answers and a curl command to texts.
 *   Pure but for the questions in init.c.
 * Invariants:
 *   1. No byte of a secret is in any text but the one of its own file.
 *   2. What is written passes `interlock check` without errors (tests/unit/cli_init.cases). */
#pragma once
#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cli/curl.h"
#include "policy/types.h"

enum { INIT_FIELDS = 32 };

struct init_field {
    struct slice name;
    const char *type;     /* as in `input:` */
    struct slice example; /* as on a command line */
    bool is_secret;       /* masked */
};

enum init_secret { INIT_NO_SECRET, INIT_SECRET_FILE, INIT_SECRET_ENV };

struct init_plan {
    struct arena *arena;
    struct slice workflow, purpose, step, owner, restart, listen, timezone;
    enum kind kind;
    bool has_kind;
    struct slice key; /* empty = to be guessed */

    /* from the curl command; without one, the sample of the kind at a sandbox */
    bool has_call;
    bool is_insecure; /* it said -k */
    struct slice upstream, base_url, method, target;
    enum auth_kind auth;
    struct slice auth_name;
    enum init_secret secret_source;
    struct slice secret; /* the value, or the variable's name */
    struct slice key_header;
    size_t header_count;
    struct curl_header headers[LIMIT_HEADERS];
    json_t *body; /* with templates in place of values, or NULL */
    struct slice recipient, amount;
    size_t field_count;
    struct init_field fields[INIT_FIELDS];
};

/* A name that policies accept, made of text: lower case, digits, "-". Empty when nothing is left.
 */
struct slice init_name(struct arena *arena, struct slice text);
bool init_name_is_good(struct slice name);
/* Takes a curl command into the plan: call, upstream, secret, fields, body, kind, recipient. */
bool init_take_curl(struct init_plan *plan, struct slice command, struct slice *out_mistake);
/* Fills what is still empty. */
void init_fill(struct init_plan *plan);
/* The key that the fields suggest: "${input.invoice}". */
struct slice init_guess_key(const struct init_plan *plan);

void init_add_config(const struct init_plan *plan, struct buf *out);
void init_add_policy(const struct init_plan *plan, struct buf *out);
/* "interlock try W S name=value …" with the examples of the curl command. */
void init_add_try(const struct init_plan *plan, struct buf *out);
