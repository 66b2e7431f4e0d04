/* tests/unit/api_fake_evidence.h - what the made-up engine of api_fake.h says of labels, counters
 * and past stops. */
#pragma once
#include "api_fake_store.h"
#include "port/engine.h"

/* Action 1 was drawn and labelled twice. */
static enum err fake_label_of(void *impl, uint64_t action, struct arena *arena,
                              struct label_row *out)
{
    (void)impl;
    (void)arena;
    if (action != 1 && action != 2)
        return ERR_NOT_FOUND;
    *out = (struct label_row){.action = action,
                              .is_drawn = true,
                              .use = LABEL_SAMPLE,
                              .count = 2,
                              .due_unix_ms = FAKE_NOW,
                              .first = {SLICE("wrong"), SLICE("ana"), true, FAKE_NOW, 1},
                              .last = {SLICE("right"), SLICE("ben"), false, FAKE_NOW, 2}};
    return ERR_OK;
}

/* Forty reviews were approved, and action 1 is all that was drawn. */
static enum err fake_tally(void *impl, struct slice workflow, int64_t since, struct tally *out)
{
    (void)impl;
    (void)workflow;
    (void)since;
    *out = (struct tally){.n = {[TALLY_SUBMITTED] = 42, [TALLY_APPROVED] = 40}};
    return ERR_OK;
}

static enum err fake_label_sums(void *impl, int64_t since, label_sum_fn *each, void *arg)
{
    struct label_row row;
    (void)since;
    enum err err = fake_label_of(impl, 1, NULL, &row);
    row.workflow = SLICE("invoice-reminders");
    each(arg, &row, FAKE_NOW);
    return err;
}

static enum err fake_stops_since(void *impl, int64_t since, struct stop *out, size_t *inout_count)
{
    (void)impl;
    (void)since;
    out[0] = (struct stop){.id = 1,
                           .is_lifted = true,
                           .at_unix_ms = FAKE_NOW - 3600000,
                           .lifted_at_unix_ms = FAKE_NOW - 60000};
    *inout_count = 1;
    return ERR_OK;
}

static enum err fake_oldest(void *impl, struct slice workflow, uint64_t *out_action,
                            int64_t *out_unix_ms)
{
    (void)impl;
    (void)workflow;
    *out_action = 2;
    *out_unix_ms = FAKE_NOW - 7200000;
    return ERR_OK;
}

static const struct zone *fake_zone(void *impl);

/* All of it together, of the workflow that is asked for. */
static enum err fake_evidence(void *impl, const struct engine_evidence_query *query,
                              struct arena *arena, struct evidence *out)
{
    static struct evidence_stop stop = {FAKE_NOW - 3600000, FAKE_NOW - 60000, true};
    struct label_row row;
    *out = (struct evidence){.config = &fake_config,
                             .workflow = query->workflow,
                             .since_unix_ms = query->since_unix_ms,
                             .now_unix_ms = FAKE_NOW,
                             .zone = fake_zone(impl),
                             .held = 2,
                             .uncertain = 1,
                             .in_review = 1,
                             .stops = &stop,
                             .stop_count = 1};
    (void)fake_tally(impl, query->workflow->name, query->since_unix_ms, &out->tally);
    (void)fake_label_of(impl, 1, arena, &row);
    label_sum_add(&out->labels, &row, FAKE_NOW);
    return fake_oldest(impl, query->workflow->name, &out->oldest_action, &out->oldest_unix_ms);
}
