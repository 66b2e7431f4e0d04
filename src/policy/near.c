#include "policy/near.h"

#include "base/buf.h"
#include "base/limits.h"

/* Without the difference of case and of `_` and `-`, which people mix up. */
static char near_fold(char byte)
{
    if (byte == '_')
        return '-';
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

/* Steps from one name to the other; large when either is over LIMIT_NAME. */
static size_t near_distance(struct slice a, struct slice b)
{
    size_t rows[3][LIMIT_NAME + 1];
    if (a.size > LIMIT_NAME || b.size > LIMIT_NAME)
        return LIMIT_NAME;
    for (size_t j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *second = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            char x = near_fold(a.at[i - 1]), y = near_fold(b.at[j - 1]);
            size_t best = above[j - 1] + (x != y);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && x == near_fold(b.at[j - 2]) && near_fold(a.at[i - 2]) == y &&
                second[j - 2] + 1 < best)
                best = second[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a.size % 3][b.size];
}

void near_init(struct near *near, struct slice wanted)
{
    *near = (struct near){.wanted = wanted, .best_distance = LIMIT_NAME};
}

static void near_keep(struct near *near, struct slice candidate)
{
    for (size_t i = 0; i < near->offer_count; i++)
        if (slice_equal(near->offers[i], candidate))
            return;
    if (near->offer_count < NEAR_OFFERS)
        near->offers[near->offer_count++] = candidate;
    else
        near->more_count++;
}

void near_add_hint(struct buf *out, const struct near *near)
{
    if (near->best.size > 0) {
        buf_add_fmt(out, "Did you mean `%.*s`?", SLICE_FMT(near->best));
        return;
    }
    for (size_t i = 0; i < near->offer_count; i++) {
        buf_add_text(out, i == 0 ? (near->offer_count == 1 ? "There is: " : "There are: ") : ", ");
        buf_add(out, near->offers[i]);
    }
    if (near->offer_count > 0)
        buf_add_text(out, near->more_count > 0 ? ", …" : ".");
}

void near_offer(struct near *near, struct slice candidate)
{
    near_keep(near, candidate);
    size_t distance = near_distance(near->wanted, candidate);
    size_t longest = near->wanted.size > candidate.size ? near->wanted.size : candidate.size;
    size_t most = longest < 5 ? 1 : longest < 9 ? 2 : 3; /* `cara` is not a slip for `ana` */
    if (distance > most || distance >= longest || distance >= near->best_distance)
        return;
    near->best = candidate;
    near->best_distance = distance;
}
