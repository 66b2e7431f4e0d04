/* policy/expr_text.h - what expressions do with strings.
 * Owns: size, search, cutting and patterns, in Unicode code points where something is counted.
 * Invariants: results are valid UTF-8, because every cut is made between code points. */
#pragma once
#include "policy/expr_function.h"

expr_call_fn expr_text_starts, expr_text_ends, expr_text_contains, expr_text_matches;
expr_call_fn expr_text_lower, expr_text_upper, expr_text_trim, expr_text_replace, expr_text_split;
expr_call_fn expr_text_join, expr_text_substring, expr_text_char_at, expr_text_index_of;
expr_call_fn expr_text_last_index_of;
