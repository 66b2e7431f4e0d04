/* policy/fields.h - the names of all fields, by the map that they may stand in.
 * Owns: the vocabulary of policy.md, in the order in which check --expand prints it.
 * Invariants:
 *   1. A name that is not here is IL010. docs/schema has the same names; a test compares. */
#pragma once
#include <stddef.h>

#define FIELDS_WORKFLOW(X)                                                                         \
    X(WORKFLOW_NAME, "workflow")                                                                   \
    X(WORKFLOW_PURPOSE, "purpose")                                                                 \
    X(WORKFLOW_WAS, "was")                                                                         \
    X(WORKFLOW_OWNER, "owner")                                                                     \
    X(WORKFLOW_RESTART, "restart")                                                                 \
    X(WORKFLOW_INFORM, "inform")                                                                   \
    X(WORKFLOW_REVIEWERS, "reviewers")                                                             \
    X(WORKFLOW_MODE, "mode")                                                                       \
    X(WORKFLOW_SENSITIVITY, "sensitivity")                                                         \
    X(WORKFLOW_CAUSES, "causes")                                                                   \
    X(WORKFLOW_EXPECT, "expect")                                                                   \
    X(WORKFLOW_RETAIN, "retain")                                                                   \
    X(WORKFLOW_REPORT, "report")                                                                   \
    X(WORKFLOW_ALONE, "alone")                                                                     \
    X(WORKFLOW_RUNBOOK, "runbook")                                                                 \
    X(WORKFLOW_ACK_WITHIN, "ack_within")                                                           \
    X(WORKFLOW_RAMP, "ramp")                                                                       \
    X(WORKFLOW_STAGE_DUE, "stage_due")                                                             \
    X(WORKFLOW_LABEL_AGE, "label_age")                                                             \
    X(WORKFLOW_STEPS, "steps")                                                                     \
    X(WORKFLOW_TRIGGERS, "triggers")

#define FIELDS_STEP(X)                                                                             \
    X(STEP_KIND, "kind")                                                                           \
    X(STEP_WAS, "was")                                                                             \
    X(STEP_CALL, "call")                                                                           \
    X(STEP_KEY, "key")                                                                             \
    X(STEP_KEY_WAS, "key_was")                                                                     \
    X(STEP_SUMMARY, "summary")                                                                     \
    X(STEP_RECIPIENT, "recipient")                                                                 \
    X(STEP_AMOUNT, "amount")                                                                       \
    X(STEP_INPUT, "input")                                                                         \
    X(STEP_MASK, "mask")                                                                           \
    X(STEP_QUERY, "query")                                                                         \
    X(STEP_HEADERS, "headers")                                                                     \
    X(STEP_BODY, "body")                                                                           \
    X(STEP_RULES, "rules")                                                                         \
    X(STEP_CONFIDENCE, "confidence")                                                               \
    X(STEP_RISK, "risk")                                                                           \
    X(STEP_MODE, "mode")                                                                           \
    X(STEP_REVIEWERS, "reviewers")                                                                 \
    X(STEP_FOUR_EYES, "four_eyes")                                                                 \
    X(STEP_SLA, "sla")                                                                             \
    X(STEP_AUDIT, "audit")                                                                         \
    X(STEP_IDEMPOTENCY, "idempotency")                                                             \
    X(STEP_CHECK, "check")                                                                         \
    X(STEP_TIMEOUT, "timeout")                                                                     \
    X(STEP_RETRY, "retry")                                                                         \
    X(STEP_TRUST_RETRY_HINT, "trust_retry_hint")                                                   \
    X(STEP_START_BY, "start_by")                                                                   \
    X(STEP_LEASE, "lease")                                                                         \
    X(STEP_SUCCESS, "success")                                                                     \
    X(STEP_FAILURE, "failure")                                                                     \
    X(STEP_OUTCOMES, "outcomes")                                                                   \
    X(STEP_UNCERTAIN, "uncertain")                                                                 \
    X(STEP_STALE_AFTER, "stale_after")                                                             \
    X(STEP_REFRESH, "refresh")                                                                     \
    X(STEP_ORDER_BY, "order_by")                                                                   \
    X(STEP_SUPERSEDE, "supersede")                                                                 \
    X(STEP_FALLBACK, "fallback")                                                                   \
    X(STEP_TEMPLATES, "templates")                                                                 \
    X(STEP_RETAIN, "retain")

#define FIELDS_RETRY(X)                                                                            \
    X(RETRY_ATTEMPTS, "attempts")                                                                  \
    X(RETRY_BACKOFF, "backoff")                                                                    \
    X(RETRY_WITHIN, "within")
#define FIELDS_AUDIT(X)                                                                            \
    X(AUDIT_SHARE, "share")                                                                        \
    X(AUDIT_ASK, "ask")                                                                            \
    X(AUDIT_LABELS, "labels")                                                                      \
    X(AUDIT_DUE, "due")
