/* bench/store_ceiling.c - how much of what SQLite can do is left behind the store port.
 *
 *   store_ceiling raw|port [ACTIONS [WAITING [FOLDER]]]
 *
 * raw: one thread commits what an action costs at least, in transactions of WAITING: two records
 * and one random key, with the same durability. port: the same actions through port/store.h,
 * WAITING of them under way: admission (record, payload, open row, key), then end (record, payload,
 * ended row). One line: actions and rows per second, CPU per action by thread, records per commit,
 * bytes. */
#include <dirent.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/prng.h"
#include "store/chainer.h"
#include "store/sqlite.h"

enum {
    RECORD_BYTES = 350,
    PAYLOAD_BYTES = 350,
    ROW_BYTES = 250,
    FROZEN_BYTES = 300,
    WAITING_MAX = 4096,
};

struct ceiling {
    const char *folder;
    uint64_t action_count;
    size_t waiting;
    struct prng prng;
    char bytes[1024];
    /* port */
    struct store_port port;
    uint64_t next_seq, next_action, ended_count;
};

struct ceiling_flight {
    struct ceiling *ceiling;
    uint64_t action;
    bool is_ending;
};

static double ceiling_now_s(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t ceiling_folder_bytes(const char *folder)
{
    uint64_t sum = 0;
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    struct dirent *entry = NULL;
    struct stat info;
    while ((entry = readdir(dir)) != NULL)
        if (fstatat(dirfd(dir), entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode))
            sum += (uint64_t)info.st_size;
    (void)closedir(dir); /* read to its end */
    return sum;
}

static uint64_t ceiling_resident_kib(void)
{
    uint64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL);
    CHECK(fscanf(file, "%*u %" SCNu64, &pages) == 1);
    (void)fclose(file); /* only read */
    return pages * 4;
}

/* "name 12.3 us" for each thread: first number of schedstat is time on a CPU in ns. */
static void ceiling_print_threads(uint64_t action_count)
{
    DIR *dir = opendir("/proc/self/task");
    CHECK(dir != NULL);
    struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        char path[300], name[32] = "";
        uint64_t ns = 0;
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name); /* fits */
        FILE *file = fopen(path, "r");
        CHECK(file != NULL && fscanf(file, "%31s", name) == 1);
        (void)fclose(file); /* only read */
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", entry->d_name);
        file = fopen(path, "r");
        CHECK(file != NULL && fscanf(file, "%" SCNu64, &ns) == 1);
        (void)fclose(file); /* only read */
        printf("  %s %.1f us", name, (double)ns / 1000 / (double)action_count);
    }
    (void)closedir(dir); /* read to its end */
}

static void ceiling_print(const struct ceiling *ceiling, const char *mode, double spent_s,
                          uint64_t commit_count)
{
    double count = (double)ceiling->action_count;
    printf("%-4s %8.0f actions/s  %8.0f records/s  %5.1f records/commit", mode, count / spent_s,
           2 * count / spent_s, commit_count ? 2 * count / (double)commit_count : 0);
    ceiling_print_threads(ceiling->action_count);
    printf("  %.0f bytes/action  %" PRIu64 " KiB resident\n",
           (double)ceiling_folder_bytes(ceiling->folder) / count, ceiling_resident_kib());
}

static void ceiling_exec(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", text, sqlite3_errmsg(db));
        exit(1);
    }
}

static void ceiling_put(sqlite3_stmt *insert, int64_t seq, struct slice a, struct slice b)
{
    CHECK(sqlite3_bind_int64(insert, 1, seq) == SQLITE_OK);
    CHECK(sqlite3_bind_blob64(insert, 2, a.at, a.size, SQLITE_STATIC) == SQLITE_OK);
    CHECK(sqlite3_bind_blob64(insert, 3, b.at, b.size, SQLITE_STATIC) == SQLITE_OK);
    CHECK(sqlite3_step(insert) == SQLITE_DONE);
    (void)sqlite3_reset(insert); /* was done */
}

