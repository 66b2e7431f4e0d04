#include "record/canonical.h"

#include <stdlib.h>

#include "base/limits.h"
#include "record/number.h"
#include "record/scan.h"

/* The spelling: { members sorted } [ items ] s SIZE BYTES, -DIGITSeEXPONENT; n t f. */

#define CANONICAL_EXPONENT_MAX 1000000000000U /* a longer one is no number that anybody meant */

struct canonical_level {
    size_t members_from; /* index of its first member */
    bool is_object, wants_key;
};
struct canonical_walk {
    struct canonical_level levels[LIMIT_JSON_DEPTH];
    size_t depth;
};

void canonical_init(struct canonical *canonical)
{
    *canonical = (struct canonical){0};
    buf_init(&canonical->out, LIMIT_CANONICAL);
    buf_init(&canonical->spare, LIMIT_CANONICAL);
}

void canonical_done(struct canonical *canonical)
{
    if (!canonical)
        return;
    buf_done(&canonical->out);
    buf_done(&canonical->spare);
    free(canonical->members);
    canonical->members = NULL;
    canonical->member_count = canonical->member_capacity = 0;
}

static void canonical_add_string(struct canonical *canonical, struct slice raw)
{
    struct slice inner = slice_of(raw.at + 1, raw.size - 2);
    buf_add_byte(&canonical->out, 's');
    if (slice_find(inner, '\\') == inner.size) {
        number_add_varint(&canonical->out, inner.size);
        buf_add(&canonical->out, inner);
        return;
    }
    buf_reset(&canonical->spare);
    (void)scan_add_text(raw, &canonical->spare); /* the document was checked */
    number_add_varint(&canonical->out, canonical->spare.size);
    buf_add(&canonical->out, buf_slice(&canonical->spare));
}

/* Splits a checked number. The exponent: false when it is beyond use. */
static bool canonical_split_number(struct slice raw, struct slice *out_whole,
                                   struct slice *out_fraction, int64_t *out_exponent)
{
    size_t e = slice_find(raw, 'e');
    if (e == raw.size)
        e = slice_find(raw, 'E');
    struct slice digits = slice_first(raw, e);
    struct slice exponent = slice_from(raw, e + 1);
    size_t point = slice_find(digits, '.');
    *out_whole = slice_first(digits, point);
    *out_fraction = slice_from(digits, point + 1);
    bool is_negative = exponent.size > 0 && exponent.at[0] == '-';
    if (exponent.size > 0 && (is_negative || exponent.at[0] == '+'))
        exponent = slice_from(exponent, 1);
    uint64_t value = 0;
    if (exponent.size > 0 && !slice_to_u64(exponent, CANONICAL_EXPONENT_MAX, &value))
        return false;
    *out_exponent = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static enum err canonical_add_number(struct buf *out, struct slice raw)
{
    struct slice parts[2];
    int64_t exponent = 0;
    bool is_negative = raw.at[0] == '-';
    bool is_usable =
        canonical_split_number(slice_from(raw, is_negative), &parts[0], &parts[1], &exponent);
    size_t start = out->size;
    if (is_negative)
        buf_add_byte(out, '-');
    size_t digits_from = out->size;
    for (size_t part = 0; part < 2; part++) {
        size_t zeros = 0; /* leading ones say nothing */
        while (out->size == digits_from && zeros < parts[part].size && parts[part].at[zeros] == '0')
            zeros++;
        buf_add(out, slice_from(parts[part], zeros));
    }
    if (!buf_ok(out))
        return ERR_LIMIT;
    if (out->size == digits_from) { /* zero, whatever its sign and exponent */
        buf_cut(out, start);
        buf_add(out, SLICE("0;"));
        return ERR_OK;
    }
    if (!is_usable)
        return ERR_LIMIT;
    exponent -= (int64_t)parts[1].size;
    size_t size = out->size;
    while (out->at[size - 1] == '0') {
        size--;
        exponent++;
    }
    buf_cut(out, size);
    if (exponent != 0) {
        buf_add_byte(out, 'e');
        buf_add_i64(out, exponent);
    }
    buf_add_byte(out, ';');
    return ERR_OK;
}

static enum err canonical_begin_member(struct canonical *canonical, struct slice key)
{
    if (canonical->member_count == canonical->member_capacity) {
        size_t capacity = canonical->member_capacity ? canonical->member_capacity * 2 : 64;
        if (canonical->member_count == LIMIT_CANONICAL_MEMBERS)
            return ERR_LIMIT;
        struct canonical_member *members =
            realloc(canonical->members, capacity * sizeof *canonical->members);
        if (!members)
            return ERR_NO_MEMORY;
        canonical->members = members;
        canonical->member_capacity = capacity;
    }
    struct canonical_member *member = &canonical->members[canonical->member_count++];
    member->start = canonical->out.size;
    canonical_add_string(canonical, key);
    member->key_end = canonical->out.size;
    return ERR_OK;
}

/* A member of the spare copy. */
struct canonical_item {
    struct slice key, whole;
};

static int canonical_compare(const void *a, const void *b)
{
    return slice_compare(((const struct canonical_item *)a)->key,
                         ((const struct canonical_item *)b)->key);
}

/* Writes the members back in order; ERR_INVALID when two have the same name. */
static enum err canonical_write_sorted(struct canonical *canonical,
                                       const struct canonical_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && slice_equal(items[i - 1].key, items[i].key))
            return ERR_INVALID;
        buf_add(&canonical->out, items[i].whole);
    }
    return ERR_OK;
}

