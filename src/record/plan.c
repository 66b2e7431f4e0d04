#include "record/plan.h"

#include "policy/expr.h"
#include "record/fallback.h"
#include "record/number.h"
#include "record/trip_text.h"
#include "record/wording.h"

enum { PLAN_VERSION = 1, PLAN_TEXT_MAX = 1024 * 1024, PLAN_INFORM_MS = 30 * 60000 };

/* ---- who ---- */

static void plan_add_person(struct buf *out, const struct person *person)
{
    wording_add_line(out, person->full_name.size ? person->full_name : person->name,
                     LIMIT_NAME * 2);
}

/* "support (Ana Ruiz, Ben Okafor)", or the person alone. */
static void plan_add_group(struct buf *out, const struct group *group)
{
    if (!group) {
        buf_add_text(out, "nobody");
        return;
    }
    bool is_person = group->member_count == 1 && slice_equal(group->members[0]->name, group->name);
    if (is_person) {
        plan_add_person(out, group->members[0]);
        return;
    }
    wording_add_line(out, group->name, LIMIT_NAME);
    buf_add_text(out, group->member_count ? " (" : " (nobody)");
    for (size_t i = 0; i < group->member_count; i++) {
        buf_add_text(out, i ? ", " : "");
        plan_add_person(out, group->members[i]);
    }
    buf_add_text(out, group->member_count ? ")" : "");
}

static void plan_add_who(struct buf *out, const struct duties *duties)
{
    plan_add_group(out, duties->owner);
    buf_add_text(out, " may stop it, hears first, settles what is uncertain");
    const struct group *reviewers = duties->reviewers ? duties->reviewers : duties->owner;
    if (reviewers == duties->owner) {
        buf_add_text(out, " and decides reviews");
    } else {
        buf_add_text(out, ". ");
        plan_add_group(out, reviewers);
        buf_add_text(out, " decides reviews");
    }
    buf_add_text(out, ". ");
    plan_add_group(out, duties->inform);
    buf_add_text(out, " informs stakeholders within ");
    zone_add_span(out, PLAN_INFORM_MS);
    buf_add_text(out, ".\n");
}

static void plan_add_told(struct buf *out, const struct config *config, const struct duties *duties)
{
    buf_add_text(out, "TOLD    the first of the owner at once, the others after ");
    zone_add_span(out, duties->level_2_ms);
    buf_add_text(out, ", who restarts and who informs after ");
    zone_add_span(out, duties->level_3_ms);
    buf_add_text(out, ", all of them three times more, then ");
    plan_add_group(out, config->admins);
    buf_add_text(out, ".\n");
}

/* ---- limits ---- */

static void plan_add_share(struct buf *out, int64_t millionths)
{
    number_add_real(out, (double)millionths * 100 / TRIGGER_MILLION);
    buf_add_text(out, " %");
}

static const char *plan_move(enum trigger_move move)
{
    switch (move) {
    case MOVE_STOPPED:
        return "stops";
    case MOVE_FALLBACK:
        return "goes on fallback";
    case MOVE_REVIEW:
        return "asks people for each write";
    case MOVE_CAUTION:
        return "goes on caution";
    case MOVE_ALERT:
        return "somebody is told";
    }
    return "stops";
}

static const char *plan_sensitivity(enum sensitivity sensitivity)
{
    switch (sensitivity) {
    case SENSITIVITY_CALM:
        return "calm";
    case SENSITIVITY_NORMAL:
        return "normal";
    case SENSITIVITY_QUICK:
        break;
    }
    return "quick";
}

static bool plan_is_tested(const struct trigger *trigger)
{
    return trigger->terms.statistic == TRIGGER_SHARE || trigger->terms.statistic == TRIGGER_RISE;
}

static void plan_add_limits(struct buf *out, const struct workflow *workflow)
{
    for (size_t i = 0; i < workflow->trigger_count; i++) {
        const struct trigger *trigger = &workflow->triggers[i];
        buf_add_text(out, i ? "        " : "LIMIT   ");
        wording_add_line(out, trigger->step ? trigger->step->name : SLICE("every step"),
                         LIMIT_NAME);
        if (trigger->risk.size > 0) {
            buf_add_text(out, ", risk ");
            wording_add_line(out, trigger->risk, LIMIT_NAME);
        }
        buf_add_text(out, trigger->terms.move == MOVE_ALERT ? ": " : " ");
        buf_add_text(out, plan_move(trigger->terms.move));
        buf_add_text(out, " when ");
        trip_text_add_condition(trigger, out);
        if (plan_is_tested(trigger)) /* the limit of a sequential test is this, too */
            buf_add_fmt(out, ", sensitivity %s", plan_sensitivity(workflow->sensitivity));
        buf_add_text(out, trigger->is_standard ? " (standard)\n" : "\n");
    }
    if (workflow->trigger_count == 0)
        buf_add_text(out, "LIMIT   none: only people stop it\n");
}

/* ---- what happens, and how it starts again ---- */

