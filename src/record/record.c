#include "record/record.h"

#include "base/arena.h"
#include "base/check.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/scan.h"

/* One table serves both directions, so that what is written is what is read (invariant 3). A member
 * that holds its zero value is left out. docs/records.md is the page for readers of the bytes. */
enum member_kind {
    MEMBER_TEXT, /* struct slice */
    MEMBER_U64,
    MEMBER_I64,
    MEMBER_INT,
    MEMBER_U16,
    MEMBER_U8,
    MEMBER_ID,      /* uint64_t, with the prefix in `extra` */
    MEMBER_NAME,    /* an enum; `names` spells it */
    MEMBER_FLAG,    /* bool */
    MEMBER_DIGEST,  /* RECORD_DIGEST bytes */
    MEMBER_PAYLOAD, /* 32 bytes */
    MEMBER_PATH
};

struct member {
    const char *name;
    enum member_kind kind;
    uint16_t offset;
    uint16_t has_offset; /* of the bool that says whether it is there; 0 = the zero value says it */
    const char *prefix;  /* ID */
    const char *(*names)(unsigned value);
    unsigned count; /* NAME: how many */
};

#define RECORD_NAMES(noun, type)                                                                   \
    static const char *record_##noun##_name_of(unsigned value)                                     \
    {                                                                                              \
        return noun##_name((type)value);                                                           \
    }
RECORD_NAMES(record_kind, enum record_kind)
RECORD_NAMES(state, enum action_state)
RECORD_NAMES(reason, enum reason)
RECORD_NAMES(cause, enum cause)
RECORD_NAMES(outcome, enum outcome)
RECORD_NAMES(hold_for, enum hold_for)
RECORD_NAMES(says, enum says)
RECORD_NAMES(label_use, enum label_use)
RECORD_NAMES(check_told, enum check_told)

enum { TRUTH_COUNT = TRUTH_UNDECIDABLE + 1 };

#define AT(field) (uint16_t) offsetof(struct record, field)
#define PLAIN(kind, field)                                                                         \
    {                                                                                              \
#field, kind, AT(field), 0, NULL, NULL, 0                                                  \
    }
#define NAMED(name, kind, field)                                                                   \
    {                                                                                              \
        name, kind, AT(field), 0, NULL, NULL, 0                                                    \
    }
#define ID(name, prefix, field)                                                                    \
    {                                                                                              \
        name, MEMBER_ID, AT(field), 0, prefix, NULL, 0                                             \
    }
#define NAME(name, noun, count, field)                                                             \
    {                                                                                              \
        name, MEMBER_NAME, AT(field), 0, NULL, record_##noun##_name_of, count                      \
    }
#define NAME_IF(name, noun, count, field, has)                                                     \
    {                                                                                              \
        name, MEMBER_NAME, AT(field), AT(has), NULL, record_##noun##_name_of, count                \
    }
#define INT_IF(name, field, has)                                                                   \
    {                                                                                              \
        name, MEMBER_INT, AT(field), AT(has), NULL, NULL, 0                                        \
    }
#define BYTES_IF(name, kind, field, has)                                                           \
    {                                                                                              \
        name, kind, AT(field), AT(has), NULL, NULL, 0                                              \
    }

