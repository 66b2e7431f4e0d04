/* The chain, the payloads, the links of each action's records, and each admission's key. */
#include "record/verify_inside.h"

#include <stdlib.h>

#include "base/text.h"
#include "record/bundle.h"
#include "record/digest.h"
#include "record/ids.h"

enum { RECORDS_PAGE = 64 }; /* a few ms: the loop of a live daemon waits for it */
#define ID_TEXT(id) verify_id_text((char[TEXT_ID_MAX]){0}, ID_ACTION, id)

static const char *verify_id_text(char *text, const char *prefix, uint64_t id)
{
    struct buf out;
    buf_init(&out, TEXT_ID_MAX - 1);
    text_add_id(&out, prefix, id);
    if (buf_ok(&out))
        memcpy(text, out.at, out.size);
    buf_done(&out);
    return text;
}

/* ---- memory ---- */

static size_t verify_place(const struct verify *verify, uint64_t id)
{
    size_t low = 0;
    size_t high = verify->action_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (verify->actions[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct verify_action *verify_action(struct verify *verify, uint64_t id)
{
    size_t place = verify_place(verify, id);
    bool is_there = place < verify->action_count && verify->actions[place].id == id;
    return is_there ? &verify->actions[place] : NULL;
}

/* Ids grow with time, so a new one goes to the end, but for a store that was tampered with. */
static enum err verify_add_action(struct verify *verify, uint64_t id, uint64_t seq)
{
    if (verify->action_count == verify->action_capacity) {
        size_t capacity = verify->action_capacity ? verify->action_capacity * 2 : 1024;
        struct verify_action *actions =
            realloc(verify->actions, capacity * sizeof *verify->actions);
        if (!actions)
            return ERR_NO_MEMORY;
        verify->actions = actions;
        verify->action_capacity = capacity;
    }
    size_t place = verify_place(verify, id);
    memmove(&verify->actions[place + 1], &verify->actions[place],
            (verify->action_count - place) * sizeof *verify->actions);
    verify->actions[place] = (struct verify_action){id, seq, seq};
    verify->action_count++;
    return ERR_OK;
}

struct verify_thing *verify_thing(struct verify_things *things, uint64_t id)
{
    for (size_t i = things->count; i > 0; i--) /* the newest is asked for most */
        if (things->items[i - 1].id == id)
            return &things->items[i - 1];
    return NULL;
}

uint64_t verify_name_id(struct slice name)
{
    return digest_number(name) | 1; /* 0 is no name */
}

enum err verify_note(struct verify_things *things, uint64_t id, uint64_t seq,
                     const unsigned char row[RECORD_DIGEST])
{
    struct verify_thing *thing = id ? verify_thing(things, id) : NULL;
    if (!thing && things->count == things->capacity) {
        size_t capacity = things->capacity ? things->capacity * 2 : 16;
        struct verify_thing *items = realloc(things->items, capacity * sizeof *things->items);
        if (!items)
            return ERR_NO_MEMORY;
        things->items = items;
        things->capacity = capacity;
    }
    if (!thing)
        thing = &things->items[things->count++];
    *thing = (struct verify_thing){.id = id, .seq = seq};
    memcpy(thing->row, row, RECORD_DIGEST);
    return ERR_OK;
}

/* ---- one record ---- */

static void verify_chain(struct verify *verify, const struct store_record *stored)
{
    unsigned char seq[8];
    for (size_t i = 0; i < sizeof seq; i++)
        seq[i] = (unsigned char)(stored->seq >> (56 - 8 * i));
    const struct slice parts[] = {slice_of(verify->previous, STORE_HASH_SIZE),
                                  slice_of(seq, sizeof seq), stored->body};
    unsigned char hash[STORE_HASH_SIZE];
    digest_parts(parts, 3, hash);
    if (memcmp(hash, stored->hash, STORE_HASH_SIZE) != 0)
        verify_find(verify, "record %llu: its bytes, or those before it, are not what was chained",
                    (unsigned long long)stored->seq);
    memcpy(verify->previous, stored->hash, STORE_HASH_SIZE); /* each break is told once */
    if (verify->options.has_head && verify->options.head_seq == stored->seq &&
        memcmp(verify->options.head_hash, stored->hash, STORE_HASH_SIZE) != 0)
        verify_find(verify, "record %llu: it is not the one whose hash was kept elsewhere",
                    (unsigned long long)stored->seq);
}

static bool verify_payload_fits(struct slice payload, const struct record *record)
{
    static const char *const labels[] = {BUNDLE_LABEL_SUBMIT, BUNDLE_LABEL_OUTCOME,
                                         BUNDLE_LABEL_WORDS, BUNDLE_LABEL_ASKED, BUNDLE_LABEL_FACT};
    struct slice value;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (bundle_open(payload, labels[i], record->payload, &value) == ERR_OK)
            return true;
    return false;
}

/* A payload that is gone must be erased on record: told once the action's row is seen. */
static enum err verify_payload(struct verify *verify, uint64_t seq, const struct record *record)
{
    struct slice payload = {0};
    if (!record->has_payload)
        return ERR_OK;
    enum err err = verify->store->get_payload(verify->store->impl, seq, &verify->page, &payload);
    if (err == ERR_OK) {
        verify->payloads++;
        if (!verify_payload_fits(payload, record))
            verify_find(verify, "record %llu: its payload is not the one that it was committed to",
                        (unsigned long long)seq);
        return ERR_OK;
    }
    if (err != ERR_NOT_FOUND)
        return err;
    struct verify_action *action = record->action ? verify_action(verify, record->action) : NULL;
    if (action) {
        action->last_seq |= VERIFY_PAYLOAD_GONE;
        verify->erased++;
    } else {
        verify_find(verify, "record %llu: its payload is gone, and nothing says that it was erased",
                    (unsigned long long)seq);
    }
    return ERR_OK;
}

static enum err verify_key(struct verify *verify, uint64_t seq, const struct record *record)
{
    struct store_key key = {0};
    enum err err = verify->store->get_key(verify->store->impl, record->key_hash, &key);
    if (err == ERR_NOT_FOUND) {
        verify_find(verify,
                    "record %llu: the key of action %s is not in the key table; the same "
                    "key would be done again",
                    (unsigned long long)seq, ID_TEXT(record->action));
        return ERR_OK;
    }
    if (err != ERR_OK)
        return err;
    if (key.action < record->action)
        verify_find(verify, "record %llu: the key of action %s leads to an older action, %s",
                    (unsigned long long)seq, ID_TEXT(record->action), ID_TEXT(key.action));
    else if (key.action == record->action &&
             memcmp(key.fingerprint, record->fingerprint, RECORD_DIGEST) != 0)
        verify_find(verify, "record %llu: the key table has another fingerprint for action %s",
                    (unsigned long long)seq, ID_TEXT(record->action));
    if (!record->has_run)
        return ERR_OK;
    err = verify->store->get_key(verify->store->impl, record->run_hash, &key);
    if (err == ERR_NOT_FOUND)
        verify_find(verify, "record %llu: the run of action %s is not in the key table",
                    (unsigned long long)seq, ID_TEXT(record->action));
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err verify_admitted(struct verify *verify, uint64_t seq, const struct record *record)
{
    if (verify_action(verify, record->action)) {
        verify_find(verify, "record %llu: action %s is admitted a second time",
                    (unsigned long long)seq, ID_TEXT(record->action));
        return ERR_OK;
    }
    if (record->previous != 0)
        verify_find(verify, "record %llu: the first one of action %s names one before it, %llu",
                    (unsigned long long)seq, ID_TEXT(record->action),
                    (unsigned long long)record->previous);
    enum err err = verify_add_action(verify, record->action, seq);
    return err == ERR_OK && record->has_key ? verify_key(verify, seq, record) : err;
}

static enum err verify_of_action(struct verify *verify, uint64_t seq, const struct record *record)
{
    if (record->kind == RECORD_ADMITTED)
        return verify_admitted(verify, seq, record);
    struct verify_action *action = verify_action(verify, record->action);
    if (!action) {
        verify_find(verify, "record %llu: it is about action %s, which no record admitted",
                    (unsigned long long)seq, ID_TEXT(record->action));
        return ERR_OK;
    }
    uint64_t last = action->last_seq & VERIFY_SEQ_MASK;
    if (record->previous != last)
        verify_find(verify,
                    "record %llu: it names record %llu as the one before of action %s; "
                    "that is %llu",
                    (unsigned long long)seq, (unsigned long long)record->previous,
                    ID_TEXT(record->action), (unsigned long long)last);
    action->last_seq = (action->last_seq & ~VERIFY_SEQ_MASK) | seq;
    if (record->tells.size > 0)
        action->last_seq |= VERIFY_TELLS;
    if (record->kind == RECORD_ERASED) /* what is gone until here is gone by its word */
        action->last_seq &= ~VERIFY_PAYLOAD_GONE;
    if (!digest_is_zero(record->label, RECORD_DIGEST) && !(action->last_seq & VERIFY_LABELLED)) {
        action->last_seq |= VERIFY_LABELLED;
        verify->labels_made++;
    }
    return ERR_OK;
}

/* Rows that stand under a name; tokens stand under their hash, and are known by their row. */
static enum err verify_note_row(struct verify *verify, uint64_t seq, const struct record *record)
{
    bool is_away = record->kind == RECORD_AWAY;
    if (record->kind == RECORD_TOKEN)
        return verify_note(&verify->tokens, 0, seq, record->row);
    uint64_t id = verify_name_id(is_away ? record->subject : record->workflow);
    return verify_note(is_away ? &verify->away : &verify->plans, id, seq, record->row);
}

static enum err verify_note_restart(struct verify *verify, uint64_t seq,
                                    const struct record *record)
{
    struct verify_things *things = record->kind == RECORD_RESTART_ASKED      ? &verify->asked
                                   : record->kind == RECORD_RESTART_REJECTED ? &verify->rejected
                                                                             : &verify->approved;
    return verify_note(things, record->incident, seq, record->row);
}

static enum err verify_control(struct verify *verify, uint64_t seq, const struct record *record)
{
    switch ((int)record->kind) {
    case RECORD_STOP:
    case RECORD_STOPPED:
    case RECORD_RESTART:
    case RECORD_LIFTED:
        return verify_note(&verify->stops, record->stop, seq, record->row);
    case RECORD_INCIDENT:
        return verify_note(&verify->incidents, record->incident, seq, record->row);
    case RECORD_RESTART_ASKED:
    case RECORD_RESTART_APPROVED:
    case RECORD_RESTART_REJECTED:
        return verify_note_restart(verify, seq, record);
    case RECORD_TOKEN:
    case RECORD_AWAY:
    case RECORD_SIGNED:
        return verify_note_row(verify, seq, record);
    default: /* made no row, or that of an action */
        break;
    }
    return ERR_OK;
}

static void verify_missing(struct verify *verify, uint64_t last, const char *why)
{
    if (last == verify->next_seq)
        verify_find(verify, "record %llu is missing%s", (unsigned long long)last, why);
    else
        verify_find(verify, "records %llu to %llu are missing%s",
                    (unsigned long long)verify->next_seq, (unsigned long long)last, why);
}

static enum err verify_record(struct verify *verify, const struct store_record *stored)
{
    struct record record = {0};
    if (stored->seq != verify->next_seq)
        verify_missing(verify, stored->seq - 1, "");
    verify->next_seq = stored->seq + 1;
    verify->records++;
    verify_chain(verify, stored);
    if (record_decode(stored->body, &verify->page, &record) != ERR_OK) {
        verify_find(verify, "record %llu cannot be read", (unsigned long long)stored->seq);
        return ERR_OK;
    }
    if (record.kind == RECORD_SERVING)
        verify->run_epoch = record.number;
    enum err err = record.action ? verify_of_action(verify, stored->seq, &record)
                                 : verify_control(verify, stored->seq, &record);
    return err == ERR_OK ? verify_payload(verify, stored->seq, &record) : err;
}

/* All are read: does the chain end where the store said that its head is? */
static void verify_end_of_records(struct verify *verify)
{
    uint64_t last = verify->next_seq - 1;
    if (last < verify->head_seq)
        verify_missing(verify, verify->head_seq, ": the store has it as its head");
    else if (memcmp(verify->previous, verify->head_hash, STORE_HASH_SIZE) != 0)
        verify_find(verify, "record %llu: the store names another hash for its head",
                    (unsigned long long)last);
    if (verify->options.has_head && verify->options.head_seq > verify->head_seq)
        verify_find(verify,
                    "the store ends at record %llu, but record %llu was there: %llu are cut "
                    "off",
                    (unsigned long long)verify->head_seq,
                    (unsigned long long)verify->options.head_seq,
                    (unsigned long long)(verify->options.head_seq - verify->head_seq));
}

enum err verify_records_page(struct verify *verify, bool *out_is_done)
{
    struct store_record *page = ARENA_ARRAY(&verify->page, RECORDS_PAGE, struct store_record);
    size_t count = 0;
    if (!page)
        return ERR_NO_MEMORY;
    enum err err = verify->store->list_records(verify->store->impl, verify->next_seq, RECORDS_PAGE,
                                               &verify->page, page, &count);
    bool is_past = false;
    for (size_t i = 0; err == ERR_OK && i < count && !is_past; i++) {
        is_past = page[i].seq > verify->head_seq;
        if (!is_past)
            err = verify_record(verify, &page[i]);
    }
    if (err != ERR_OK)
        return err;
    *out_is_done = is_past || count < RECORDS_PAGE;
    if (*out_is_done)
        verify_end_of_records(verify);
    return ERR_OK;
}
