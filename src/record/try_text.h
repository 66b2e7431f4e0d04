/* record/try_text.h - what would happen to one input: the four lines of `interlock try`.
 * Owns: the shape (design 7): WOULD, THEN, IF DOWN and IF NO ANSWER, NOTHING was sent. */
#pragma once
#include "record/bundle.h"
#include "record/record.h"

struct try_case {
    const struct step *step;
    const struct gate_answer *gate;
    const struct bundle_saw *saw; /* path_index counts in gate->path */
    size_t saw_count;
    bool has_confidence;
    double confidence;
    const struct bundle_request *request; /* as it would be sent; NULL for call: caller */
};

void try_text_add(struct buf *out, const struct try_case *try_case);
/* The same as an object: would, then, if_down, if_no_answer, path. */
void try_json_add(struct buf *out, const struct try_case *try_case);
