/* bench/ceiling.c - the raw ceiling: the same two durable writes and the same call for each action,
 * by a bare loop. No requests to read, no decisions, no JSON; bytes of the same size as the real
 * ones. ceiling FOLDER PORT CONNECTIONS ACTIONS -> one line: seconds, actions, p50 ms, p99 ms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/check.h"
#include "base/prng.h"
#include "store/sqlite.h"
#include "upstream/curl.h"

enum {
    RECORD_FIRST = 660,
    RECORD_SECOND = 380,
    PAYLOAD_FIRST = 330,
    PAYLOAD_SECOND = 190,
    ROW = 180,
    FROZEN = 260
};

struct lane {
    uint64_t action, begun_ns;
};

static struct {
    uv_loop_t *loop;
    struct store_port store;
    struct upstream_port upstream;
    struct upstream_endpoint endpoint;
    struct prng prng;
    uint64_t seq, action;
    long actions, begun, ended;
    uint32_t *micros;
    char bytes[1024];
} ceiling;

static void ceiling_begin(struct lane *lane);

static void ceiling_ended(void *arg, uint64_t through)
{
    struct lane *lane = arg;
    (void)through;
    ceiling.micros[ceiling.ended++] = (uint32_t)((uv_hrtime() - lane->begun_ns) / 1000);
    ceiling_begin(lane);
}

static void ceiling_answered(void *arg, const struct upstream_answer *answer)
{
    struct lane *lane = arg;
    CHECK(answer->phase == UPSTREAM_ANSWERED);
    struct store_write write = {.seq = ++ceiling.seq,
                                .record = slice_of(ceiling.bytes, RECORD_SECOND),
                                .payload = slice_of(ceiling.bytes, PAYLOAD_SECOND),
                                .action = lane->action,
                                .is_ended = true,
                                .row = slice_of(ceiling.bytes, ROW)};
    CHECK(ceiling.store.submit(ceiling.store.impl, &write, 1, ceiling_ended, lane) == ERR_OK);
}

static void ceiling_saved(void *arg, uint64_t through)
{
    (void)through;
    struct upstream_header header = {SLICE("Content-Type"), SLICE("application/json")};
    struct upstream_call call = {.endpoint = &ceiling.endpoint,
                                 .method = SLICE("POST"),
                                 .target = SLICE("/v1/messages"),
                                 .headers = &header,
                                 .header_count = 1,
                                 .body = SLICE("{\"to\":\"m@example.org\",\"invoice\":\"INV-1\"}"),
                                 .timeout_ms = 10000,
                                 .connect_timeout_ms = 2000,
                                 .answer_max = 65536,
                                 .done = ceiling_answered,
                                 .arg = arg};
    CHECK(ceiling.upstream.call(ceiling.upstream.impl, &call) == ERR_OK);
}

static void ceiling_begin(struct lane *lane)
{
    if (ceiling.begun == ceiling.actions) {
        if (ceiling.ended == ceiling.actions)
            uv_stop(ceiling.loop);
        return;
    }
    ceiling.begun++;
    lane->begun_ns = uv_hrtime();
    lane->action = ++ceiling.action;
    struct store_key keys[2] = {{.action = lane->action}, {.action = lane->action}};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < STORE_KEY_SIZE; i += 8) {
            uint64_t random = prng_next(&ceiling.prng);
            memcpy(keys[k].hash + i, &random, 8);
        }
    struct store_write write = {.seq = ++ceiling.seq,
                                .record = slice_of(ceiling.bytes, RECORD_FIRST),
                                .payload = slice_of(ceiling.bytes, PAYLOAD_FIRST),
                                .action = lane->action,
                                .row = slice_of(ceiling.bytes, ROW),
                                .frozen = slice_of(ceiling.bytes, FROZEN),
                                .scope = SLICE("invoice-reminders/send_reminder"),
                                .upstream = SLICE("mailer"),
                                .keys = keys,
                                .key_count = 2};
    CHECK(ceiling.store.submit(ceiling.store.impl, &write, 1, ceiling_saved, lane) == ERR_OK);
}

static int ceiling_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    char url[64];
    struct buf message;
    struct upstream_curl *curl = NULL;
    struct upstream_curl_options options = {0};
    struct store_sqlite_options store = {.folder = slice_text(argv[1])};
    int connections = (int)strtol(argv[3], NULL, 10);
    buf_init(&message, 4096);
    ceiling.loop = uv_default_loop();
    ceiling.actions = strtol(argv[4], NULL, 10);
    ceiling.micros = calloc((size_t)ceiling.actions, sizeof *ceiling.micros);
    ceiling.prng.state = uv_hrtime();
    memset(ceiling.bytes, 'x', sizeof ceiling.bytes);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%s", argv[2]);
    ceiling.endpoint =
        (struct upstream_endpoint){.name = SLICE("mailer"), .base_url = slice_text(url)};
    struct lane *lanes = calloc((size_t)connections, sizeof *lanes);
    CHECK(ceiling.micros && lanes);
    CHECK(store_sqlite_open(&store, ceiling.loop, &ceiling.store, &message) == ERR_OK);
    CHECK(upstream_curl_new(ceiling.loop, &options, &curl) == ERR_OK);
    ceiling.upstream = upstream_curl_port(curl);
    unsigned char hash[STORE_HASH_SIZE];
    ceiling.store.head(ceiling.store.impl, &ceiling.seq, hash);
    ceiling.action = (uint64_t)uv_hrtime();
    uint64_t begin = uv_hrtime();
    for (int i = 0; i < connections; i++)
        ceiling_begin(&lanes[i]);
    (void)uv_run(ceiling.loop, UV_RUN_DEFAULT);
    double seconds = (double)(uv_hrtime() - begin) / 1e9;
    qsort(ceiling.micros, (size_t)ceiling.actions, sizeof *ceiling.micros, ceiling_order);
    (void)printf("%.3f %ld %.2f %.2f\n", seconds, ceiling.actions,
                 ceiling.micros[ceiling.actions / 2] / 1000.0,
                 ceiling.micros[ceiling.actions * 99 / 100] / 1000.0);
    upstream_curl_free(curl);
    store_sqlite_close(&ceiling.store);
    buf_done(&message);
    return 0;
}
