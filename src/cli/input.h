/* cli/input.h - the input of an action, from what stands on the command line.
 * Owns: how words are read: NAME=VALUE, each name once. Which type a word has says who has the
 *   policy: the daemon for `submit`, the files for `try` (policy/input_words.h). */
#pragma once
#include "cli/invocation.h"

struct input_typed {
    struct slice json; /* an object, in the arena */
    bool is_words;     /* of texts, from NAME=VALUE; else the input itself, from --input */
};

/* The arguments from `first` on, or --input. false: wrong use, told. */
bool input_read(struct invocation *invocation, size_t first, struct input_typed *out_typed);
/* An option that must be a JSON object, or empty when it was not given. false: told. */
bool input_object(struct invocation *invocation, const char *option, struct slice *out_json);
/* --confidence as a number from 0 to 1. false: told. */
bool input_confidence(struct invocation *invocation, bool *out_has, double *out_value);
