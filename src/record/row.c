#include "record/row.h"

#include "record/digest.h"
#include "record/number.h"

enum {
    ROW_VERSION = 5,
    ROW_VERSION_FIRST = 1,  /* without wire_added() */
    ROW_VERSION_SECOND = 2, /* without the draw */
    ROW_VERSION_THIRD = 3,  /* without wire_fallback() */
    ROW_VERSION_FOURTH = 4  /* without wire_risk() */
};

/* Everything but slices, enums and digests, once, for both directions. Times and sequence numbers
 * are written as differences, because they lie close together. */
struct row_wire {
    struct buf *out;   /* writing */
    struct slice rest; /* reading */
    unsigned char version;
    bool is_bad;
};

static void wire_u64(struct row_wire *wire, uint64_t *value)
{
    if (wire->out)
        number_add_varint(wire->out, *value);
    else if (!wire->is_bad)
        wire->is_bad = !number_take_varint(&wire->rest, value);
}

/* 0 = none; else one more than the distance from `base`, so that 0 stays apart. A distance that
 * would overflow by that one does not occur between times or sequence numbers. */
static void wire_near(struct row_wire *wire, uint64_t base, uint64_t *value)
{
    uint64_t number = *value == 0 ? 0 : number_zigzag(*value - base) + 1;
    wire_u64(wire, &number);
    if (!wire->out && !wire->is_bad)
        *value = number == 0 ? 0 : base + number_unzigzag(number - 1);
}

static void wire_time(struct row_wire *wire, int64_t base, int64_t *value)
{
    uint64_t number = (uint64_t)*value;
    wire_near(wire, (uint64_t)base, &number);
    *value = (int64_t)number;
}

static void wire_i64(struct row_wire *wire, int64_t *value)
{
    uint64_t number = number_zigzag((uint64_t)*value);
    wire_u64(wire, &number);
    *value = (int64_t)number_unzigzag(number);
}

static void wire_u8(struct row_wire *wire, uint8_t *value)
{
    uint64_t number = *value;
    wire_u64(wire, &number);
    wire->is_bad = wire->is_bad || number > UINT8_MAX;
    *value = (uint8_t)number;
}

static void wire_u16(struct row_wire *wire, uint16_t *value)
{
    uint64_t number = *value;
    wire_u64(wire, &number);
    wire->is_bad = wire->is_bad || number > UINT16_MAX;
    *value = (uint16_t)number;
}

/* Invariant 2: what is past `count` is zero. */
static unsigned wire_enum(struct row_wire *wire, unsigned value, unsigned count)
{
    uint64_t number = value;
    wire_u64(wire, &number);
    return number < count ? (unsigned)number : 0;
}

static void wire_flag(uint64_t *flags, unsigned bit, bool is_writing, bool *value)
{
    if (is_writing)
        *flags |= (uint64_t)*value << bit;
    else
        *value = *flags >> bit & 1;
}

static void wire_slice(struct row_wire *wire, struct slice *value)
{
    uint64_t size = value->size;
    wire_u64(wire, &size);
    if (wire->out) {
        buf_add(wire->out, *value);
        return;
    }
    wire->is_bad = wire->is_bad || size > wire->rest.size;
    if (wire->is_bad)
        return;
    *value = slice_first(wire->rest, (size_t)size);
    wire->rest = slice_from(wire->rest, (size_t)size);
}

static void wire_digest(struct row_wire *wire, bool is_there, unsigned char *digest)
{
    if (!is_there)
        return;
    if (wire->out) {
        buf_add(wire->out, slice_of(digest, ROW_DIGEST));
        return;
    }
    wire->is_bad = wire->is_bad || wire->rest.size < ROW_DIGEST;
    if (wire->is_bad)
        return;
    memcpy(digest, wire->rest.at, ROW_DIGEST);
    wire->rest = slice_from(wire->rest, ROW_DIGEST);
}

