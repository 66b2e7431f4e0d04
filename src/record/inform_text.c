#include "record/inform_text.h"

#include "record/wording.h"

enum { INFORM_WHY = 300 };

static const char *inform_state(const struct inform_facts *facts)
{
    switch (facts->kind) {
    case INCIDENT_STOP:
        return slice_is(facts->position, "fallback") ? " does its work by its fallback"
               : slice_is(facts->position, "review") ? " asks people first"
                                                     : " is stopped";
    case INCIDENT_DEGRADED:
        return " is degraded";
    case INCIDENT_OVERDUE:
    case INCIDENT_ALERT:
    case INCIDENT_UNDONE:
        break;
    }
    return " needs attention";
}

void inform_draft_add(struct buf *out, const struct inform_facts *facts)
{
    buf_add_text(out, "Since ");
    zone_add_time(out, facts->zone, (struct zone_time){facts->since_unix_ms, facts->now_unix_ms},
                  ZONE_MINUTES);
    buf_add_byte(out, ' ');
    wording_add_line(out, facts->scope, LIMIT_SUMMARY);
    buf_add_text(out, inform_state(facts));
    if (facts->why.size > 0) {
        buf_add_text(out, ": ");
        wording_add_line(out, facts->why, INFORM_WHY);
    }
    buf_add_text(out, ". ");
    if (facts->waiting > 0) {
        buf_add_u64(out, facts->waiting);
        buf_add_text(out, facts->waiting == 1 ? " piece of work waits" : " pieces of work wait");
        buf_add_text(out, facts->lost == 0 ? "; nothing is lost. " : ". ");
    }
    buf_add_text(out, "We will write again when it is over.");
}
