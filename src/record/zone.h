/* record/zone.h - local time for people. The pure layer reads no zone files: the shell gives it a
 * function.
 * Owns: how times and spans read: "14:02:11", "2026-11-24 18:02", "10 s", "4 h". */
#pragma once
#include "base/text.h"

struct zone {
    struct slice name; /* "Europe/Madrid" */
    void *impl;
    int64_t (*utc_offset_ms)(void *impl, int64_t unix_ms); /* NULL: UTC */
};

enum zone_detail { ZONE_MINUTES, ZONE_SECONDS };
struct zone_time {
    int64_t at_unix_ms, now_unix_ms;
};
/* "14:02", or with its date when that is not today's. zone NULL: UTC. */
void zone_add_time(struct buf *out, const struct zone *zone, struct zone_time time,
                   enum zone_detail detail);
struct slice zone_name(const struct zone *zone);
/* A span in its largest unit that loses less than a tenth: "10 s", "4 min", "90 min", "1 d". */
void zone_add_span(struct buf *out, int64_t ms);
