#include "record/tally.h"

#include "base/check.h"
#include "record/number.h"

enum { TALLY_HOUR_DIGITS = 10 };
static_assert(TALLY_STOPPED - TALLY_LOW_CONFIDENCE == CAUSE_STOPPED - CAUSE_LOW_CONFIDENCE,
              "one counter for each cause");

/* Kinds that come to an action as it is, and move nothing of its state. */
static bool tally_is_remark(enum record_kind kind)
{
    return kind == RECORD_LABELLED || kind == RECORD_UNLABELLED || kind == RECORD_ERASED ||
           kind == RECORD_REORDERED || kind == RECORD_REPEATED || kind == RECORD_SETTLED ||
           kind == RECORD_CLAIMED || kind == RECORD_UNCLAIMED || kind == RECORD_ASSIGNED ||
           kind == RECORD_SAID || kind == RECORD_SHOWN || kind == RECORD_REFUSED ||
           kind == RECORD_NOTE;
}

bool tally_is_end(const struct record *record)
{
    if (record->kind == RECORD_LATE && record->reason != REASON_LATE)
        return false; /* it had ended before */
    return record->action != 0 && state_is_end(record->state) && !tally_is_remark(record->kind);
}

/* A review ran out, and nobody has approved what was done after it. */
static bool tally_is_undecided(const struct action *action)
{
    static const unsigned char none[ACTION_DIGEST] = {0};
    if (memcmp(action->approved_digest, none, ACTION_DIGEST) != 0)
        return false;
    for (size_t i = 0; i < action->passed_count && i < LIMIT_PASSED; i++)
        if (action->passed[i].why == PASS_PAST_DUE)
            return true;
    return false;
}

bool tally_had_people(const struct action *action)
{
    if (action->reason == REASON_TEMPLATE)
        return false; /* it answered because nobody had decided */
    bool is_reviewed = action->reviews > 0 && !tally_is_undecided(action);
    return is_reviewed || action->reason == REASON_PERSON ||
           action->reason == REASON_PERSON_BY_HAND;
}

enum tally_counter tally_of_done(const struct action *action)
{
    if (tally_had_people(action))
        return TALLY_REVIEWED;
    if (action->reason == REASON_TEMPLATE)
        return TALLY_TEMPLATE;
    return action->cause == CAUSE_NONE ? TALLY_AUTOMATIC : TALLY_FALLBACK;
}

static void tally_add_done(struct tally *tally, const struct action *action, int64_t sla_ms)
{
    tally->n[tally_of_done(action)]++;
    if (action->cause > CAUSE_NONE && action->cause <= CAUSE_STOPPED)
        tally->n[tally_of_cause(action->cause)]++;
    if (sla_ms > 0)
        tally->n[action->ended_unix_ms - action->submitted_unix_ms <= sla_ms ? TALLY_IN_TIME
                                                                             : TALLY_LATE]++;
}

static void tally_add_end(struct tally *tally, const struct record *record, const struct row *row,
                          int64_t sla_ms)
{
    if (row->action.ended_unix_ms != record->at_unix_ms)
        return; /* what comes after the end counts nothing */
    switch (record->state) {
    case STATE_DONE:
        tally_add_done(tally, &row->action, sla_ms);
        return;
    case STATE_FAILED:
        tally->n[TALLY_FAILED]++;
        return;
    case STATE_REJECTED:
        tally->n[TALLY_REJECTED]++;
        return;
    case STATE_EXPIRED:
        tally->n[TALLY_EXPIRED]++;
        return;
    case STATE_CANCELLED:
        tally->n[TALLY_CANCELLED]++;
        return;
    case STATE_UNCERTAIN:
    case STATE_ATTEMPTING:
    case STATE_WAITING:
    case STATE_IN_REVIEW:
    case STATE_HELD:
    case STATE_COUNT:
        return;
    }
}

