#include "record/journal.h"

#include "base/check.h"
#include "base/text.h"
#include "record/ids.h"
#include "record/number.h"

enum {
    JOURNAL_VERSION = 2,
    JOURNAL_TEXTS = JOURNAL_NAMES + 3,
    JOURNAL_NUMBERS = 21,
    JOURNAL_CLOCK = 9 + JOURNAL_FIRST,
    JOURNAL_LATER = JOURNAL_CLOCK + 2
};

static void journal_add_text(struct buf *out, const char *text)
{
    struct slice bytes = slice_text(text);
    number_add_varint(out, bytes.size);
    buf_add(out, bytes);
}

static bool journal_take_text(struct slice *rest, char out[LIMIT_NAME + 1])
{
    uint64_t size = 0;
    if (!number_take_varint(rest, &size) || size > rest->size || size > LIMIT_NAME)
        return false;
    if (size > 0)
        memcpy(out, rest->at, (size_t)size);
    out[size] = '\0';
    *rest = slice_from(*rest, (size_t)size);
    return true;
}

static void journal_add_tally(struct buf *out, const struct tally *tally)
{
    struct buf bytes;
    buf_init(&bytes, LIMIT_ROW);
    tally_encode(tally, &bytes);
    number_add_varint(out, bytes.size);
    buf_add(out, buf_slice(&bytes));
    buf_done(&bytes);
}

static bool journal_take_tally(struct slice *rest, struct tally *out)
{
    uint64_t size = 0;
    if (!number_take_varint(rest, &size) || size > rest->size)
        return false;
    struct slice bytes = slice_first(*rest, (size_t)size);
    *rest = slice_from(*rest, (size_t)size);
    return tally_decode(bytes, out) == ERR_OK;
}

/* Numbers that came later: how many, then they; a row of version 1 has none. */
static void journal_add_later(struct buf *out, const struct journal *j)
{
    const uint64_t numbers[JOURNAL_LATER] = {j->trip.is_set ? (uint64_t)j->trip.signal + 1 : 0,
                                             (uint64_t)j->trip.late_ms,
                                             (uint64_t)(j->lost + 1),
                                             j->undone.expired,
                                             j->undone.failed,
                                             j->first[0],
                                             j->first[1],
                                             j->first[2],
                                             j->joined_into,
                                             j->undone.cancelled,
                                             j->undone.rejected,
                                             j->undone.late,
                                             number_zigzag((uint64_t)j->clock_ms),
                                             (uint64_t)j->clock_until_unix_ms};
    number_add_varint(out, JOURNAL_LATER);
    for (size_t i = 0; i < JOURNAL_LATER; i++)
        number_add_varint(out, numbers[i]);
}

static bool journal_take_later(struct slice *rest, struct journal *j)
{
    uint64_t numbers[JOURNAL_LATER] = {0}, count = 0, number = 0;
    if (!number_take_varint(rest, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!number_take_varint(rest, &number))
            return false;
        if (i < JOURNAL_LATER)
            numbers[i] = number;
    }
    j->trip.is_set = numbers[0] > 0 && numbers[0] <= SIGNAL_COUNT;
    j->trip.signal = j->trip.is_set ? (enum signal)(numbers[0] - 1) : 0;
    j->trip.late_ms = (int64_t)numbers[1];
    j->lost = (int64_t)numbers[2] - 1;
    j->undone.expired = numbers[3];
    j->undone.failed = numbers[4];
    for (size_t i = 0; i < JOURNAL_FIRST; i++)
        j->first[i] = numbers[5 + i];
    j->joined_into = numbers[5 + JOURNAL_FIRST];
    j->undone.cancelled = numbers[6 + JOURNAL_FIRST];
    j->undone.rejected = numbers[7 + JOURNAL_FIRST];
    j->undone.late = count > 8 + JOURNAL_FIRST ? numbers[8 + JOURNAL_FIRST] : j->undone.expired;
    j->clock_ms = (int64_t)number_unzigzag(numbers[JOURNAL_CLOCK]);
    j->clock_until_unix_ms = (int64_t)numbers[JOURNAL_CLOCK + 1];
    return true;
}

