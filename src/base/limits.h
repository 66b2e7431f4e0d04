/* base/limits.h - every bound in interlock, with its reason (I15).
 * Owns: the numbers. Reaching one is an error that names it, never a silent cut.
 * Sizes in bytes, times in ms, unless the name says otherwise. */
#pragma once
#include <assert.h>

/* Names that people write in policies: workflow, step, upstream, rule, group, person. */
#define LIMIT_NAME 64
#define LIMIT_KEY 255      /* a caller's idempotency key; draft-ietf-httpapi-idempotency-key */
#define LIMIT_RUN 255      /* business key of a run */
#define LIMIT_BECAUSE 4096 /* the caller's free text */
#define LIMIT_REASON 4096  /* a person's free text */
#define LIMIT_SUMMARY 512  /* one line for people; longer is cut with a mark when shown */

/* HTTP at our own door (evidence: what a gate must refuse). */
#define LIMIT_HTTP_LINE 8192          /* request line */
#define LIMIT_HTTP_METHOD 16          /* longer than any registered one */
#define LIMIT_HTTP_HEADER_BLOCK 32768 /* trailers count too */
#define LIMIT_HTTP_HEADERS 100
#define LIMIT_HTTP_BODY (1024 * 1024) /* `limits.body`: default of what a caller may send */
#define LIMIT_HTTP_BODY_MAX                                                                        \
    (4 * LIMIT_HTTP_BODY)                    /* and the most: it is held whole, several times */
#define LIMIT_HTTP_CHUNK_FRAMING (64 * 1024) /* sizes, extensions, line ends of all chunks */
#define LIMIT_HTTP_HELD (64 * 1024 * 1024)   /* request bodies in memory at once */
#define LIMIT_HTTP_ANSWER (16 * 1024 * 1024) /* one answer of ours */
#define LIMIT_HTTP_UNWRITTEN (256 * 1024)    /* past it no request of the connection is begun */
#define LIMIT_HTTP_STREAM (256 * 1024)       /* of a stream, waiting for a slow reader */
#define LIMIT_HTTP_SLOW_MS 10000   /* a request must be whole this long after its first byte */
#define LIMIT_HTTP_IDLE_MS 75000   /* an idle connection is closed after this */
#define LIMIT_HTTP_EVICT_MS 1000   /* or after this, when another one needs its place */
#define LIMIT_HTTP_RESERVE_MS 1000 /* on a seat of the reserve, a request is whole by then */
#define LIMIT_HTTP_UNREAD_MS 30000 /* a peer that reads nothing of its answer is dropped */
#define LIMIT_HTTP_GONE_MS 5000    /* a peer that ended its side gets answers this long */
#define LIMIT_HTTP_LINGER_MS 2000  /* what a refused peer still sends is thrown away this long */
#define LIMIT_HTTP_LINGER (8 * 1024 * 1024) /* and no more of it than this */
#define LIMIT_CONNECTIONS 1024              /* open at once, all lanes together */
#define LIMIT_CONNECTIONS_STOP 16           /* of them kept free for the stop lane */
#define LIMIT_LINGERING 256                 /* ended connections whose last bytes are thrown away */
#define LIMIT_BACKLOG 1024        /* connections that the kernel keeps until there is a place */
#define LIMIT_PIPELINE 16         /* requests of one connection read ahead */
#define LIMIT_EXCHANGES_SPARE 256 /* kept for the next requests instead of freed */
#define RETRY_AFTER_BUSY_S 1      /* told with a 503 of the server */

/* Requests under way in each lane (R30). Only waiting submits and streams stay long. */
#define LIMIT_LANE_STOP 64
#define LIMIT_LANE_OUTCOME 1024
#define LIMIT_LANE_VERDICT 256
#define LIMIT_LANE_ADMISSION 4096
#define LIMIT_LANE_READ 256

/* JSON and expressions. */
#define LIMIT_JSON_DEPTH 32
#define LIMIT_CANONICAL (64 * 1024 * 1024) /* the canonical spelling of one input */
#define LIMIT_CANONICAL_MEMBERS 262144     /* members of objects that are open at once in it */
#define LIMIT_EXPR_TEXT 2048
#define LIMIT_EXPR_NODES 256
#define LIMIT_EXPR_DEPTH 32
#define LIMIT_EXPR_STEPS                                                                           \
    100000 /* evaluation cost of one expression; comprehensions count each turn */
#define LIMIT_EXPR_STRING (64 * 1024) /* a string made while evaluating */
#define LIMIT_REGEX_MATCH 100000      /* items that one match tries, over all starting points */
#define LIMIT_REGEX_HEAP (4 * 1024 * 1024) /* PCRE2's memory of one match */
#define LIMIT_SAW 16                       /* values recorded per deciding expression */
#define LIMIT_SAW_VALUE 256 /* bytes of one recorded value; longer is cut with a mark */

