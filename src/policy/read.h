/* policy/read.h - one value of the YAML tree as what the field wants it to be.
 * Owns: the types of fields: names, texts, numbers, durations, choices, maps with known names; and
 *   how each mistake is told.
 * Invariants:
 *   1. false: a problem was added, or the node was NULL; *out is untouched.
 *   2. A bare word that YAML readers disagree about is never taken as a text. */
#pragma once
#include "policy/draft.h"
#include "policy/near.h"

/* One load under way. */
struct load {
    struct arena *arena;
    struct problems *problems;
    struct config *config;
    struct draft *draft;
    struct secret_ref *secrets; /* config->secrets while it grows */
};

/* A problem at the value, at its key, or at a byte of its text. Never NULL. */
struct problem *read_problem(struct load *load, enum check_code code, const struct yaml *node);
struct problem *read_problem_key(struct load *load, enum check_code code, const struct yaml *node);
struct problem *read_problem_in(struct load *load, enum check_code code, const struct yaml *node,
                                size_t text_at);
/* IL006 if the text was cut, else false. */
bool read_tells_cut(struct load *load, const struct yaml *node);

struct origin read_origin(const struct yaml *node);

bool read_is_text(struct load *load, const struct yaml *node);
bool read_text(struct load *load, const struct yaml *node, struct slice *out_text);
/* Without line ends, not empty. */
bool read_line(struct load *load, const struct yaml *node, struct slice *out_text);
bool read_name(struct load *load, const struct yaml *node, struct slice *out_name);
/* One name or up to LIMIT_FORMER of them, newest first. */
void read_former(struct load *load, const struct yaml *node, struct slices *out_names);
/* IL014 past LIMIT_FORMER; the number that counts. */
size_t read_former_count(struct load *load, const struct yaml *node, size_t count);
/* Letters, digits, and inside also - _ . ; 1..LIMIT_NAME. */
bool read_is_name(struct slice text);
bool read_bool(struct load *load, const struct yaml *node, bool *out_value);

struct read_range {
    int64_t min, max;
};
bool read_int(struct load *load, const struct yaml *node, struct read_range range,
              int64_t *out_value);
/* 10ms 10s 5m 4h 1d */
bool read_duration(struct load *load, const struct yaml *node, struct read_range range,
                   int64_t *out_ms);
/* A number of bytes: INT with nothing, KB, MB or GB (of 1024). */
bool read_size(struct load *load, const struct yaml *node, struct read_range range,
               int64_t *out_bytes);
/* N% */
bool read_percent(struct load *load, const struct yaml *node, double *out_share);
bool read_choice(struct load *load, const struct yaml *node, const char *const *names,
                 size_t name_count, size_t *out_index);
/* The nearest name, or all of them. */
void read_tell_near(struct problems *problems, struct problem *problem, const struct near *near);
/* IL013 with the choices, and the one that was meant. */
void read_tell_choices(struct problems *problems, struct problem *problem, struct slice got,
                       const char *const *names, size_t name_count);

bool read_is_map(struct load *load, const struct yaml *node);
bool read_is_list(struct load *load, const struct yaml *node);
/* Fills at[] (fields->count of them; NULL = not written); unknown names are IL010. */
bool read_map(struct load *load, const struct yaml *node, const struct fields *fields,
              const struct yaml **at);
/* IL011 at the map. */
struct problem *read_missing(struct load *load, const struct yaml *map, const char *field,
                             const char *why);
/* A list, or one item alone: count and the first of them. */
const struct yaml *read_items(const struct yaml *node, size_t *out_count);
