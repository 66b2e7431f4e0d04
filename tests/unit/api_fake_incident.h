/* Stops, incidents and plans of the engine that tests of the API speak to. Included by api_fake.h.
 */
#pragma once

/* ---- stops and incidents ---- */

static void fake_copy_name(char out[LIMIT_NAME + 1], struct slice name)
{
    size_t size = name.size < LIMIT_NAME ? name.size : LIMIT_NAME;
    if (size > 0)
        memcpy(out, name.at, size);
    out[size] = '\0';
}

static void fake_stop(void *impl, const struct principal *principal, const struct stop_order *order,
                      engine_done_fn *done, void *arg)
{
    struct fake *fake = impl;
    const struct scope *scope = order->scope;
    fake_note(fake, "%.*s %s workflow=%.*s step=%.*s upstream=%.*s risk=%.*s reason=%.*s",
              SLICE_FMT(principal->name),
              order->position == POSITION_STOPPED ? "stop" : position_name(order->position),
              SLICE_FMT(scope->workflow), SLICE_FMT(scope->step), SLICE_FMT(scope->upstream),
              SLICE_FMT(scope->risk), SLICE_FMT(order->reason));
    fake->stop = (struct stop){
        .id = 1, .incident = 2, .epoch = 1, .position = order->position, .at_unix_ms = FAKE_NOW};
    fake_copy_name(fake->stop.names[0], scope->workflow);
    fake_copy_name(fake->stop.names[1], scope->step);
    fake_copy_name(fake->stop.names[2], scope->upstream);
    fake_copy_name(fake->stop.names[3], scope->risk);
    fake_copy_name(fake->stop.by, principal->name);
    fake->has_stop = true;
    if (slice_is(order->reason, "undurable")) {
        fake_refuse(fake, ENGINE_STORE_FAILED, 0, done, arg);
        return;
    }
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN, .stop = &fake->stop});
}

static enum err fake_incident(void *impl, uint64_t id, struct arena *arena,
                              struct engine_incident *out)
{
    (void)impl;
    (void)arena;
    if (id != 2 && id != 4 && id != 6)
        return ERR_NOT_FOUND;
    *out = (struct engine_incident){.id = id,
                                    .stop = id - 1,
                                    .workflow = id == 2   ? SLICE("invoice-reminders")
                                                : id == 4 ? SLICE("inquiry-routing")
                                                          : (struct slice){0},
                                    .state = id == 4 ? SLICE("closed") : SLICE("open"),
                                    .by = SLICE("ana"),
                                    .since_unix_ms = FAKE_NOW,
                                    .closed_unix_ms = id == 4 ? FAKE_NOW + 1000 : 0};
    return ERR_OK;
}

static enum err fake_incidents(void *impl, bool open_only, struct arena *arena,
                               struct engine_incident *out, size_t *out_count)
{
    size_t count = 0;
    for (uint64_t id = 2; id <= 6; id += 2) {
        if (fake_incident(impl, id, arena, &out[count]) != ERR_OK)
            continue;
        if (!open_only || slice_is(out[count].state, "open"))
            count++;
    }
    *out_count = count;
    return ERR_OK;
}

static struct slice fake_stop_reason(void *impl, const struct stop *stop, struct arena *arena)
{
    struct engine_incident incident = {0};
    return fake_incident(impl, stop->incident, arena, &incident) == ERR_OK ? incident.reason
                                                                           : (struct slice){0};
}

static void fake_restart(void *impl, const struct principal *principal, uint64_t incident,
                         struct slice reason, engine_done_fn *done, void *arg)
{
    struct fake *fake = impl;
    fake_note(fake, "%.*s restart %llu %.*s", SLICE_FMT(principal->name),
              (unsigned long long)incident, SLICE_FMT(reason));
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN, .stop = &fake->stop});
}

static void fake_ack(void *impl, const struct principal *principal, uint64_t incident,
                     engine_done_fn *done, void *arg)
{
    struct fake *fake = impl;
    fake_note(fake, "%.*s ack %llu", SLICE_FMT(principal->name), (unsigned long long)incident);
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN});
}

