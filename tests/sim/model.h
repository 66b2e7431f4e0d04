/* tests/sim/model.h - what really happened in the simulated world, as the oracle knows it.
 * Owns: struct world: what each provider knows of each thing, the calls under way, the stops,
 *   what callers were told.
 * Invariants: nothing in it comes from the code under test but what that has answered; a failed
 *   check says the seed and the event. */
#pragma once
#include "record/row.h"
#include "sim/rig.h"
#include "sim/world_policy.h"

/* What the provider knows of one business thing (a step and its input.id). */
struct thing {
    int effects;     /* what happened in the world */
    int verified_no; /* times a person looked, saw nothing, and said "send" */
    int agains;      /* explicit new tries */
    int reads;       /* requests whose bytes were read */
    char provider_key[WORLD_UPSTREAMS][64]; /* last one seen there, of this generation */
    bool happened_at[WORLD_UPSTREAMS];      /* PUT: twice at one place changes nothing */
    int doubt_at; /* 1 + where a request was read and nobody told what came of it; 0 = nowhere */
    bool refused_at[WORLD_UPSTREAMS]; /* it said no, and no person has spoken since */
    int calls[WORLD_UPSTREAMS];       /* requests that left, or were refused by the network */
    int key_changes;                  /* different provider keys within a generation */
    uint64_t acknowledged;            /* action id that a caller was told */
    bool is_edited;                   /* by a person: the rule may not ask for their word again */
    int64_t word_unix_ms;             /* when a person said last that it may start */
    uint64_t permit_of;               /* action whose permit the caller has */
    char permit[72];
    int64_t visible_unix_ms; /* BY_CHECK: from then on the provider can tell what happened */
    int64_t paid_unix_ms;    /* FRESH: nothing must be sent on older facts; 0 = not paid */
    uint64_t ok_action;      /* an action that its caller has reported as done, and was told so */
};

struct flying {
    bool is_there;
    bool has_left;   /* its first byte has left */
    bool is_decided; /* the effect was decided at the provider */
    bool is_probe;   /* no action's: it asks whether the provider is back */
    bool is_ask;     /* a question for an action: it has no effect */
    int step, thing, upstream;
    struct upstream_call call;
    bool is_template; /* the body of a template: another route of the same upstream */
    char key[64];
};

struct told;
struct world {
    struct rig rig;
    struct flying flying[WORLD_CALLS];
    struct thing things[WORLD_STEPS][WORLD_KEYS];
    bool is_provider_up;
    enum { OUTAGE_REFUSED, OUTAGE_FAULTS, OUTAGE_SILENT, OUTAGE_BUSY, OUTAGE_KINDS } outage;
    struct {
        uint64_t id, incident;
        struct stop stop;
        enum position position; /* as it was ordered */
        bool is_acknowledged, is_asked, was_acknowledged;
    } stops[WORLD_STOPS];
    size_t stop_count;
    struct {
        char key[64];
        unsigned char body[ACTION_DIGEST];
    } keys[WORLD_PROVIDER_KEYS]; /* what each provider key stood for */
    size_t key_count;
    struct {
        int calls, words; /* that left or were refused; people's, for one more start */
        int64_t excess_unix_ms;
        int excess, excess_crashes; /* beyond the budget since then; crashes before it */
    } upstreams[WORLD_UPSTREAMS];
    int answers, crashes, events, reloads;
    struct told *tolds;
};

#define WORLD_FAIL(world, ...)                                                                     \
    do {                                                                                           \
        print_message("seed %llu, event %d: ", (unsigned long long)(world)->rig.seed,              \
                      (world)->events);                                                            \
        print_message(__VA_ARGS__);                                                                \
        print_message("\nrepeat: SEED=%llu build/asan/tests/sim/test_engine\n",                    \
                      (unsigned long long)(world)->rig.seed);                                      \
        fail();                                                                                    \
    } while (0)

/* Which step and thing a request is about, and where it goes. */
static int world_step_of(struct slice target)
{
    if (slice_starts(target, SLICE("/asked/")))
        return WORLD_BY_CHECK;
    if (slice_starts(target, SLICE("/fact/")))
        return WORLD_FRESH;
    for (int i = 0; i < WORLD_STEPS; i++) {
        const char *name = world_steps[i];
        struct slice path = slice_text(strncmp(name, "by_", 3) == 0 ? name + 3 : name);
        struct slice rest = slice_from(target, 1);
        if (slice_starts(rest, path) && rest.size > path.size && rest.at[path.size] == '/')
            return i;
    }
    CHECK_UNREACHABLE();
}

static int world_thing_of(struct slice target)
{
    size_t at = target.size;
    uint64_t number = 0;
    while (target.at[at - 1] != 'k')
        at--;
    CHECK(slice_to_u64(slice_from(target, at), WORLD_KEYS - 1, &number));
    return (int)number;
}

static int world_upstream_of(struct slice name)
{
    int i = 0;
    while (!slice_is(name, world_upstreams[i]))
        i++;
    return i;
}

/* A person has spoken about it, or asked for a new try. */
static void world_person_spoke(struct thing *thing)
{
    thing->doubt_at = 0;
    memset(thing->refused_at, 0, sizeof thing->refused_at);
}
