/* record/review_json.h - the card of a review: all that a person needs to decide it, as data.
 * Owns: the object of GET /v1/reviews/{id}: title, why it came here, what would be sent, what each
 *   verdict leads to, who has it, notes. Command line and page show it, so they say the same.
 * Invariants:
 *   I14 a masked field is shown only in a card that is_revealed; who asks for that may decide the
 *       review, and it was recorded before (R23). */
#pragma once
#include "record/view.h"

struct review_card {
    const struct view *view; /* of its action, with history */
    uint8_t review;
    bool is_revealed;
};
/* scratch: for what is rendered. */
void review_json_add(struct buf *out, const struct review_card *card, struct arena *scratch);

/* Whom the step's `recipient` names, as it may be shown; nothing when it has none. */
void review_add_recipient(const struct view *view, struct buf *out);