static const struct member members[] = {
    NAME("kind", record_kind, RECORD_KIND_COUNT, kind),
    NAMED("at", MEMBER_I64, at_unix_ms),
    PLAIN(MEMBER_TEXT, actor),
    PLAIN(MEMBER_TEXT, policy),
    ID("action", ID_ACTION, action),
    PLAIN(MEMBER_U64, previous),
    PLAIN(MEMBER_TEXT, workflow),
    PLAIN(MEMBER_TEXT, step),
    PLAIN(MEMBER_TEXT, upstream),
    NAME("state", state, STATE_COUNT, state),
    NAME("reason", reason, REASON_COUNT, reason),
    NAME("degraded", cause, CAUSE_COUNT, cause),
    PLAIN(MEMBER_U16, attempt),
    NAME_IF("outcome", outcome, OUTCOME_COUNT, verdict.outcome, has_verdict),
    NAME("read_by", reason, REASON_COUNT, verdict.reason),
    NAMED("once", MEMBER_FLAG, verdict.is_once),
    NAMED("may_retry", MEMBER_FLAG, verdict.may_retry),
    NAME("told", check_told, CHECK_TOLD_COUNT, told),
    PLAIN(MEMBER_INT, status),
    NAME("hold_for", hold_for, HOLD_FOR_COUNT, hold_for),
    NAMED("due", MEMBER_I64, due_unix_ms),
    NAMED("people_due", MEMBER_I64, people_due_unix_ms),
    PLAIN(MEMBER_U8, generation),
    PLAIN(MEMBER_U8, route),
    PLAIN(MEMBER_U8, revision),
    PLAIN(MEMBER_U8, review),
    PLAIN(MEMBER_U8, entry),
    PLAIN(MEMBER_TEXT, tells),
    PLAIN(MEMBER_TEXT, passed),
    {"path", MEMBER_PATH, AT(path), 0, NULL, NULL, 0},
    NAMED("decided_by", MEMBER_U8, decided_by),
    NAME("says", says, SAYS_COUNT, says),
    NAME("would", says, SAYS_COUNT, would),
    NAME("would_reason", reason, REASON_COUNT, would_reason),
    NAMED("observed", MEMBER_FLAG, is_observed),
    INT_IF("roll", draw_roll, has_draw),
    INT_IF("share", draw_share, has_draw),
    NAMED("audit_due", MEMBER_I64, audit_due_unix_ms),
    NAMED("wrong", MEMBER_FLAG, is_wrong),
    NAME("use", label_use, LABEL_USE_COUNT, label_use),
    PLAIN(MEMBER_DIGEST, label),
    ID("stop", ID_STOP, stop),
    ID("incident", ID_INCIDENT, incident),
    ID("again_of", ID_ACTION, again_of),
    BYTES_IF("key", MEMBER_DIGEST, key_hash, has_key),
    BYTES_IF("fingerprint", MEMBER_DIGEST, fingerprint, has_key),
    BYTES_IF("run", MEMBER_DIGEST, run_hash, has_run),
    PLAIN(MEMBER_DIGEST, provider_key),
    PLAIN(MEMBER_DIGEST, row),
    BYTES_IF("payload", MEMBER_PAYLOAD, payload, has_payload),
    PLAIN(MEMBER_TEXT, subject),
    PLAIN(MEMBER_U64, number),
    PLAIN(MEMBER_TEXT, trip),
};
enum { MEMBER_COUNT = sizeof members / sizeof *members };
static_assert(sizeof(enum reason) == sizeof(unsigned), "enums are read and written as unsigned");

/* The zero value of these is a statement, and a reader should find it. */
static bool member_is_always_written(const struct record *record, const struct member *member)
{
    if (member->offset == AT(kind) || member->offset == AT(at_unix_ms))
        return true;
    if (member->offset == AT(state))
        return record->action != 0;
    if (member->offset == AT(hold_for))
        return record->action != 0 && record->state == STATE_HELD;
    return false;
}

/* The path in codes (R18), a word a gate: "k- s+ r0rt c+": the gate, what it says, and for rules
 * and risk which one and whether it held. Letters are fixed for ever; new ones may come. */
static const char record_gate_codes[] = "ksrcmfuo"; /* by enum gate */
static const char record_says_codes[] = "-+rfhxj";  /* by enum says */
static const char record_truth_codes[] = "ftu";     /* by enum truth */
static_assert(sizeof record_gate_codes == GATE_COUNT + 1, "a letter for each gate");
static_assert(sizeof record_says_codes == SAYS_COUNT + 1, "a letter for each answer");
static_assert(sizeof record_truth_codes == TRUTH_COUNT + 1, "a letter for each truth");

static void member_add_path(const struct record *record, struct buf *out)
{
    CHECK(record->path_count <= LIMIT_PATH_GATES);
    buf_add_byte(out, '"');
    for (size_t i = 0; i < record->path_count; i++) {
        const struct gate_step *step = &record->path[i];
        if (i > 0)
            buf_add_byte(out, ' ');
        buf_add_byte(out, record_gate_codes[step->gate]);
        buf_add_byte(out, record_says_codes[step->says]);
        if (step->gate == GATE_RULE || step->index != 0 || step->truth != TRUTH_FALSE) {
            buf_add_u64(out, step->index);
            buf_add_byte(out, record_truth_codes[step->truth]);
        }
    }
    buf_add_byte(out, '"');
}

static void member_add_hex(struct buf *out, const void *at, size_t size)
{
    buf_add_byte(out, '"');
    text_add_hex(out, slice_of(at, size));
    buf_add_byte(out, '"');
}