static enum err fake_incident_view(void *impl, uint64_t id, struct arena *arena,
                                   struct incident_view *out)
{
    struct engine_incident incident;
    enum err err = fake_incident(impl, id, arena, &incident);
    if (err == ERR_OK)
        *out = (struct incident_view){.id = id,
                                      .scope = incident.workflow,
                                      .is_open = slice_is(incident.state, "open"),
                                      .closed_unix_ms = incident.closed_unix_ms,
                                      .by = incident.by,
                                      .journal = {.incident = id, .since_unix_ms = FAKE_NOW},
                                      .now_unix_ms = FAKE_NOW};
    return err;
}

static enum err fake_plan_signature(void *impl, const struct workflow *workflow,
                                    struct arena *arena, struct plan_signature *out)
{
    (void)impl;
    (void)workflow;
    (void)arena;
    (void)out;
    return ERR_NOT_FOUND;
}

static void fake_plan_sign(void *impl, const struct principal *principal,
                           const struct workflow *workflow, engine_done_fn *done, void *arg)
{
    struct fake *fake = impl;
    fake_note(fake, "%.*s signs %.*s", SLICE_FMT(principal->name), SLICE_FMT(workflow->name));
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN});
}

static void fake_troubles(void *impl, struct arena *arena, struct status_incident *out,
                          size_t *inout_count)
{
    (void)impl;
    (void)arena;
    (void)out;
    *inout_count = 0;
}

static void fake_remark(void *impl, const struct principal *principal, uint64_t incident,
                        const struct engine_remark *remark, engine_done_fn *done, void *arg)
{
    struct fake *fake = impl;
    fake_note(fake, "%.*s %s of %llu: %.*s", SLICE_FMT(principal->name), remark->subject,
              (unsigned long long)incident, SLICE_FMT(remark->text));
    done(arg, &(struct engine_reply){.outcome = ENGINE_TAKEN});
}

static enum err fake_ladder(void *impl, uint64_t incident, struct arena *arena,
                            struct ladder_row *out)
{
    (void)impl;
    (void)arena;
    if (incident != 2)
        return ERR_NOT_FOUND;
    *out = (struct ladder_row){.incident = incident,
                               .ladder = {.rung = LADDER_RUNG_NOBODY, .next_unix_ms = 60000},
                               .acknowledged_by = SLICE("")};
    return ERR_OK;
}

static enum err fake_notices(void *impl, uint64_t incident, struct arena *arena, struct notice *out,
                             size_t *out_count)
{
    (void)impl;
    (void)arena;
    *out_count = incident == 2;
    if (incident == 2)
        *out = (struct notice){.id = 1,
                               .incident = incident,
                               .state = NOTICE_FAILED,
                               .rung = 1,
                               .tries = 5,
                               .made_unix_ms = 1000,
                               .ended_unix_ms = 2000,
                               .person = SLICE("ana"),
                               .channel = SLICE("email"),
                               .what = SLICE("550 no such user")};
    return ERR_OK;
}

static enum err fake_stops(void *impl, bool with_lifted, struct arena *arena, struct stop *out,
                           size_t *out_count)
{
    struct fake *fake = impl;
    (void)with_lifted;
    (void)arena;
    *out_count = fake->has_stop;
    if (fake->has_stop)
        out[0] = fake->stop;
    return ERR_OK;
}

static const struct stop *fake_stop_by_id(void *impl, uint64_t id, struct arena *arena)
{
    struct fake *fake = impl;
    (void)arena;
    return fake->has_stop && id == fake->stop.id ? &fake->stop : NULL;
}

static enum err fake_in_flight(void *impl, uint64_t stop, struct arena *arena, struct view *out,
                               size_t *out_count)
{
    (void)stop;
    *out_count = fake_view(impl, 7, arena, &out[0]);
    return ERR_OK;
}
