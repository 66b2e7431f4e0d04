/* policy/yaml.h - one YAML text as a tree with positions, or the reasons why it is none.
 * Owns: the guards around libfyaml: UTF-8, sizes, depth, no anchors, aliases, tags, directives,
 *   second documents or double keys; and the tree.
 * Invariants:
 *   1. At most LIMIT_POLICY_FILE bytes, LIMIT_YAML_DEPTH levels, LIMIT_YAML_NODES nodes.
 *   2. Keys of maps are texts, each once. Values are not interpreted: `text` is what was written.
 *   3. Everything lives in the arena, but `source`, which the caller keeps. */
#pragma once
#include "policy/problem.h"

struct yaml_file {
    struct slice name, source;
    size_t order; /* among the files */
    struct problems *problems;
};

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };
enum yaml_style { YAML_PLAIN, YAML_SINGLE, YAML_DOUBLE, YAML_BLOCK };

struct yaml {
    const struct yaml_file *file;
    enum yaml_kind kind;
    enum yaml_style style; /* TEXT */
    bool is_flow;          /* LIST, MAP: { } or [ ]; TEXT: within one */
    bool is_absent;        /* TEXT: nothing is written there */
    struct slice text;     /* TEXT */
    const struct yaml *parent;
    const struct yaml *key;    /* in a map: a TEXT */
    struct yaml *first, *last; /* LIST, MAP */
    struct yaml *next;
    size_t count;     /* LIST, MAP */
    size_t index;     /* among its siblings */
    int line, column; /* of `from`, from 1 */
    size_t from, to;  /* bytes in the source; quotes are outside */
};

/* NULL when it is not readable; the problems say why. An empty file is an empty map. */
const struct yaml *yaml_parse(const struct yaml_file *file, struct arena *arena);

const struct yaml *yaml_get(const struct yaml *map, struct slice key);
/* A plain text which is empty, `~` or `null`. */
bool yaml_is_null(const struct yaml *node);