/* Booleans, and which digests are there (a zero one is not), in one number. */
static void wire_flags_and_digests(struct row_wire *wire, struct row *row)
{
    struct action *a = &row->action;
    bool *const bools[] = {
        &a->may_have_happened, &a->attempt_is_open, &a->permit_is_begun,    &a->is_approved,
        &a->is_granted,        &a->once_is_spent,   &a->is_hold_rule_spent, &a->is_frozen,
    };
    unsigned char *const digests[] = {a->request_digest, a->approved_digest, row->key_hash,
                                      row->fingerprint,  row->permit_hash,   row->order};
    enum { BOOLS = sizeof bools / sizeof *bools, DIGESTS = sizeof digests / sizeof *digests };
    bool is_writing = wire->out != NULL;
    uint64_t flags = 0;
    bool is_there[DIGESTS] = {0};
    for (unsigned i = 0; is_writing && i < DIGESTS; i++)
        is_there[i] = !digest_is_zero(digests[i], ROW_DIGEST);
    for (int pass = 0; pass < 2; pass++) { /* gather, write or read, spread */
        for (unsigned i = 0; i < BOOLS; i++)
            wire_flag(&flags, i, is_writing, bools[i]);
        for (unsigned i = 0; i < DIGESTS; i++)
            wire_flag(&flags, BOOLS + i, is_writing, &is_there[i]);
        if (pass == 0)
            wire_u64(wire, &flags);
    }
    for (unsigned i = 0; i < DIGESTS; i++)
        wire_digest(wire, is_there[i], digests[i]);
}

static void wire_enums(struct row_wire *wire, struct action *a)
{
    a->state = (enum action_state)wire_enum(wire, a->state, STATE_COUNT);
    a->reason = (enum reason)wire_enum(wire, a->reason, REASON_COUNT);
    a->cause = (enum cause)wire_enum(wire, a->cause, CAUSE_COUNT);
    a->hold_for = (enum hold_for)wire_enum(wire, a->hold_for, HOLD_FOR_COUNT);
    a->due_kind = (enum due_kind)wire_enum(wire, a->due_kind, DUE_COUNT);
    a->mode = (enum mode)wire_enum(wire, a->mode, MODE_OBSERVE + 1);
    a->last_outcome = (enum outcome)wire_enum(wire, a->last_outcome, OUTCOME_COUNT);
    a->last_reason = (enum reason)wire_enum(wire, a->last_reason, REASON_COUNT);
    a->effect = (enum effect_class)wire_enum(wire, a->effect, EFFECT_READ + 1);
    a->idempotency = (enum idempotency)wire_enum(wire, a->idempotency, IDEMPOTENCY_BY_KEY + 1);
}

static void wire_times(struct row_wire *wire, struct row *row)
{
    struct action *a = &row->action;
    wire_time(wire, 0, &a->submitted_unix_ms);
    int64_t base = a->submitted_unix_ms;
    int64_t *const times[] = {&a->ended_unix_ms,         &a->due_unix_ms,
                              &a->hold_end_unix_ms,      &a->people_due_unix_ms,
                              &a->route_entered_unix_ms, &a->first_start_unix_ms,
                              &a->attempt_unix_ms,       &row->erased_unix_ms};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        wire_time(wire, base, times[i]);
    wire_i64(wire, &a->keeps_ms);
    wire_i64(wire, &a->timeout_ms);
}

static void wire_numbers(struct row_wire *wire, struct row *row)
{
    struct action *a = &row->action;
    wire_u64(wire, &a->id);
    wire_u64(wire, &a->stop_id);
    wire_near(wire, a->id, &a->again_of);
    wire_near(wire, a->id, &row->run_previous);
    wire_u8(wire, &a->generation);
    wire_u8(wire, &a->route);
    wire_u8(wire, &a->revision);
    wire_u8(wire, &a->risk);
    wire_u16(wire, &a->starts);
    wire_u16(wire, &a->grants);
    wire_u16(wire, &a->starts_total);
    wire_u8(wire, &a->releases);
    wire_u8(wire, &a->reviews);
    int64_t status = a->last_status;
    wire_i64(wire, &status);
    wire->is_bad = wire->is_bad || status < INT32_MIN || status > INT32_MAX;
    a->last_status = (int)status;
    wire_u64(wire, &row->last_seq);
    wire_near(wire, row->last_seq, &row->first_seq);
    wire_near(wire, row->last_seq, &row->outcome_seq);
    wire_near(wire, row->last_seq, &row->decided_seq);
}

