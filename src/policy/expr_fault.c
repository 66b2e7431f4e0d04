/* Faults in words. No value of the scope is shown, only names and types (expr_run.h, invariant 2).
 */
#include "policy/expr_function.h"
#include "policy/expr_run.h"
#include "policy/expr_value.h"
#include "policy/near.h"

bool expr_run_fail(struct expr_run *run, const struct expr_node *node, enum expr_fault_code code)
{
    run->fault.code = code;
    run->fault.node = node;
    return false;
}

bool expr_run_fail_type(struct expr_run *run, const struct expr_node *node, enum expr_type type)
{
    run->fault.left = type;
    return expr_run_fail(run, node, EXPR_FAULT_TYPE);
}

bool expr_run_fail_types(struct expr_run *run, const struct expr_node *node, enum expr_type left,
                         enum expr_type right)
{
    run->fault.left = left;
    run->fault.right = right;
    return expr_run_fail(run, node, EXPR_FAULT_TYPES);
}

char *expr_run_string(struct expr_run *run, const struct expr_node *node, size_t size)
{
    if (size > LIMIT_EXPR_STRING) {
        (void)expr_run_fail(run, node, EXPR_FAULT_STRING); /* told by NULL */
        return NULL;
    }
    if (!expr_run_spend(run, node, size / 16))
        return NULL;
    char *at = arena_alloc(run->scratch, size + 1);
    if (!at)
        (void)expr_run_fail(run, node, EXPR_FAULT_MEMORY); /* told by NULL */
    return at;
}

struct expr_value *expr_run_items(struct expr_run *run, const struct expr_node *node, size_t count)
{
    if (!expr_run_spend(run, node, count))
        return NULL;
    struct expr_value *items = ARENA_ARRAY(run->scratch, count ? count : 1, struct expr_value);
    if (!items)
        (void)expr_run_fail(run, node, EXPR_FAULT_MEMORY); /* told by NULL */
    return items;
}

const char *expr_type_name(enum expr_type type)
{
    static const char *const names[] = {
        [EXPR_NULL] = "null_type",
        [EXPR_BOOL] = "bool",
        [EXPR_INT] = "int",
        [EXPR_UINT] = "uint",
        [EXPR_DOUBLE] = "double",
        [EXPR_STRING] = "string",
        [EXPR_LIST] = "list",
        [EXPR_MAP] = "map",
        [EXPR_TIMESTAMP] = "google.protobuf.Timestamp",
        [EXPR_DURATION] = "google.protobuf.Duration",
        [EXPR_TYPE] = "type",
    };
    return names[type];
}

/* Fixed words for the faults that need no names. Zero kind means: told below. */
static const struct {
    enum expr_problem_kind kind;
    const char *message, *help;
} expr_fault_words[] = {
    [EXPR_FAULT_OVERFLOW] = {EXPR_PROBLEM_RANGE, "the result is out of range", ""},
    [EXPR_FAULT_ZERO] = {EXPR_PROBLEM_RANGE, "division by zero", ""},
    [EXPR_FAULT_NO_INDEX] = {EXPR_PROBLEM_RANGE, "the index is outside of the list", ""},
    [EXPR_FAULT_RANGE] = {EXPR_PROBLEM_RANGE, "an argument is out of range", ""},
    [EXPR_FAULT_KEY_TWICE] = {EXPR_PROBLEM_RANGE, "the map has a key twice", ""},
    [EXPR_FAULT_KEY_TYPE] = {EXPR_PROBLEM_TYPE, "a key of a map is a string, int, uint or bool",
                             ""},
    [EXPR_FAULT_ZONE] = {EXPR_PROBLEM_RANGE, "this time zone is not known",
                         "\"UTC\" or an offset as in \"+02:00\""},
    [EXPR_FAULT_PATTERN_COST] = {EXPR_PROBLEM_LIMIT, "matching took too long (LIMIT_REGEX_MATCH)",
                                 "a simpler pattern, or a shorter text"},
    [EXPR_FAULT_STEPS] = {EXPR_PROBLEM_LIMIT, "the evaluation took too long (LIMIT_EXPR_STEPS)",
                          "shorter lists, or fewer nested macros"},
    [EXPR_FAULT_STRING] = {EXPR_PROBLEM_LIMIT, "the text got too long (LIMIT_EXPR_STRING)", ""},
    [EXPR_FAULT_DEPTH] = {EXPR_PROBLEM_LIMIT, "the value is nested too deep", ""},
    [EXPR_FAULT_MEMORY] = {EXPR_PROBLEM_LIMIT, "out of memory for the evaluation", ""},
    [EXPR_FAULT_PATTERN] = {EXPR_PROBLEM_RANGE, "", "RE2 syntax, without look-around and \\1"},
};

struct expr_teller {
    const struct expr_run *run;
    const struct expr_fault *fault;
    struct expr_problem *problem;
};

static struct slice expr_fault_text(const struct expr_teller *t, const struct expr_node *node)
{
    return expr_node_text(t->run->expr, node);
}

/* "input.team" of a node that reads it, else its text. */
static struct slice expr_fault_place(const struct expr_teller *t, const struct expr_node *node)
{
    return node->path.size ? node->path : expr_fault_text(t, node);
}

static bool expr_fault_name_is_plain(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.size > 0;
}

/* Only names that look like names: a key of a map may be data, such as an address. */
static void expr_fault_suggest(const struct expr_teller *t, struct slice wanted)
{
    if (!t->fault->around)
        return;
    struct near near;
    near_init(&near, wanted);
    struct expr_value range = expr_value_from_json(t->fault->around);
    struct expr_walk walk = expr_walk_start(&range);
    struct expr_value key;
    while (walk.index < LIMIT_FIELDS && expr_walk_next(&walk, &key))
        if (expr_fault_name_is_plain(key.string))
            near_offer(&near, key.string);
    struct slice best = near.best;
    if (best.size)
        t->problem->help = arena_fmt(t->run->scratch, "did you mean `%.*s`?", SLICE_FMT(best));
}

