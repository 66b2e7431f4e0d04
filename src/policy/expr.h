/* policy/expr.h - conditions and values that policies write, in a subset of CEL.
 * Owns: what an expression may say, what it means, and what it costs. docs/expressions.md is the
 *   user's page; the Common Expression Language specification decides every question of meaning.
 * Invariants:
 *   1. Total and bounded: text, nodes, nesting, steps and strings have a limit in base/limits.h;
 *      reaching one is an error that names it. No loop but over a list or map that exists.
 *   2. Pure: the same expression, scope and JSON give the same result. `now` is a variable.
 *   3. A missing field, a wrong type, an overflow is an error, never a default. Only `||`, `&&`,
 *      `exists` and `all` may absorb one, and only when the other side alone decides.
 *   4. Whoever compiles says which variables may be read; another name is a compile error.
 *   5. A value is a view: it lives as long as the JSON of its scope and the scratch arena.
 * Threads: a compiled expression never changes; any number of threads may evaluate it. */
#pragma once
#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

/* The variables. A mask of these says what an expression may read. */
enum expr_root {
    EXPR_ROOT_INPUT = 1 << 0,        /* map: what the caller submits */
    EXPR_ROOT_CONTEXT = 1 << 1,      /* map: what the caller adds for the decision */
    EXPR_ROOT_CONFIDENCE = 1 << 2,   /* double */
    EXPR_ROOT_RISK = 1 << 3,         /* string: the class */
    EXPR_ROOT_RUN = 1 << 4,          /* string */
    EXPR_ROOT_STEP = 1 << 5,         /* string */
    EXPR_ROOT_PRINCIPAL = 1 << 6,    /* string */
    EXPR_ROOT_RESPONSE = 1 << 7,     /* map: .status (int or null), .headers, .body */
    EXPR_ROOT_NOW = 1 << 8,          /* timestamp */
    EXPR_ROOT_KEY = 1 << 9,          /* string: the caller's key */
    EXPR_ROOT_PROVIDER_KEY = 1 << 10 /* string: what the upstream gets (R4) */
};

/* What may be read where (policy.md, R5). */
#define EXPR_ROOTS_KEY ((uint32_t)EXPR_ROOT_INPUT)
#define EXPR_ROOTS_REQUEST ((uint32_t)(EXPR_ROOT_INPUT | EXPR_ROOT_KEY | EXPR_ROOT_PROVIDER_KEY))
#define EXPR_ROOTS_RULE                                                                            \
    ((uint32_t)(EXPR_ROOT_INPUT | EXPR_ROOT_CONTEXT | EXPR_ROOT_CONFIDENCE | EXPR_ROOT_RISK |      \
                EXPR_ROOT_RUN | EXPR_ROOT_STEP | EXPR_ROOT_PRINCIPAL | EXPR_ROOT_NOW))

/* What the variables are in one evaluation. Views; nothing is kept. */
struct expr_scope {
    const json_t *input;    /* object; NULL = an empty one */
    const json_t *context;  /* object; NULL = an empty one */
    const json_t *response; /* object; NULL = there is none, reading it is an error */
    bool has_confidence;    /* false: reading it is an error */
    double confidence;
    struct slice risk, run, step, principal, key, provider_key; /* at == NULL: as above */
    int64_t now_unix_ms;
};

enum expr_type {
    EXPR_NULL,
    EXPR_BOOL,
    EXPR_INT,
    EXPR_UINT,
    EXPR_DOUBLE,
    EXPR_STRING,
    EXPR_LIST,
    EXPR_MAP,
    EXPR_TIMESTAMP,
    EXPR_DURATION,
    EXPR_TYPE /* the value of type(x) */
};

struct expr_value;
struct expr_pair;
/* A list or map is either JSON of the scope, or was made by the expression. */
struct expr_list {
    const json_t *json; /* NULL: items */
    const struct expr_value *items;
    size_t count;
};
struct expr_map {
    const json_t *json; /* NULL: pairs */
    const struct expr_pair *pairs;
    size_t count;
};
/* Years 0001 to 9999. */
struct expr_time {
    int64_t unix_seconds;
    int32_t nanos; /* 0..999999999, counted forward */
};
struct expr_value {
    enum expr_type type;
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double real;
        struct slice string; /* valid UTF-8 */
        struct expr_list list;
        struct expr_map map;
        struct expr_time time;
        int64_t duration_ns;
        enum expr_type kind; /* EXPR_TYPE: the type that is meant */
    };
};
struct expr_pair {
    struct expr_value key; /* bool, int, uint or string */
    struct expr_value value;
};

enum expr_problem_kind {
    EXPR_PROBLEM_SYNTAX,  /* does not parse; also a bad literal or pattern */
    EXPR_PROBLEM_NAME,    /* unknown or forbidden variable, unknown function */
    EXPR_PROBLEM_MISSING, /* a field, key or variable is not there */
    EXPR_PROBLEM_TYPE,    /* no such operation for these types */
    EXPR_PROBLEM_RANGE,   /* overflow, division by zero, index, conversion */
    EXPR_PROBLEM_LIMIT    /* a limit of base/limits.h, or memory */
};