/* What was asked for it (R10, R12). */
static void wire_asks(struct row_wire *wire, struct row *row)
{
    struct action *a = &row->action;
    uint64_t asks = (uint64_t)a->asks << 1 | a->is_release_wanted;
    wire_u64(wire, &asks);
    wire->is_bad = wire->is_bad || asks >> 1 > UINT8_MAX;
    a->asks = (uint8_t)(asks >> 1);
    a->is_release_wanted = asks & 1;
    wire_time(wire, a->submitted_unix_ms, &a->negative_unix_ms);
    wire_time(wire, a->submitted_unix_ms, &a->fact_unix_ms);
    wire_near(wire, row->last_seq, &row->fact_seq);
}

/* Entries of a fallback that were passed; a list that is too long is damage. */
static void wire_passed(struct row_wire *wire, struct action *a)
{
    wire_u8(wire, &a->passed_count);
    wire->is_bad = wire->is_bad || a->passed_count > LIMIT_PASSED;
    for (size_t i = 0; !wire->is_bad && i < a->passed_count; i++) {
        wire_u8(wire, &a->passed[i].entry);
        a->passed[i].why = (enum pass_why)wire_enum(wire, a->passed[i].why, PASS_COUNT);
    }
}

/* What rows have since versions 2 and 3; zero is the careful value of each. */
static void wire_added(struct row_wire *wire, struct row *row)
{
    struct action *a = &row->action;
    wire_time(wire, a->submitted_unix_ms, &a->approved_until_unix_ms);
    if (wire->version > ROW_VERSION_SECOND) {
        uint64_t flags = (uint64_t)a->is_drawn | (uint64_t)a->is_start_granted << 1;
        wire_u64(wire, &flags);
        a->is_drawn = flags & 1;
        a->is_start_granted = flags >> 1 & 1;
        wire_asks(wire, row);
    }
    wire_time(wire, a->submitted_unix_ms, &a->contradicted_unix_ms);
    if (a->contradicted_unix_ms == 0)
        return;
    wire_time(wire, a->submitted_unix_ms, &a->contradiction_due_unix_ms);
    wire_u16(wire, &a->contradiction_attempt);
    a->contradiction_outcome =
        (enum outcome)wire_enum(wire, a->contradiction_outcome, OUTCOME_COUNT);
    a->contradiction_verdict =
        (enum outcome)wire_enum(wire, a->contradiction_verdict, OUTCOME_COUNT);
}

/* Its review: who has it, and what was changed. Mostly nothing: one byte. */
static void wire_review(struct row_wire *wire, struct row *row)
{
    bool is_writing = wire->out != NULL;
    bool is_claimed = row->claimed_by.size > 0;
    bool is_assigned = row->assigned_to.size > 0;
    bool is_edited = row->edited_seq != 0;
    bool *const there[] = {&is_claimed, &is_assigned, &is_edited};
    uint64_t flags = 0;
    for (unsigned i = 0; is_writing && i < 3; i++)
        wire_flag(&flags, i, true, there[i]);
    wire_u64(wire, &flags);
    for (unsigned i = 0; !is_writing && i < 3; i++)
        wire_flag(&flags, i, false, there[i]);
    if (is_claimed) {
        wire_slice(wire, &row->claimed_by);
        wire_time(wire, row->action.submitted_unix_ms, &row->claimed_until_unix_ms);
    }
    if (is_assigned)
        wire_slice(wire, &row->assigned_to);
    if (is_edited)
        wire_near(wire, row->last_seq, &row->edited_seq);
}

