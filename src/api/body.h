/* api/body.h - a request's JSON body, read strictly into a handler's struct by a table of fields.
 * Owns: what a good body is: JSON without duplicate keys, of bounded depth, with the members
 *   that the table names and no others.
 * Invariants:
 *   1. On false the call is answered: 400 for what is not JSON, 415 for another type, 422 for
 *      JSON of another shape, with the pointer of the member and the name that was probably
 *      meant.
 *   2. Raw members are the caller's own bytes (R5, R9), not a parsed value dumped again. */
#pragma once
#include "api/call.h"

enum body_type {
    BODY_TEXT,     /* struct slice; at most size_max bytes */
    BODY_NAME,     /* struct slice; 1..LIMIT_NAME bytes */
    BODY_BOOL,     /* bool */
    BODY_NUMBER,   /* double */
    BODY_U16,      /* uint16_t, from 1 */
    BODY_OBJECT,   /* struct slice: the caller's bytes */
    BODY_ANY,      /* struct slice: the caller's bytes */
    BODY_ELSEWHERE /* does not belong here: refused with the hint */
};

enum {
    BODY_NO_HAS = 0
}; /* has_at of a field whose absence needs no telling: no struct begins with one */

struct body_field {
    const char *name;
    enum body_type type;
    bool is_required;
    size_t size_max;  /* BODY_TEXT */
    size_t at;        /* offset in the handler's struct */
    size_t has_at;    /* offset of a bool that says whether it was there, or BODY_NO_HAS */
    const char *hint; /* BODY_ELSEWHERE */
};

/* Reads call's body. An empty body is the empty object when no field is required. */
bool body_read(struct call *call, const struct body_field *fields, size_t count, void *out);
/* One line of many: is it one JSON object? false: answered, with its number. */
bool body_check_line(struct call *call, struct slice line, size_t number);
/* Do arrays and objects nest at most LIMIT_JSON_DEPTH deep? Of any bytes. */
bool body_is_shallow(struct slice bytes);
/* Any one JSON object: somebody else knows its members. */
bool body_read_any(struct call *call);
/* The same for a member that body_read gave as BODY_OBJECT; its name leads the pointers. */
bool body_read_member(struct call *call, const char *name, const struct body_field *fields,
                      size_t count, void *out);
