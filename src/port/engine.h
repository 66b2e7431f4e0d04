/* port/engine.h - the running daemon as its front doors see it.
 * Owns: the calls that a door may make. loop/ implements it; api/ uses it.
 * Invariants:
 *   1. done runs exactly once for each call, on the loop thread, perhaps before the call returns;
 *      what it is told is durable.
 *   2. Slices and views handed to done live until it returns.
 *   3. From within done no action is read or acted on (view, list, inbox, submit, act): the engine
 *      still holds the one that done is told of, and these let go of what nothing needs in memory.
 *      It is checked: who does so ends the daemon. */
#pragma once
#include "core/breaker.h"
#include "core/switchboard.h"
#include "port/store.h"
#include "record/evidence.h"
#include "record/inbox_json.h"
#include "record/incident_view.h"
#include "record/label_row.h"
#include "record/notice.h"
#include "record/plan.h"
#include "record/restart_row.h"
#include "record/status.h"
#include "record/tally.h"
#include "record/trip_text.h"

/* Who calls. Made by api/principal.c from a token. */
enum principal_kind { PRINCIPAL_NONE, PRINCIPAL_PERSON, PRINCIPAL_SERVICE };
struct principal {
    enum principal_kind kind;
    struct slice name;
    const struct person *person; /* the person, or the service's human */
    const struct service *service;
};

/* Why the engine did not take a call. The HTTP status of each is in api/reply.c. */
enum engine_refusal {
    ENGINE_TAKEN,
    ENGINE_STOPPED,      /* 503: refused by a stop, nothing stored */
    ENGINE_NO_ROOM,      /* 503: a limit or the disk; the detail says which */
    ENGINE_STORE_FAILED, /* 503: the store failed; no more starts */
    ENGINE_CONFLICT,     /* 422: same key, other input; the detail names the fields */
    ENGINE_BAD_INPUT,    /* 422: input, confidence, rendering; the pointer says where */
    ENGINE_NO_KEY,       /* 428 */
    ENGINE_KEY_DIFFERS,  /* 400: the header is not the policy's key */
    ENGINE_NOT_FOUND,    /* 404 */
    ENGINE_NOT_NOW,      /* 409: `refusal` says why; the view is the action as it is */
    ENGINE_DENIED        /* 403 */
};

struct engine_reply {
    enum engine_refusal outcome;
    enum refusal refusal;
    const struct view *view;        /* the action as it is, where there is one */
    const struct gate_answer *gate; /* dry run of a key that is not known yet: what would be */
    struct slice detail;            /* a sentence for people, or empty */
    struct slice pointer;           /* JSON pointer of a bad field, or empty */
    const struct stop *stop;        /* stop calls: the receipt */
    int64_t retry_after_ms;         /* 503 */
};
typedef void engine_done_fn(void *arg, const struct engine_reply *reply);

struct engine_submit {
    const struct principal *principal;
    const struct step *step;
    struct slice key; /* Idempotency-Key, unquoted; empty = none */
    struct slice run, because, trace;
    struct slice input_json;      /* the caller's bytes: a JSON object */
    struct slice context_json;    /* or empty */
    const struct json_t *input;   /* the same, parsed (strictly); borrowed */
    const struct json_t *context; /* or NULL */
    bool has_confidence;
    double confidence;
    int64_t wait_ms; /* 0 = answer as soon as it is durable */
    bool is_dry_run; /* nothing is stored or sent; the view says what would be */
    engine_done_fn *done;
    void *arg;
};

