/* record/receipt.h - what a stop has done so far: a receipt that never says stopped while
 * something runs.
 * Owns: its JSON (policy.md, Shapes), and its words: "STOPPING …", "STOPPED 14:03:09. Of those
 *   2: …".
 * Invariants:
 *   I6 `stopped_at` is null, and the words say STOPPING, until nothing of it is under way. */
#pragma once
#include "core/switchboard.h"
#include "record/view.h"
#include "record/zone.h"

/* reason: a person's words, or empty. in_flight: the actions whose attempts it still waits for, as
 * far as they are known. */
void receipt_json_add(struct buf *out, const struct stop *stop, struct slice reason,
                      const struct view *in_flight, size_t in_flight_count);

struct receipt_text {
    const struct stop *stop;
    const struct view *in_flight;
    size_t in_flight_count;
    const struct config *config; /* who settles what is uncertain; or NULL */
    const struct zone *zone;
    int64_t now_unix_ms;
    bool is_stopped_too; /* a stop at `stopped` covers all of it as well */
};
/* One line, without its end. */
void receipt_text_add(struct buf *out, const struct receipt_text *text);
/* "invoice-reminders/send_reminder, risk high", "upstream mailer", "everything" */
void receipt_add_scope(struct buf *out, const struct stop *stop);