#define FIELDS_CHECK(X)                                                                            \
    X(CHECK_CALL, "call")                                                                          \
    X(CHECK_HAPPENED, "happened")                                                                  \
    X(CHECK_NOT_HAPPENED, "not_happened")                                                          \
    X(CHECK_SETTLE, "settle")                                                                      \
    X(CHECK_DEFINITIVE, "definitive")
#define FIELDS_REFRESH(X)                                                                          \
    X(REFRESH_CALL, "call")                                                                        \
    X(REFRESH_SET, "set")
#define FIELDS_UNCERTAIN(X)                                                                        \
    X(UNCERTAIN_WHO, "who")                                                                        \
    X(UNCERTAIN_DUE, "due")
#define FIELDS_TEMPLATE(X)                                                                         \
    X(TEMPLATE_ANSWER, "answer")                                                                   \
    X(TEMPLATE_BODY, "body")
#define FIELDS_FALLBACK(X)                                                                         \
    X(FALLBACK_LOW_CONFIDENCE, "low_confidence")                                                   \
    X(FALLBACK_RULE, "rule")                                                                       \
    X(FALLBACK_UNAVAILABLE, "unavailable")                                                         \
    X(FALLBACK_FAILED, "failed")                                                                   \
    X(FALLBACK_EXPIRED, "expired")                                                                 \
    X(FALLBACK_STOPPED, "stopped")

#define FIELDS_INSTALLATION(X)                                                                     \
    X(INSTALLATION_LISTEN, "listen")                                                               \
    X(INSTALLATION_STORE, "store")                                                                 \
    X(INSTALLATION_POLICIES, "policies")                                                           \
    X(INSTALLATION_TIMEZONE, "timezone")                                                           \
    X(INSTALLATION_HOURS, "hours")                                                                 \
    X(INSTALLATION_PEOPLE, "people")                                                               \
    X(INSTALLATION_GROUPS, "groups")                                                               \
    X(INSTALLATION_SERVICES, "services")                                                           \
    X(INSTALLATION_SWITCH, "switch")                                                               \
    X(INSTALLATION_UPSTREAMS, "upstreams")                                                         \
    X(INSTALLATION_CHANNELS, "channels")                                                           \
    X(INSTALLATION_CONSOLE, "console")                                                             \
    X(INSTALLATION_TLS, "tls")                                                                     \
    X(INSTALLATION_WATCHDOG, "watchdog")                                                           \
    X(INSTALLATION_WITNESS, "witness")                                                             \
    X(INSTALLATION_GAP_WATCH, "gap_watch")                                                         \
    X(INSTALLATION_KEY_KEEP, "key_keep")                                                           \
    X(INSTALLATION_RETIRED, "retired")                                                             \
    X(INSTALLATION_LIMITS, "limits")

#define FIELDS_PERSON(X)                                                                           \
    X(PERSON_NAME, "name")                                                                         \
    X(PERSON_EMAIL, "email")                                                                       \
    X(PERSON_TELL, "tell")                                                                         \
    X(PERSON_TOKEN, "token")
#define FIELDS_SERVICE(X)                                                                          \
    X(SERVICE_HUMAN, "human")                                                                      \
    X(SERVICE_SUBMITS, "submits")                                                                  \
    X(SERVICE_LABELS, "labels")                                                                    \
    X(SERVICE_TOKEN, "token")
#define FIELDS_SWITCH(X)                                                                           \
    X(SWITCH_OWNER, "owner")                                                                       \
    X(SWITCH_RESTART, "restart")                                                                   \
    X(SWITCH_INFORM, "inform")                                                                     \
    X(SWITCH_ACK_WITHIN, "ack_within")                                                             \
    X(SWITCH_RAMP, "ramp")                                                                         \
    X(SWITCH_ALONE, "alone")
#define FIELDS_UPSTREAM(X)                                                                         \
    X(UPSTREAM_URL, "url")                                                                         \
    X(UPSTREAM_SANDBOX, "sandbox")                                                                 \
    X(UPSTREAM_AUTH, "auth")                                                                       \
    X(UPSTREAM_HEADERS, "headers")                                                                 \
    X(UPSTREAM_IDEMPOTENCY, "idempotency")                                                         \
    X(UPSTREAM_OUTCOMES, "outcomes")                                                               \
    X(UPSTREAM_CONCURRENCY, "concurrency")                                                         \
    X(UPSTREAM_TIMEOUT, "timeout")                                                                 \
    X(UPSTREAM_TLS_CA, "tls_ca")                                                                   \
    X(UPSTREAM_BREAKER, "breaker")                                                                 \
    X(UPSTREAM_DRAIN, "drain")
#define FIELDS_KEY_HEADER(X)                                                                       \
    X(KEY_HEADER_HEADER, "header")                                                                 \
    X(KEY_HEADER_KEEPS, "keeps")                                                                   \
    X(KEY_HEADER_QUOTED, "quoted")
