#include "record/restart_row.h"

#include "base/check.h"
#include "record/digest.h"
#include "record/ids.h"
#include "record/notice.h"
#include "record/number.h"
#include "record/wording.h"
#include "record/zone.h"

enum { RESTART_ROW_VERSION = 3, RESTART_NUMBERS = 27 };

static void restart_row_add_text(struct buf *out, struct slice text)
{
    number_add_varint(out, text.size);
    buf_add(out, text);
}

static bool restart_row_take_name(struct slice *rest, char out[LIMIT_NAME + 1])
{
    uint64_t size = 0;
    if (!number_take_varint(rest, &size) || size > rest->size || size > LIMIT_NAME)
        return false;
    if (size > 0)
        memcpy(out, rest->at, size);
    out[size] = '\0';
    *rest = slice_from(*rest, (size_t)size);
    return true;
}

static bool restart_row_take_digest(struct slice *rest, unsigned char out[RESTART_DIGEST])
{
    if (rest->size < RESTART_DIGEST)
        return false;
    memcpy(out, rest->at, RESTART_DIGEST);
    *rest = slice_from(*rest, RESTART_DIGEST);
    return true;
}

void restart_row_encode(const struct restart_row *row, struct buf *out)
{
    const struct ramp_state *ramp = &row->ramp;
    const uint64_t numbers[RESTART_NUMBERS] = {row->incident,
                                               (uint64_t)row->request.at_unix_ms,
                                               row->words_seq,
                                               (uint64_t)row->approved_unix_ms,
                                               row->is_alone,
                                               row->is_ramping,
                                               row->is_over,
                                               (uint64_t)row->began_unix_ms,
                                               ramp->stage,
                                               (uint64_t)ramp->since_unix_ms,
                                               (uint64_t)ramp->progress_unix_ms,
                                               (uint64_t)ramp->started,
                                               (uint64_t)ramp->ended_ok,
                                               (uint64_t)ramp->ended_otherwise,
                                               (uint64_t)ramp->uncertain,
                                               ramp->under_way,
                                               ramp->is_stuck,
                                               (uint64_t)row->news,
                                               (uint64_t)row->request.end,
                                               (uint64_t)row->rejected.at_unix_ms,
                                               row->rejected.words_seq,
                                               (uint64_t)row->withdrawn.at_unix_ms,
                                               row->withdrawn.words_seq,
                                               row->recorded_stage,
                                               row->is_stuck_recorded,
                                               row->is_stuck_told,
                                               ramp->stuck_action};
    buf_add_byte(out, RESTART_ROW_VERSION);
    for (size_t i = 0; i < RESTART_NUMBERS; i++)
        number_add_varint(out, numbers[i]);
    buf_add(out, slice_of(row->request.digest, RESTART_DIGEST));
    buf_add(out, slice_of(row->terms, RESTART_DIGEST));
    restart_row_add_text(out, slice_text(row->request.by));
    restart_row_add_text(out, slice_text(row->approved_by));
    restart_row_add_text(out, slice_text(row->asked_by));
    restart_row_add_text(out, slice_text(row->rejected.by));
    restart_row_add_text(out, slice_text(row->rejected.asked_by));
    restart_row_add_text(out, slice_text(row->withdrawn.by));
    ladder_row_encode(&(struct ladder_row){.incident = row->incident, .ladder = row->ladder}, out);
}

/* What a number says that this version does not know is the safe one. */
static void restart_row_set(struct restart_row *row, const uint64_t numbers[RESTART_NUMBERS])
{
    row->incident = numbers[0];
    row->request.at_unix_ms = (int64_t)numbers[1];
    row->words_seq = numbers[2];
    row->approved_unix_ms = (int64_t)numbers[3];
    row->is_alone = numbers[4] == 1;
    row->is_ramping = numbers[5] == 1; /* invariant 2 */
    row->is_over = numbers[6] == 1;
    row->began_unix_ms = (int64_t)numbers[7];
    row->ramp = (struct ramp_state){.stage = (size_t)numbers[8],
                                    .since_unix_ms = (int64_t)numbers[9],
                                    .progress_unix_ms = (int64_t)numbers[10],
                                    .started = (int64_t)numbers[11],
                                    .ended_ok = (int64_t)numbers[12],
                                    .ended_otherwise = (int64_t)numbers[13],
                                    .uncertain = (int64_t)numbers[14],
                                    .under_way = numbers[15],
                                    .is_stuck = numbers[16] != 0,
                                    .stuck_action = numbers[26]};
    row->news =
        numbers[17] <= RESTART_NEWS_REJECTED ? (enum restart_news)numbers[17] : RESTART_NEWS_NONE;
    row->request.end =
        numbers[18] <= RESTART_END_WITHDRAWN ? (enum restart_end)numbers[18] : RESTART_END_REJECTED;
    row->rejected.at_unix_ms = (int64_t)numbers[19];
    row->rejected.words_seq = numbers[20];
    row->withdrawn.at_unix_ms = (int64_t)numbers[21];
    row->withdrawn.words_seq = numbers[22];
    row->recorded_stage = (size_t)numbers[23];
    row->is_stuck_recorded = numbers[24] == 1;
    row->is_stuck_told = numbers[25] == 1;
    memcpy(row->withdrawn.asked_by, row->withdrawn.by, sizeof row->withdrawn.by);
}