static void ceiling_raw(struct ceiling *ceiling)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/raw.db", ceiling->folder); /* fits */
    sqlite3 *db = NULL;
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    ceiling_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "PRAGMA wal_autocheckpoint = 10000; PRAGMA cache_size = -8192;"
                     "CREATE TABLE records(seq INTEGER PRIMARY KEY, hash BLOB, body BLOB);"
                     "CREATE TABLE keys(hash BLOB PRIMARY KEY, action INTEGER) WITHOUT ROWID");
    sqlite3_stmt *record = NULL, *key = NULL;
    CHECK(sqlite3_prepare_v2(db, "INSERT INTO records VALUES (?1, ?2, ?3)", -1, &record, NULL) ==
          SQLITE_OK);
    CHECK(sqlite3_prepare_v2(db, "INSERT INTO keys VALUES (?2, ?1 + (?3 IS NULL))", -1, &key,
                             NULL) == SQLITE_OK);
    struct chainer chainer;
    CHECK(chainer_init(&chainer) == ERR_OK);
    unsigned char hash[STORE_HASH_SIZE] = {0};
    double began_s = ceiling_now_s();
    uint64_t commits = 0;
    int64_t seq = 0;
    for (uint64_t action = 0; action < ceiling->action_count; commits++) {
        ceiling_exec(db, "BEGIN IMMEDIATE");
        for (size_t i = 0; i < ceiling->waiting && action < ceiling->action_count; i++, action++) {
            uint64_t random[2] = {prng_next(&ceiling->prng), prng_next(&ceiling->prng)};
            for (int j = 0; j < 2; j++) {
                seq++;
                struct slice body = slice_of(ceiling->bytes, RECORD_BYTES + PAYLOAD_BYTES);
                CHECK(chainer_next(&chainer, hash, (uint64_t)seq, body, hash) == ERR_OK);
                ceiling_put(record, seq, slice_of(hash, sizeof hash), body);
            }
            ceiling_put(key, seq, slice_of(random, sizeof random), SLICE(""));
        }
        ceiling_exec(db, "COMMIT");
    }
    ceiling_print(ceiling, "raw", ceiling_now_s() - began_s, commits);
    (void)sqlite3_finalize(record); /* all were done */
    (void)sqlite3_finalize(key);
    (void)sqlite3_close(db); /* measured already */
    chainer_done(&chainer);
    (void)unlink(path); /* a temporary one */
}

static void ceiling_fly(struct ceiling_flight *flight);

static void ceiling_landed(void *arg, uint64_t through)
{
    (void)through; /* each flight has one submit at a time */
    struct ceiling_flight *flight = arg;
    if (flight->is_ending)
        flight->ceiling->ended_count++;
    flight->is_ending = !flight->is_ending;
    ceiling_fly(flight);
}

static void ceiling_fly(struct ceiling_flight *flight)
{
    struct ceiling *ceiling = flight->ceiling;
    struct store_key key = {0};
    struct store_write write = {
        .record = slice_of(ceiling->bytes, RECORD_BYTES),
        .payload = slice_of(ceiling->bytes, PAYLOAD_BYTES),
        .row = slice_of(ceiling->bytes, ROW_BYTES),
    };
    if (flight->is_ending) {
        write.is_ended = true;
    } else {
        if (ceiling->next_action > ceiling->action_count)
            return;
        flight->action = ceiling->next_action++;
        uint64_t random[2] = {prng_next(&ceiling->prng), prng_next(&ceiling->prng)};
        memcpy(key.hash, random, sizeof key.hash);
        key.action = flight->action;
        struct store_key found;
        CHECK(ceiling->port.get_key(ceiling->port.impl, key.hash, &found) == ERR_NOT_FOUND);
        write.keys = &key;
        write.key_count = 1;
        write.frozen = slice_of(ceiling->bytes, FROZEN_BYTES);
        write.scope = SLICE("invoice-reminders/send_reminder");
        write.upstream = SLICE("mailer");
    }
    write.action = flight->action;
    write.seq = ceiling->next_seq++;
    CHECK(ceiling->port.submit(ceiling->port.impl, &write, 1, ceiling_landed, flight) == ERR_OK);
}