enum engine_act {
    ENGINE_APPROVE,
    ENGINE_REJECT,
    ENGINE_RESOLVE,
    ENGINE_CANCEL,
    ENGINE_AGAIN,
    ENGINE_BEGIN,
    ENGINE_REPORT,
    ENGINE_LABEL,
    ENGINE_EDIT,    /* approve with another input */
    ENGINE_CLAIM,   /* of a review, as the next ones; for_ms */
    ENGINE_RELEASE, /* a claim of one's own */
    ENGINE_ASSIGN,  /* to a person who may decide it */
    ENGINE_NOTE,    /* reason */
    ENGINE_SHOW,    /* masked fields are shown: recorded before they are */
    ENGINE_REFUSED, /* a verdict was refused at the door: recorded; always ENGINE_NOT_NOW */
    ENGINE_ERASE    /* reason; only what is over */
};
struct engine_call {
    enum engine_act act;
    const struct principal *principal;
    uint64_t action;
    uint8_t review;      /* of reviews: which one; 0 = the current one */
    struct slice digest; /* APPROVE, EDIT: hex of what was shown; empty = the review's own */
    struct slice reason, evidence; /* people's words */
    bool happened, send;           /* RESOLVE */
    struct slice token;            /* BEGIN, REPORT */
    uint16_t attempt;              /* REPORT */
    enum outcome outcome;          /* REPORT */
    struct slice response_json;    /* REPORT; or empty */
    struct slice label;            /* LABEL: one of the step's; `reason` is its note */
    struct slice edit_json;        /* EDIT: an object of input fields; null takes a field away */
    struct slice to;               /* ASSIGN */
    int64_t for_ms;                /* CLAIM */
    enum refusal refused;          /* REFUSED: why */
    engine_done_fn *done;
    void *arg;
};

/* What is to be stopped. A person may order each position but caution, which a trigger takes and
 * which clears itself. */
struct stop_order {
    const struct scope *scope;
    enum position position;
    struct slice reason; /* or empty: said afterwards */
    bool spares_started; /* what has started by now may go: it was counted before the limit */
    const struct journal_trip *trip; /* of a trigger: what tripped; NULL = a person */
};

/* Of one workflow: from when on; and from when on its stops, which may be longer ago. */
struct engine_evidence_query {
    const struct workflow *workflow;
    int64_t since_unix_ms, stops_since_unix_ms;
};

/* GET /v1/actions: newest first. */
struct engine_query {
    struct slice key, run;       /* exact; with or without workflow and step */
    struct slice workflow, step; /* empty = any */
    bool has_state;
    enum action_state state;
    uint64_t incident; /* only what ended undone and that it told of; 0 = any */
    uint64_t before;   /* cursor: id, 0 = newest */
    size_t limit;
};

/* GET /v1/inbox: earliest first, after the place (after_by, after_id). */
struct engine_inbox_query {
    struct slice workflow; /* empty = any */
    struct slice who;      /* a person or a group that it is for; empty = anybody */
    bool has_kind;
    enum inbox_kind kind;
    int64_t after_by_unix_ms;
    uint64_t after_id; /* 0 = from the first */
    size_t limit;      /* <= LIMIT_PAGE */
};
struct engine_inbox_page {
    size_t count; /* items; fewer than asked for does not mean the end */
    bool has_next;
    int64_t next_by_unix_ms; /* the place to go on from */
    uint64_t next_id;
};
typedef void label_sum_fn(void *arg, const struct label_row *row, int64_t now_unix_ms);

struct engine_incident {
    uint64_t id;
    uint64_t stop;
    struct slice workflow, scope, state, reason, by; /* state: "open" | "closed" */
    int64_t since_unix_ms, closed_unix_ms;
    uint64_t words_seq; /* the record with the reason; 0 = none was said */
    enum incident_kind kind;
    struct journal journal; /* its scope, and what lasts */
};

/* What somebody says of an incident. */
struct engine_remark {
    const char *subject; /* note, cause, follow_up, informed */
    struct slice text;
};

/* POST /v1/workflows/{w}/signals. */
struct engine_signal {
    const struct workflow *workflow;
    struct slice id, name;
    double value;
    engine_done_fn *done;
    void *arg;
};

/* One trigger as it is. */
struct engine_trigger {
    struct slice workflow;
    const struct trigger *trigger;
    enum trigger_level level;
    bool is_known_over;    /* over its limit since before the last restart: it waits until normal */
    bool is_observed;      /* mode observe: it moves nothing */
    uint64_t stop;         /* in force by it, caution included; 0 = none */
    uint64_t told;         /* the open incident that tells of it, without a stop; 0 = none */
    struct trip now, last; /* its numbers: as they are, and of the last crossing or warning */
    int64_t tripped_unix_ms, restarted_unix_ms; /* 0 = never */
};

