/* Any bytes as a policy beside a good interlock.yaml, or (a first byte `!`) as interlock.yaml: the
 * loader ends in a configuration or in told errors, never in both; what is told can be shown; what
 * loads can be stored, expanded and loaded again to the same. */
#include <jansson.h>

#include "base/check.h"
#include "base/text.h"
#include "policy/compare.h"
#include "policy/config.h"
#include "policy/expand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_MAX = 16 * 1024 * 1024, FUZZ_FILES = 3 };

static const char fuzz_installation[] =
    "listen: 127.0.0.1:0\n"
    "people: { ana: { name: Ana }, ben: { email: ben@example.org }, cay: {} }\n"
    "groups: { team: [ana, ben], leads: [ana, ben], support: [ana], support-leads: [ana, ben], "
    "finance: [ana], finance-leads: [ana, ben] }\n"
    "switch: { owner: team, restart: leads, inform: team }\n"
    "upstreams:\n"
    "  mail: { sandbox: true, idempotency: { keeps: 24h } }\n"
    "  mailer: { sandbox: true }\n"
    "  plain: { sandbox: true }\n"
    "  helpdesk: { sandbox: true }\n"
    "  helpdesk-backup: { sandbox: true }\n";
static const char fuzz_policy[] = "workflow: w\n"
                                  "mode: observe\n"
                                  "steps:\n"
                                  "  s: { kind: webhook, call: mail POST /x, key: '${input.k}' }\n";

/* Both renderings are text; the JSON is JSON. */
static void fuzz_show(const struct problems *problems)
{
    struct buf text;
    buf_init(&text, FUZZ_MAX);
    problems_add_json(&text, problems);
    CHECK(buf_ok(&text));
    json_t *json = json_loadb(text.at, text.size, JSON_REJECT_DUPLICATES, NULL);
    CHECK(json != NULL);
    json_decref(json);
    buf_reset(&text);
    problems_add_text(&text, problems);
    CHECK(buf_ok(&text) && text_is_utf8(buf_slice(&text)));
    buf_done(&text);
    for (size_t i = 0; i < problems->count; i++)
        CHECK(problems->items[i].message.size > 0 && problems->items[i].line >= 0);
}

static size_t fuzz_split(struct slice text, struct config_file *files)
{
    struct slice mark = SLICE("# ==== ");
    size_t count = 0;
    while (count < FUZZ_FILES && slice_starts(text, mark)) {
        text = slice_from(text, mark.size);
        struct slice name = slice_first(text, slice_find(text, '\n'));
        text = slice_from(text, name.size + 1);
        size_t end = 0;
        while (end < text.size && !(slice_starts(slice_from(text, end), mark) &&
                                    (end == 0 || text.at[end - 1] == '\n')))
            end++;
        files[count++] = (struct config_file){name, slice_first(text, end)};
        text = slice_from(text, end);
    }
    return count;
}

static void fuzz_again(const struct config *config)
{
    struct arena arena;
    struct problems problems;
    struct buf first, second;
    struct compare_uses uses;
    struct config_file files[FUZZ_FILES];
    buf_init(&first, FUZZ_MAX);
    buf_init(&second, FUZZ_MAX);
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    const struct config *stored = config_load_stored(config->source, &arena, &problems);
    CHECK(stored != NULL);
    CHECK(memcmp(stored->version, config->version, sizeof stored->version) == 0);
    config_expand(config, &first);
    config_expand(stored, &second);
    CHECK(buf_ok(&first) && slice_equal(buf_slice(&first), buf_slice(&second)));
    compare_uses_init(&uses);
    buf_reset(&second);
    CHECK(compare_configs(config, stored, &uses, &second) && second.size == 0);
    arena_done(&arena);

    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    size_t count = fuzz_split(buf_slice(&first), files);
    CHECK(count == config->workflow_count + 1);
    if (!config_load(files, count, &arena, &problems)) {
        /* The long form may be longer than a file may be; nothing else may be wrong with it. */
        for (size_t i = 0; i < problems.count; i++)
            CHECK(problems.items[i].severity != SEVERITY_ERROR || problems.items[i].code == IL005);
    }
    arena_done(&arena);
    buf_done(&first);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct problems problems;
    struct slice input = slice_of(data, size);
    bool is_installation = size > 0 && data[0] == '!';
    struct config_file files[2] = {
        {SLICE("interlock.yaml"),
         is_installation ? slice_from(input, 1) : SLICE(fuzz_installation)},
        {SLICE("policies/p.yaml"), is_installation ? SLICE(fuzz_policy) : input}};
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    const struct config *config = config_load(files, 2, &arena, &problems);
    CHECK((config == NULL) == (problems.error_count > 0));
    fuzz_show(&problems);
    if (config)
        fuzz_again(config);
    arena_done(&arena);
    return 0;
}
