/* policy/draft.h - what was written, beside what it means: the loader's own notes on a
 * configuration.
 * Owns: for each part of a struct config the YAML that it came from, and what this version
 *   checks but does not enforce (triggers).
 * Invariants:
 *   1. Lives in the arena of its config. Only policy/ reads it. */
#pragma once
#include "base/limits.h"
#include "policy/fields.h"
#include "policy/kinds.h"
#include "policy/template.h"
#include "policy/yaml.h"

/* One WHAT as it is written. */
enum written_what {
    WRITTEN_REVIEW,
    WRITTEN_TEMPLATE,
    WRITTEN_UPSTREAM,
    WRITTEN_HOLD,
    WRITTEN_REFUSE,
    WRITTEN_SKIP
};
struct draft_what {
    enum written_what kind;
    int64_t ms; /* REVIEW: due; HOLD: how long */
    bool has_ms;
    int64_t at_most;     /* 0 = no limit */
    bool is_then_at_due; /* `at due then` */
    struct slice name;   /* TEMPLATE, UPSTREAM */
    const struct upstream *upstream;
    struct draft_what *then; /* NULL = none */
    const struct yaml *node;
    size_t text_at; /* where it begins in the node's text */
};
struct draft_chain {
    const struct yaml *node; /* NULL: not written */
    struct draft_what *whats[LIMIT_CHAIN];
    size_t count;
};

struct draft_template {
    struct slice name;
    const struct yaml *node, *value;  /* value: of `answer` or `body` */
    const struct template_tree *tree; /* NULL: not readable */
    bool has_body;
    bool is_used;
};

struct draft_trigger {
    struct slice name, signal, step, risk; /* empty = not limited */
    const struct expr *argument;           /* of sum and repeat */
    size_t argument_at;                    /* where it begins in the node's text */
    const struct yaml *node;
    struct trigger made;
};

struct draft_step {
    struct step *step;
    const struct yaml *node;
    const struct yaml *at[STEP_FIELD_COUNT];
    const struct yaml *retry[RETRY_FIELD_COUNT];
    const struct yaml *uncertain[UNCERTAIN_FIELD_COUNT];
    struct draft_chain chains[CAUSE_COUNT];
    struct draft_template *templates;
    size_t template_count;
    struct what *more; /* as step->terms.more, while it is made */
    struct step_route *routes;
    const struct yaml **rule_nodes; /* one for each of step->rules */
    const struct yaml **risk_nodes;
    const struct template *check_call, *refresh_call;
    bool has_step_ended_badly; /* too broken for further checks */
};

struct draft_workflow {
    struct workflow *workflow;
    const struct yaml *node;
    const struct yaml *at[WORKFLOW_FIELD_COUNT];
    struct draft_step *steps; /* as workflow->steps */
    struct draft_trigger *triggers;
    size_t trigger_count;
    struct draft_trigger *causes; /* only node and argument */
    size_t cause_count;
};

struct draft_upstream {
    const struct yaml *node;
    const struct yaml *at[UPSTREAM_FIELD_COUNT];
    const struct yaml *key_header[KEY_HEADER_FIELD_COUNT];
    bool is_used;
};

struct draft_group {
    const struct yaml *node;
    bool is_used, is_used_by_switch;
};

struct draft {
    const struct yaml *installation; /* NULL: not readable */
    const struct yaml *at[INSTALLATION_FIELD_COUNT];
    const struct yaml *limits[LIMITS_FIELD_COUNT];
    const struct yaml *switch_at[SWITCH_FIELD_COUNT];
    struct draft_workflow *workflows; /* as config->workflows */
    struct draft_upstream *upstreams;
    struct draft_group *groups;
    const struct yaml **people, **services;
    const struct yaml **tells; /* as config->people: `tell`, or NULL */
    bool is_whole;             /* every file could be read as YAML */
    bool is_behind_proxy;
};
