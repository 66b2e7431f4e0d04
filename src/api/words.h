/* api/words.h - what people typed, as JSON: the member `words` in place of `input` or `edit`.
 * Owns: that the words become that member, in the body's tree and as bytes, by the types of the
 *   step (policy/input_words.h). */
#pragma once
#include "api/call.h"

struct words_place {
    const char *name; /* of the member that they stand for */
    bool is_edit;     /* null takes a field away */
};
/* call->body has `words`, an object. On false the call is answered. */
bool words_read(struct call *call, const struct words_place *place, struct slice *out_raw);
