/* policy/trap.h - texts that YAML reads otherwise than their writer meant.
 * Owns: the bare words of YAML 1.1, numbers that readers disagree about, and texts that were cut at
 *   a flow comma, at ` #` or at `: `; the last are found by reading the source line again.
 * Invariants:
 *   1. Where a text was cut, the problem shows the quoted form that is right. */
#pragma once
#include "policy/yaml.h"

/* yes, no, on, off, y, n, true, false in any usual case: a boolean to some readers. */
bool trap_is_bare_word(struct slice text);
/* 010, 0x1F, 1_000, 12:30:00: a number to some readers, of different sizes. */
bool trap_is_odd_number(struct slice text);

/* The library said what is wrong with the grammar; says what was probably meant. */
void trap_explain_syntax(const struct yaml_file *file, struct problem *problem);

/* The node is a plain text that seems to go on in the source after its end: what was meant, ready
 * quoted, in *out_quoted (arena of the problems). */
bool trap_was_cut(const struct yaml *node, struct slice *out_quoted);
/* ` #` right after the text with a word behind it, as in `Ticket #5`. */
bool trap_is_cut_at_hash(const struct yaml *node);
/* 'text', with quotes inside doubled. */
struct slice trap_quote(struct arena *arena, struct slice text);
