#include "record/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "record/member.h"
#include "record/verify_inside.h"

enum { VERIFY_PAGE_BYTES = 64 * 1024 * 1024, VERIFY_TEXT_BYTES = 1024 * 1024, VERIFY_LINE = 1024 };

struct verify *verify_new(const struct store_port *store, const struct verify_options *options)
{
    struct verify *verify = calloc(1, sizeof *verify);
    if (!verify)
        return NULL;
    verify->store = store;
    if (options)
        verify->options = *options;
    arena_init(&verify->page, VERIFY_PAGE_BYTES);
    arena_init(&verify->texts, VERIFY_TEXT_BYTES);
    store->head(store->impl, &verify->head_seq, verify->head_hash);
    verify->next_seq = 1; /* the hash before it is 32 zero bytes */
    verify->table = STORE_META;
    return verify;
}

void verify_free(struct verify *verify)
{
    if (!verify)
        return;
    arena_done(&verify->page);
    arena_done(&verify->texts);
    free(verify->actions);
    free(verify->stops.items);
    free(verify->incidents.items);
    free(verify->asked.items);
    free(verify->approved.items);
    free(verify->rejected.items);
    free(verify->tokens.items);
    free(verify->away.items);
    free(verify->plans.items);
    free(verify->untold.items);
    free(verify);
}

/* What stands in an edited store is shown to people, and in JSON: nothing in it moves a cursor. */
static struct slice verify_tame(char *line)
{
    struct slice rest = slice_text(line);
    struct slice whole = rest;
    for (char *at = line; rest.size > 0;) {
        size_t size = text_utf8_size(rest);
        if (size == 0 || (size == 1 && (*at < ' ' || *at == 0x7f))) {
            *at = '?';
            size = 1;
        }
        at += size;
        rest = slice_from(rest, size);
    }
    return whole;
}

void verify_find(struct verify *verify, const char *format, ...)
{
    char line[VERIFY_LINE];
    va_list args;
    verify->finding_count++;
    if (verify->listed_count == VERIFY_FINDINGS)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args); /* a longer sentence may end early */
    va_end(args);
    struct slice text = arena_copy(&verify->texts, verify_tame(line));
    if (text.size > 0)
        verify->findings[verify->listed_count++] = text;
}

/* Asked of what is stored, as the rows are: the store tells its head a moment after that. */
bool verify_is_still(const struct verify *verify)
{
    struct store_seals seals = {0};
    enum err err = verify->store->get_seals(verify->store->impl, &seals);
    return (err == ERR_OK || err == ERR_CORRUPT) && seals.seq == verify->head_seq;
}

/* Bytes that are no row at all: what comes after them in that table is not looked at. */
static void verify_unreadable(struct verify *verify)
{
    switch (verify->phase) {
    case VERIFY_AT_RECORDS:
        verify_find(verify, "a record from %llu on cannot be read: its hash has another size",
                    (unsigned long long)verify->next_seq);
        break;
    case VERIFY_AT_ACTIONS:
        verify_find(verify, "an open action cannot be read: it waits in a queue that there is not");
        break;
    case VERIFY_AT_KEYS:
        verify_find(verify, "a key cannot be read: its hash or fingerprint has another size");
        break;
    case VERIFY_AT_TABLES:
        verify_find(verify, "%s: a row or their sum cannot be read",
                    verify_seal_noun(STORE_SEAL_ROWS(verify->table)));
        break;
    case VERIFY_AT_FILE:
        verify_find(verify, "the file: its tables cannot be read");
        break;
    case VERIFY_AT_UNSEEN:
    case VERIFY_AT_END:
        break;
    }
}

/* Below the rows: what the store says of itself. */
static enum err verify_file(struct verify *verify)
{
    struct buf found;
    if (!verify->options.is_offline)
        return ERR_OK;
    buf_init(&found, VERIFY_TEXT_BYTES);
    enum err err = verify->store->examine(verify->store->impl, &found);
    for (struct slice rest = buf_slice(&found); rest.size > 0;) {
        size_t end = slice_find(rest, '\n');
        verify_find(verify, "%.*s", SLICE_FMT(slice_first(rest, end)));
        rest = slice_from(rest, end + 1);
    }
    buf_done(&found);
    return err;
}

enum err verify_read_record(struct verify *verify, uint64_t seq, struct record *out)
{
    struct store_record stored = {0};
    enum err err = verify->store->get_record(verify->store->impl, seq, &verify->page, &stored);
    if (err == ERR_OK)
        err = record_decode(stored.body, &verify->page, out);
    return err;
}

enum err verify_step(struct verify *verify, bool *out_is_done)
{
    bool is_done = false;
    enum err err = ERR_OK;
    switch (verify->phase) {
    case VERIFY_AT_RECORDS:
        err = verify_records_page(verify, &is_done);
        break;
    case VERIFY_AT_ACTIONS:
        err = verify_actions_page(verify, &is_done);
        break;
    case VERIFY_AT_UNSEEN:
        err = verify_unseen(verify);
        is_done = true;
        break;
    case VERIFY_AT_KEYS:
        err = verify_keys_page(verify, &is_done);
        break;
    case VERIFY_AT_TABLES:
        err = verify_tables_page(verify, &is_done);
        break;
    case VERIFY_AT_FILE:
        err = verify_file(verify);
        is_done = true;
        break;
    case VERIFY_AT_END:
        *out_is_done = true;
        return ERR_OK;
    }
    if (err == ERR_OK && verify->page.overflowed)
        err = ERR_NO_MEMORY;
    if (err == ERR_CORRUPT) {
        verify_unreadable(verify);
        is_done = true;
        err = ERR_OK;
    }
    verify->store->let_go(verify->store->impl); /* invariant 1 */
    size_t size_max = verify->page.size_max;
    arena_done(&verify->page);
    arena_init(&verify->page, size_max);
    if (err != ERR_OK)
        return err;
    if (is_done)
        verify->phase++;
    *out_is_done = verify->phase == VERIFY_AT_END;
    return ERR_OK;
}

