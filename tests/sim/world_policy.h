/* tests/sim/world_policy.h - what the simulation runs: its sizes, names, installation and
 * policy.
 * Owns: the files as texts.
 * Invariants: names and numbers here and in the texts are the same. */
#pragma once
#include <stdbool.h>

#include "base/slice.h"

enum {
    WORLD_KEYS = 24,
    WORLD_STEPS = 10,
    WORLD_BY_CHECK = 5,
    WORLD_FRESH = 6,
    WORLD_BEHIND_MS = 110000, /* how far behind its own queue the provider may be: < 2 settle */
    WORLD_ORDERED = 7,
    WORLD_LATEST = 8,
    WORLD_OBSERVED = 9,
    WORLD_PROVIDER_KEYS = 1024,
    WORLD_THINGS = 4, /* order keys: input.n % WORLD_THINGS */
    WORLD_CALLS = 256,
    WORLD_STOPS = 64,
    WORLD_ACTIONS = 4096,
    WORLD_UPSTREAMS = 4
};

static const char *const world_steps[WORLD_STEPS] = {"by_none", "by_key",   "by_nature", "read",
                                                     "caller",  "by_check", "fresh",     "ordered",
                                                     "latest",  "observed"};

/* Its effects are counted. */
static bool world_has_effects(int step)
{
    return step < 3 || step == WORLD_BY_CHECK || step == WORLD_FRESH;
}

static const char *const world_upstreams[WORLD_UPSTREAMS] = {"plain", "keyed", "other", "backup"};

static const char world_installation[] =
    "listen: 127.0.0.1:0\n"
    "store: ./data\n"
    "people:\n"
    "  ana: { name: Ana, email: ana@example.org }\n"
    "  ben: { name: Ben, email: ben@example.org }\n"
    "services:\n"
    "  cron: { human: ana, submits: [sim] }\n"
    "groups:\n"
    "  team: [ana, ben]\n"
    "switch: { owner: team, restart: team, inform: ana, ramp: [] }\n"
    "upstreams:\n"
    "  plain: { url: \"http://127.0.0.1:1\", concurrency: 6 }\n"
    "  keyed:\n"
    "    url: http://127.0.0.1:2\n"
    "    concurrency: 6\n"
    "    breaker: { probe: GET /health }\n"
    "    idempotency: { header: Idempotency-Key, keeps: 24h }\n"
    "  other: { url: \"http://127.0.0.1:3\", concurrency: 6 }\n"
    "  backup:\n"
    "    url: http://127.0.0.1:4\n"
    "    concurrency: 6\n"
    "    idempotency: { header: Idempotency-Key, keeps: 24h }\n";