/* Policies. */
#define LIMIT_POLICY_FILE (256 * 1024)
#define LIMIT_POLICY_FILES 256
#define LIMIT_YAML_DEPTH 16
#define LIMIT_YAML_NODES 20000
#define LIMIT_YAML_BLANK_LINES 500 /* in a row; the reader's time grows with their square */
#define LIMIT_YAML_QUOTES 14       /* ' in a row; past it libfyaml 0.7.12 loses memory */
#define LIMIT_TEMPLATE_VALUES 256  /* ${} in one text */
#define LIMIT_BODY_VALUES 1024     /* ${} in one body */
#define LIMIT_PROBLEMS 200         /* mistakes told at once */
#define LIMIT_STEPS 64             /* per workflow */
#define LIMIT_RULES 32             /* per step */
#define LIMIT_RISKS 8              /* classes per step */
#define LIMIT_HEADERS 32           /* per call */
#define LIMIT_FIELDS 128           /* per input shape */
#define LIMIT_CHAIN 8              /* entries of one fallback list */
#define LIMIT_STANDARD_TRIGGERS 8  /* implied for one step */
#define LIMIT_LABELS 16            /* answers of one audit question */
#define LIMIT_ENTRIES 64           /* of all fallbacks of a step, `then` included */
#define LIMIT_ROUTES 15            /* ways to act of a step besides its own call */
#define LIMIT_PASSED 16            /* entries of a fallback that were passed over, remembered */
#define LIMIT_PATH_GATES (LIMIT_RULES + 16)

/* Attempts. */
#define LIMIT_ATTEMPTS 10        /* R15: `attempts` is 1..10 */
#define LIMIT_RELEASES 5         /* R15: releases from the safe queue in one generation */
#define LIMIT_ASKS 5             /* R12: questions of a check after one attempt, then a person */
#define SEND_BY_MS 2000          /* R14: a start must leave within this, or it is not_sent */
#define RETRY_AFTER_MAX_MS 60000 /* a longer wait parks the action */
#define RETRY_BUDGET_TENTHS                                                                        \
    100                   /* per upstream: 10 retries to begin with; a retry costs 10 tenths */
#define START_BY_MS 10000 /* R13: `begin` must follow the permit within this */
#define LIMIT_ANSWER (1024 * 1024)      /* an upstream's answer; more is cut and marked */
#define LIMIT_ANSWER_STORED (64 * 1024) /* of it, kept for replays; more is cut and marked */
#define LIMIT_HEADER_STORED 2048        /* the values of one header of an answer */
#define LIMIT_RESPONSE (1024 * 1024)    /* what is kept, as JSON: a byte may take six */
#define LIMIT_PAYLOAD                                                                              \
    (5 * LIMIT_HTTP_BODY_MAX)       /* of one record: input, context, what was changed */
#define LIMIT_REQUEST (1024 * 1024) /* a rendered request */
#define LIMIT_RECORD (64 * 1024)    /* one record: codes, names of the policy, numbers, digests */
#define LIMIT_ROW (64 * 1024)       /* one row of a small table, or of an action: the same */
#define LIMIT_SENTENCE 4096         /* one sentence to people, with the names in it */
#define LIMIT_CONCURRENCY 64        /* default calls at one upstream at once */
#define LIMIT_UPSTREAM_CALLS 1024   /* calls under way at all upstreams together */
#define LIMIT_UPSTREAM_SPARE 64     /* finished calls kept with their memory for the next ones */
#define LIMIT_UPSTREAM_SOCKETS 4096 /* sockets watched: calls, idle connections, name look-ups */
#define LIMIT_UPSTREAM_IDLE 1024    /* connections kept open, those in use included */
#define UPSTREAM_IDLE_S                                                                            \
    1 /* whole seconds idle after which a connection is not used again:    \
                                 servers close at 2 s and up, and a write lost in that race is     \
                                 uncertain */
#define LIMIT_CALL_BODY (2 * LIMIT_HTTP_BODY_MAX) /* of ours to a daemon, which says its own */
#define LIMIT_CALL_HEADERS 64                     /* sent with one call, secret ones included */
#define LIMIT_CALL_HEAD 32768         /* bytes of those, and of method, address and target */
#define LIMIT_ANSWER_HEAD (64 * 1024) /* header bytes of an answer, 1xx blocks included */
#define LIMIT_ANSWER_HEADERS 128

/* Telling people. */
#define LIMIT_NOTICE_LINE 160       /* characters of a message's first line: what a pager shows */
#define LIMIT_NOTICE_BODY 4096      /* bytes of the rest */
#define LIMIT_NOTICE_WHAT 200       /* why it was not delivered */
#define LIMIT_NOTICES 4096          /* messages that are not delivered yet */
#define LIMIT_NOTICES_UNDER_WAY 32  /* of them, being delivered at once */
#define LIMIT_NOTICES_PER_CHANNEL 4 /* of those, through one channel: one that hangs is alone */
#define LIMIT_ALERTS 4096           /* things that somebody is told about */
#define LIMIT_CHANNEL_WORDS 32      /* of a command */
#define NOTICE_TIMEOUT_MS 15000     /* one try */
#define LIMIT_NOTICE_ANSWER 16384   /* of a receiver's answer, read and thrown away */

