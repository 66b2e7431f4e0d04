/* loop/probe.c - asks an upstream whether it is back, by a call that is no action's: the read that
 * `breaker: probe` names, or a connection over which nothing is sent. */
#include "loop/upstreams.h"

#include <stdlib.h>

#include "base/list.h"
#include "core/breaker.h"
#include "core/switchboard.h"
#include "loop/attempts.h"
#include "loop/engine_state.h"
#include "loop/restarts.h"

enum { PROBE_TIMEOUT_MS = 10000, PROBE_ANSWER = 4096 };

/* For a connection alone the last moment before the first byte is all that is wanted. */
static bool probe_may_send(void *arg)
{
    struct probe *probe = arg;
    probe->was_reached = true;
    return !probe->is_connect && !probe->engine->is_closing;
}

/* Any answer but a fault of the server says that it lives. */
static enum upstream_signal probe_signal(const struct upstream_answer *answer)
{
    if (answer->phase == UPSTREAM_NOT_SENT && answer->was_withheld)
        return SIGNAL_NONE;
    if (answer->phase != UPSTREAM_ANSWERED)
        return SIGNAL_FAILURE;
    return answer->status == 408 || answer->status >= 500 ? SIGNAL_FAILURE : SIGNAL_ANSWER;
}

static void probe_done(void *arg, const struct upstream_answer *answer)
{
    struct probe *probe = arg;
    struct engine *engine = probe->engine;
    struct upstream_state *upstream = engine_upstream(engine, slice_text(probe->upstream));
    (void)engine_now(engine);
    /* asking 0: the one call under way is no action's. It may have been taken out meanwhile. */
    if (upstream && upstream->breaker.is_asking && upstream->asking == 0) {
        if (probe->is_connect && probe->was_reached)
            breaker_reach(&upstream->breaker);
        else
            upstream_asked(engine, upstream, probe_signal(answer));
    }
    list_remove(&probe->link);
    free(probe);
    engine_run_upstreams(engine);
    engine_set_alarm(engine);
}

static enum err probe_call(struct engine *engine, const struct upstream *upstream,
                           struct probe *probe)
{
    struct arena scratch;
    struct upstream_endpoint endpoint;
    arena_init(&scratch, ENGINE_SCRATCH);
    enum err err = engine_endpoint(engine, upstream, &scratch, &endpoint);
    int64_t timeout_ms = upstream->timeout_ms > 0 ? upstream->timeout_ms : PROBE_TIMEOUT_MS;
    struct upstream_call call = {.endpoint = &endpoint,
                                 .method =
                                     probe->is_connect ? SLICE("GET") : upstream->probe_method,
                                 .target = probe->is_connect ? SLICE("/") : upstream->probe_target,
                                 .timeout_ms = timeout_ms,
                                 .connect_timeout_ms = timeout_ms,
                                 .answer_max = PROBE_ANSWER,
                                 .may_send = probe_may_send,
                                 .done = probe_done,
                                 .arg = probe};
    if (err == ERR_OK)
        err = engine->options.upstream.call(engine->options.upstream.impl, &call);
    arena_done(&scratch);
    return err;
}

void engine_probe(struct engine *engine, struct upstream_state *state, bool is_connect)
{
    struct slice name = slice_text(state->name);
    const struct upstream *upstream = config_upstream(engine_config(engine), name);
    struct scope place = {.upstream = name};
    struct let_in let_in;
    engine_let_in_all(engine, &let_in);
    place.let_in = &let_in; /* what a ramp lets in may need it */
    if (!upstream || switchboard_covers(&engine->board, &place))
        return; /* nothing could start at it anyway */
    struct probe *probe = calloc(1, sizeof *probe);
    if (!probe)
        return; /* the alarm asks again */
    probe->engine = engine;
    probe->is_connect = is_connect;
    memcpy(probe->upstream, state->name, sizeof probe->upstream);
    list_add_before(&engine->probes, &probe->link);
    breaker_ask(&state->breaker);
    state->asking = 0;
    state->probes++;
    enum err err = probe_call(engine, upstream, probe);
    if (err == ERR_OK)
        return;
    list_remove(&probe->link);
    free(probe);
    upstream_asked(engine, state, err == ERR_BUSY ? SIGNAL_NONE : SIGNAL_FAILURE);
}

void engine_probes_free(struct engine *engine)
{
    while (!list_is_empty(&engine->probes)) {
        struct probe *probe = LIST_ENTRY(engine->probes.next, struct probe, link);
        list_remove(&probe->link);
        free(probe);
    }
}