void journal_encode(const struct journal *j, struct buf *out)
{
    const uint64_t numbers[JOURNAL_NUMBERS] = {j->incident,
                                               (uint64_t)j->kind,
                                               (uint64_t)j->lasting,
                                               (uint64_t)j->cause,
                                               (uint64_t)j->breaker,
                                               j->breaker_count,
                                               j->breaker_of,
                                               (uint64_t)j->began_unix_ms,
                                               (uint64_t)j->since_unix_ms,
                                               (uint64_t)j->acknowledged_unix_ms,
                                               (uint64_t)j->inform_due_unix_ms,
                                               (uint64_t)j->informed_unix_ms,
                                               (uint64_t)j->reminded_unix_ms,
                                               (uint64_t)j->recovered_unix_ms,
                                               (uint64_t)j->drained_unix_ms,
                                               (uint64_t)j->closed_unix_ms,
                                               j->informed_seq,
                                               j->cause_seq,
                                               j->follow_up_seq,
                                               j->open_before,
                                               j->overdue};
    buf_add_byte(out, JOURNAL_VERSION);
    for (size_t i = 0; i < JOURNAL_NUMBERS; i++)
        number_add_varint(out, numbers[i]);
    for (size_t i = 0; i < JOURNAL_NAMES; i++)
        journal_add_text(out, j->names[i]);
    journal_add_text(out, j->answers);
    journal_add_text(out, j->informs);
    journal_add_text(out, j->informed_by);
    journal_add_tally(out, &j->before);
    journal_add_tally(out, &j->at_recovery);
    journal_add_tally(out, &j->at_close);
    journal_add_later(out, j);
}

static void journal_fill(struct journal *j, const uint64_t n[JOURNAL_NUMBERS])
{
    j->incident = n[0];
    j->kind = n[1] <= INCIDENT_UNDONE ? (enum incident_kind)n[1] : INCIDENT_STOP;
    j->lasting = n[2] <= LASTING_CLOCK ? (enum lasting_kind)n[2] : LASTING_NONE;
    j->cause = n[3] < CAUSE_COUNT ? (enum cause)n[3] : CAUSE_NONE;
    j->breaker = n[4] < BREAKER_CAUSE_COUNT ? (enum breaker_cause)n[4] : BREAKER_FOR_UNKNOWN;
    j->breaker_count = n[5];
    j->breaker_of = n[6];
    j->began_unix_ms = (int64_t)n[7];
    j->since_unix_ms = (int64_t)n[8];
    j->acknowledged_unix_ms = (int64_t)n[9];
    j->inform_due_unix_ms = (int64_t)n[10];
    j->informed_unix_ms = (int64_t)n[11];
    j->reminded_unix_ms = (int64_t)n[12];
    j->recovered_unix_ms = (int64_t)n[13];
    j->drained_unix_ms = (int64_t)n[14];
    j->closed_unix_ms = (int64_t)n[15];
    j->informed_seq = n[16];
    j->cause_seq = n[17];
    j->follow_up_seq = n[18];
    j->open_before = n[19];
    j->overdue = n[20];
}

enum err journal_decode(struct slice bytes, struct journal *out)
{
    struct journal journal = {.lost = LOST_UNKNOWN};
    uint64_t numbers[JOURNAL_NUMBERS] = {0};
    bool is_first = bytes.size > 0 && bytes.at[0] == 1;
    bool is_good = bytes.size > 0 && (is_first || bytes.at[0] == JOURNAL_VERSION);
    bytes = slice_from(bytes, 1);
    for (size_t i = 0; is_good && i < JOURNAL_NUMBERS; i++)
        is_good = number_take_varint(&bytes, &numbers[i]);
    for (size_t i = 0; is_good && i < JOURNAL_NAMES; i++)
        is_good = journal_take_text(&bytes, journal.names[i]);
    is_good = is_good && journal_take_text(&bytes, journal.answers) &&
              journal_take_text(&bytes, journal.informs) &&
              journal_take_text(&bytes, journal.informed_by) &&
              journal_take_tally(&bytes, &journal.before) &&
              journal_take_tally(&bytes, &journal.at_recovery) &&
              journal_take_tally(&bytes, &journal.at_close) &&
              (is_first || journal_take_later(&bytes, &journal));
    if (!is_good)
        return ERR_CORRUPT;
    journal_fill(&journal, numbers);
    journal.trip.began_unix_ms = journal.began_unix_ms;
    *out = journal;
    return ERR_OK;
}

void journal_key_add(struct buf *out, uint64_t incident)
{
    text_add_id(out, ID_INCIDENT, incident);
}

void journal_entry_key_add(struct buf *out, uint64_t incident, uint64_t seq)
{
    text_add_id(out, ID_INCIDENT, incident);
    buf_add_byte(out, '/');
    if (seq > 0)
        text_add_id(out, "", seq);
}

bool journal_entry_key_parse(struct slice key, uint64_t incident, uint64_t *out_seq)
{
    struct buf prefix;
    buf_init(&prefix, 2 * TEXT_ID_MAX);
    journal_entry_key_add(&prefix, incident, 0);
    bool is_good = slice_starts(key, buf_slice(&prefix)) &&
                   text_parse_id(slice_from(key, prefix.size), "", out_seq);
    buf_done(&prefix);
    return is_good;
}

const char *incident_kind_name(enum incident_kind kind)
{
    switch (kind) {
    case INCIDENT_STOP:
        return "stop";
    case INCIDENT_DEGRADED:
        return "degraded";
    case INCIDENT_OVERDUE:
        return "overdue";
    case INCIDENT_ALERT:
        return "alert";
    case INCIDENT_UNDONE:
        return "undone";
    }
    CHECK_UNREACHABLE();
}
