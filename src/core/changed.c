#include "core/changed.h"

#include "base/check.h"

/* (p1 - p2)^2 / variance under one common share. */
static double changed_chi_squared(const struct changed *changed, const struct changed_lift *lift)
{
    double with = (double)changed->total;
    double without = (double)lift->rest_total;
    double common = (double)changed->all_bad / (double)changed->all_total;
    double variance = common * (1 - common) * (1 / with + 1 / without);
    double difference = (double)changed->bad / with - (double)lift->rest_bad / without;
    return variance > 0 ? difference * difference / variance : 0;
}

void changed_measure(const struct changed *changed, struct changed_lift *out_lift)
{
    struct changed_lift lift = {.rest_bad = changed->all_bad - changed->bad,
                                .rest_total = changed->all_total - changed->total};
    CHECK(changed->bad >= 0 && changed->bad <= changed->total);
    CHECK(lift.rest_bad >= 0 && lift.rest_bad <= lift.rest_total);
    if (lift.rest_bad > 0 && changed->total > 0)
        lift.lift_hundredths = (int64_t)((double)changed->bad * (double)lift.rest_total * 100 /
                                             ((double)changed->total * (double)lift.rest_bad) +
                                         0.5);
    bool is_more = changed->total > 0 && lift.rest_total > 0 &&
                   (double)changed->bad * (double)lift.rest_total >
                       (double)lift.rest_bad * (double)changed->total;
    lift.is_evident = is_more && changed->bad >= CHANGED_BAD &&
                      changed_chi_squared(changed, &lift) >= CHANGED_Z_SQUARED;
    *out_lift = lift;
}

static int changed_order(int64_t a, int64_t b)
{
    return a > b ? -1 : a < b;
}

int changed_compare(const struct changed *a, const struct changed *b)
{
    struct changed_lift of_a, of_b;
    changed_measure(a, &of_a);
    changed_measure(b, &of_b);
    int order = changed_order(of_a.is_evident, of_b.is_evident);
    if (order == 0)
        order = changed_order(a->bad, b->bad);
    if (order != 0)
        return order;
    int64_t lift_a = of_a.lift_hundredths ? of_a.lift_hundredths : INT64_MAX;
    int64_t lift_b = of_b.lift_hundredths ? of_b.lift_hundredths : INT64_MAX;
    return changed_order(lift_a, lift_b);
}
