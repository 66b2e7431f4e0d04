/* record/difference.h - which fields two inputs under the same key differ in.
 * Owns: the list that a 422 names (R8). Names only; values stay where they are. */
#pragma once
#include "base/arena.h"
#include "record/canonical.h"

enum { DIFFERENCE_MAX = 16 };
struct difference_list {
    /* JSON pointers (RFC 6901), in the arena; "" = all of it. */
    struct slice pointers[DIFFERENCE_MAX];
    size_t count;
    bool is_more; /* there are others */
};

/* Both are checked JSON. Objects are entered, lists are named as a whole. */
void difference_find(struct canonical *canonical, struct slice a, struct slice b,
                     struct arena *arena, struct difference_list *out);
/* "/balance, /customer/email and more" */
void difference_add_text(const struct difference_list *list, struct buf *out);
