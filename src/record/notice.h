/* record/notice.h - what people are told, and the state of telling, as the store keeps them.
 * Owns: the bytes of rows in STORE_NOTICES and STORE_LADDERS: a version byte, then short
 *   numbers and counted texts.
 * Invariants:
 *   1. decode(encode(x)) == x.
 *   2. Only an explicit mark says delivered, failed or closed: what a newer version wrote is
 *      told once more (R27).
 *   3. The texts of a message go when it has ended: what stays are names and times (R24).
 *   R23 what stands in a message was masked when it was made. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "core/ladder.h"

/* Parts of stored rows: only ever add at the end. */
enum notice_about {
    NOTICE_TROUBLE, /* something stopped, and somebody is needed */
    NOTICE_ACKNOWLEDGED,
    NOTICE_RECOVERED,
    NOTICE_DOWN,   /* interlock was not running */
    NOTICE_INFORM, /* somebody is to tell others, and hears what */
    NOTICE_REPORT, /* of a workflow, as scheduled */
    NOTICE_RESTART /* one is asked for, approved, or void */
};
enum notice_state { NOTICE_WAITING, NOTICE_DELIVERED, NOTICE_FAILED };

struct notice {
    uint64_t id;       /* the same at each try */
    uint64_t order;    /* the record that made it: in this order they are sent */
    uint64_t incident; /* 0 = of none */
    enum notice_about about;
    enum notice_state state;
    uint8_t rung;
    uint32_t tries;
    int64_t made_unix_ms, next_unix_ms, ended_unix_ms;
    struct slice person, channel; /* channel "inbox": nothing is sent */
    struct slice scope;           /* what it is about: "inquiry-routing" */
    struct slice line, body;      /* empty once it has ended */
    struct slice what;            /* the last failure, in a clause */
};

void notice_encode(const struct notice *notice, struct buf *out);
/* The slices point into bytes. ERR_CORRUPT. */
MUST_USE enum err notice_decode(struct slice bytes, struct notice *out);
/* The key of its row: those that wait come first, the others by incident; in their order. (Ids grow
 * with time, and a clock may stand still over a crash.) */
void notice_add_key(const struct notice *notice, struct buf *out);
/* What the keys of all that have ended for an incident begin with. */
void notice_add_prefix(uint64_t incident, struct buf *out);
const char *notice_about_name(enum notice_about about);
const char *notice_state_name(enum notice_state state);

struct ladder_row {
    uint64_t incident;
    struct ladder ladder;
    struct slice acknowledged_by;
};
void ladder_row_encode(const struct ladder_row *row, struct buf *out);
MUST_USE enum err ladder_row_decode(struct slice bytes, struct ladder_row *out);