/* How far an open incident is on its way back. */
enum restart_state {
    RESTART_NONE,
    RESTART_ASKED,   /* an approval is waited for */
    RESTART_VOID,    /* it was asked, and not approved in time; or something changed since */
    RESTART_RAMPING, /* approved: it starts again, a little at a time */
    RESTART_STUCK,   /* its ramp waits for people */
    RESTART_ENDED    /* somebody said no to it, or who asked took it back: row.request.end */
};
struct engine_restart {
    enum restart_state state;
    struct restart_row row;
    struct slice reason;           /* what who asked said */
    struct slice rejected_why;     /* what was said with row.rejected */
    struct slice withdrawn_why;    /* and with row.withdrawn */
    const struct group *approvers; /* or NULL: nobody */
    int64_t over_unix_ms;          /* when the request ends */
    int64_t alone_unix_ms;         /* when who asked may approve; 0 = never */
    const struct ramp *ramp;
    int64_t stage_due_ms;
};

/* Counters of one workflow for status: since the time that `since` says. */
struct engine_counts {
    struct slice workflow;
    uint64_t automatic, by_template, by_fallback, reviewed; /* done */
    uint64_t degraded[CAUSE_COUNT], rejected, failed, cancelled, expired;
    uint64_t held, uncertain, in_review, attempting, waiting; /* now */
    uint64_t repeats_answered,
        seconds_prevented; /* replays; of them, ones that would have sent again */
    uint64_t entered[STATE_COUNT],
        refused; /* since the process started, for metrics: they only grow */
    uint64_t sla_met, sla_missed;
    const struct step_counts *steps; /* as in the policy */
    size_t step_count;
    uint64_t audits;                                   /* open ones */
    uint64_t samples_right, samples_wrong, complaints; /* since the process started */
    struct label_sum labels;                           /* of actions submitted in the last 7 days */
    int64_t oldest_held_unix_ms, oldest_people_due_unix_ms;
    bool is_on_fallback; /* what went last was done by a fallback, of a cause that is not over */
    uint64_t draining;   /* what a stop held and no stop holds any more */
    int64_t drain_milli; /* how many of that leave, in thousandths a second */
};
struct engine_upstream {
    struct slice name;
    enum breaker_state breaker;
    enum breaker_cause cause; /* why it opened last: cause_count of cause_of */
    int cause_count, cause_of, failed_probes;
    int64_t opened_unix_ms;   /* when it left closed; 0 = never */
    int64_t probe_at_unix_ms; /* when what is held may try again; 0 = as room allows */
    int64_t pause_until_unix_ms;
    int64_t rate_milli; /* of its recovery, in thousandths a second; -1 = it is not paced */
    uint64_t held, probes;
    int under_way, concurrency, tokens_tenths;
    uint64_t attempts[OUTCOME_COUNT];
};
/* A token that was made by token_put and is not revoked; those of the configuration are not listed.
 * id: the first 16 hex digits of its SHA-256. */
struct engine_token {
    struct slice id, name, made_by;
    int64_t made_unix_ms;
};
struct engine_health {
    bool is_ready;
    struct slice why;           /* when not ready */
    struct slice flag;          /* what somebody should know: last good policy in force, … */
    struct slice warnings;      /* JSON array of texts: IL900 lines, flags */
    const uint64_t *unanswered; /* incidents that nobody answers for */
    size_t unanswered_count;
    bool has_watchdog, is_watchdog_good;
    struct slice watchdog_what; /* what the last ping gave */
    int64_t watchdog_unix_ms;   /* 0 = none has ended yet */
    struct stop_check stop_check;
    int64_t down_ms; /* how long interlock was not running before this start */
    uint64_t unended, waiters, epoch;
    int64_t started_unix_ms, now_unix_ms;
    struct store_counts store;
    uint64_t head_seq;
    unsigned char head_hash[STORE_HASH_SIZE];
};

struct engine_port {
    void *impl;
    const struct config *(*config)(void *impl);
    int64_t (*now_unix_ms)(void *impl);
    const struct zone *(*zone)(void *impl); /* local time of what people read; NULL: UTC */
    void (*random)(void *impl, void *out_bytes, size_t size); /* for tokens */

    /* Returns a handle (0 when done ran already) for forget. */
    uint64_t (*submit)(void *impl, const struct engine_submit *submit);
    void (*act)(void *impl, const struct engine_call *call);
    /* A label for what the workflow does not know was refused: a record says so. name: what it was
     * called by, key, run or id; not the name itself, which nobody could erase. */
    void (*label_refused)(void *impl, const struct principal *principal, struct slice workflow,
                          struct slice name);
    /* The caller has gone: done will not run; the action goes on. */
    void (*forget)(void *impl, uint64_t handle);

