/* Earlier configurations, by their version: see formers.h. */
#include "loop/formers.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "loop/engine_state.h"
#include "policy/config.h"
#include "record/row.h"

enum { FORMERS_MAX = 8 };

struct formers {
    size_t count;
    struct former {
        char version[ROW_POLICY];
        struct arena arena;
        const struct config *config; /* NULL: it cannot be read again */
    } items[FORMERS_MAX];
};

static bool former_is_now(const struct engine *engine, struct slice version)
{
    unsigned char bytes[ROW_POLICY / 2];
    return text_parse_hex(version, bytes, sizeof bytes) &&
           memcmp(bytes, engine_config(engine)->version, sizeof bytes) == 0;
}

/* Its key in the store begins with these digits. */
static void former_read(struct engine *engine, struct former *former, struct slice version)
{
    const struct store_port *store = &engine->options.store;
    struct store_row row = {0};
    struct problems problems;
    size_t count = 0;
    problems_init(&problems, &former->arena);
    enum err err =
        store->list_rows(store->impl, STORE_POLICIES, version, 1, &former->arena, &row, &count);
    if (err == ERR_OK && count == 1 && slice_starts(row.key, version))
        former->config = config_load_stored(row.value, &former->arena, &problems);
}

static const struct config *formers_config(struct engine *engine, struct slice version)
{
    if (!engine->formers)
        engine->formers = calloc(1, sizeof *engine->formers);
    struct formers *formers = engine->formers;
    if (!formers)
        return NULL;
    for (size_t i = 0; i < formers->count; i++)
        if (slice_equal(slice_of(formers->items[i].version, ROW_POLICY), version))
            return formers->items[i].config;
    if (formers->count == FORMERS_MAX)
        return NULL;
    struct former *former = &formers->items[formers->count++];
    memcpy(former->version, version.at, ROW_POLICY);
    arena_init(&former->arena, CONFIG_ARENA_MAX);
    former_read(engine, former, version);
    return former->config;
}

const struct step *formers_step(struct engine *engine, struct slice version, struct slice workflow,
                                struct slice step)
{
    if (version.size != ROW_POLICY || former_is_now(engine, version))
        return NULL;
    const struct config *config = formers_config(engine, version);
    return config ? config_step_of(config, workflow, step) : NULL;
}

void formers_clear(struct engine *engine)
{
    struct formers *formers = engine->formers;
    for (size_t i = 0; formers && i < formers->count; i++)
        arena_done(&formers->items[i].arena);
    free(formers);
    engine->formers = NULL;
}