/* Where it stands in a fallback; since version 4. */
static void wire_fallback(struct row_wire *wire, struct action *a)
{
    bool is_there = a->entry != 0 || a->passed_count > 0 || a->grants_former > 0;
    uint64_t routes = (uint64_t)is_there << 16 | a->routes_entered; /* most are in none: one byte */
    wire_u64(wire, &routes);
    wire->is_bad = wire->is_bad || routes >> 17 > 0;
    a->routes_entered = (uint16_t)routes;
    if (routes >> 16 == 0)
        return;
    wire_u8(wire, &a->entry);
    wire_passed(wire, a);
    wire_u16(wire, &a->grants_former);
}

/* Since version 5. */
static void wire_risk(struct row_wire *wire, struct row *row)
{
    uint64_t id = row->has_risk_id ? (uint64_t)row->risk_id + 1 : 0;
    wire_u64(wire, &id);
    wire->is_bad = wire->is_bad || id > (uint64_t)UINT32_MAX + 1;
    row->has_risk_id = id > 0;
    row->risk_id = id > 0 ? (uint32_t)(id - 1) : 0;
}

static void wire_row(struct row_wire *wire, struct row *row)
{
    wire_enums(wire, &row->action);
    wire_times(wire, row);
    wire_numbers(wire, row);
    wire_slice(wire, &row->workflow);
    wire_slice(wire, &row->step);
    wire_slice(wire, &row->upstream);
    wire_slice(wire, &row->actor);
    wire_slice(wire, &row->policy);
    wire_flags_and_digests(wire, row);
    if (wire->version > ROW_VERSION_FIRST)
        wire_added(wire, row);
    if (wire->version > ROW_VERSION_FIRST)
        wire_review(wire, row);
    if (wire->version > ROW_VERSION_THIRD)
        wire_fallback(wire, &row->action);
    if (wire->version > ROW_VERSION_FOURTH)
        wire_risk(wire, row);
}

uint32_t row_risk_id(struct slice name)
{
    uint32_t id = (uint32_t)(digest_number(name) >> 32);
    return id ? id : 1;
}

void row_encode(const struct row *row, struct buf *out)
{
    struct row copy = *row; /* the walk serves both directions and writes back what it read */
    struct row_wire wire = {.out = out, .version = ROW_VERSION};
    buf_add_byte(out, ROW_VERSION);
    wire_row(&wire, &copy);
}

enum err row_decode(struct slice bytes, struct row *out)
{
    struct row row = {0};
    struct row_wire wire = {.rest = slice_from(bytes, 1)};
    if (bytes.size == 0)
        return ERR_CORRUPT;
    wire.version = (unsigned char)bytes.at[0];
    if (wire.version < ROW_VERSION_FIRST || wire.version > ROW_VERSION)
        return ERR_VERSION;
    wire_row(&wire, &row);
    if (wire.is_bad)
        return ERR_CORRUPT;
    *out = row;
    return ERR_OK;
}

enum store_queue row_queue(const struct action *action)
{
    if (state_is_end(action->state))
        return STORE_QUEUE_PEOPLE; /* a contradiction is open (R14) */
    switch (action->state) {
    case STATE_UNCERTAIN:
        return action->due_kind == DUE_CHECK ? STORE_QUEUE_NONE : STORE_QUEUE_PEOPLE;
    case STATE_IN_REVIEW:
        return STORE_QUEUE_PEOPLE;
    case STATE_HELD:
        if (action->hold_for == HOLD_FOR_STOP)
            return STORE_QUEUE_HELD_STOP;
        if (action->hold_for == HOLD_FOR_ORDER)
            return STORE_QUEUE_HELD_ORDER;
        return action->hold_for == HOLD_FOR_UPSTREAM ? STORE_QUEUE_HELD_UPSTREAM
                                                     : STORE_QUEUE_HELD_OTHER;
    case STATE_ATTEMPTING:
    case STATE_WAITING:
    case STATE_DONE:
    case STATE_FAILED:
    case STATE_REJECTED:
    case STATE_EXPIRED:
    case STATE_CANCELLED:
    case STATE_COUNT:
        break;
    }
    return STORE_QUEUE_NONE;
}
