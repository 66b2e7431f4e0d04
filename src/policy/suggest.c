#include "policy/suggest.h"

#include "base/limits.h"

static size_t suggest_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char suggest_fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). Case and
 * the choice between `-` and `_` cost nothing, which makes `Sla` and `due-by` find their names. */
static size_t suggest_distance(struct slice a, struct slice b)
{
    size_t rows[3][LIMIT_NAME + 1] = {{0}};
    for (size_t j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            char x = suggest_fold(a.at[i - 1]);
            char y = suggest_fold(b.at[j - 1]);
            row[j] = suggest_min(suggest_min(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == suggest_fold(b.at[j - 2]) && suggest_fold(a.at[i - 2]) == y)
                row[j] = suggest_min(row[j], above_that[j - 2] + 1);
        }
    }
    return rows[a.size % 3][b.size];
}

void suggest_init(struct suggest *suggest, struct slice wanted)
{
    *suggest = (struct suggest){.wanted = wanted, .distance = wanted.size / 3 + 1};
}

void suggest_offer(struct suggest *suggest, struct slice candidate)
{
    struct slice wanted = suggest->wanted;
    if (wanted.size > LIMIT_NAME || candidate.size > LIMIT_NAME)
        return;
    size_t gap =
        wanted.size > candidate.size ? wanted.size - candidate.size : candidate.size - wanted.size;
    if (gap >= suggest->distance)
        return;
    size_t distance = suggest_distance(wanted, candidate);
    if (distance < suggest->distance) {
        suggest->distance = distance;
        suggest->best = candidate;
    }
}

struct slice suggest_best(const struct suggest *suggest)
{
    return suggest->best;
}