static void tally_add_admitted(struct tally *tally, const struct record *record)
{
    tally->n[TALLY_SUBMITTED]++;
    if (!record->is_observed)
        return;
    tally->n[TALLY_OBSERVED]++;
    tally->n[TALLY_WOULD_REVIEW] += record->would == SAYS_REVIEW;
    tally->n[TALLY_WOULD_HOLD] += record->would == SAYS_HOLD;
    tally->n[TALLY_WOULD_REJECT] += record->would == SAYS_REJECT || record->would == SAYS_REFUSE;
    tally->n[TALLY_WOULD_FALL_BACK] += record->would == SAYS_FALLBACK;
    tally->n[TALLY_KEY_CONFLICT] += slice_is(record->subject, TALLY_MARK_CONFLICT);
    tally->n[TALLY_NO_KEY] += slice_is(record->subject, TALLY_MARK_NO_KEY);
}

/* People's word about what was uncertain; "send" and "leave it" both say that it did not happen. */
static void tally_add_resolved(struct tally *tally, const struct record *record)
{
    tally->n[record->state == STATE_DONE ? TALLY_HAPPENED : TALLY_NOT_HAPPENED]++;
}

void tally_add(struct tally *tally, const struct record *record, const struct row *row,
               int64_t sla_ms)
{
    bool is_new = record->kind == RECORD_ADMITTED;
    if (is_new)
        tally_add_admitted(tally, record);
    tally->n[TALLY_APPROVED] += record->kind == RECORD_APPROVED;
    tally->n[TALLY_EDITED] += record->kind == RECORD_EDITED;
    tally->n[TALLY_DECLINED] += record->kind == RECORD_DECLINED;
    tally->n[TALLY_TWICE] += record->kind == RECORD_LATE && record->reason != REASON_LATE &&
                             state_is_end(record->state) && record->has_verdict &&
                             record->verdict.outcome == OUTCOME_OK;
    if (record->kind == RECORD_RESOLVED)
        tally_add_resolved(tally, record);
    bool is_kept = record->kind == RECORD_RESOLVED || record->kind == RECORD_LATE ||
                   record->kind == RECORD_APPROVED || record->kind == RECORD_ASKED ||
                   tally_is_remark(record->kind);
    tally->n[TALLY_UNCERTAIN] += record->state == STATE_UNCERTAIN && !is_kept;
    if (!tally_is_end(record))
        return;
    bool is_by_itself = record->kind == RECORD_LATE || record->kind == RECORD_ASKED;
    tally->n[TALLY_LATE_ANSWER] += is_by_itself && record->state == STATE_DONE;
    tally_add_end(tally, record, row, sla_ms);
}

void tally_sum(struct tally *into, const struct tally *other)
{
    for (size_t i = 0; i < TALLY_COUNT; i++)
        into->n[i] += other->n[i];
}

void tally_encode(const struct tally *tally, struct buf *out)
{
    number_add_varint(out, TALLY_COUNT);
    for (size_t i = 0; i < TALLY_COUNT; i++)
        number_add_varint(out, tally->n[i]);
}

enum err tally_decode(struct slice bytes, struct tally *out)
{
    struct tally tally = {{0}};
    uint64_t count = 0;
    if (!number_take_varint(&bytes, &count))
        return ERR_CORRUPT;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = 0;
        if (!number_take_varint(&bytes, &number))
            return ERR_CORRUPT;
        if (i < TALLY_COUNT) /* more are of a newer version */
            tally.n[i] = number;
    }
    *out = tally;
    return ERR_OK;
}

void tally_key_add(struct buf *out, struct slice workflow, int64_t hour)
{
    buf_add(out, workflow);
    buf_add_fmt(out, "/%0*lld", TALLY_HOUR_DIGITS, (long long)(hour > 0 ? hour : 0));
}

bool tally_key_parse(struct slice key, struct slice workflow, int64_t *out_hour)
{
    uint64_t hour = 0;
    if (key.size != workflow.size + 1 + TALLY_HOUR_DIGITS || !slice_starts(key, workflow) ||
        key.at[workflow.size] != '/' ||
        !slice_to_u64(slice_from(key, workflow.size + 1), INT32_MAX, &hour))
        return false;
    *out_hour = (int64_t)hour;
    return true;
}

const char *tally_name(enum tally_counter counter)
{
    static const char *const names[] = {
#define X(name, text) text,
        TALLY_LIST(X)
#undef X
    };
    CHECK((unsigned)counter < TALLY_COUNT);
    return names[counter];
}
