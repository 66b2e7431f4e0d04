/* policy/template_part.h - the compiled form of a template, for template.c and template_tree.c.
 * Owns: the shapes. Invariant: a part is a literal or an expression, never both. */
#pragma once
#include "policy/template.h"

struct template_part {
    struct slice literal;    /* in the template's text */
    const struct expr *expr; /* NULL: literal */
    size_t offset;           /* of the expression's text in the template's */
    struct template_part *next;
};

struct template
{
    struct slice text;
    struct template_part *parts;
    size_t part_count;
    size_t value_count; /* parts that are expressions */
    uint32_t roots;
};

/* The value as JSON bytes. False: work->problem. */
bool template_add_json(const struct template *template, const struct expr_scope *scope,
                       struct expr_work *work, struct buf *out);
