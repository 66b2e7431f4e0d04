#include "record/difference.h"

#include "base/limits.h"
#include "record/scan.h"

enum { DIFFERENCE_WORK_MAX = 32 * 1024 * 1024, DIFFERENCE_POINTER_MAX = 1024 };

/* A pair of objects that is being walked: first a's members against b, then those that only b has.
 */
struct difference_level {
    struct slice a, b;
    struct scan_walk walk;
    bool is_second; /* walking b */
    size_t pointer_size;
};
struct difference_walk {
    struct canonical *canonical;
    struct arena *arena;
    struct difference_list *out;
    struct buf pointer, key, other_key;
    struct difference_level levels[LIMIT_JSON_DEPTH];
    size_t depth;
    size_t work; /* bytes looked at: objects of thousands of members would cost their square */
};

static void difference_add(struct difference_walk *w)
{
    if (w->out->count == DIFFERENCE_MAX) {
        w->out->is_more = true;
        return;
    }
    w->out->pointers[w->out->count++] = arena_copy(w->arena, buf_slice(&w->pointer));
}

/* "/" and the key, with ~ and / escaped. */
static void difference_add_key(struct difference_walk *w)
{
    struct slice key = buf_slice(&w->key);
    buf_add_byte(&w->pointer, '/');
    for (size_t i = 0; i < key.size; i++) {
        if (key.at[i] == '~')
            buf_add(&w->pointer, SLICE("~0"));
        else if (key.at[i] == '/')
            buf_add(&w->pointer, SLICE("~1"));
        else
            buf_add_byte(&w->pointer, key.at[i]);
    }
}

/* The member of `object` whose key is w->key. */
static bool difference_member(struct difference_walk *w, struct slice object, struct slice *out)
{
    struct scan_walk walk;
    struct slice key;
    struct slice value;
    w->work += object.size;
    scan_open(&walk, object);
    while (scan_next(&walk, &key, &value)) {
        buf_reset(&w->other_key);
        (void)scan_add_text(key, &w->other_key); /* checked JSON */
        if (slice_equal(buf_slice(&w->key), buf_slice(&w->other_key))) {
            *out = value;
            return true;
        }
    }
    return false;
}

static void difference_enter(struct difference_walk *w, struct slice a, struct slice b)
{
    struct difference_level *level = &w->levels[w->depth++];
    *level = (struct difference_level){.a = a, .b = b, .pointer_size = w->pointer.size};
    scan_open(&level->walk, a);
}

static void difference_value(struct difference_walk *w, struct slice a, struct slice b)
{
    if (scan_type(a) == SCAN_OBJECT && scan_type(b) == SCAN_OBJECT && w->depth < LIMIT_JSON_DEPTH)
        difference_enter(w, a, b);
    else if (!canonical_equal(w->canonical, a, b))
        difference_add(w);
}

/* One member; false at the end of the level. */
static bool difference_step(struct difference_walk *w)
{
    struct difference_level *level = &w->levels[w->depth - 1];
    struct slice key;
    struct slice value;
    struct slice other;
    buf_cut(&w->pointer, level->pointer_size);
    if (!scan_next(&level->walk, &key, &value)) {
        if (level->is_second)
            return false;
        level->is_second = true;
        scan_open(&level->walk, level->b);
        return true;
    }
    buf_reset(&w->key);
    (void)scan_add_text(key, &w->key); /* checked JSON */
    difference_add_key(w);
    bool is_in_other = difference_member(w, level->is_second ? level->a : level->b, &other);
    if (!is_in_other)
        difference_add(w);
    else if (!level->is_second)
        difference_value(w, value, other);
    return true;
}

void difference_find(struct canonical *canonical, struct slice a, struct slice b,
                     struct arena *arena, struct difference_list *out)
{
    struct difference_walk w = {.canonical = canonical, .arena = arena, .out = out};
    struct slice raw_a;
    struct slice raw_b;
    *out = (struct difference_list){0};
    if (!scan_document(a, &raw_a) || !scan_document(b, &raw_b))
        return;
    buf_init(&w.pointer, DIFFERENCE_POINTER_MAX);
    buf_init(&w.key, LIMIT_CANONICAL);
    buf_init(&w.other_key, LIMIT_CANONICAL);
    difference_value(&w, raw_a, raw_b);
    while (w.depth > 0) {
        if (w.work > DIFFERENCE_WORK_MAX || !buf_ok(&w.pointer)) {
            out->is_more = true;
            break;
        }
        if (!difference_step(&w))
            w.depth--;
    }
    buf_done(&w.pointer);
    buf_done(&w.key);
    buf_done(&w.other_key);
}

void difference_add_text(const struct difference_list *list, struct buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            buf_add(out, SLICE(", "));
        buf_add(out, list->pointers[i].size > 0 ? list->pointers[i] : SLICE("the whole input"));
    }
    if (list->is_more)
        buf_add(out, list->count > 0 ? SLICE(" and more") : SLICE("fields too many to name"));
}