enum err restart_row_decode(struct slice bytes, struct restart_row *out)
{
    struct restart_row row = {0};
    struct ladder_row ladder = {0};
    uint64_t numbers[RESTART_NUMBERS] = {0};
    bool is_good = bytes.size > 0 && bytes.at[0] == RESTART_ROW_VERSION;
    bytes = slice_from(bytes, 1);
    for (size_t i = 0; is_good && i < RESTART_NUMBERS; i++)
        is_good = number_take_varint(&bytes, &numbers[i]);
    if (!is_good || !restart_row_take_digest(&bytes, row.request.digest) ||
        !restart_row_take_digest(&bytes, row.terms) ||
        !restart_row_take_name(&bytes, row.request.by) ||
        !restart_row_take_name(&bytes, row.approved_by) ||
        !restart_row_take_name(&bytes, row.asked_by) ||
        !restart_row_take_name(&bytes, row.rejected.by) ||
        !restart_row_take_name(&bytes, row.rejected.asked_by) ||
        !restart_row_take_name(&bytes, row.withdrawn.by) ||
        ladder_row_decode(bytes, &ladder) != ERR_OK)
        return ERR_CORRUPT;
    restart_row_set(&row, numbers);
    row.ladder = ladder.ladder;
    *out = row;
    return ERR_OK;
}

void restart_digest(const struct restart_subject *subject, unsigned char out[RESTART_DIGEST])
{
    struct buf bytes;
    buf_init(&bytes, LIMIT_INCIDENT_STOPS * (LIMIT_NAME + 64) + 64);
    for (size_t i = 0; i < subject->stop_count; i++) {
        const struct stop *stop = subject->stops[i];
        number_add_varint(&bytes, stop->id);
        number_add_varint(&bytes, (uint64_t)stop->position);
        restart_row_add_text(&bytes, slice_text(stop->by));
    }
    buf_add(&bytes, slice_of(subject->version, 32));
    CHECK(buf_ok(&bytes));
    digest_short(buf_slice(&bytes), out);
    buf_done(&bytes);
}

/* ---- words ---- */

static void ramp_add_stage(struct buf *out, const struct ramp_stage *stage)
{
    if (!stage->is_share)
        buf_add_fmt(out, "%lld one by one", (long long)stage->amount);
    else if (stage->amount % 10000 == 0)
        buf_add_fmt(out, "%lld %%", (long long)stage->amount / 10000);
    else
        buf_add_fmt(out, "%lld.%02lld %%", (long long)stage->amount / 10000,
                    (long long)stage->amount / 100 % 100);
}

void ramp_text_add(struct buf *out, const struct ramp *ramp, const struct ramp_state *state)
{
    for (size_t i = 0; i < ramp->stage_count; i++) {
        const struct ramp_stage *stage = &ramp->stages[i];
        buf_add_text(out, i > 0 ? " \xc2\xb7 " : "");
        ramp_add_stage(out, stage);
        if (i < state->stage) {
            buf_add_text(out, " … ok");
        } else if (i == state->stage) {
            buf_add_fmt(out, " … %lld ok", (long long)state->ended_ok);
            if (state->ended_otherwise > 0)
                buf_add_fmt(out, ", %lld not ok", (long long)state->ended_otherwise);
            if (state->uncertain > 0)
                buf_add_fmt(out, ", %lld uncertain", (long long)state->uncertain);
            buf_add_text(out, state->is_stuck ? ", STUCK" : "");
            if (state->is_stuck && state->stuck_action != 0) {
                buf_add_text(out, " by ");
                text_add_id(out, ID_ACTION, state->stuck_action);
            }
        }
    }
}

void restart_approvers_add(struct buf *out, const struct group *group, struct slice but)
{
    size_t count = 0;
    for (size_t i = 0; group && i < group->member_count; i++) {
        if (slice_equal(group->members[i]->name, but))
            continue;
        buf_add_text(out, count++ > 0 ? ", " : "");
        buf_add(out, group->members[i]->name);
    }
    if (count == 0)
        buf_add_text(out, "nobody");
    if (group && !(group->member_count == 1 && slice_equal(group->members[0]->name, group->name)))
        buf_add_fmt(out, " (%.*s)", SLICE_FMT(group->name));
}

/* ": interlock restart i_… --reason "…"", to be pasted */
static void restart_add_command(struct buf *out, uint64_t incident)
{
    buf_add_text(out, ": interlock restart ");
    text_add_id(out, ID_INCIDENT, incident);
    buf_add_text(out, " --reason \"\xe2\x80\xa6\"");
}