    /* Reads; at once. The view and its bytes live in the arena. */
    enum err (*view)(void *impl, uint64_t action, bool with_history, struct arena *arena,
                     struct view *out_view);
    enum err (*list)(void *impl, const struct engine_query *query, struct arena *arena,
                     struct view *out_views, size_t *out_count, uint64_t *out_next);
    /* All that waits for people, most urgent (due) first; room for query->limit. */
    enum err (*inbox)(void *impl, const struct engine_inbox_query *query, struct arena *arena,
                      struct inbox_item *out_items, struct engine_inbox_page *out_page);

    /* What is known of an action's audit and labels; ERR_NOT_FOUND: nothing. May be asked from
     * within done. */
    enum err (*label_of)(void *impl, uint64_t action, struct arena *arena, struct label_row *out);
    /* Each audit and label of actions that were submitted since then, at most LIMIT_LABEL_ROWS. */
    enum err (*label_sums)(void *impl, int64_t since_unix_ms, label_sum_fn *each, void *arg);

    /* done(reply->stop) at the acknowledgement: in force in memory and durable. */
    void (*stop)(void *impl, const struct principal *principal, const struct stop_order *order,
                 engine_done_fn *done, void *arg);
    /* Asks that all stops of the incident are lifted: a person. ENGINE_NOT_FOUND, ENGINE_NOT_NOW
     * (closed already, or asked for by somebody else). */
    void (*restart)(void *impl, const struct principal *principal, uint64_t incident,
                    struct slice reason, engine_done_fn *done, void *arg);
    /* Lifts exactly the stops that were asked for, at once or by the ramp of their scope. Refused
     * with a sentence, and a record: core/restart.h. */
    void (*approve)(void *impl, const struct principal *principal, uint64_t incident,
                    engine_done_fn *done, void *arg);
    /* Says no to it, with a reason: nothing is approved until somebody asks anew, and then not by
     * who asks. Those who may approve; who asked takes it back. Refused with a sentence. */
    void (*reject)(void *impl, const struct principal *principal, uint64_t incident,
                   struct slice reason, engine_done_fn *done, void *arg);
    enum err (*restart_of)(void *impl, uint64_t incident, struct arena *arena,
                           struct engine_restart *out_restart);
    void (*incident_reason)(void *impl, const struct principal *principal, uint64_t incident,
                            struct slice reason, engine_done_fn *done, void *arg);
    /* Somebody takes care of it: nobody is told on for a while. ENGINE_NOT_NOW: it is closed. */
    void (*ack)(void *impl, const struct principal *principal, uint64_t incident,
                engine_done_fn *done, void *arg);
    /* All that is known of it. */
    enum err (*incident_view)(void *impl, uint64_t incident, struct arena *arena,
                              struct incident_view *out_view);
    /* Also of one that is closed. */
    void (*incident_remark)(void *impl, const struct principal *principal, uint64_t incident,
                            const struct engine_remark *remark, engine_done_fn *done, void *arg);
    /* One that no stop made; ENGINE_NOT_NOW: it is closed, or a restart closes it. */
    void (*incident_close)(void *impl, const struct principal *principal, uint64_t incident,
                           struct slice reason, engine_done_fn *done, void *arg);
    /* Who put a name to the plan of a workflow, and to which facts; ERR_NOT_FOUND: nobody. */
    enum err (*plan_signature)(void *impl, const struct workflow *workflow, struct arena *arena,
                               struct plan_signature *out_signature);
    void (*plan_sign)(void *impl, const struct principal *principal,
                      const struct workflow *workflow, engine_done_fn *done, void *arg);
    /* The open ones that no stop made, oldest first; *inout_count: capacity. */
    void (*troubles)(void *impl, struct arena *arena, struct status_incident *out,
                     size_t *inout_count);
    /* How far the telling of an incident is; ERR_NOT_FOUND before it has begun. */
    enum err (*ladder)(void *impl, uint64_t incident, struct arena *arena,
                       struct ladder_row *out_row);
    /* Who was told of it, and through what; *out_count in: capacity. */
    enum err (*notices)(void *impl, uint64_t incident, struct arena *arena,
                        struct notice *out_notices, size_t *out_count);
    enum err (*stops)(void *impl, bool with_lifted, struct arena *arena, struct stop *out_stops,
                      size_t *out_count); /* room for LIMIT_STOPS; *out_count in: capacity */
    /* Those that are in force, and all that were made since then; oldest first. *inout_count:
     * capacity. */
    enum err (*stops_since)(void *impl, int64_t since_unix_ms, struct stop *out,
                            size_t *inout_count);
    const struct stop *(*stop_by_id)(void *impl, uint64_t id, struct arena *arena);
    enum err (*incidents)(void *impl, bool open_only, struct arena *arena,
                          struct engine_incident *out_incidents, size_t *out_count);
    /* One of them; ERR_NOT_FOUND. */
    enum err (*incident)(void *impl, uint64_t id, struct arena *arena,
                         struct engine_incident *out_incident);
    /* Why that stop was made; a further one of an incident has its own reason, or none. */
    struct slice (*stop_reason)(void *impl, const struct stop *stop, struct arena *arena);
    /* Attempts under way that a stop still waits for. */
    enum err (*in_flight)(void *impl, uint64_t stop, struct arena *arena, struct view *out_views,
                          size_t *out_count);

