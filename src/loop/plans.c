/* loop/plans.c - who put a name to the plan of a workflow, and whether its facts still hold. */
#include "loop/incidents.h"

#include "base/check.h"
#include "loop/engine_state.h"
#include "loop/steps.h"
#include "loop/submit.h"
#include "record/plan.h"

static enum err plans_do_signature(void *impl, const struct workflow *workflow, struct arena *arena,
                                   struct plan_signature *out)
{
    struct engine *engine = impl;
    const struct store_port *store = &engine->options.store;
    struct slice value = {0};
    enum err err = store->get_row(store->impl, STORE_PLANS, workflow->name, arena, &value);
    for (size_t i = 0; err == ERR_NOT_FOUND && i < workflow->was.count; i++)
        err = store->get_row(store->impl, STORE_PLANS, workflow->was.at[i], arena, &value);
    return err == ERR_OK ? plan_signature_decode(value, out) : err;
}

static void plans_signed(struct pending *pending)
{
    struct engine_reply reply = {.outcome = ENGINE_TAKEN};
    pending->done(pending->arg, &reply);
}

static void plans_do_sign(void *impl, const struct principal *principal,
                          const struct workflow *workflow, engine_done_fn *done, void *arg)
{
    struct engine *engine = impl;
    struct plan_signature signature = {.at_unix_ms = engine_now(engine), .by = principal->name};
    struct buf value, facts;
    if (engine->has_failed || engine->is_closing || engine->unsaved >= ENGINE_UNSAVED_ACT) {
        engine_refuse(done, arg, ENGINE_STORE_FAILED, "the store cannot save it now");
        return;
    }
    buf_init(&value, LIMIT_ROW);
    buf_init(&facts, 2 * DIGEST_SIZE);
    plan_facts(engine_config(engine), workflow, signature.facts);
    plan_signature_encode(&signature, &value);
    text_add_hex(&facts, slice_of(signature.facts, DIGEST_SIZE));
    CHECK(buf_ok(&value) && buf_ok(&facts));
    struct store_row row = {
        .table = STORE_PLANS, .key = workflow->name, .value = buf_slice(&value)};
    struct control control = {.record = {.kind = RECORD_SIGNED,
                                         .actor = principal->name,
                                         .workflow = workflow->name,
                                         .subject = buf_slice(&facts)},
                              .rows = &row,
                              .row_count = 1};
    struct pending pending = {.saved = plans_signed, .done = done, .arg = arg};
    engine_save_control(engine, &control, &pending);
    buf_done(&facts);
    buf_done(&value);
    engine_set_alarm(engine);
}

void engine_port_plans(struct engine_port *port)
{
    port->plan_signature = plans_do_signature;
    port->plan_sign = plans_do_sign;
}
