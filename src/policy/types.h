/* policy/types.h - a checked configuration as the rest of interlock sees it: plain data, no YAML.
 * Owns: the shapes. policy/load.h makes them, policy/kinds.c holds the presets, core/ reads the
 *   numbers.
 * Invariants:
 *   1. Everything lives in the arena of one struct config and is never changed after loading.
 *   2. Every default is filled in; what was written and what was preset is told apart by
 *      `origin`.
 *   3. Times are ms; 0 means "none" only where said. */
#pragma once
#include "base/calendar.h"
#include "base/slice.h"
#include "core/trigger.h"

struct expr;
struct expr_field;
struct template;
struct template_tree;

/* Where a line of configuration came from, for check --expand, explain and each decision. */
enum origin_kind { ORIGIN_DEFAULT, ORIGIN_KIND, ORIGIN_FILE };
struct origin {
    enum origin_kind kind;
    struct slice file; /* as the user named it; ORIGIN_FILE only */
    int line, column;  /* from 1 */
};

enum effect_class { EFFECT_WRITE, EFFECT_READ }; /* zero is the careful one */
enum idempotency {
    IDEMPOTENCY_NONE,
    IDEMPOTENCY_BY_CHECK,
    IDEMPOTENCY_BY_NATURE,
    IDEMPOTENCY_BY_KEY
};
enum mode { MODE_REVIEW, MODE_AUTO, MODE_OBSERVE }; /* strictest is zero */
enum kind {
    KIND_LOOKUP,
    KIND_LLM,
    KIND_EMAIL,
    KIND_MESSAGE,
    KIND_PAYMENT,
    KIND_TICKET,
    KIND_RECORD,
    KIND_WEBHOOK,
    KIND_COMMAND,
    KIND_COUNT
};

/* Why a fallback is taken: the keys of `fallback:`. */
enum cause {
    CAUSE_NONE,
    CAUSE_LOW_CONFIDENCE,
    CAUSE_RULE,
    CAUSE_UNAVAILABLE,
    CAUSE_FAILED,
    CAUSE_EXPIRED,
    CAUSE_STOPPED,
    CAUSE_COUNT
};

/* What one entry of a fallback does. REVIEW first: the safe one.
 * END = no line and no default: the action ends so (failed, expired).
 * ANSWER: a template with `answer`, given to the caller. ROUTE: acts on the world by another way,
 * an upstream or a template with `body`. */
enum what_kind {
    WHAT_REVIEW,
    WHAT_HOLD,
    WHAT_REFUSE,
    WHAT_END,
    WHAT_SKIP,
    WHAT_ANSWER,
    WHAT_ROUTE
};
/* One entry. Entries are numbered within a step: the first one of a cause has the cause's number,
 * the others follow in step_terms.more; 0 = none. */
struct what {
    enum what_kind kind;
    int64_t ms;          /* HOLD: how long; REVIEW: due after */
    uint32_t at_most;    /* REVIEW: open, HOLD: held; full at arrival = passed. 0 = no limit */
    bool is_then_at_due; /* REVIEW: `then` is for one that is past its due time */
    bool is_template;    /* ROUTE: a template with `body`; else an upstream */
    uint8_t then;        /* entry: HOLD at its end or full, REVIEW full or past due; 0 = none */
    uint8_t next;        /* entry behind it in the list of the cause; 0 = none */
    uint8_t route;       /* ROUTE: which one, from 1 */
    struct slice name;   /* of the template or upstream */
    const struct template_tree *answer; /* ANSWER */
    struct origin origin;
};

/* Another way than the step's own call, numbered from 1 (R4, R15); 0 = the step's own. */
struct upstream;
struct step_route {
    enum idempotency idempotency; /* R6: what this upstream recognises */
    int64_t keeps_ms, timeout_ms;
    const struct upstream *upstream;
    const struct template_tree *body; /* NULL = none */
};