    /* A signal counts once for its id; done when that is durable. ENGINE_BAD_INPUT: no trigger of
     * the workflow watches it. */
    void (*signal)(void *impl, const struct engine_signal *signal);
    /* It lives, though it has nothing to do (`expect`, `silent`). */
    void (*heartbeat)(void *impl, const struct workflow *workflow, engine_done_fn *done, void *arg);
    /* Of one workflow, or of all (empty), written ones first. */
    enum err (*triggers)(void *impl, struct slice workflow, struct arena *arena,
                         struct engine_trigger **out, size_t *out_count);

    void (*counts)(void *impl, int64_t since_unix_ms, struct arena *arena,
                   struct engine_counts *out_counts, size_t *out_count); /* one per workflow */
    /* Of a workflow, the oldest action that has not ended; ERR_NOT_FOUND. */
    enum err (*oldest)(void *impl, struct slice workflow, uint64_t *out_action,
                       int64_t *out_unix_ms);
    /* All that is counted of a workflow, from the hour of that time on. */
    enum err (*tally)(void *impl, struct slice workflow, int64_t since_unix_ms, struct tally *out);
    /* The facts of report and ready, as of now. */
    enum err (*evidence)(void *impl, const struct engine_evidence_query *query, struct arena *arena,
                         struct evidence *out);
    void (*upstreams)(void *impl, struct arena *arena, struct engine_upstream *out,
                      size_t *out_count);
    void (*health)(void *impl, struct arena *arena, struct engine_health *out_health);

    /* The log: records from a sequence on. on_record follows live ones; 0 = stop following. */
    const struct store_port *(*store)(void *impl);
    uint64_t (*follow)(void *impl, void (*on_record)(void *arg, uint64_t seq), void *arg);
    void (*unfollow)(void *impl, uint64_t handle);

    /* Administration. reload: done with detail = all problems as text, ENGINE_BAD_INPUT when
     * refused. */
    void (*reload)(void *impl, const struct principal *principal, engine_done_fn *done, void *arg);
    void (*backup)(void *impl, const struct principal *principal, struct slice path,
                   engine_done_fn *done, void *arg);
    /* Tokens: stored by their SHA-256; id as in struct engine_token. */
    void (*token_put)(void *impl, const struct principal *principal, struct slice name,
                      const unsigned char hash[32], engine_done_fn *done, void *arg);
    void (*token_revoke)(void *impl, const struct principal *principal, struct slice id,
                         engine_done_fn *done, void *arg);
    /* Who is away; until 0 = back. The list is good until the next event. */
    void (*away_put)(void *impl, const struct principal *principal, const struct away *away,
                     engine_done_fn *done, void *arg);
    const struct away_list *(*away)(void *impl);
    /* *out_count in: capacity, at most LIMIT_TOKENS. */
    enum err (*tokens)(void *impl, struct arena *arena, struct engine_token *out_tokens,
                       size_t *out_count);
    /* The principal name of a token, from config secrets or the store; false = unknown. */
    bool (*token_owner)(void *impl, const unsigned char hash[32], struct slice *out_name);

    /* Sandbox providers; ERR_NOT_FOUND when the upstream is none. JSON in and out. */
    enum err (*sandbox)(void *impl, struct slice upstream, struct slice settings_json,
                        struct buf *out_report_json);
};