static void ceiling_port(struct ceiling *ceiling)
{
    uv_loop_t loop;
    CHECK(uv_loop_init(&loop) == 0);
    struct buf message;
    buf_init(&message, 4096);
    struct store_sqlite_options options = {.folder = slice_text(ceiling->folder)};
    double opened_s = ceiling_now_s();
    if (store_sqlite_open(&options, &loop, &ceiling->port, &message) != ERR_OK) {
        fprintf(stderr, "%s\n", buf_text(&message));
        exit(1);
    }
    opened_s = ceiling_now_s() - opened_s;
    unsigned char hash[STORE_HASH_SIZE];
    ceiling->port.head(ceiling->port.impl, &ceiling->next_seq, hash);
    ceiling->next_action = ceiling->next_seq / 2 + 1; /* on a folder that was used before */
    ceiling->action_count += ceiling->next_seq / 2;
    ceiling->next_seq++;
    struct ceiling_flight *flights = calloc(ceiling->waiting, sizeof *flights);
    CHECK(flights != NULL);
    double began_s = ceiling_now_s();
    for (size_t i = 0; i < ceiling->waiting; i++) {
        flights[i].ceiling = ceiling;
        ceiling_fly(&flights[i]);
    }
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* until nothing is on its way */
    double spent_s = ceiling_now_s() - began_s;
    struct store_sqlite_stats stats;
    store_sqlite_stats(&ceiling->port, &stats);
    ceiling->action_count = ceiling->ended_count;
    ceiling_print(ceiling, "port", spent_s, stats.batches);
    printf("     opened in %.0f ms, largest batch %" PRIu64 ", longest commit %.1f ms, %" PRIu64
           " checkpoints, log %" PRIu64 " KiB\n",
           opened_s * 1000, stats.batch_max, (double)stats.commit_max_us / 1000, stats.checkpoints,
           stats.wal_bytes / 1024);
    double closed_s = ceiling_now_s();
    store_sqlite_close(&ceiling->port);
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* lets the handle close */
    printf("     closed in %.0f ms, %.0f bytes/action\n", (ceiling_now_s() - closed_s) * 1000,
           (double)ceiling_folder_bytes(ceiling->folder) / (double)ceiling->action_count);
    CHECK(uv_loop_close(&loop) == 0);
    buf_done(&message);
    free(flights);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/interlock-ceiling-XXXXXX";
    uint64_t action_count = 100000;
    uint64_t waiting = 64;
    if (argc < 2 || (strcmp(argv[1], "raw") != 0 && strcmp(argv[1], "port") != 0) ||
        (argc > 2 && !slice_to_u64(slice_text(argv[2]), 100000000, &action_count)) ||
        (argc > 3 && !slice_to_u64(slice_text(argv[3]), WAITING_MAX, &waiting))) {
        fprintf(stderr, "store_ceiling raw|port [ACTIONS [WAITING [FOLDER]]]\n");
        return 2;
    }
    struct ceiling ceiling = {.action_count = action_count, .waiting = waiting, .prng = {1}};
    ceiling.prng.state = (uint64_t)time(NULL); /* other keys each time, also on an old folder */
    for (size_t i = 0; i < sizeof ceiling.bytes; i++)
        ceiling.bytes[i] = (char)('a' + i % 26);
    bool is_temporary = argc <= 4;
    ceiling.folder = is_temporary ? mkdtemp(folder) : argv[4];
    CHECK(ceiling.folder != NULL);
    if (strcmp(argv[1], "raw") == 0)
        ceiling_raw(&ceiling);
    else
        ceiling_port(&ceiling);
    if (is_temporary) {
        static const char *const names[] = {"lock", "interlock.db"};
        for (size_t i = 0; i < 2; i++) {
            char path[300];
            (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]); /* fits */
            (void)unlink(path); /* of raw there is nothing left */
        }
        (void)rmdir(folder); /* empty now */
    }
    return 0;
}
