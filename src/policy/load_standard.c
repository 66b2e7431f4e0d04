#include "base/check.h"
#include "policy/load.h"

enum { STANDARD_PERCENT = TRIGGER_MILLION / 100 };

int64_t load_h_micro(enum sensitivity sensitivity)
{
    static const int64_t h_micro[] = {[SENSITIVITY_CALM] = TRIGGER_H_CALM,
                                      [SENSITIVITY_NORMAL] = TRIGGER_H_NORMAL,
                                      [SENSITIVITY_QUICK] = TRIGGER_H_QUICK};
    return h_micro[sensitivity];
}

/* Counts of the standard triggers: half as many where quick, twice where calm. */
static int64_t standard_count(enum sensitivity sensitivity, int64_t count)
{
    return sensitivity == SENSITIVITY_QUICK  ? (count + 1) / 2
           : sensitivity == SENSITIVITY_CALM ? count * 2
                                             : count;
}

/* A sentence of one's own on the same signal stands in for the standard one. */
static bool standard_is_replaced(const struct draft_workflow *draft, enum signal signal,
                                 const struct step *step)
{
    for (size_t i = 0; i < draft->trigger_count; i++) {
        const struct trigger *own = &draft->triggers[i].made;
        bool covers =
            own->definition.size > 0 && own->risk.size == 0 && (!own->step || own->step == step);
        if (covers && own->signal == signal)
            return true;
    }
    return false;
}

struct standard {
    struct load *load;
    struct draft_workflow *draft;
    struct trigger *triggers;
    size_t *count;
};

static void standard_add(struct standard *standard, struct trigger trigger)
{
    bool is_written = trigger.signal == SIGNAL_SILENT; /* `expect:` is a sentence of one's own */
    if (!is_written && standard_is_replaced(standard->draft, trigger.signal, trigger.step))
        return;
    trigger.name = slice_text(signal_name(trigger.signal));
    trigger.is_standard = true;
    trigger.origin.kind = trigger.signal == SIGNAL_SILENT ? ORIGIN_FILE : ORIGIN_KIND;
    if (trigger.signal == SIGNAL_SILENT)
        trigger.origin = standard->draft->workflow->expect.origin;
    trigger.definition = load_definition(standard->load, &trigger);
    standard->triggers[(*standard->count)++] = trigger;
}

static struct trigger standard_counts(enum signal signal, enum trigger_move move, int64_t limit,
                                      int64_t window_ms)
{
    return (struct trigger){
        .signal = signal,
        .terms = {
            .statistic = TRIGGER_COUNT, .move = move, .limit = limit, .window_ms = window_ms}};
}

/* What is told by the shares of yes and no. */
static void standard_shares(struct standard *standard, const struct draft_step *draft)
{
    enum sensitivity sensitivity = draft->step->workflow->sensitivity;
    struct trigger trigger = {.step = draft->step, .terms = {.h_micro = load_h_micro(sensitivity)}};
    enum kind kind = draft->step->kind;
    if (draft->at[STEP_AUDIT]) {
        trigger.signal = SIGNAL_MISCLASSIFIED;
        trigger.terms.statistic = TRIGGER_SHARE;
        trigger.terms.move = MOVE_FALLBACK;
        trigger.terms.limit = 10 * STANDARD_PERCENT;
        standard_add(standard, trigger);
    }
    if (draft->step->sla_ms > 0) { /* 95 % in time */
        trigger.signal = SIGNAL_LATENCY;
        trigger.terms.statistic = TRIGGER_SHARE;
        trigger.terms.move = MOVE_ALERT;
        trigger.terms.limit = 5 * STANDARD_PERCENT;
        trigger.late_ms = draft->step->sla_ms;
        standard_add(standard, trigger);
        trigger.late_ms = 0;
    }
    bool has_baseline = kind == KIND_LLM || kind == KIND_TICKET || kind == KIND_RECORD;
    if (has_baseline && draft->step->terms.has_confidence) {
        /* It has no fixed limit and tests for ever, so it is one level calmer. */
        trigger.signal = SIGNAL_LOW_CONFIDENCE;
        trigger.terms.statistic = TRIGGER_RISE;
        trigger.terms.move = MOVE_CAUTION;
        trigger.terms.limit = 0;
        trigger.terms.h_micro = sensitivity == SENSITIVITY_QUICK    ? TRIGGER_H_CALM
                                : sensitivity == SENSITIVITY_NORMAL ? TRIGGER_H_CALMER
                                                                    : TRIGGER_H_CALMEST;
        standard_add(standard, trigger);
    }
}

static void standard_step(struct standard *standard, const struct draft_step *draft)
{
    const struct step *step = draft->step;
    enum sensitivity sensitivity = step->workflow->sensitivity;
    struct trigger trigger;
    if (step->terms.effect == EFFECT_WRITE) {
        trigger = standard_counts(SIGNAL_UNCERTAIN, MOVE_ALERT, 0, KIND_HOUR);
        trigger.step = step;
        standard_add(standard, trigger);
        trigger = standard_counts(SIGNAL_UNCERTAIN, MOVE_STOPPED, standard_count(sensitivity, 5),
                                  KIND_HOUR);
        trigger.step = step;
        standard_add(standard, trigger);
    }
    if (step->recipient) {
        trigger =
            standard_counts(SIGNAL_REPEAT, MOVE_STOPPED, standard_count(sensitivity, 3), KIND_DAY);
        trigger.step = step;
        standard_add(standard, trigger);
    }
    trigger =
        standard_counts(SIGNAL_VOLUME, MOVE_STOPPED, standard_count(sensitivity, 100), KIND_HOUR);
    trigger.terms.statistic = TRIGGER_BUSIEST;
    trigger.step = step;
    standard_add(standard, trigger);
    standard_shares(standard, draft);
}

void load_standard_triggers(struct load *load, struct draft_workflow *draft,
                            struct trigger *triggers, size_t *trigger_count)
{
    struct standard standard = {load, draft, triggers, trigger_count};
    const struct expect *expect = &draft->workflow->expect;
    for (size_t i = 0; draft->steps && i < draft->workflow->step_count; i++) {
        size_t before = *trigger_count;
        standard_step(&standard, &draft->steps[i]);
        CHECK(*trigger_count - before <= LIMIT_STANDARD_TRIGGERS);
    }
    standard_add(&standard, (struct trigger){.signal = SIGNAL_OVERDUE,
                                             .terms = {TRIGGER_LEVEL, MOVE_ALERT, 0, 0, 0}});
    if (expect->every_ms > 0 || expect->weekdays != 0)
        standard_add(&standard, (struct trigger){.signal = SIGNAL_SILENT,
                                                 .terms = {TRIGGER_LEVEL, MOVE_ALERT, 0, 0, 0}});
}