#define FIELDS_BREAKER(X)                                                                          \
    X(BREAKER_OPEN, "open")                                                                        \
    X(BREAKER_PROBE, "probe")                                                                      \
    X(BREAKER_TOLD_AFTER, "told_after")
#define FIELDS_AUTH(X)                                                                             \
    X(AUTH_FIELD_BEARER, "bearer")                                                                 \
    X(AUTH_FIELD_BASIC, "basic")                                                                   \
    X(AUTH_FIELD_HEADER, "header")
#define FIELDS_AUTH_BASIC(X)                                                                       \
    X(AUTH_BASIC_USER, "user")                                                                     \
    X(AUTH_BASIC_PASSWORD, "password")
#define FIELDS_AUTH_HEADER(X)                                                                      \
    X(AUTH_HEADER_NAME, "name")                                                                    \
    X(AUTH_HEADER_VALUE, "value")
#define FIELDS_SECRET(X)                                                                           \
    X(SECRET_FIELD_FILE, "file")                                                                   \
    X(SECRET_FIELD_ENV, "env")
#define FIELDS_CHANNEL(X)                                                                          \
    X(CHANNEL_SMTP, "smtp")                                                                        \
    X(CHANNEL_FROM, "from")                                                                        \
    X(CHANNEL_USER, "user")                                                                        \
    X(CHANNEL_PASSWORD, "password")                                                                \
    X(CHANNEL_SLACK, "slack")                                                                      \
    X(CHANNEL_PAGERDUTY, "pagerduty")                                                              \
    X(CHANNEL_WEBHOOK, "webhook")                                                                  \
    X(CHANNEL_SECRET, "secret")                                                                    \
    X(CHANNEL_COMMAND, "command")                                                                  \
    X(CHANNEL_URL, "url")                                                                          \
    X(CHANNEL_TLS_CA, "tls_ca")
#define FIELDS_CONSOLE(X)                                                                          \
    X(CONSOLE_URL, "url")                                                                          \
    X(CONSOLE_BEHIND_PROXY, "behind_proxy")
#define FIELDS_TLS(X)                                                                              \
    X(TLS_CERT, "cert")                                                                            \
    X(TLS_KEY, "key")
#define FIELDS_WATCHDOG(X)                                                                         \
    X(WATCHDOG_PING, "ping")                                                                       \
    X(WATCHDOG_EVERY, "every")
#define FIELDS_LIMITS(X)                                                                           \
    X(LIMITS_UNENDED, "unended")                                                                   \
    X(LIMITS_BODY, "body")                                                                         \
    X(LIMITS_WAITERS, "waiters")                                                                   \
    X(LIMITS_DISK_RESERVE, "disk_reserve")

/* X(LIST, table, what a sentence calls such a map) */
#define FIELDS_MAPS(X)                                                                             \
    X(WORKFLOW, workflow, "a policy")                                                              \
    X(STEP, step, "a step")                                                                        \
    X(RETRY, retry, "`retry`")                                                                     \
    X(AUDIT, audit, "`audit`")                                                                     \
    X(CHECK, check, "`check`")                                                                     \
    X(REFRESH, refresh, "`refresh`")                                                               \
    X(UNCERTAIN, uncertain, "`uncertain`")                                                         \
    X(TEMPLATE, template, "a template")                                                            \
    X(FALLBACK, fallback, "`fallback`")                                                            \
    X(INSTALLATION, installation, "interlock.yaml")                                                \
    X(PERSON, person, "a person")                                                                  \
    X(SERVICE, service, "a service")                                                               \
    X(SWITCH, switch, "`switch`")                                                                  \
    X(UPSTREAM, upstream, "an upstream")                                                           \
    X(KEY_HEADER, key_header, "`idempotency` of an upstream")                                      \
    X(BREAKER, breaker, "`breaker`")                                                               \
    X(AUTH, auth, "`auth`")                                                                        \
    X(AUTH_BASIC, auth_basic, "`basic`")                                                           \
    X(AUTH_HEADER, auth_header, "`header` of auth")                                                \
    X(SECRET, secret, "a secret")                                                                  \
    X(CHANNEL, channel, "a channel")                                                               \
    X(CONSOLE, console, "`console`")                                                               \
    X(TLS, tls, "`tls`")                                                                           \
    X(WATCHDOG, watchdog, "`watchdog`")                                                            \
    X(LIMITS, limits, "`limits`")

#define X_FIELD(id, name) id,
#define X_MAP(list, table, what) enum { FIELDS_##list(X_FIELD) list##_FIELD_COUNT };
FIELDS_MAPS(X_MAP)
#undef X_FIELD
#undef X_MAP

struct fields {
    const char *what;
    const char *const *names;
    size_t count;
};
#define X_MAP(list, table, what) extern const struct fields fields_##table;
FIELDS_MAPS(X_MAP)
#undef X_MAP

/* All of them, for the test of the schemas. */
extern const struct fields *const fields_all[];
extern const size_t fields_all_count;
