/* policy/compile.h - expressions and templates of a YAML text, with mistakes told in its file.
 * Owns: the way from a problem of expr.h or template.h to a place in the policy. */
#pragma once
#include "policy/read.h"

/* The part of the node's text from `at` on; NULL: a problem was added. A condition must be able to
 * give a bool. */
const struct expr *compile_condition(struct load *load, const struct yaml *node, size_t at,
                                     struct slice text, uint32_t roots);
const struct expr *compile_expr(struct load *load, const struct yaml *node, size_t at,
                                struct slice text, uint32_t roots);
/* The whole text of the node. */
const struct template *compile_template(struct load *load, const struct yaml *node, uint32_t roots);
/* The part of it from `at` on. */
const struct template *compile_template_at(struct load *load, const struct yaml *node, size_t at,
                                           uint32_t roots);
/* A value of any shape as JSON whose texts are templates. */
const struct template_tree *compile_tree(struct load *load, const struct yaml *node,
                                         uint32_t roots);
/* The part of a value that a JSON pointer means; the value itself when it does not fit. */
const struct yaml *compile_find(const struct yaml *root, struct slice pointer);