static const char world_policy[] = "workflow: sim\n"
                                   "purpose: Every kind of step\n"
                                   "owner: team\n"
                                   "restart: team\n"
                                   "inform: ana\n"
                                   "mode: observe\n"
                                   "label_age: 2h\n"
                                   "ramp: [2]\n"
                                   "stage_due: 10m\n"
                                   "retain: 30h\n"
                                   "triggers:\n"
                                   "  - far: stopped if volume > 100000 in 1h\n"
                                   "  - doubts: stopped if uncertain > 100000 in 1h\n"
                                   "  - wrong: stopped if misclassified > 99%\n"
                                   "  - late: stopped if overdue > 100000\n"
                                   "steps:\n"
                                   "  by_none:\n"
                                   "    kind: webhook\n"
                                   "    mode: auto\n"
                                   "    call: plain POST /none/${input.id}\n"
                                   "    key: ${input.id}\n"
                                   "    body: { id: \"${input.id}\" }\n"
                                   "    rules:\n"
                                   "      - paid: reject if input.n % 11 == 0\n"
                                   "      - large: review if input.n % 7 == 0\n"
                                   "      - later: hold 5m if input.n % 5 == 0\n"
                                   "    risk: high if input.n % 4 == 0\n"
                                   "    audit: { share: 40% }\n"
                                   "    confidence: at least 0.5\n"
                                   "    fallback:\n"
                                   "      low_confidence: [template note, skip]\n"
                                   "      rule:\n"
                                   "        - review, due 30m, at due then upstream other\n"
                                   "      failed: [upstream other, hold 10m]\n"
                                   "      expired:\n"
                                   "        - upstream other\n"
                                   "        - review, at most 2 open, then template later\n"
                                   "    templates:\n"
                                   "      note: { answer: { note: \"${input.note}\" } }\n"
                                   "      later: { answer: { queue: general } }\n"
                                   "  by_key:\n"
                                   "    kind: webhook\n"
                                   "    mode: auto\n"
                                   "    call: keyed POST /key/${input.id}\n"
                                   "    key: ${input.id}\n"
                                   "    body: { id: \"${input.id}\", n: \"${input.n}\" }\n"
                                   "    rules:\n"
                                   "      - large: review if input.n % 7 == 0\n"
                                   "    risk: high if input.n % 4 == 0\n"
                                   "    audit: { share: 100%, labels: [right, odd, bad] }\n"
                                   "    fallback:\n"
                                   "      unavailable:\n"
                                   "        - upstream backup\n"
                                   "        - hold 1d, at most 4\n"
                                   "        - template open\n"
                                   "      failed: [upstream backup, template sorry]\n"
                                   "      stopped: template open\n"
                                   "    templates:\n"
                                   "      open: { answer: { id: \"${input.id}\" } }\n"
                                   "      sorry: { body: { id: \"${input.id}\", sorry: 'yes' } }\n"
                                   "  by_nature:\n"
                                   "    kind: record\n"
                                   "    mode: auto\n"
                                   "    call: plain PUT /nature/${input.id}\n"
                                   "    key: ${input.id}\n"
                                   "    body: { id: \"${input.id}\" }\n"
                                   "    fallback:\n"
                                   "      failed: [upstream other, upstream backup]\n"
                                   "  read:\n"
                                   "    kind: lookup\n"
                                   "    mode: auto\n"
                                   "    call: plain GET /read/${input.id}\n"
                                   "    key: ${input.id}\n"
                                   "  by_check:\n"
                                   "    kind: webhook\n"
                                   "    mode: auto\n"
                                   "    call: plain POST /check/${input.id}\n"
                                   "    key: ${input.id}\n"
                                   "    body: { id: \"${input.id}\" }\n"
                                   "    check:\n"
                                   "      call: plain GET /asked/${input.id}\n"
                                   "      happened: response.body.count > 0\n"
                                   "      not_happened: response.body.count == 0\n"
                                   "  fresh:\n"
                                   "    kind: webhook\n"
                                   "    mode: auto\n"
                                   "    call: plain POST /fresh/${input.id}\n"
                                   "    input: { id: text, n: integer }\n"
                                   "    key: ${input.id}\n"
                                   "    body: { id: \"${input.id}\" }\n"
                                   "    rules:\n"
                                   "      - paid: reject if input.n < 0\n"
                                   "      - large: review if input.n % 7 == 0\n"
                                   "      - later: hold 5m if input.n % 2 == 0\n"
                                   "    stale_after: 1m\n"
                                   "    refresh:\n"
                                   "      call: plain GET /fact/${input.id}\n"
                                   "      set:\n"
                                   "        n: response.body.n\n"
                                   "  caller:\n"
                                   "    kind: command\n"
                                   "    mode: auto\n"
                                   "    call: caller\n"
                                   "    key: ${input.id}\n"
                                   "    fallback:\n"
                                   "      unavailable: template later\n"
                                   "    templates:\n"
                                   "      later: { answer: { queue: general } }\n"
                                   "  ordered:\n"
                                   "    kind: record\n"
                                   "    mode: auto\n"
                                   "    call: plain PUT /ordered/${input.id}\n"
                                   "    key: ${input.id}\n"
                                   "    order_by: ordered-${input.n % 4}\n"
                                   "    rules:\n"
                                   "      - large: review if input.n % 7 == 0\n"
                                   "  latest:\n"
                                   "    kind: record\n"
                                   "    mode: auto\n"
                                   "    call: plain PUT /latest/${input.id}\n"
                                   "    key: ${input.id}\n"
                                   "    order_by: latest-${input.n % 4}\n"
                                   "    supersede: true\n"
                                   "  observed:\n"
                                   "    kind: record\n"
                                   "    call: plain PUT /observed/${input.id}\n"
                                   "    key: ${input.id}\n"
                                   "    body: { id: \"${input.id}\" }\n"
                                   "    rules:\n"
                                   "      - never: reject if input.n % 5 == 0\n"
                                   "      - large: review if input.n % 7 == 0\n"
                                   "    confidence: at least 0.5\n"
                                   "    fallback:\n"
                                   "      failed: [upstream other, hold 10m]\n";
