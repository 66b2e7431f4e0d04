/* api/reply.h - the answers: an action with the status of design 4.4, a value, a text, a trouble.
 * Owns: status, headers and stable code of every answer. The forms are record/'s.
 * Invariants:
 *   1. A status below 300 for a submit means an effect, a declared answer, or 202: a caller that
 *      only looks at the status never reads "sent" where nothing was (4.4).
 *   2. Every 4xx and 5xx is application/problem+json, says whether trying again helps
 *      (`retryable`, x-should-retry), and has the action inside where there is one.
 *   3. A stranger gets state and id only (R7), decided by the rights of the moment.
 *   4. The status of a trouble stands in this table and nowhere else. */
#pragma once
#include "api/call.h"

/* Name, status, stable code (the end of the problem's type), title. */
#define TROUBLE_LIST(X)                                                                            \
    X(TROUBLE_INTERNAL, 500, "internal", "interlock could not do this")                            \
    X(TROUBLE_BAD_JSON, 400, "bad-json", "the body is not valid JSON")                             \
    X(TROUBLE_BAD_TYPE, 415, "not-json", "the body is not declared as JSON")                       \
    X(TROUBLE_BAD_BODY, 422, "bad-body", "the body is not what this call takes")                   \
    X(TROUBLE_BAD_HEADER, 400, "bad-header", "a header is not what it should be")                  \
    X(TROUBLE_BAD_QUERY, 400, "bad-query", "a parameter is not what it should be")                 \
    X(TROUBLE_BAD_ID, 404, "bad-id", "this is no id of interlock")                                 \
    X(TROUBLE_BAD_CONFIDENCE, 400, "bad-confidence", "confidence is a number from 0 to 1")         \
    X(TROUBLE_NO_TOKEN, 401, "no-token", "a token is needed")                                      \
    X(TROUBLE_BAD_TOKEN, 401, "bad-token", "the token is not known")                               \
    X(TROUBLE_DENIED, 403, "not-allowed", "the token's owner may not do this")                     \
    X(TROUBLE_NO_PATH, 404, "no-such-path", "there is no such path")                               \
    X(TROUBLE_NO_METHOD, 405, "no-such-method", "the path does not have this method")              \
    X(TROUBLE_NOT_FOUND, 404, "not-found", "not found")                                            \
    X(TROUBLE_CONFLICT, 422, "key-conflict", "the key was used with other input")                  \
    X(TROUBLE_BAD_INPUT, 422, "bad-input", "the input is not what the step takes")                 \
    X(TROUBLE_NO_KEY, 428, "key-required", "a key is needed")                                      \
    X(TROUBLE_KEY_DIFFERS, 400, "key-differs", "the key is not the one of the policy")             \
    X(TROUBLE_NOT_NOW, 409, "not-now", "this cannot be done in the state as it is")                \
    X(TROUBLE_STOPPED, 503, "stopped", "stopped: nothing was stored")                              \
    X(TROUBLE_NO_ROOM, 503, "no-room", "no room: nothing was stored")                              \
    X(TROUBLE_STORE_FAILED, 503, "store-failed", "the store does not take anything")               \
    X(TROUBLE_STOP_NOT_DURABLE, 503, "stop-not-durable", "stopped, but not yet stored")            \
    X(TROUBLE_TOO_LARGE, 422, "answer-too-large", "the answer would be too large")                 \
    X(TROUBLE_NO_POLICY, 422, "policy-refused", "the configuration was not taken")                 \
    X(TROUBLE_REJECTED, 403, "rejected", "not done: rejected")                                     \
    X(TROUBLE_EXPIRED, 409, "expired", "not done: its time ran out")                               \
    X(TROUBLE_CANCELLED, 409, "cancelled", "not done: cancelled")                                  \
    X(TROUBLE_FAILED, 502, "failed", "not done: failed")
enum trouble_code {
#define X(name, status, code, title) name,
    TROUBLE_LIST(X)
#undef X
        TROUBLE_COUNT
};

struct trouble {
    enum trouble_code code;
    struct slice detail;     /* what is wrong here, and what would be right; may be empty */
    struct slice pointer;    /* JSON pointer into the body; may be empty */
    const struct view *view; /* the action as it is, or NULL */
    int64_t retry_after_ms;  /* 503 */
};
void reply_trouble(struct call *call, const struct trouble *trouble);
/* The common one: a code and a sentence in printf form. */
void reply_refuse(struct call *call, enum trouble_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The response as this caller may see it: who submitted the action has its own words back, for all
 * others the masked ones are hints there too (R23). */
void reply_mask_response(struct call *call, struct view *view);
/* An action to the one who acts on it: status, headers and form by its state. */
void reply_action(struct call *call, const struct view *view);
/* The same as 200, whatever the state: it was only asked for. */
void reply_action_read(struct call *call, const struct view *view);
/* What would be: 200, marked as a dry run; nothing was stored or sent. */
void reply_dry_run(struct call *call, const struct engine_reply *reply);
/* The refusal of an engine call. reply->outcome is not ENGINE_TAKEN. */
void reply_refusal(struct call *call, const struct engine_reply *reply);
/* The engine_done_fn to give away with a call: `taken` answers when the engine has taken it, else
 * its refusal is the answer. */
engine_done_fn *reply_when_taken(struct call *call, call_taken_fn *taken);
/* The same of a call whose body has no `input`: what is wrong stands in the body itself. */
engine_done_fn *reply_when_act_taken(struct call *call, call_taken_fn *taken);
/* An object as the answer: begin, members, and the end, which sends it and frees the buffer. */
void reply_begin_object(struct buf *out);
void reply_object(struct call *call, int status, struct buf *out);
/* The same of a page: begin, items with commas between them, and where the next page begins; empty:
 * nowhere. */
void reply_begin_list(struct buf *out);
void reply_list(struct call *call, struct slice next, struct buf *out);
/* A JSON value or a text that was built; an overflowed buffer is TROUBLE_TOO_LARGE. */
void reply_json(struct call *call, int status, const struct buf *body);
void reply_lines(struct call *call, int status, const struct buf *body); /* one value a line */
void reply_text(struct call *call, int status, const struct buf *body);
void reply_markdown(struct call *call, int status, const struct buf *body);
/* A failed read of the engine: not found, too large, or the store. */
void reply_err(struct call *call, enum err err);
/* Whole seconds, up, at least 1. */
void reply_add_retry_after(struct call *call, int64_t retry_after_ms);
/* The body of an answer that the server itself gives; returns its size, 0 when it does not fit. */
size_t reply_write_refusal(int status, struct slice detail, char *buffer, size_t buffer_size);
