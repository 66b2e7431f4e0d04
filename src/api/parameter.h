/* api/parameter.h - the parameters after "?": known ones, once each, decoded.
 * Owns: their strictness: a filter that is mistyped must not become no filter.
 * Invariants:
 *   1. On false the call is answered with 400 and what would be right.
 *   2. out_x is untouched when the parameter is not there. */
#pragma once
#include "api/call.h"

struct parameter {
    const char *name;
    struct slice *out_value; /* decoded, UTF-8; in the arena */
};

/* Takes the whole query apart: unknown and double names are refused. */
bool parameter_read(struct call *call, const struct parameter *fields, size_t count);
/* The same, for calls with a text form: `format=text|json`, else by Accept. */
bool parameter_format(struct call *call, const struct parameter *fields, size_t count,
                      bool *out_is_text);
/* 1..max. Empty: untouched. */
bool parameter_count(struct call *call, const char *name, struct slice value, uint64_t max,
                     uint64_t *out_count);
/* 1, true, 0, false. Empty: untouched. */
bool parameter_flag(struct call *call, const char *name, struct slice value, bool *out_flag);
/* Answers 400: the parameter is not what it should be. Always false, to be returned. */
bool parameter_refuse(struct call *call, const char *name, const char *wanted);