static void expr_fault_tell_missing(const struct expr_teller *t)
{
    const struct expr_node *node = t->fault->node;
    struct expr_problem *problem = t->problem;
    struct arena *scratch = t->run->scratch;
    problem->kind = EXPR_PROBLEM_MISSING;
    problem->path = expr_fault_place(t, node);
    if (t->fault->code == EXPR_FAULT_NO_VARIABLE) {
        problem->message = arena_fmt(scratch, "`%.*s` is not given", SLICE_FMT(problem->path));
        return;
    }
    struct slice around = expr_fault_text(t, node->first);
    bool is_name = t->fault->code == EXPR_FAULT_NO_FIELD;
    struct slice name = is_name ? node->name : expr_fault_text(t, node->first->next);
    problem->message = arena_fmt(
        scratch, is_name ? "there is no field `%.*s` in `%.*s`" : "there is no key %.*s in `%.*s`",
        SLICE_FMT(name), SLICE_FMT(around));
    if (is_name)
        expr_fault_suggest(t, name);
}

static const char *expr_fault_mix_help(enum expr_type left, enum expr_type right)
{
    uint32_t both = EXPR_MASK(left) | EXPR_MASK(right);
    if (both == (EXPR_MASK(EXPR_INT) | EXPR_MASK(EXPR_DOUBLE)))
        return "arithmetic does not mix int and double: write double(…) around one";
    if (both & EXPR_MASK(EXPR_STRING) && both & EXPR_NUMBERS)
        return "convert one: string(…), int(…), double(…)";
    if (both & EXPR_MASK(EXPR_STRING) && both & EXPR_MASK(EXPR_TIMESTAMP))
        return "convert the text: timestamp(…)";
    return "";
}

static void expr_fault_tell_types(const struct expr_teller *t)
{
    const struct expr_fault *fault = t->fault;
    const struct expr_node *node = fault->node;
    struct arena *scratch = t->run->scratch;
    struct slice sign = slice_first(slice_from(t->run->expr->text, node->at), node->size);
    t->problem->kind = EXPR_PROBLEM_TYPE;
    if (fault->code == EXPR_FAULT_TYPES) {
        t->problem->message = arena_fmt(
            scratch, "`%.*s` can not be used between `%.*s` (%s) and `%.*s` (%s)", SLICE_FMT(sign),
            SLICE_FMT(expr_fault_place(t, node->first)), expr_type_name(fault->left),
            SLICE_FMT(expr_fault_place(t, node->first->next)), expr_type_name(fault->right));
        t->problem->help = slice_text(expr_fault_mix_help(fault->left, fault->right));
    } else if (fault->code == EXPR_FAULT_NOT_A_MAP) {
        t->problem->message = arena_fmt(scratch, "`%.*s` is %s, it has no field `%.*s`",
                                        SLICE_FMT(expr_fault_place(t, node->first)),
                                        expr_type_name(fault->left), SLICE_FMT(node->name));
    } else {
        t->problem->message = arena_fmt(scratch, "`%.*s` does not take %s here", SLICE_FMT(sign),
                                        expr_type_name(fault->left));
    }
}

static void expr_fault_tell_convert(const struct expr_teller *t)
{
    const struct expr_node *node = t->fault->node;
    t->problem->kind = EXPR_PROBLEM_RANGE;
    t->problem->message =
        arena_fmt(t->run->scratch, "`%.*s` can not become %s",
                  SLICE_FMT(expr_fault_place(t, node->first)), node->function->name);
}

void expr_fault_tell(const struct expr_run *run, struct expr_problem *out_problem)
{
    const struct expr_fault *fault = &run->fault;
    *out_problem = (struct expr_problem){.offset = fault->node->at, .size = fault->node->size};
    struct expr_teller teller = {run, fault, out_problem};
    switch (fault->code) {
    case EXPR_FAULT_NO_VARIABLE:
    case EXPR_FAULT_NO_FIELD:
    case EXPR_FAULT_NO_KEY:
        expr_fault_tell_missing(&teller);
        return;
    case EXPR_FAULT_NOT_A_MAP:
    case EXPR_FAULT_TYPES:
    case EXPR_FAULT_TYPE:
        expr_fault_tell_types(&teller);
        return;
    case EXPR_FAULT_CONVERT:
        expr_fault_tell_convert(&teller);
        return;
    case EXPR_FAULT_NONE:
    case EXPR_FAULT_OVERFLOW:
    case EXPR_FAULT_ZERO:
    case EXPR_FAULT_NO_INDEX:
    case EXPR_FAULT_RANGE:
    case EXPR_FAULT_KEY_TWICE:
    case EXPR_FAULT_KEY_TYPE:
    case EXPR_FAULT_ZONE:
    case EXPR_FAULT_PATTERN:
    case EXPR_FAULT_PATTERN_COST:
    case EXPR_FAULT_STEPS:
    case EXPR_FAULT_STRING:
    case EXPR_FAULT_DEPTH:
    case EXPR_FAULT_MEMORY:
        break;
    }
    out_problem->kind = expr_fault_words[fault->code].kind;
    out_problem->help = slice_text(expr_fault_words[fault->code].help);
    out_problem->message =
        fault->code == EXPR_FAULT_PATTERN
            ? arena_fmt(run->scratch, "bad pattern: %.*s", SLICE_FMT(fault->text))
            : slice_text(expr_fault_words[fault->code].message);
}
