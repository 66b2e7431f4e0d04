#include "base/uri.h"
#include "policy/inspect.h"

static void inspect_listen(struct load *load)
{
    const struct yaml *node = load->draft->at[INSTALLATION_LISTEN];
    if (!node || uri_host_is_loopback(load->config->listen_host) || load->draft->is_behind_proxy)
        return;
    struct problem *problem = read_problem_key(load, IL403, node);
    problem_note(load->problems, problem, "tokens and payloads would go over the network in clear");
    problem_help(load->problems, problem,
                 "Listen on 127.0.0.1, or let a proxy speak TLS and name it: console: { "
                 "behind_proxy: ADDRESS }");
}

static void inspect_upstreams(struct load *load)
{
    for (size_t i = 0; i < load->config->upstream_count; i++)
        if (!load->draft->upstreams[i].is_used)
            problem_message(
                load->problems, read_problem_key(load, IL305, load->draft->upstreams[i].node),
                "no step calls the upstream `%.*s`", SLICE_FMT(load->config->upstreams[i].name));
}

void inspect_installation(struct load *load)
{
    const struct draft *draft = load->draft;
    if (!draft->installation)
        return;
    inspect_listen(load);
    if (!draft->at[INSTALLATION_WATCHDOG])
        problem_help(
            load->problems, read_problem(load, IL404, draft->installation),
            "As in  watchdog: { ping: \"https://ping.example.org/interlock\", every: 1m }");
    if (!draft->at[INSTALLATION_CHANNELS])
        problem_help(load->problems, read_problem(load, IL405, draft->installation),
                     "As in  channels: { email: { smtp: \"smtp://127.0.0.1:25\", from: "
                     "interlock@example.org } }");
    if (draft->at[INSTALLATION_KEY_KEEP])
        problem_note(load->problems,
                     read_problem_key(load, IL406, draft->at[INSTALLATION_KEY_KEEP]),
                     "a request that is repeated later than this is done again");
    if (draft->is_whole)
        inspect_upstreams(load);
}

void inspect_all(struct load *load)
{
    for (size_t i = 0; i < load->config->workflow_count; i++) {
        const struct draft_workflow *workflow = &load->draft->workflows[i];
        inspect_fields_of_all(load, workflow);
        for (size_t j = 0; j < workflow->workflow->step_count; j++) {
            const struct draft_step *draft = &workflow->steps[j];
            if (draft->has_step_ended_badly)
                continue; /* its mistakes are told; what follows from them is noise */
            inspect_repeat(load, draft);
            inspect_fields(load, draft);
            inspect_gate(load, workflow, draft);
        }
    }
    inspect_people(load);
    inspect_installation(load);
}