/* One mistake, in words for people. The texts live in the arena that was given. */
struct expr_problem {
    enum expr_problem_kind kind;
    size_t offset;        /* byte in the text that was compiled */
    size_t size;          /* bytes that are meant, at least 0; for a caret line */
    struct slice message; /* "no field `total` in `input`"; without full stop */
    struct slice help;    /* what would be right: "did you mean `input.amount`?"; may be empty */
    struct slice path;    /* MISSING: "input.total"; else empty */
    struct slice pointer; /* in a template_tree: JSON pointer of the text; else empty */
};

/* What a deciding expression read, for the record. */
struct expr_saw_item {
    struct slice path; /* "input.balance", "has(input.team)"; lives with the expression */
    struct expr_value value;
};
struct expr_saw {
    struct expr_saw_item items[LIMIT_SAW];
    size_t count;
    size_t dropped_count; /* read, but past LIMIT_SAW */
};
/* {"input.balance":12000,…} as a JSON object; a value longer than LIMIT_SAW_VALUE as JSON is given
 * as the text of its beginning with the mark "…". With drops, a member "…": COUNT. */
void expr_saw_add_json(struct buf *out, const struct expr_saw *saw);
/* One such value alone. */
void expr_saw_item_add_json(struct buf *out, const struct expr_saw_item *item);

enum expr_result { EXPR_ERROR, EXPR_OK };

/* What an evaluation works with, and where it says what went wrong. */
struct expr_work {
    struct arena *scratch;       /* values that are made, and texts of the problem */
    struct expr_saw *saw;        /* NULL: not wanted. Several evaluations may share one */
    struct expr_problem problem; /* set on EXPR_ERROR */
};

struct expr;

/* Compiles; the expression lives in the arena and keeps a copy of the text. On false: the problem
 * (its texts in the arena), *out untouched. */
MUST_USE bool expr_compile(struct arena *arena, struct slice text, uint32_t allowed_roots,
                           const struct expr **out, struct expr_problem *out_problem);
/* The text it was compiled from. */
struct slice expr_text(const struct expr *expr);
/* Reads this variable anywhere. */
bool expr_uses(const struct expr *expr, enum expr_root root);
/* Mask of EXPR_ROOT_*: all it reads. */
uint32_t expr_roots(const struct expr *expr);
/* Mask of 1 << EXPR_…: the types that its value can have, as far as the text alone says.
 * A condition whose mask lacks EXPR_BOOL never holds and never fails to be an error. */
uint32_t expr_types(const struct expr *expr);

/* A place that the expression reads: a variable and the constant names after it. */
struct expr_field {
    enum expr_root root;
    const struct slice *names; /* input.order["id"].x: {"order", "id", "x"}; up to an index */
    size_t name_count;         /* 0: the variable as a whole */
    struct slice path;         /* as it is shown: "input.order.id.x" */
    size_t offset;             /* of the variable's name in the text */
    size_t size;               /* bytes of the text up to the end of the last name */
    bool is_has;               /* only asked for: has(input.team) */
};
/* Walks in order of the text: start with *cursor = 0; false at the end. */
bool expr_field_next(const struct expr *expr, size_t *cursor, struct expr_field *out);

/* input.name == "x", or < 3, or the other way round: each comparison of a field with a written
 * value. */
struct expr_compared {
    struct slice name;
    enum expr_type type; /* of the value */
    size_t offset;       /* of the value in the text */
};
/* Start with *cursor = 0; false at the end. */
bool expr_compared_next(const struct expr *expr, size_t *cursor, struct expr_compared *out);

/* On EXPR_ERROR: work->problem, *out untouched. */
MUST_USE enum expr_result expr_eval(const struct expr *expr, const struct expr_scope *scope,
                                    struct expr_work *work, struct expr_value *out);
/* The same for a condition: a value that is not a bool is an error. */
MUST_USE enum expr_result expr_eval_bool(const struct expr *expr, const struct expr_scope *scope,
                                         struct expr_work *work, bool *out);

/* "null_type", "bool", "int", …: the names of the specification. */
const char *expr_type_name(enum expr_type type);

/* JSON and back. From: numbers are int or double. */
struct expr_value expr_value_from_json(const json_t *json);
/* A new reference. Timestamps and durations become strings. ERR_INVALID: a type, NaN or an
 * infinity, a uint past int64; ERR_LIMIT: too deep; ERR_NO_MEMORY. */
MUST_USE enum err expr_value_to_json(const struct expr_value *value, json_t **out);
/* The same as bytes, without building a tree. */
MUST_USE enum err expr_value_add_json(struct buf *out, const struct expr_value *value);
/* As text inside a template: strings raw, numbers in their shortest exact form, true and false,
 * timestamps by RFC 3339, durations in seconds. ERR_INVALID: null, a list, a map, a type. */
MUST_USE enum err expr_value_add_text(struct buf *out, const struct expr_value *value);