/* Reads an unsigned number of the member's width. */
static uint64_t member_number(const struct member *member, const void *at)
{
    switch (member->kind) {
    case MEMBER_U64:
    case MEMBER_ID:
    case MEMBER_I64:
        return *(const uint64_t *)at;
    case MEMBER_INT:
        return (uint64_t)(int64_t) * (const int *)at;
    case MEMBER_NAME:
        return *(const unsigned *)at;
    case MEMBER_U16:
        return *(const uint16_t *)at;
    case MEMBER_U8:
        return *(const uint8_t *)at;
    case MEMBER_FLAG:
        return *(const bool *)at;
    case MEMBER_TEXT:
    case MEMBER_DIGEST:
    case MEMBER_PAYLOAD:
    case MEMBER_PATH:
        break;
    }
    CHECK_UNREACHABLE();
}

static bool member_is_there(const struct record *record, const struct member *member)
{
    const char *base = (const char *)record;
    const void *at = base + member->offset;
    if (member->has_offset != 0)
        return *(const bool *)(base + member->has_offset);
    if (member_is_always_written(record, member))
        return true;
    if (member->offset == AT(would))
        return record->would != record->says; /* else it is the same, and left out */
    switch (member->kind) {
    case MEMBER_TEXT:
        return ((const struct slice *)at)->size > 0;
    case MEMBER_DIGEST:
        return !digest_is_zero(at, RECORD_DIGEST);
    case MEMBER_PAYLOAD:
        return !digest_is_zero(at, DIGEST_SIZE);
    case MEMBER_PATH:
        return record->path_count > 0;
    case MEMBER_U64:
    case MEMBER_I64:
    case MEMBER_INT:
    case MEMBER_U16:
    case MEMBER_U8:
    case MEMBER_ID:
    case MEMBER_NAME:
    case MEMBER_FLAG:
        break;
    }
    return member_number(member, at) != 0;
}

static void member_add(const struct record *record, const struct member *member, struct buf *out)
{
    const void *at = (const char *)record + member->offset;
    switch (member->kind) {
    case MEMBER_TEXT:
        buf_add_json_text(out, *(const struct slice *)at);
        return;
    case MEMBER_ID:
        buf_add_byte(out, '"');
        text_add_id(out, member->prefix, *(const uint64_t *)at);
        buf_add_byte(out, '"');
        return;
    case MEMBER_NAME:
        buf_add_byte(out, '"');
        buf_add_text(out, member->names(*(const unsigned *)at));
        buf_add_byte(out, '"');
        return;
    case MEMBER_FLAG:
        buf_add(out, SLICE("true"));
        return;
    case MEMBER_DIGEST:
        member_add_hex(out, at, RECORD_DIGEST);
        return;
    case MEMBER_PAYLOAD:
        member_add_hex(out, at, DIGEST_SIZE);
        return;
    case MEMBER_PATH:
        member_add_path(record, out);
        return;
    case MEMBER_I64:
    case MEMBER_INT:
        buf_add_i64(out, (int64_t)member_number(member, at));
        return;
    case MEMBER_U64:
    case MEMBER_U16:
    case MEMBER_U8:
        buf_add_u64(out, member_number(member, at));
        return;
    }
}

void record_encode(const struct record *record, struct buf *out)
{
    char comma = '{';
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (!member_is_there(record, &members[i]))
            continue;
        buf_add_byte(out, comma);
        buf_add_byte(out, '"');
        buf_add_text(out, members[i].name);
        buf_add(out, SLICE("\":"));
        member_add(record, &members[i], out);
        comma = ',';
    }
    buf_add_byte(out, '}');
}

/* The value of a name; one that this version does not know is the careful zero (R27). */
static bool member_parse_name(struct slice raw, const char *(*names)(unsigned), unsigned count,
                              unsigned *out_value)
{
    *out_value = 0;
    for (unsigned i = 0; i < count; i++)
        if (scan_is(raw, names(i))) {
            *out_value = i;
            return true;
        }
    return scan_type(raw) == SCAN_TEXT;
}

/* The position of a letter; one that this version does not know is the careful zero (R27). */
static unsigned member_code(const char *codes, char letter)
{
    const char *found = letter ? strchr(codes, letter) : NULL;
    return found ? (unsigned)(found - codes) : 0;
}

static bool member_parse_step(struct slice word, struct gate_step *out)
{
    if (word.size < 2)
        return false;
    *out = (struct gate_step){.gate = (enum gate)member_code(record_gate_codes, word.at[0]),
                              .says = (enum says)member_code(record_says_codes, word.at[1])};
    if (word.size == 2)
        return true;
    uint64_t index = 0;
    if (!slice_to_u64(slice_of(word.at + 2, word.size - 3), UINT8_MAX, &index))
        return false;
    out->index = (uint8_t)index;
    out->truth = (enum truth)member_code(record_truth_codes, word.at[word.size - 1]);
    return true;
}

