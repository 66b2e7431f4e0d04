/* record/bundle.h - the payload of a record: all that came from callers, people and upstreams.
 * Owns: the two bundles, submit and outcome, and the small one of people's words. JSON bytes,
 *   stored behind a 32-byte salt; committed to by their record (R24). Pure.
 * Invariants:
 *   1. Bytes of callers and upstreams are kept as they came: `input` is the caller's own bytes
 *      and `response` is built once and copied out for ever (R9: byte-equal).
 *   2. What came masked stays masked: a `saw` value of a masked field is "***" from the
 *      beginning. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "policy/types.h"

enum { BUNDLE_SALT = 32 };

/* A value that a deciding expression read; text is JSON. */
struct bundle_saw {
    uint8_t path_index;       /* into the record's path */
    struct slice name, value; /* "input.balance", "12000" */
};
struct bundle_header {
    struct slice name, value;
};

/* With ADMITTED and EDITED. Slices are raw JSON where said, else plain text. */
struct bundle_submit {
    struct slice key, run, actor, summary, because, trace;
    /* The key and the run as they may be shown, where masked fields stand in them; else empty. */
    struct slice key_shown, run_shown;
    struct slice input_json;   /* the caller's bytes */
    struct slice context_json; /* or empty */
    bool has_confidence;
    double confidence;
    /* EDITED: what was changed, [{"field","from","to"}…], masked; or empty. */
    struct slice edit_json;
    struct slice edit_note; /* EDITED: a person's words, or empty */
    bool is_summary_masked;
    size_t saw_count;
    struct bundle_saw saw[LIMIT_SAW];
};

/* The frozen request (R5): kept beside the open action, not in the payload table. */
struct bundle_request {
    struct slice method, target, provider_key;
    size_t header_count;
    struct bundle_header headers[LIMIT_HEADERS + 4];
    struct slice body;
};

/* With OUTCOME, LATE, RESOLVED, REPORT, ASKED. */
struct bundle_outcome {
    /* The whole `response` member: {"status":200,"headers":{…},"body":…}. */
    struct slice response_json;
    struct slice what; /* clause for people: "no answer in 10 s" */
    struct slice peer;
};

/* With REFRESHED: what an upstream said that the input is by now (R10). */
struct bundle_fact {
    struct slice from;     /* "billing GET /invoices/INV-2041" */
    struct slice set_json; /* {"balance":0}: input fields; empty = it could not be told */
    struct slice what;     /* then: why not, a clause for people */
};

/* With APPROVED, DECLINED, RESOLVED, CANCELLED, STOP, RESTART, INCIDENT: a person's words. */
struct bundle_words {
    struct slice reason, evidence;
};

void bundle_submit_encode(const struct bundle_submit *bundle, struct buf *out);
void bundle_request_encode(const struct bundle_request *bundle, struct buf *out);
void bundle_outcome_encode(const struct bundle_outcome *bundle, struct buf *out);
void bundle_fact_encode(const struct bundle_fact *bundle, struct buf *out);
void bundle_words_encode(const struct bundle_words *bundle, struct buf *out);
/* Slices point into bytes or into the arena. ERR_CORRUPT. */
MUST_USE enum err bundle_submit_decode(struct slice bytes, struct arena *arena,
                                       struct bundle_submit *out);
MUST_USE enum err bundle_request_decode(struct slice bytes, struct arena *arena,
                                        struct bundle_request *out);
MUST_USE enum err bundle_outcome_decode(struct slice bytes, struct arena *arena,
                                        struct bundle_outcome *out);
MUST_USE enum err bundle_fact_decode(struct slice bytes, struct arena *arena,
                                     struct bundle_fact *out);
MUST_USE enum err bundle_words_decode(struct slice bytes, struct arena *arena,
                                      struct bundle_words *out);

/* Puts salt and value together as stored, and tells the commitment. */
void bundle_seal(const unsigned char salt[BUNDLE_SALT], const char *label, struct slice value,
                 struct buf *out_stored, unsigned char out_commitment[32]);
/* The value part; ERR_CORRUPT when the commitment does not match. */
MUST_USE enum err bundle_open(struct slice stored, const char *label,
                              const unsigned char commitment[32], struct slice *out_value);
/* What a payload is sealed as: none can be taken for another. */
#define BUNDLE_LABEL_SUBMIT "submit"
#define BUNDLE_LABEL_OUTCOME "outcome"
#define BUNDLE_LABEL_WORDS "words"
#define BUNDLE_LABEL_ASKED "asked" /* the shape of an outcome: what a check answered */
#define BUNDLE_LABEL_FACT "fact"