void restart_no_add(struct buf *out, const struct restart_no_words *words)
{
    const struct restart_no *no = words->no;
    bool is_own = strcmp(no->by, no->asked_by) == 0;
    buf_add_fmt(out, is_own ? "%s took it back at " : "%s said no at ", no->by);
    zone_add_time(out, words->zone, (struct zone_time){no->at_unix_ms, words->now_unix_ms},
                  ZONE_MINUTES);
    if (!is_own)
        buf_add_fmt(out, " to the restart that %s asked for", no->asked_by);
    if (words->why.size == 0)
        return;
    buf_add_text(out, ": ");
    wording_add_line(out, words->why, LIMIT_SUMMARY);
}

const struct restart_no *restart_row_end(const struct restart_row *row)
{
    switch (row->request.end) {
    case RESTART_END_NONE:
        return NULL;
    case RESTART_END_REJECTED:
        return &row->rejected;
    case RESTART_END_WITHDRAWN:
        return &row->withdrawn;
    }
    CHECK_UNREACHABLE();
}

/* The no that ended it, and what may be done. */
static void restart_add_ended(struct buf *out, const struct restart_refusal *refusal)
{
    restart_no_add(out, &refusal->no);
    buf_add_text(out, ". Ask again");
    restart_add_command(out, refusal->incident);
}

void restart_refusal_add(struct buf *out, const struct restart_refusal *refusal)
{
    const char *by = refusal->request->by;
    switch (refusal->says) {
    case RESTART_NOT_ASKED:
        if (refusal->approved_by.size > 0) {
            buf_add_fmt(out, "%.*s has approved it already: it starts again, a little at a time",
                        SLICE_FMT(refusal->approved_by));
            return;
        }
        buf_add_text(out, "nobody has asked for a restart of this incident");
        restart_add_command(out, refusal->incident);
        return;
    case RESTART_REJECTED:
    case RESTART_WITHDRAWN:
        restart_add_ended(out, refusal);
        return;
    case RESTART_SERVICE:
        buf_add_fmt(out, "%.*s is a service: a service approves no restart. Who may: ",
                    SLICE_FMT(refusal->who));
        break;
    case RESTART_NOT_MEMBER:
        buf_add_fmt(out, "%.*s may not approve this restart. Who may: ", SLICE_FMT(refusal->who));
        break;
    case RESTART_OVER:
        buf_add_fmt(out, "the request of %s is over: it was not approved in time. Ask again", by);
        restart_add_command(out, refusal->incident);
        return;
    case RESTART_CHANGED:
        buf_add_fmt(out,
                    "what %s asked for is not what it is now: a stop was added, or the "
                    "configuration changed. Look at it, and ask again",
                    by);
        restart_add_command(out, refusal->incident);
        return;
    case RESTART_OWN:
        buf_add_fmt(out, "%s asked for this restart: somebody else approves it. Who may: ", by);
        break;
    case RESTART_OWN_NOT_YET:
        buf_add_fmt(out, "%s asked for this restart, and may approve it alone in ", by);
        zone_add_span(out, refusal->wait_ms);
        buf_add_text(out, ", if nobody else has. Who may now: ");
        break;
    case RESTART_YES:
    case RESTART_YES_ALONE:
    case RESTART_SAYS_COUNT:
        CHECK_UNREACHABLE();
    }
    restart_approvers_add(out, refusal->group, slice_text(by));
}

void restart_no_refusal_add(struct buf *out, const struct restart_refusal *refusal)
{
    const char *by = refusal->request->by;
    switch (refusal->says) {
    case RESTART_NOT_ASKED:
        if (refusal->approved_by.size > 0)
            buf_add_fmt(out,
                        "%.*s has approved it already: it starts again. To stop it: interlock stop",
                        SLICE_FMT(refusal->approved_by));
        else
            buf_add_text(out, "nobody asks for a restart of this incident: it stays stopped");
        return;
    case RESTART_REJECTED:
    case RESTART_WITHDRAWN:
        restart_no_add(out, &refusal->no);
        buf_add_text(out, ". Nobody asks for it any more");
        return;
    case RESTART_SERVICE:
        buf_add_fmt(out, "%.*s is a service: a person says no. Who may: ", SLICE_FMT(refusal->who));
        break;
    case RESTART_NOT_MEMBER:
        buf_add_fmt(out, "%.*s may not say no to this restart. Who may: %s, who asked, and ",
                    SLICE_FMT(refusal->who), by);
        break;
    case RESTART_OVER:
        buf_add_fmt(out, "the request of %s is over: it was not approved in time", by);
        return;
    case RESTART_CHANGED:
        buf_add_fmt(
            out, "the request of %s is void: a stop was added, or the configuration changed", by);
        return;
    case RESTART_OWN:
    case RESTART_OWN_NOT_YET:
    case RESTART_YES:
    case RESTART_YES_ALONE:
    case RESTART_SAYS_COUNT:
        CHECK_UNREACHABLE();
    }
    restart_approvers_add(out, refusal->group, slice_text(by));
}
