/* policy/template.h - text with `${ expression }` parts, and JSON whose texts are such.
 * Owns: the split into literal and expression, and how a value becomes part of a text.
 * Invariants:
 *   1. A missing field, null, a list or a map inside a text is an error, never an empty string.
 *   2. A template that is wholly `${…}` keeps its value's JSON type.
 *   3. template_render_path: no value adds a segment, leaves one empty, or makes it "." or "..".
 *   4. template_render_key is injective over the texts of the values of one template (R7).
 *   5. `$${` is a literal `${`; a brace inside a string of the expression closes nothing.
 * Threads: as expr.h. */
#pragma once
#include "policy/expr.h"

struct template;

/* Offsets of the problem count in `text`. */
MUST_USE bool template_compile(struct arena *arena, struct slice text, uint32_t allowed_roots,
                               const struct template **out, struct expr_problem *out_problem);
/* For `key:`: reads the input only (R5), has no `\` in its text and no two `${}` side by side,
 * because those keys could not tell "1","23" from "12","3" (R7). */
MUST_USE bool template_compile_key(struct arena *arena, struct slice text,
                                   const struct template **out, struct expr_problem *out_problem);
struct slice template_text(const struct template *template);
/* Has no `${}`: renders to the same always. */
bool template_is_constant(const struct template *template);
/* Is one `${}` and nothing else. */
bool template_is_whole(const struct template *template);
/* Mask of EXPR_ROOT_*. */
uint32_t template_roots(const struct template *template);
/* As expr_field_next; offsets count in the template's text. *cursor starts at 0. */
bool template_field_next(const struct template *template, size_t *cursor, struct expr_field *out);

/* All renderers: on EXPR_ERROR work->problem says why (offset in the template's text) and what was
 * added to `out` is cut off again. An overflow of `out` is an error of kind LIMIT. */
MUST_USE enum expr_result template_render_text(const struct template *template,
                                               const struct expr_scope *scope,
                                               struct expr_work *work, struct buf *out);
/* A request target: values are percent-encoded as path segments (after a literal `?`, as query
 * values, and may be empty there). */
MUST_USE enum expr_result template_render_path(const struct template *template,
                                               const struct expr_scope *scope,
                                               struct expr_work *work, struct buf *out);
/* A caller's key: values have `\` and each character that occurs in the template's literal
 * parts escaped by `\`; an empty value, or a key over LIMIT_KEY, is an error. Only for a
 * template of template_compile_key. */
MUST_USE enum expr_result template_render_key(const struct template *template,
                                              const struct expr_scope *scope,
                                              struct expr_work *work, struct buf *out);

/* A JSON document whose strings are templates; object keys are not. */
struct template_tree;
/* The JSON is copied. The problem's pointer says which text, its offset where in it. */
MUST_USE bool template_tree_compile(struct arena *arena, const json_t *json, uint32_t allowed_roots,
                                    const struct template_tree **out,
                                    struct expr_problem *out_problem);
uint32_t template_tree_roots(const struct template_tree *tree);
/* As template_field_next; *out_pointer: JSON pointer of the text (in the arena of the tree). */
bool template_tree_field_next(const struct template_tree *tree, size_t *cursor,
                              struct expr_field *out, struct slice *out_pointer);
/* *out: a new reference. */
MUST_USE enum expr_result template_tree_render_json(const struct template_tree *tree,
                                                    const struct expr_scope *scope,
                                                    struct expr_work *work, json_t **out);
/* The same as bytes: compact, members in the order of the policy. */
MUST_USE enum expr_result template_tree_render_text(const struct template_tree *tree,
                                                    const struct expr_scope *scope,
                                                    struct expr_work *work, struct buf *out);
