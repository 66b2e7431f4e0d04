/* policy/words.h - a short sentence, read word by word.
 * Owns: how the sentences of policies are cut into words, and where in the file a mistake is.
 * Invariants:
 *   1. Words are separated by blanks (also line ends of folded texts); a comma is a word.
 *   2. A function that returns false has taken nothing. */
#pragma once
#include "policy/read.h"

struct words {
    struct load *load;
    const struct yaml *node;
    struct slice text;
    size_t at;
};

/* false, and a problem, when the node is not a text. */
bool words_init(struct words *words, struct load *load, const struct yaml *node);
bool words_are_over(struct words *words);
/* The next word, without taking it; empty at the end. */
struct slice words_peek(struct words *words);
struct slice words_next(struct words *words);
/* Takes the next word if it is this one. */
bool words_take(struct words *words, const char *word);
/* Takes these words, separated by blanks, or nothing. */
bool words_take_all(struct words *words, const char *phrase);
bool words_take_duration(struct words *words, int64_t *out_ms);
/* The same, of some time: not 0s. */
bool words_take_time(struct words *words, int64_t *out_ms);
bool words_take_int(struct words *words, int64_t *out_value);
/* What is left, without blanks at both ends; *out_at: where it begins in the text. */
struct slice words_rest(struct words *words, size_t *out_at);
/* IL016 (IL006 if the text was cut) at the next word. Returns false. */
bool words_refuse(struct words *words, const char *want);