/* The numbers of a step that the core decides by. */
struct step_terms {
    enum effect_class effect;
    enum idempotency idempotency;
    enum mode mode;
    bool is_caller;     /* call: caller */
    int64_t keeps_ms;   /* BY_KEY: how long the upstream remembers; 1 h when unknown */
    int64_t timeout_ms; /* one attempt */
    int attempts;       /* cap per route, 1..LIMIT_ATTEMPTS */
    int64_t backoff_min_ms, backoff_max_ms;
    int64_t within_ms;             /* attempts and waits of one entry into a route */
    int64_t stale_after_ms;        /* R10 */
    int64_t start_by_ms, lease_ms; /* caller-executed */
    bool has_confidence;
    double confidence_at_least;
    int risk_count; /* classes 0..risk_count-1, first = highest; risk_count = normal */
    struct what what[CAUSE_COUNT];
    const struct what *more; /* further entries, from number CAUSE_COUNT on */
    size_t more_count;
    const struct step_route *routes; /* number 1 first */
    size_t route_count;
    int64_t uncertain_due_ms;
    uint32_t audit_share;     /* millionths of what ran by itself; 0 = no audit */
    bool trusts_hint;         /* trust_retry_hint */
    bool has_check;           /* R12: what may have happened is asked for at an upstream */
    bool is_check_definitive; /* one "not there" is enough */
    int64_t settle_ms;        /* from an attempt's end to the first question, and between two */
    bool has_refresh;         /* R10: a start past stale_after reads fresh facts first */
};

enum field_type { FIELD_ANY, FIELD_TEXT, FIELD_NUMBER, FIELD_INTEGER, FIELD_BOOLEAN, FIELD_DATE };
struct field {
    struct slice name;
    enum field_type type;
    bool is_list, is_optional;
    struct origin origin;
};

enum rule_says { RULE_REJECT, RULE_HOLD, RULE_REVIEW, RULE_ALLOW };
struct rule {
    struct slice name, text; /* text: the expression as written */
    enum rule_says says;
    int64_t hold_ms;
    const struct expr *condition;
    struct origin origin;
};
struct risk_class {
    struct slice name, text;
    const struct expr *condition;
    struct origin origin;
};

/* outcomes: { 503: busy } of an upstream or a step. */
enum status_meaning { MEANING_NONE, MEANING_BUSY, MEANING_UNCERTAIN, MEANING_FAILED, MEANING_OK };
struct status_rule {
    int status;
    enum status_meaning meaning;
};

struct header_template {
    struct slice name;
    const struct template *value;
};

/* How a person is told. The value is a part of stored rows: only ever add at the end. */
enum channel_kind {
    CHANNEL_IS_INBOX, /* no channel: what waits stands in the inbox */
    CHANNEL_IS_MAIL,
    CHANNEL_IS_SLACK,
    CHANNEL_IS_PAGERDUTY,
    CHANNEL_IS_WEBHOOK,
    CHANNEL_IS_COMMAND
};
struct channel;
struct person {
    struct slice name, full_name, email;
    const struct channel *tell; /* NULL: only the inbox */
};
struct group {
    struct slice name;
    const struct person *const *members;
    size_t member_count;
    struct origin origin;
};
/* A `file:` or `env:` reference. The value is loaded by the shell into the config's secrets; it
 * never appears in any output. */
enum secret_source { SECRET_NONE, SECRET_FILE, SECRET_ENV };
struct secret_ref {
    enum secret_source source;
    struct slice place; /* path (beside the config) or variable */
    size_t index;       /* into the table of loaded values */
    struct origin origin;
};
struct service {
    struct slice name;
    const struct person *human;
    struct slice const *submits; /* workflow names */
    size_t submit_count;
    struct slice const *labels;
    size_t label_count;
    struct secret_ref token;
    struct origin origin;
};

struct channel {
    struct slice name;
    enum channel_kind kind;
    struct slice url; /* MAIL: smtp(s)://HOST[:PORT]; WEBHOOK, PAGERDUTY: where it is posted */
    struct slice from, user, tls_ca;
    struct secret_ref secret;  /* MAIL: password; SLACK: the url; else the key; may be NONE */
    struct slice const *words; /* COMMAND: the program and its arguments */
    size_t word_count;
    struct origin origin;
};

enum auth_kind { AUTH_NONE, AUTH_BEARER, AUTH_BASIC, AUTH_HEADER };
struct upstream {
    struct slice name;
    struct slice url; /* without a trailing slash */
    bool is_sandbox;
    struct slice tls_ca;
    enum auth_kind auth;
    struct slice auth_name; /* BASIC: user; HEADER: header name */
    struct secret_ref auth_secret;
    const struct header_template *headers; /* constant values */
    size_t header_count;
    bool has_key_header; /* idempotency: is declared */
    struct slice key_header;
    bool is_key_quoted;
    int64_t keeps_ms;
    const struct status_rule *statuses;
    size_t status_count;
    int concurrency;
    int64_t timeout_ms;        /* 0 = the step's */
    int64_t breaker_open_ms;   /* how long it is left alone at first; 0 = BREAKER_OPEN_MS */
    int64_t breaker_told_ms;   /* open so long: somebody is told; 0 = LASTING_BREAKER_MS */
    struct slice probe_method; /* breaker: probe: GET or HEAD; empty = none */
    struct slice probe_target;
    int64_t drain_milli; /* drain: at most N/s, in thousandths; 0 = the former rate */
    struct origin origin;
};

