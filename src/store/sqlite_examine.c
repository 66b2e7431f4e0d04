#include "store/sqlite_examine.h"

#include "store/sqlite_schema.h"

enum { EXAMINE_CACHE_KIB = 512 };

static const char examine_things[] =
    "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema ORDER BY type || ' ' || name";

/* A database in memory, made by the same steps. */
static enum err examine_make(sqlite3 **out_db)
{
    size_t count = 0;
    const struct sqlite_schema_step *steps = sqlite_schema_steps(&count);
    enum err err =
        sql_open(out_db, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, EXAMINE_CACHE_KIB);
    for (size_t i = 0; i < count && err == ERR_OK; i++)
        err = sql_exec(*out_db, steps[i].sql);
    return err;
}

/* < 0: the first is not there in the other. At the end of one all of the other come before it. */
static int examine_compare(enum err made, enum err there, sqlite3_stmt *const at[2])
{
    if (made != ERR_OK || there != ERR_OK)
        return made == ERR_OK ? -1 : 1;
    return slice_compare(sql_bytes(at[0], 0), sql_bytes(at[1], 0));
}

/* Both lists are in order of the name: at[0] of what should be, at[1] of what is. */
static enum err examine_merge(sqlite3_stmt *const at[2], struct buf *out_found)
{
    enum err made = sql_row(at[0]);
    enum err there = sql_row(at[1]);
    while (made == ERR_OK || there == ERR_OK) {
        int order = examine_compare(made, there, at);
        struct slice name = sql_bytes(at[order <= 0 ? 0 : 1], 0);
        if (order < 0)
            buf_add_fmt(out_found, "the file: %.*s is gone\n", SLICE_FMT(name));
        else if (order > 0)
            buf_add_fmt(out_found, "the file: %.*s is none of interlock's\n", SLICE_FMT(name));
        else if (!slice_equal(sql_bytes(at[0], 1), sql_bytes(at[1], 1)))
            buf_add_fmt(out_found, "the file: %.*s is not as interlock makes it\n",
                        SLICE_FMT(name));
        if (order <= 0)
            made = sql_row(at[0]);
        if (order >= 0)
            there = sql_row(at[1]);
    }
    if (made != ERR_NOT_FOUND)
        return made;
    return there == ERR_NOT_FOUND ? ERR_OK : there;
}

static enum err examine_schema(sqlite3 *db, struct buf *out_found)
{
    sqlite3 *made = NULL;
    sqlite3_stmt *at[2] = {NULL, NULL};
    enum err err = examine_make(&made);
    if (err == ERR_OK)
        err = sql_prepare(made, examine_things, &at[0]);
    if (err == ERR_OK)
        err = sql_prepare(db, examine_things, &at[1]);
    if (err == ERR_OK)
        err = examine_merge(at, out_found);
    sql_finalize(at, 2);
    (void)sqlite3_close(made); /* no statements are left on it */
    return err;
}

static enum err examine_indexes(sqlite3 *db, struct buf *out_found)
{
    sqlite3_stmt *check = NULL;
    enum err err = sql_prepare(db, "PRAGMA integrity_check(open_actions)", &check);
    for (err = err == ERR_OK ? sql_row(check) : err; err == ERR_OK; err = sql_row(check)) {
        struct slice said = sql_bytes(check, 0);
        if (!slice_equal(said, slice_text("ok")))
            buf_add_fmt(out_found, "the file, at the open actions: %.*s\n", SLICE_FMT(said));
    }
    sql_finalize(&check, 1);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err sqlite_examine(sqlite3 *db, struct buf *out_found)
{
    enum err err = examine_schema(db, out_found);
    return err == ERR_OK ? examine_indexes(db, out_found) : err;
}
