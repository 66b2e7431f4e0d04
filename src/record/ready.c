#include "record/ready.h"

#include "base/check.h"
#include "record/label_json.h"
#include "record/member.h"
#include "record/wording.h"

enum { READY_SENTENCE = 2048 };

static struct ready_point *ready_add(struct ready *ready, const char *name, bool is_met)
{
    CHECK(ready->point_count < READY_POINTS);
    struct ready_point *point = &ready->points[ready->point_count++];
    *point = (struct ready_point){.name = name, .is_met = is_met};
    buf_init(&point->says, READY_SENTENCE);
    buf_init(&point->to_do, READY_SENTENCE);
    ready->is_ready = ready->is_ready && is_met;
    return point;
}

static void ready_add_file(struct buf *out, const struct workflow *workflow)
{
    buf_add_text(out, " in ");
    wording_add_line(out, workflow->file.size ? workflow->file : SLICE("the policy"),
                     READY_SENTENCE / 4);
    buf_add_text(out, ", then: interlock reload");
}

/* Review to auto: what people changed or refused is what auto would have got wrong. */
static void ready_ask_unchanged(struct ready *ready)
{
    struct estimate e = evidence_unchanged(&ready->evidence->tally);
    bool is_met = e.count > 0 && e.low >= READY_UNCHANGED_MILLIONTHS;
    struct ready_point *point = ready_add(ready, "unchanged", is_met);
    if (e.count == 0) {
        buf_add_text(&point->says, "no review was decided in 30 days");
    } else {
        buf_add_fmt(&point->says, "approved unchanged %llu of %llu, at least ",
                    (unsigned long long)e.hits, (unsigned long long)e.count);
        estimate_add_percent(&point->says, e.low, false);
    }
    buf_add_text(&point->says, " (needed: at least 90 %)");
    buf_add_text(&point->to_do, "decide more reviews: interlock inbox --kind review");
}

/* Observe to review: what nothing identifies would be refused from then on. */
static void ready_ask_keys(struct ready *ready)
{
    const uint64_t *n = ready->quiet->n;
    bool is_met = n[TALLY_KEY_CONFLICT] + n[TALLY_NO_KEY] == 0;
    struct ready_point *point = ready_add(ready, "keys", is_met);
    if (is_met)
        buf_add_text(&point->says, "in 7 days every action had a key, and no key two inputs");
    else
        buf_add_fmt(&point->says,
                    "in 7 days %llu had no key, and %llu another input under a key that was taken",
                    (unsigned long long)n[TALLY_NO_KEY], (unsigned long long)n[TALLY_KEY_CONFLICT]);
    buf_add_text(&point->to_do, "such ones are refused from then on: write `key:` of what makes "
                                "two requests the same");
    ready_add_file(&point->to_do, ready->evidence->workflow);
}

static void ready_ask_observed(struct ready *ready)
{
    const uint64_t *n = ready->evidence->tally.n;
    bool is_met = n[TALLY_OBSERVED] >= READY_OBSERVED_AT_LEAST;
    struct ready_point *point = ready_add(ready, "observed", is_met);
    buf_add_fmt(&point->says,
                "%llu actions observed in 30 days (needed: %d); auto would have asked a person for "
                "%llu, held %llu, rejected %llu",
                (unsigned long long)n[TALLY_OBSERVED], READY_OBSERVED_AT_LEAST,
                (unsigned long long)n[TALLY_WOULD_REVIEW], (unsigned long long)n[TALLY_WOULD_HOLD],
                (unsigned long long)n[TALLY_WOULD_REJECT]);
    buf_add_text(&point->to_do, "let it run in observe for longer");
}

static void ready_ask_uncertain(struct ready *ready)
{
    uint64_t came = ready->quiet->n[TALLY_UNCERTAIN];
    uint64_t by_itself = ready->quiet->n[TALLY_LATE_ANSWER];
    uint64_t left = came > by_itself ? came - by_itself : 0;
    uint64_t open = ready->evidence->uncertain;
    struct ready_point *point = ready_add(ready, "uncertain", left == 0 && open == 0);
    if (left == 0 && open == 0)
        buf_add_text(&point->says, "nothing uncertain for 7 days");
    else
        buf_add_fmt(&point->says, "%llu uncertain in 7 days, %llu of them open",
                    (unsigned long long)(left > open ? left : open), (unsigned long long)open);
    buf_add_text(&point->to_do, open > 0 ? "interlock inbox --kind uncertain, and interlock "
                                           "resolve each; then 7 days without a new one"
                                         : "7 days without a new one");
}

static void ready_ask_owners(struct ready *ready)
{
    const struct workflow *workflow = ready->evidence->workflow;
    const struct {
        const char *name;
        const struct group *group;
    } duties[] = {{"owner", workflow->duties.owner},
                  {"restart", workflow->duties.restart},
                  {"inform", workflow->duties.inform}};
    struct buf missing;
    buf_init(&missing, READY_SENTENCE);
    for (size_t i = 0; i < sizeof duties / sizeof *duties; i++)
        if (!duties[i].group || duties[i].group->member_count == 0)
            buf_add_fmt(&missing, "%s`%s`", missing.size ? ", " : "", duties[i].name);
    struct ready_point *point = ready_add(ready, "owners", missing.size == 0);
    if (missing.size == 0) {
        for (size_t i = 0; i < sizeof duties / sizeof *duties; i++)
            buf_add_fmt(&point->says, "%s%s %.*s", i ? ", " : "", duties[i].name,
                        SLICE_FMT(duties[i].group->name));
    } else {
        buf_add_fmt(&point->says, "nobody is named for %s", buf_text(&missing));
        buf_add_fmt(&point->to_do, "name them: write %s", buf_text(&missing));
        ready_add_file(&point->to_do, workflow);
    }
    buf_done(&missing);
}