/* Who answers for a scope: a workflow's, or the installation's `switch:`. NULL where missing
 * (allowed outside `auto`). A single person counts as a group of one, with the person's name. */
struct duties {
    const struct group *owner, *restart, *inform, *reviewers;
    int64_t level_2_ms, level_3_ms; /* `ack_within`, from the opening on */
};

/* `audit:` what a drawn action is asked about. */
struct audit {
    struct slice ask;           /* the question for people */
    struct slice const *labels; /* the first means right, each other one wrong */
    size_t label_count;         /* at least 2 */
    int64_t due_ms;
    struct origin origin;
};

/* A read that interlock makes for an action: GET or HEAD, no body. */
struct ask_call {
    const struct upstream *upstream;
    struct slice method;
    const struct template *target;
};
/* R12: whether it happened. The expressions read the answer, the input and the keys. */
struct check {
    struct ask_call call;
    const struct expr *happened, *not_happened;
};
/* R10: input fields as they are by now, for the gate only. */
struct refresh_field {
    struct slice name;
    const struct expr *value;
};
struct refresh {
    struct ask_call call;
    const struct refresh_field *fields;
    size_t field_count;
    struct origin origin;
};

struct workflow;
struct step {
    const struct workflow *workflow;
    struct slice name;
    size_t index; /* within the workflow */
    enum kind kind;
    struct step_terms terms;
    const struct upstream *upstream; /* NULL for call: caller */
    struct slice method;
    const struct template *target;     /* path and query as written */
    const struct template_tree *query; /* `query:` map, or NULL */
    const struct template *key, *summary, *recipient, *amount, *order_by; /* NULL where absent */
    const struct template *const *key_was; /* the key templates before, newest first */
    size_t key_was_count;
    const struct header_template *headers;
    size_t header_count;
    const struct template_tree *body; /* NULL = none */
    bool has_input;                   /* an input shape is declared */
    const struct field *fields;
    size_t field_count;
    const struct rule *rules;
    size_t rule_count;
    const struct risk_class *risks;
    size_t risk_count;
    const struct expr *success, *failure; /* NULL where absent */
    const struct check *check;            /* NULL: none, or it is never asked */
    const struct refresh *refresh;        /* NULL: none */
    const struct status_rule *statuses;
    size_t status_count;
    struct slice const *masked; /* input field names */
    size_t masked_count;
    const struct group *uncertain_who, *reviewers; /* NULL = the workflow's owner */
    bool is_four_eyes;
    bool supersedes;    /* R11: a newer action takes the place of an older one */
    int sla_percent;    /* how many of them should be in time */
    int64_t sla_ms;     /* 0 = none */
    struct audit audit; /* terms.audit_share says whether any is drawn */
    int64_t retain_ms;  /* after the end what was said is erased; 0 = the workflow's */
    struct slices was;  /* former names, newest first (R7) */
    struct origin origin, call_origin, confidence_origin, idempotency_origin;
};

/* What a trigger watches; the order is that of the table in load_trigger.c. */
enum signal {
    SIGNAL_MISCLASSIFIED,
    SIGNAL_ERRORS,
    SIGNAL_UNCERTAIN,
    SIGNAL_DEGRADED,
    SIGNAL_LOW_CONFIDENCE,
    SIGNAL_OVERRIDES,
    SIGNAL_COMPLAINTS,
    SIGNAL_VOLUME,
    SIGNAL_BACKLOG,
    SIGNAL_HELD_AGE,
    SIGNAL_LATENCY,
    SIGNAL_SILENT,
    SIGNAL_SUM,
    SIGNAL_REPEAT,
    SIGNAL_POSTED,
    SIGNAL_OVERDUE,
    SIGNAL_COUNT
};
enum sensitivity { SENSITIVITY_CALM, SENSITIVITY_NORMAL, SENSITIVITY_QUICK };
struct trigger {
    struct slice name; /* of a standard one: its signal's */
    enum signal signal;
    struct trigger_terms terms;
    const struct step *step;     /* NULL = each step; the scope of what it moves */
    struct slice risk;           /* empty = any class */
    const struct expr *argument; /* SUM; REPEAT: NULL = the step's recipient */
    struct slice argument_text;  /* POSTED: the name of the signal */
    int64_t late_ms;             /* LATENCY: what counts as late */
    bool is_duration;            /* OVERDUE: the limit is a time, not a count */
    bool is_standard;
    struct slice definition; /* the same text = the same statistic: its state is kept (R22) */
    struct origin origin;
};