/* The built-in sandbox provider. */
#define LIMIT_SANDBOXES 64
#define LIMIT_SANDBOX_CALLS 1024                /* calls under way */
#define LIMIT_SANDBOX_MEMORY (16 * 1024 * 1024) /* of one sandbox: all effects that it knows */
#define LIMIT_SANDBOX_LIST 100                  /* entries of one list in a report or an answer */
#define LIMIT_SANDBOX_DELAY_MS 600000

/* Store and driver. */
#define LIMIT_BATCH 512                            /* items of one transaction */
#define LIMIT_STORE_QUEUE 8192                     /* submits whose end was not told yet */
#define LIMIT_STORE_QUEUE_BYTES (32 * 1024 * 1024) /* of them together; one may be larger */
#define LIMIT_WAL_PAGES 10000 /* a checkpoint begins; smaller ones write hot pages too often */
#define LIMIT_WAL_PAGES_HARD 131072 /* 512 MiB: the writer waits for the checkpoint */
#define LIMIT_UNENDED 1000000       /* `limits.unended`: actions that have not ended */
#define LIMIT_WAITERS 4096          /* `limits.waiters`: callers that wait for an answer */
#define LIMIT_HOT_ACTIONS 16384     /* action entries in memory; the rest sleeps in the store */
#define LIMIT_REPORT_DAYS 400       /* how far back a report looks */
#define LIMIT_LABEL_ROWS 200000     /* audits and labels read for one estimate */
#define LIMIT_DUE_PAGE 256          /* due actions read from the store at once */
#define LIMIT_PAGE 1000             /* items of one answer */
#define CLAIM_MS 900000             /* a claim of a review runs out after this */
#define LIMIT_CLAIM_MINUTES 480     /* or after as long as was asked for, at most this */
#define LIMIT_BULK 100              /* verdicts of one call */
#define LIMIT_SUBMIT_LINES 500      /* submits of one call: one turn of the loop takes them all */
#define LIMIT_INBOX_SCAN 2000       /* pieces of work looked at for one page of an inbox */
#define STOP_TAKEN_UP_MS 300000     /* somebody takes a stop up by then; default of `ack_within` */
#define LIMIT_DISK_RESERVE (16 * 1024 * 1024) /* admissions end when less is free */
#define LIMIT_API_ARENA (64 * 1024 * 1024)    /* what one request may need: a page of actions */
#define LIMIT_FOLLOWERS 64                    /* streams of the log under way */
#define LIMIT_FORMER 4                        /* former names, former keys: each is looked up */
#define LIMIT_TRIGGER_ROWS 16384              /* definitions of triggers, former ones included */
#define LIMIT_TRIGGER_MEMOS 16384             /* recipients and signals remembered in memory */
#define LIMIT_STOPS 4096                      /* stops in force */
#define STOP_CHECK_FIRST_MS 10000             /* the stop path is tried so long after the start */
#define STOP_CHECK_MS 300000                  /* and then at such times */
#define STOP_CHECK_AGAIN_MS 10000             /* after it did not work */
#define STOP_CHECK_WAIT_MS 10000              /* a stop is durable by then */
#define STOP_CHECK_OLD_MS (3 * STOP_CHECK_MS) /* an older result says nothing */
#define LIMIT_RAMPS 16                        /* incidents that start again at a time */
#define LIMIT_INCIDENT_STOPS 32               /* causes that join one incident */
#define LIMIT_TOKENS 4096
#define WAIT_DEFAULT_MS 20000 /* `Prefer: wait` */
#define WAIT_MAX_MS 120000

static_assert(LIMIT_ANSWER_STORED <= LIMIT_ANSWER, "what is kept was read");
static_assert(6 * (LIMIT_ANSWER_STORED + LIMIT_ANSWER_HEAD) < LIMIT_RESPONSE, "all of it escaped");
static_assert(4 * LIMIT_HTTP_BODY_MAX < LIMIT_PAYLOAD, "a submit has room: refused at the door");
static_assert(LIMIT_RESPONSE < LIMIT_PAYLOAD, "an answer is a part of a payload");
static_assert(LIMIT_CONNECTIONS_STOP < LIMIT_CONNECTIONS, "the stop lane is a part of all");
static_assert(LIMIT_WAL_PAGES * 4 <= LIMIT_WAL_PAGES_HARD, "room to write while a checkpoint runs");
static_assert(LIMIT_BATCH <= LIMIT_STORE_QUEUE, "one batch fits the queue");