static bool member_parse_path(struct slice raw, struct record *out)
{
    if (raw.size < 2 || raw.at[0] != '"')
        return false;
    struct slice rest = slice_of(raw.at + 1, raw.size - 2);
    while (rest.size > 0) {
        size_t end = slice_find(rest, ' ');
        if (out->path_count == LIMIT_PATH_GATES ||
            !member_parse_step(slice_first(rest, end), &out->path[out->path_count]))
            return false;
        out->path_count++;
        rest = slice_from(rest, end + 1);
    }
    return true;
}

static bool member_parse_hex(struct slice raw, void *at, size_t size)
{
    return raw.size > 2 && raw.at[0] == '"' &&
           text_parse_hex(slice_of(raw.at + 1, raw.size - 2), at, size);
}

static bool member_parse_unsigned(struct slice raw, enum member_kind kind, void *at)
{
    uint64_t value = 0;
    uint64_t max = kind == MEMBER_U8 ? UINT8_MAX : kind == MEMBER_U16 ? UINT16_MAX : UINT64_MAX;
    if (!scan_u64(raw, max, &value))
        return false;
    if (kind == MEMBER_U8)
        *(uint8_t *)at = (uint8_t)value;
    else if (kind == MEMBER_U16)
        *(uint16_t *)at = (uint16_t)value;
    else
        *(uint64_t *)at = value;
    return true;
}

static bool member_parse_int(struct slice raw, int *out)
{
    int64_t value = 0;
    if (!scan_i64(raw, &value) || value < INT32_MIN || value > INT32_MAX)
        return false;
    *out = (int)value;
    return true;
}

static bool member_parse(const struct member *member, struct slice raw, struct arena *scratch,
                         struct record *out)
{
    char *base = (char *)out;
    void *at = base + member->offset;
    if (member->has_offset != 0)
        *(bool *)(base + member->has_offset) = true;
    switch (member->kind) {
    case MEMBER_TEXT:
        return scan_text(raw, scratch, at);
    case MEMBER_U64:
    case MEMBER_U16:
    case MEMBER_U8:
        return member_parse_unsigned(raw, member->kind, at);
    case MEMBER_I64:
        return scan_i64(raw, at);
    case MEMBER_INT:
        return member_parse_int(raw, at);
    case MEMBER_ID:
        return raw.size > 2 &&
               text_parse_id(slice_of(raw.at + 1, raw.size - 2), member->prefix, at);
    case MEMBER_NAME:
        return member_parse_name(raw, member->names, member->count, at);
    case MEMBER_FLAG:
        *(bool *)at = scan_type(raw) == SCAN_TRUE;
        return *(bool *)at || scan_type(raw) == SCAN_FALSE;
    case MEMBER_DIGEST:
        return member_parse_hex(raw, at, RECORD_DIGEST);
    case MEMBER_PAYLOAD:
        return member_parse_hex(raw, at, DIGEST_SIZE);
    case MEMBER_PATH:
        return member_parse_path(raw, out);
    }
    return false;
}

/* A bit for each member that came: a second one is damage, not news. */
static_assert(MEMBER_COUNT <= 64, "a bit for each member");

enum err record_decode(struct slice bytes, struct arena *scratch, struct record *out)
{
    struct record record = {0};
    struct scan_walk walk;
    struct slice key;
    struct slice value;
    uint64_t seen = 0;
    size_t next = 0; /* members come in the order of the table, mostly */
    scan_open(&walk, bytes);
    if (walk.close != '}')
        return ERR_CORRUPT;
    while (scan_next(&walk, &key, &value)) {
        size_t i = 0;
        while (i < MEMBER_COUNT && !scan_is(key, members[(next + i) % MEMBER_COUNT].name))
            i++;
        if (i == MEMBER_COUNT)
            continue; /* of a newer version */
        i = (next + i) % MEMBER_COUNT;
        if (seen >> i & 1 || !member_parse(&members[i], value, scratch, &record))
            return ERR_CORRUPT;
        seen |= (uint64_t)1 << i;
        next = i + 1;
    }
    if (walk.is_bad || !(seen & 1))
        return ERR_CORRUPT;
    bool has_would = false;
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        has_would = has_would || (members[i].offset == AT(would) && (seen >> i & 1));
    if (!has_would)
        record.would = record.says;
    *out = record;
    return ERR_OK;
}

const char *record_kind_name(enum record_kind kind)
{
    static const char *const names[] = {
#define X(name, text) [name] = text,
        RECORD_KIND_LIST(X)
#undef X
    };
    CHECK(kind < RECORD_KIND_COUNT && names[kind] != NULL);
    return names[kind];
}
