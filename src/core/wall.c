#include "core/wall.h"

#include <string.h>

static bool wall_is_same_boot(const struct wall_boot *then, const struct wall_boot *now)
{
    return then->is_known && now->is_known && memcmp(then->id, now->id, WALL_BOOT) == 0 &&
           now->ms >= then->ms;
}

/* Within one boot: what has passed is known. */
static void wall_begin_same(const struct wall_sign *sign, const struct wall_now *now,
                            struct wall_start *out)
{
    out->down_ms = now->boot.ms - sign->boot.ms;
    if (sign->at_unix_ms + out->down_ms > out->at_unix_ms)
        out->at_unix_ms = sign->at_unix_ms + out->down_ms;
    out->step_ms = now->wall_unix_ms - out->at_unix_ms;
    out->is_doubtful = wall_is_news(out->step_ms, sign->lag_ms);
    if (wall_is_off(out->step_ms))
        out->lag_ms = sign->lag_ms;
}

/* Another boot, or it is not known which: the machine's clock alone can tell, if it may be true. */
static void wall_begin_other(const struct wall_sign *sign, const struct wall_now *now,
                             struct wall_start *out)
{
    int64_t step = now->wall_unix_ms - out->at_unix_ms;
    int64_t as_before = step - sign->lag_ms; /* the clock goes on as wrong as it was */
    bool was_off = wall_is_off(sign->lag_ms);
    out->step_ms = step;
    if (sign->at_unix_ms > 0)
        out->down_ms = now->wall_unix_ms - sign->lag_ms - sign->at_unix_ms;
    if (out->down_ms < 0) /* drift */
        out->down_ms = 0;
    if (step >= -WALL_STEP_MS && step <= WALL_DOWN_MS) {
        if (was_off) /* our time was ahead, and is not any more: more has passed than it says */
            out->unsure_unix_ms = now->wall_unix_ms;
        return;
    }
    if (was_off && as_before >= -WALL_STEP_MS && as_before <= WALL_DOWN_MS) {
        out->at_unix_ms += as_before > 0 ? as_before : 0;
        out->step_ms = now->wall_unix_ms - out->at_unix_ms;
        out->lag_ms = out->step_ms;
        return;
    }
    out->is_doubtful = true;
    out->down_ms = -1;
    out->unsure_unix_ms = out->at_unix_ms;
}

void wall_begin(const struct wall_sign *sign, const struct wall_now *now, struct wall_start *out)
{
    int64_t stored =
        sign->at_unix_ms > now->newest_unix_ms ? sign->at_unix_ms : now->newest_unix_ms;
    *out = (struct wall_start){.at_unix_ms = stored, .unsure_unix_ms = sign->unsure_unix_ms};
    if (stored > 0 && sign->at_unix_ms > 0 && wall_is_same_boot(&sign->boot, &now->boot))
        wall_begin_same(sign, now, out);
    else if (stored > 0) /* the first start of all has nothing that it could contradict */
        wall_begin_other(sign, now, out);
    if (out->is_doubtful || out->lag_ms != 0)
        return;
    out->at_unix_ms = now->wall_unix_ms > stored ? now->wall_unix_ms : stored;
    out->step_ms = now->wall_unix_ms - out->at_unix_ms;
}
