/* tests/unit/api_fake_restart.h - restarts of the fake engine; a part of api_fake.h. */
#pragma once

static void fake_approve(void *impl, const struct principal *principal, uint64_t incident,
                         engine_done_fn *done, void *arg)
{
    struct fake *fake = impl;
    fake_note(fake, "%.*s approve %llu", SLICE_FMT(principal->name), (unsigned long long)incident);
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN, .stop = &fake->stop});
}

static void fake_reject(void *impl, const struct principal *principal, uint64_t incident,
                        struct slice reason, engine_done_fn *done, void *arg)
{
    struct fake *fake = impl;
    fake_note(fake, "%.*s reject %llu %.*s", SLICE_FMT(principal->name),
              (unsigned long long)incident, SLICE_FMT(reason));
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN, .stop = &fake->stop});
}

/* Of 2: asked for by ana; of 6: its ramp is in its second stage. */
static enum err fake_restart_of(void *impl, uint64_t incident, struct arena *arena,
                                struct engine_restart *out)
{
    static const struct ramp_stage stages[] = {{false, 5}, {true, 100000}, {true, 500000}};
    static const struct ramp ramp = {stages, 3, 0};
    (void)impl;
    (void)arena;
    *out = (struct engine_restart){.state = RESTART_NONE, .ramp = &ramp};
    out->approvers = &fake_groups[1];
    out->stage_due_ms = 86400000;
    if (incident == 2) {
        out->state = RESTART_ASKED;
        memcpy(out->row.request.by, "ana", 4);
        out->row.request.at_unix_ms = FAKE_NOW;
        out->over_unix_ms = FAKE_NOW + RESTART_ASKED_MS;
        out->reason = SLICE("rolled back");
    } else if (incident == 6) {
        out->state = RESTART_RAMPING;
        out->row.is_ramping = true;
        out->row.began_unix_ms = out->row.approved_unix_ms = FAKE_NOW;
        memcpy(out->row.approved_by, "ben", 4);
        out->row.ramp = (struct ramp_state){
            .stage = 1, .since_unix_ms = FAKE_NOW, .progress_unix_ms = FAKE_NOW, .ended_ok = 12};
    }
    return ERR_OK;
}