/* `expect:` when silence is a fault. */
struct expect {
    int64_t every_ms;  /* 0 = by the clock, below */
    unsigned weekdays; /* bit 0 = Monday; 0 = nothing is expected */
    int minute_of_day; /* by then, in the installation's time zone */
    struct origin origin;
};
/* Where an incident looks for what changed. */
struct cause_path {
    struct slice text;
    const struct expr *path;
};
/* How a restart takes up work again (R19). */
struct ramp_stage {
    bool is_share;
    int64_t amount; /* first starts; is_share: millionths of all */
};
struct ramp {
    const struct ramp_stage *stages;
    size_t stage_count;
    int64_t alone_ms; /* who asked may approve after this; 0 = never */
};

struct workflow {
    struct slice name, purpose, file;
    struct slices was; /* former names, newest first (R7) */
    struct duties duties;
    enum mode mode;
    struct step *steps;
    size_t step_count;
    int64_t retain_ms; /* of its steps; 0 = kept for ever */
    enum sensitivity sensitivity;
    const struct trigger *triggers; /* written ones first, then the standard ones */
    size_t trigger_count;
    struct expect expect;
    const struct cause_path *causes;
    size_t cause_count;
    struct slice runbook;
    struct ramp ramp;
    int64_t stage_due_ms; /* a stage without progress names a person after this */
    int64_t label_age_ms; /* how long after its start a label of an action counts */
    enum calendar_turn report_every;
    const struct group *report_to; /* NULL: owner and inform */
    struct origin origin;
};

struct limits {
    uint64_t unended, body, waiters, disk_reserve;
};

/* One loaded installation. */
struct config {
    struct slice listen_host;
    int listen_port;
    struct slice store_path; /* relative to the config file's folder unless absolute */
    struct slice policies_path;
    struct slice timezone;             /* IANA name; UTC by default */
    const struct calendar_span *hours; /* when people are there; none = always */
    size_t hour_count;
    struct workflow *workflows;
    size_t workflow_count;
    struct upstream *upstreams;
    size_t upstream_count;
    struct person *people;
    size_t person_count;
    const struct secret_ref *person_tokens; /* one for each of people; SECRET_NONE where absent */
    struct group *groups;
    size_t group_count;
    struct service *services;
    size_t service_count;
    struct duties switch_duties;
    const struct channel *channels;
    size_t channel_count;
    struct slice watchdog_url; /* empty = none */
    int64_t watchdog_every_ms;
    struct ramp switch_ramp;    /* of stops wider than a workflow */
    const struct group *admins; /* NULL = nobody */
    struct limits limits;
    int64_t key_keep_ms; /* 0 = for ever */
    struct slice const *retired;
    size_t retired_count;
    const struct secret_ref *secrets; /* every reference, by index */
    size_t secret_count;
    unsigned char version[32]; /* SHA-256 of source */
    struct slice source;       /* every file, whole, as stored */
    const struct draft *draft; /* what was written, for --expand; only policy/ reads it */
};

const struct workflow *config_workflow(const struct config *config, struct slice name);
const struct step *config_step(const struct config *config, struct slice workflow,
                               struct slice step);
/* Also by a former name (`was:`): what is stored keeps the name that it had (R28). */
const struct workflow *config_workflow_of(const struct config *config, struct slice name);
/* Who answers for a workflow of that name, also a former one; empty or unknown: for everything. */
const struct duties *config_duties_of(const struct config *config, struct slice workflow);
/* Does one of its steps call that upstream, first or as a fallback? */
bool workflow_calls(const struct workflow *workflow, struct slice upstream);
const struct step *config_step_of(const struct config *config, struct slice workflow,
                                  struct slice step);
/* Is that field of its input masked? */
bool step_masks(const struct step *step, struct slice field);
/* Does what an expression reads hold a masked field? All of `input` does, where one is. */
bool step_masks_read(const struct step *step, const struct expr_field *read);
/* Of a class by its number; "normal" when none holds. */
struct slice step_risk_name(const struct step *step, uint8_t risk);
const struct upstream *config_upstream(const struct config *config, struct slice name);
const struct person *config_person(const struct config *config, struct slice name);
const struct channel *config_channel(const struct config *config, struct slice name);
const struct service *config_service(const struct config *config, struct slice name);
const struct group *config_group(const struct config *config, struct slice name);
bool group_has(const struct group *group, struct slice person);
/* As policies write them: "low_confidence", "observe", "email", "held_age". */
const char *cause_name(enum cause cause);
const char *mode_name(enum mode mode);
const char *kind_name(enum kind kind);
const char *signal_name(enum signal signal);
