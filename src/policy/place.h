/* policy/place.h - where something stands in its source: line, column, JSON pointer.
 * Owns: the way from a byte of a value back to the byte that was typed, past quotes, escapes,
 *   folded lines and indents.
 * Invariants:
 *   1. A column counts characters, not bytes; lines and columns begin at 1.
 *   2. Total: any number gives a place within the file. */
#pragma once
#include "policy/yaml.h"

/* Line and column of a byte of the source. */
void place_position(const struct yaml_file *file, size_t at, int *out_line, int *out_column);
/* The byte at a line and column, both from 1. */
size_t place_offset(const struct yaml_file *file, int line, int column);
/* The line, from 1, without its end. */
struct slice place_line(const struct yaml_file *file, int line);
/* The byte of the source that made this byte of the node's text. */
size_t place_of_text(const struct yaml *node, size_t text_at);
/* Fills file, line, column and source line. `at`: byte of the source. */
void place_problem(struct problem *problem, const struct yaml_file *file, size_t at);
/* The same, and the pointer. */
void place_problem_node(struct problem *problem, const struct yaml *node, size_t at);