static void plan_add_steps(struct buf *out, const struct workflow *workflow)
{
    static const struct {
        enum cause cause;
        const char *words;
    } causes[] = {{CAUSE_STOPPED, "stopped: "},
                  {CAUSE_LOW_CONFIDENCE, "unsure, or on fallback: "},
                  {CAUSE_UNAVAILABLE, "its upstream is out: "}};
    bool is_first = true;
    for (size_t i = 0; i < workflow->step_count; i++)
        for (size_t c = 0; c < sizeof causes / sizeof *causes; c++) {
            buf_add_text(out, is_first ? "THEN    " : "        ");
            wording_add_line(out, workflow->steps[i].name, LIMIT_NAME);
            buf_add_text(out, ", ");
            buf_add_text(out, causes[c].words);
            fallback_add_chain(out, &workflow->steps[i], (uint8_t)causes[c].cause,
                               fallback_people(&workflow->steps[i]));
            buf_add_byte(out, '\n');
            is_first = false;
        }
}

static void plan_add_restart(struct buf *out, const struct workflow *workflow)
{
    const struct duties *duties = &workflow->duties;
    const struct ramp *ramp = &workflow->ramp;
    buf_add_text(out,
                 "RESTART asked for with a reason by owner, restart, inform or an admin; approved "
                 "by one of ");
    plan_add_group(out, duties->restart);
    buf_add_text(out, ", never by who asks");
    if (ramp->alone_ms > 0) {
        buf_add_text(out, " unless nobody else answers for ");
        text_add_duration(out, ramp->alone_ms);
    }
    buf_add_text(out, ". Then ");
    for (size_t i = 0; i < ramp->stage_count; i++) {
        const struct ramp_stage *stage = &ramp->stages[i];
        if (stage->is_share)
            plan_add_share(out, stage->amount);
        else
            buf_add_fmt(out, "%lld one by one", (long long)stage->amount);
        buf_add_text(out, ", ");
    }
    buf_add_text(out, "all of it.\n");
}

static void plan_add_facts(struct buf *out, const struct config *config,
                           const struct workflow *workflow)
{
    buf_add_text(out, "PLAN    ");
    wording_add_line(out, workflow->name, LIMIT_NAME);
    if (workflow->purpose.size > 0) {
        buf_add_text(out, ": ");
        wording_add_line(out, workflow->purpose, LIMIT_SUMMARY);
    }
    buf_add_fmt(out, " (mode %s)\nWHO     ", mode_name(workflow->mode));
    plan_add_who(out, &workflow->duties);
    plan_add_told(out, config, &workflow->duties);
    plan_add_limits(out, workflow);
    plan_add_steps(out, workflow);
    plan_add_restart(out, workflow);
}

void plan_text_add(struct buf *out, const struct config *config, const struct workflow *workflow)
{
    plan_add_facts(out, config, workflow);
}

void plan_facts(const struct config *config, const struct workflow *workflow,
                unsigned char out_facts[DIGEST_SIZE])
{
    struct buf text;
    buf_init(&text, PLAN_TEXT_MAX);
    plan_add_facts(&text, config, workflow);
    digest_bytes(buf_slice(&text), out_facts);
    buf_done(&text);
}

/* ---- the name under it ---- */

void plan_signed_add(struct buf *out, const struct config *config,
                     const struct plan_signature *signature, const unsigned char *facts,
                     const struct zone *zone)
{
    if (!signature) {
        buf_add_text(out, "SIGNED  by nobody yet\n");
        return;
    }
    const struct person *person = config_person(config, signature->by);
    bool is_same = memcmp(signature->facts, facts, DIGEST_SIZE) == 0;
    buf_add_text(out, is_same ? "SIGNED  by " : "UNSIGNED: facts have changed since ");
    if (person)
        plan_add_person(out, person);
    else
        wording_add_line(out, signature->by, LIMIT_NAME);
    buf_add_text(out, is_same ? ", " : " signed, ");
    zone_add_time(out, zone, (struct zone_time){signature->at_unix_ms, 0}, ZONE_MINUTES);
    buf_add_byte(out, '\n');
}

void plan_signature_encode(const struct plan_signature *signature, struct buf *out)
{
    buf_add_byte(out, PLAN_VERSION);
    buf_add(out, slice_of(signature->facts, DIGEST_SIZE));
    number_add_varint(out, (uint64_t)signature->at_unix_ms);
    buf_add(out, signature->by);
}

enum err plan_signature_decode(struct slice bytes, struct plan_signature *out)
{
    struct plan_signature signature = {0};
    uint64_t at = 0;
    if (bytes.size <= 1 + DIGEST_SIZE || bytes.at[0] != PLAN_VERSION)
        return ERR_CORRUPT;
    memcpy(signature.facts, bytes.at + 1, DIGEST_SIZE);
    bytes = slice_from(bytes, 1 + DIGEST_SIZE);
    if (!number_take_varint(&bytes, &at) || at > INT64_MAX)
        return ERR_CORRUPT;
    signature.at_unix_ms = (int64_t)at;
    signature.by = bytes;
    *out = signature;
    return ERR_OK;
}