static void ready_ask_rehearsed(struct ready *ready)
{
    const struct evidence *e = ready->evidence;
    const struct evidence_stop *last = NULL;
    bool is_stopped = false;
    for (size_t i = 0; i < e->stop_count; i++) {
        const struct evidence_stop *stop = &e->stops[i];
        is_stopped = is_stopped || stop->lifted_at_unix_ms == 0;
        if (stop->is_whole && stop->lifted_at_unix_ms != 0 &&
            stop->at_unix_ms >= e->now_unix_ms - READY_REHEARSED_MS)
            last = stop;
    }
    struct ready_point *point = ready_add(ready, "rehearsed", last && !is_stopped);
    if (is_stopped) {
        buf_add_text(&point->says, "it is stopped");
        buf_add_fmt(&point->to_do, "interlock restart %.*s --reason \"...\"",
                    SLICE_FMT(e->workflow->name));
    } else if (last) {
        buf_add_text(&point->says, "stopped at ");
        zone_add_time(&point->says, e->zone, (struct zone_time){last->at_unix_ms, e->now_unix_ms},
                      ZONE_MINUTES);
        buf_add_text(&point->says, ", restarted after ");
        zone_add_span(&point->says, last->lifted_at_unix_ms - last->at_unix_ms);
    } else {
        buf_add_text(&point->says, "no stop and restart of all of it in 90 days");
        buf_add_fmt(&point->to_do,
                    "rehearse it: interlock stop %.*s --reason rehearsal, then interlock restart "
                    "%.*s --reason rehearsed",
                    SLICE_FMT(e->workflow->name), SLICE_FMT(e->workflow->name));
    }
}

void ready_judge(struct ready *ready, const struct evidence *evidence, const struct tally *quiet)
{
    enum mode mode = evidence->workflow->mode;
    *ready = (struct ready){.evidence = evidence,
                            .quiet = quiet,
                            .is_ready = true,
                            .next = mode == MODE_OBSERVE ? MODE_REVIEW : MODE_AUTO};
    if (mode == MODE_OBSERVE) {
        ready_ask_observed(ready);
        ready_ask_keys(ready);
    } else if (mode == MODE_REVIEW) {
        ready_ask_unchanged(ready);
    }
    ready_ask_uncertain(ready);
    ready_ask_owners(ready);
    ready_ask_rehearsed(ready);
}

void ready_done(struct ready *ready)
{
    for (size_t i = 0; i < ready->point_count; i++) {
        buf_done(&ready->points[i].says);
        buf_done(&ready->points[i].to_do);
    }
}

void ready_text_add(struct buf *out, const struct ready *ready)
{
    const struct workflow *workflow = ready->evidence->workflow;
    size_t missing = 0;
    wording_add_line(out, workflow->name, LIMIT_NAME);
    if (ready->next == workflow->mode)
        buf_add_fmt(out, " is in %s: nothing is above it\n", mode_name(workflow->mode));
    else
        buf_add_fmt(out, " is in %s; the next is %s\n", mode_name(workflow->mode),
                    mode_name(ready->next));
    for (size_t i = 0; i < ready->point_count; i++) {
        const struct ready_point *point = &ready->points[i];
        buf_add_fmt(out, "%-9s", point->is_met ? "YES" : "NO");
        buf_add(out, buf_slice(&point->says));
        buf_add_byte(out, '\n');
        missing += !point->is_met;
        if (!point->is_met)
            buf_add_fmt(out, "  DO     %s\n", buf_text(&point->to_do));
    }
    if (missing > 0)
        buf_add_fmt(out, "NOT READY: %zu missing\n", missing);
    else if (ready->next == workflow->mode)
        buf_add_text(out, "READY\n");
    else {
        buf_add_fmt(out, "READY: write `mode: %s`", mode_name(ready->next));
        ready_add_file(out, workflow);
        buf_add_byte(out, '\n');
    }
}

void ready_json_add(struct buf *out, const struct ready *ready)
{
    const struct workflow *workflow = ready->evidence->workflow;
    buf_add_byte(out, '{');
    member_add_text(out, "workflow", workflow->name);
    member_add_word(out, "mode", mode_name(workflow->mode));
    member_add_word(out, "next", ready->next == workflow->mode ? NULL : mode_name(ready->next));
    member_add_bool(out, "ready", ready->is_ready);
    member_add_name(out, "points");
    buf_add_byte(out, '[');
    for (size_t i = 0; i < ready->point_count; i++) {
        const struct ready_point *point = &ready->points[i];
        buf_add_text(out, i ? ",{" : "{");
        member_add_word(out, "point", point->name);
        member_add_bool(out, "met", point->is_met);
        member_add_text(out, "says", buf_slice(&point->says));
        member_add_text(out, "do", point->is_met ? (struct slice){0} : buf_slice(&point->to_do));
        buf_add_byte(out, '}');
    }
    buf_add_text(out, "]}");
}