static enum err canonical_rewrite(struct canonical *canonical, size_t from, size_t start)
{
    size_t count = canonical->member_count - from;
    struct canonical_item *items = malloc(count * sizeof *items);
    if (!items)
        return ERR_NO_MEMORY;
    buf_reset(&canonical->spare);
    buf_add(&canonical->spare, slice_from(buf_slice(&canonical->out), start));
    enum err err = buf_ok(&canonical->spare) ? ERR_OK : ERR_LIMIT;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        const struct canonical_member *member = &canonical->members[from + i];
        const char *at = canonical->spare.at + member->start - start;
        items[i].key = slice_of(at, member->key_end - member->start);
        items[i].whole = slice_of(at, member->end - member->start);
    }
    if (err == ERR_OK) {
        qsort(items, count, sizeof *items, canonical_compare);
        buf_cut(&canonical->out, start);
        err = canonical_write_sorted(canonical, items, count);
    }
    free(items);
    return err;
}

/* Member i against the one before, by key. */
static int canonical_order(const struct canonical *canonical, size_t i)
{
    const struct canonical_member *a = &canonical->members[i - 1];
    const struct canonical_member *b = &canonical->members[i];
    return slice_compare(slice_of(canonical->out.at + a->start, a->key_end - a->start),
                         slice_of(canonical->out.at + b->start, b->key_end - b->start));
}

/* The order is that of the spelled keys (size, then bytes): any order will do, if it is one. */
static enum err canonical_sort(struct canonical *canonical, size_t from)
{
    if (!buf_ok(&canonical->out))
        return ERR_LIMIT;
    bool is_sorted = true; /* and no name twice */
    for (size_t i = from + 1; is_sorted && i < canonical->member_count; i++)
        is_sorted = canonical_order(canonical, i) < 0;
    return is_sorted ? ERR_OK : canonical_rewrite(canonical, from, canonical->members[from].start);
}

/* A value has ended: the member that it belongs to has, too. */
static void canonical_end_value(struct canonical *canonical, struct canonical_walk *walk)
{
    if (walk->depth == 0 || !walk->levels[walk->depth - 1].is_object)
        return;
    canonical->members[canonical->member_count - 1].end = canonical->out.size;
    walk->levels[walk->depth - 1].wants_key = true;
}

static void canonical_open(struct canonical *canonical, struct canonical_walk *walk, char byte)
{
    bool is_object = byte == '{';
    buf_add_byte(&canonical->out, byte);
    walk->levels[walk->depth++] =
        (struct canonical_level){canonical->member_count, is_object, is_object};
}

static enum err canonical_close(struct canonical *canonical, struct canonical_walk *walk)
{
    struct canonical_level level = walk->levels[--walk->depth];
    if (level.is_object) {
        enum err err = canonical_sort(canonical, level.members_from);
        if (err != ERR_OK)
            return err;
        canonical->member_count = level.members_from;
    }
    buf_add_byte(&canonical->out, level.is_object ? '}' : ']');
    canonical_end_value(canonical, walk);
    return ERR_OK;
}

static bool canonical_is_number(char byte)
{
    return (byte >= '0' && byte <= '9') || byte == '.' || byte == 'e' || byte == 'E' ||
           byte == '+' || byte == '-';
}

/* Takes one token off a checked document. */
static enum err canonical_step(struct canonical *canonical, struct canonical_walk *walk,
                               struct slice *rest)
{
    char byte = rest->at[0];
    size_t size = 1;
    enum err err = ERR_OK;
    struct canonical_level *top = walk->depth > 0 ? &walk->levels[walk->depth - 1] : NULL;
    if (byte == '{' || byte == '[') {
        canonical_open(canonical, walk, byte);
    } else if (byte == '}' || byte == ']') {
        err = canonical_close(canonical, walk);
    } else if (byte == '"') {
        size = scan_string_size(*rest);
        struct slice raw = slice_first(*rest, size);
        if (top && top->wants_key) {
            top->wants_key = false;
            err = canonical_begin_member(canonical, raw);
        } else {
            canonical_add_string(canonical, raw);
            canonical_end_value(canonical, walk);
        }
    } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
        while (size < rest->size && canonical_is_number(rest->at[size]))
            size++;
        err = canonical_add_number(&canonical->out, slice_first(*rest, size));
        canonical_end_value(canonical, walk);
    } else if (byte == 'n' || byte == 't' || byte == 'f') {
        size = byte == 'f' ? 5 : 4;
        buf_add_byte(&canonical->out, byte);
        canonical_end_value(canonical, walk);
    } /* else blanks, commas, colons */
    *rest = slice_from(*rest, size);
    return err;
}

enum err canonical_spell(struct canonical *canonical, struct slice json)
{
    struct canonical_walk walk;
    struct slice rest;
    walk.depth = 0;
    buf_reset(&canonical->out);
    canonical->member_count = 0;
    if (!scan_document(json, &rest))
        return ERR_INVALID;
    while (rest.size > 0) {
        enum err err = canonical_step(canonical, &walk, &rest);
        if (err != ERR_OK)
            return err;
    }
    return buf_ok(&canonical->out) ? ERR_OK : ERR_LIMIT;
}

bool canonical_equal(struct canonical *canonical, struct slice a, struct slice b)
{
    struct buf first;
    buf_init(&first, LIMIT_CANONICAL);
    bool is_equal = canonical_spell(canonical, a) == ERR_OK;
    if (is_equal)
        buf_add(&first, buf_slice(&canonical->out));
    is_equal = is_equal && buf_ok(&first) && canonical_spell(canonical, b) == ERR_OK &&
               slice_equal(buf_slice(&first), buf_slice(&canonical->out));
    buf_done(&first);
    return is_equal;
}