bool verify_is_good(const struct verify *verify)
{
    return verify->phase == VERIFY_AT_END && verify->finding_count == 0;
}

static void verify_add_head(struct buf *out, const struct verify *verify)
{
    buf_add_u64(out, verify->head_seq);
    buf_add_byte(out, ':');
    text_add_hex(out, slice_of(verify->head_hash, STORE_HASH_SIZE));
}

bool verify_parse_head(struct slice text, struct verify_options *out_options)
{
    size_t colon = slice_find(text, ':');
    struct verify_options options = {.has_head = true};
    if (!slice_to_u64(slice_first(text, colon), VERIFY_SEQ_MASK, &options.head_seq) ||
        !text_parse_hex(slice_from(text, colon + 1), options.head_hash, STORE_HASH_SIZE))
        return false;
    *out_options = options;
    return true;
}

static void verify_add_number(struct buf *out, uint64_t count, const char *noun, bool is_last)
{
    buf_add_fmt(out, "%llu %s%s%s", (unsigned long long)count, noun, count == 1 ? "" : "s",
                is_last ? "" : ", ");
}

/* For somebody who reads this at night. */
static const char verify_advice[] =
    "What to do: verify has changed nothing. Somebody, or a disk, has changed the store behind\n"
    "interlock's back, and what it decides next may rest on that. If nothing more may be sent "
    "now,\n"
    "stop it (interlock stop --all). Keep a copy of the folder as it is. Then put the newest "
    "backup\n"
    "back for which verify is good (docs/store.md, Backup and restore).\n";
/* The store is whole; the configuration is not. */
static const char verify_advice_people[] =
    "What to do for what waits for nobody: name somebody else as the owner of the workflow, or as "
    "an\n"
    "admin, then: interlock check; interlock reload. Until then nobody can decide it.\n";

void verify_text_add(struct buf *out, const struct verify *verify)
{
    if (verify->finding_count == 0)
        buf_add_text(out, "good: ");
    else
        buf_add_fmt(out, "BROKEN, %llu finding%s: ", (unsigned long long)verify->finding_count,
                    verify->finding_count == 1 ? "" : "s");
    verify_add_number(out, verify->records, "record", false);
    verify_add_number(out, verify->payloads, "payload", false);
    if (verify->erased > 0)
        buf_add_fmt(out, "%llu erased, ", (unsigned long long)verify->erased);
    verify_add_number(out, verify->ended, "ended action", false);
    verify_add_number(out, verify->unended, "unended one", false);
    verify_add_number(out, verify->keys, "key", false);
    verify_add_number(out, verify->stops.count, "stop", false);
    verify_add_number(out, verify->rows, "small row", true);
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < verify->listed_count; i++) {
        buf_add_text(out, "  ");
        buf_add(out, verify->findings[i]);
        buf_add_byte(out, '\n');
    }
    if (verify->finding_count > verify->listed_count)
        buf_add_fmt(out, "  and %llu more\n",
                    (unsigned long long)(verify->finding_count - verify->listed_count));
    if (verify->finding_count > verify->people_count)
        buf_add_text(out, verify_advice);
    if (verify->people_count > 0)
        buf_add_text(out, verify_advice_people);
    if (verify->moved_count > 0) {
        buf_add_text(out, "not compared, because they were written meanwhile: ");
        for (size_t i = 0; i < verify->moved_count; i++)
            buf_add_fmt(out, "%s%s", i > 0 ? ", " : "", verify_seal_noun(verify->moved[i]));
        buf_add_text(out, ". Without the daemon, or over a backup, they are: interlock verify "
                          "--config FILE\n");
    }
    buf_add_text(out, "complete up to record ");
    verify_add_head(out, verify);
    buf_add_text(out,
                 "\nKeep that line elsewhere and give it to the next run (--head): a tail that "
                 "is cut off cannot be seen without it.\n");
}

void verify_json_add(struct buf *out, const struct verify *verify)
{
    buf_add_byte(out, '{');
    member_add_bool(out, "good", verify_is_good(verify));
    member_add_name(out, "head");
    buf_add_byte(out, '"');
    verify_add_head(out, verify);
    buf_add_byte(out, '"');
    member_add_u64(out, "records", verify->records);
    member_add_u64(out, "payloads", verify->payloads);
    member_add_u64(out, "erased", verify->erased);
    member_add_u64(out, "ended", verify->ended);
    member_add_u64(out, "unended", verify->unended);
    member_add_u64(out, "keys", verify->keys);
    member_add_u64(out, "stops", verify->stops.count);
    member_add_u64(out, "rows", verify->rows);
    member_add_u64(out, "finding_count", verify->finding_count);
    member_add_name(out, "findings");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < verify->listed_count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        buf_add_json_text(out, verify->findings[i]);
    }
    buf_add_byte(out, ']');
    member_add_name(out, "moved");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < verify->moved_count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        buf_add_json_text(out, slice_text(verify_seal_noun(verify->moved[i])));
    }
    buf_add_text(out, "]}");
}
