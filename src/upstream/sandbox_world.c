#include "upstream/sandbox_world.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/uri.h"

enum { SANDBOX_WORLD_COUNTS = 1 << 20 }; /* the memory of the effects ends first */

static void sandbox_world_hash(struct slice bytes, unsigned char out[32])
{
    int is_done = EVP_Digest(bytes.at, bytes.size, out, NULL, EVP_sha256(), NULL);
    CHECK(is_done == 1);
}

static struct map_key sandbox_world_map_key(const unsigned char hash[32])
{
    struct map_key key;
    memcpy(&key, hash, sizeof key);
    return key;
}

static void sandbox_world_begin(struct sandbox_world *world)
{
    arena_init(&world->memory, LIMIT_SANDBOX_MEMORY);
    map_init(&world->by_key.map, SANDBOX_WORLD_COUNTS);
    map_init(&world->by_payload.map, SANDBOX_WORLD_COUNTS);
}

static void sandbox_world_end(struct sandbox_world *world)
{
    map_done(&world->by_key.map);
    map_done(&world->by_payload.map);
    arena_done(&world->memory);
}

struct sandbox_world *sandbox_world_new(struct slice name)
{
    struct sandbox_world *world = calloc(1, sizeof *world);
    if (!world)
        return NULL;
    arena_init(&world->own, LIMIT_NAME * 2);
    buf_init(&world->key_header, LIMIT_NAME);
    sandbox_world_begin(world);
    world->name = arena_copy(&world->own, name);
    struct sandbox_settings settings = {.remembers_keys = true};
    if (!world->name.at || sandbox_world_set(world, &settings) != ERR_OK) {
        sandbox_world_free(world);
        return NULL;
    }
    return world;
}

void sandbox_world_free(struct sandbox_world *world)
{
    if (!world)
        return;
    sandbox_world_end(world);
    buf_done(&world->key_header);
    arena_done(&world->own);
    free(world);
}

enum err sandbox_world_set(struct sandbox_world *world, const struct sandbox_settings *settings)
{
    struct slice header =
        settings->key_header.size > 0 ? settings->key_header : SLICE("Idempotency-Key");
    bool is_valid =
        settings->lose_count >= SANDBOX_FOR_EVER && settings->status_count >= SANDBOX_FOR_EVER &&
        settings->retry_after_s >= 0 && settings->delay_ms >= 0 &&
        settings->delay_ms <= LIMIT_SANDBOX_DELAY_MS &&
        (settings->status == 0 || (settings->status >= 200 && settings->status <= 599)) &&
        header.size <= LIMIT_NAME;
    if (!is_valid)
        return ERR_INVALID;
    if (!slice_equal(header, buf_slice(&world->key_header))) {
        buf_reset(&world->key_header);
        buf_add(&world->key_header, header);
        if (!buf_ok(&world->key_header))
            return ERR_NO_MEMORY;
    }
    world->settings = *settings;
    world->settings.key_header = buf_slice(&world->key_header);
    return ERR_OK;
}

void sandbox_world_forget(struct sandbox_world *world)
{
    struct sandbox_world kept = *world;
    sandbox_world_end(world);
    *world = (struct sandbox_world){.name = kept.name,
                                    .own = kept.own,
                                    .settings = kept.settings,
                                    .key_header = kept.key_header};
    sandbox_world_begin(world);
}

static struct sandbox_count *sandbox_counts_find(const struct sandbox_counts *counts,
                                                 const unsigned char hash[32])
{
    return map_get(&counts->map, sandbox_world_map_key(hash));
}

/* Room was made before: the new count, when there is none yet. */
static bool sandbox_counts_add(struct sandbox_counts *counts, const unsigned char hash[32],
                               struct sandbox_count *fresh, const struct sandbox_effect *effect)
{
    struct sandbox_count *count = sandbox_counts_find(counts, hash);
    if (!count) {
        if (map_put(&counts->map, sandbox_world_map_key(hash), fresh) != ERR_OK)
            return false;
        count = fresh;
        count->first = effect;
        if (counts->newest)
            counts->newest->next = count;
        else
            counts->oldest = count;
        counts->newest = count;
    }
    count->effects++;
    counts->doubles += count->effects == 2;
    return true;
}

static bool sandbox_world_name_is(struct slice name, struct slice other)
{
    bool is_same = name.size == other.size;
    for (size_t i = 0; i < name.size && is_same; i++) {
        unsigned a = (unsigned char)name.at[i], b = (unsigned char)other.at[i];
        bool is_letter = (a | 32U) >= 'a' && (a | 32U) <= 'z';
        is_same = a == b || (is_letter && (a | 32U) == (b | 32U));
    }
    return is_same;
}

static struct slice sandbox_world_key(const struct sandbox_world *world,
                                      const struct sandbox_request *request)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (sandbox_world_name_is(request->headers[i].name, world->settings.key_header))
            return request->headers[i].value;
    return (struct slice){0};
}

static bool sandbox_world_payload(const struct sandbox_request *request, unsigned char out[32])
{
    struct buf text;
    buf_init(&text, LIMIT_REQUEST + LIMIT_CALL_HEAD + 2);
    buf_add(&text, request->method);
    buf_add_byte(&text, ' ');
    buf_add(&text, request->target);
    buf_add_byte(&text, '\n');
    buf_add(&text, request->body);
    bool is_whole = buf_ok(&text);
    if (is_whole)
        sandbox_world_hash(buf_slice(&text), out);
    buf_done(&text);
    return is_whole;
}

/* NULL when the memory is used up; it stays so until all is forgotten. */
static struct sandbox_effect *sandbox_world_effect(struct sandbox_world *world,
                                                   const struct sandbox_request *request,
                                                   struct slice key,
                                                   const unsigned char payload[32])
{
    struct arena *memory = &world->memory;
    struct sandbox_effect *effect = ARENA_NEW(memory, struct sandbox_effect);
    struct sandbox_count *counts = ARENA_ARRAY(memory, 2, struct sandbox_count);
    struct slice method = arena_copy(memory, request->method);
    struct slice target = arena_copy(memory, request->target);
    struct slice body = arena_copy(memory, request->body);
    struct slice kept_key = arena_copy(memory, key);
    if (memory->overflowed)
        return NULL;
    *effect = (struct sandbox_effect){.id = world->effects + 1,
                                      .key = kept_key,
                                      .method = method,
                                      .target = target,
                                      .body = body};
    memcpy(effect->payload, payload, sizeof effect->payload);
    unsigned char hash[32];
    sandbox_world_hash(key, hash);
    if (!sandbox_counts_add(&world->by_payload, payload, &counts[0], effect) ||
        (key.size > 0 && !sandbox_counts_add(&world->by_key, hash, &counts[1], effect)))
        return NULL;
    if (world->newest)
        world->newest->next = effect;
    else
        world->oldest = effect;
    world->newest = effect;
    world->effects++;
    return effect;
}

static void sandbox_world_say_accepted(struct buf *body, const struct sandbox_effect *effect)
{
    buf_add_fmt(body, "{\"id\":\"sb_%llu\",\"status\":\"accepted\"}",
                (unsigned long long)effect->id);
}

static void sandbox_world_say_error(struct buf *body, const char *text)
{
    buf_add_text(body, "{\"error\":");
    buf_add_json_text(body, slice_text(text));
    buf_add_byte(body, '}');
}

static struct sandbox_answer sandbox_world_write(struct sandbox_world *world,
                                                 const struct sandbox_request *request,
                                                 struct buf *body)
{
    unsigned char payload[32], hash[32];
    struct slice key = sandbox_world_key(world, request);
    struct sandbox_answer answer = {.status = 200};
    const struct sandbox_effect *effect = NULL;
    if (!sandbox_world_payload(request, payload)) {
        sandbox_world_say_error(body, "larger than the sandbox takes");
        answer.status = 413;
        return answer;
    }
    sandbox_world_hash(key, hash);
    const struct sandbox_count *known = key.size > 0 && world->settings.remembers_keys
                                            ? sandbox_counts_find(&world->by_key, hash)
                                            : NULL;
    if (known && memcmp(known->first->payload, payload, sizeof payload) != 0) {
        world->conflicts++;
        sandbox_world_say_error(body, "this key was used with another payload");
        answer.status = 422; /* invariant 3 */
        return answer;
    }
    world->repeats += known != NULL;
    answer.is_repeat = known != NULL;
    effect = known ? known->first : sandbox_world_effect(world, request, key, payload);
    if (!effect) {
        world->full++;
        sandbox_world_say_error(body, "LIMIT_SANDBOX_MEMORY: the sandbox knows too many effects");
        answer.status = 507; /* invariant 2 */
        return answer;
    }
    sandbox_world_say_accepted(body, effect);
    if (world->settings.lose_count != 0) {
        world->settings.lose_count -= world->settings.lose_count > 0;
        world->lost++;
        answer.is_lost = true;
    }
    return answer;
}

/* "name": value or "name": "value" somewhere in a JSON text, by its characters. */
static bool sandbox_world_has_field(struct slice json, struct slice name, struct slice value)
{
    struct buf field;
    buf_init(&field, LIMIT_CALL_HEAD);
    buf_add_json_text(&field, name);
    size_t name_size = field.size;
    buf_add_json_text(&field, value);
    struct slice quoted_name = slice_first(buf_slice(&field), name_size);
    struct slice quoted_value = slice_from(buf_slice(&field), name_size);
    bool has_field = false;
    for (size_t i = 0; buf_ok(&field) && i < json.size && !has_field; i++) {
        struct slice rest = slice_from(json, i);
        if (!slice_starts(rest, quoted_name))
            continue;
        rest = slice_trim(slice_from(rest, quoted_name.size));
        if (rest.size == 0 || rest.at[0] != ':')
            continue;
        rest = slice_trim(slice_from(rest, 1));
        struct slice after = slice_from(rest, value.size);
        has_field = slice_starts(rest, quoted_value) ||
                    (slice_starts(rest, value) &&
                     (after.size == 0 || strchr(",} \t\r\n]", after.at[0]) != NULL));
    }
    buf_done(&field);
    return has_field;
}

/* One parameter of a query; `key` is the effect's own. */
static bool sandbox_world_matches(const struct sandbox_effect *effect, struct slice name,
                                  struct slice encoded)
{
    struct buf value;
    buf_init(&value, LIMIT_CALL_HEAD);
    bool is_match = uri_decode_query(encoded, &value) &&
                    ((slice_is(name, "key") && slice_equal(effect->key, buf_slice(&value))) ||
                     sandbox_world_has_field(effect->body, name, buf_slice(&value)));
    buf_done(&value);
    return is_match;
}

/* "/v1/messages" is the path of all effects there, "/v1/messages/sb_7" of one of them. */
static bool sandbox_world_is_at(const struct sandbox_effect *effect, struct slice path)
{
    uint64_t id = 0;
    struct slice own = slice_first(effect->target, slice_find(effect->target, '?'));
    if (!slice_starts(path, own))
        return false;
    struct slice rest = slice_from(path, own.size);
    return rest.size == 0 ||
           (slice_starts(rest, SLICE("/sb_")) &&
            slice_to_u64(slice_from(rest, 4), UINT64_MAX, &id) && id == effect->id);
}

static bool sandbox_world_is_asked_for(const struct sandbox_effect *effect, struct slice target)
{
    size_t mark = slice_find(target, '?');
    struct slice query = slice_from(target, mark + 1);
    struct slice name = {0}, value = {0};
    if (!sandbox_world_is_at(effect, slice_first(target, mark)))
        return false;
    while (uri_next_parameter(&query, &name, &value))
        if (!sandbox_world_matches(effect, name, value))
            return false;
    return true;
}

static void sandbox_world_say_effect(struct buf *body, const struct sandbox_effect *effect)
{
    buf_add_fmt(body, "{\"id\":\"sb_%llu\",\"key\":", (unsigned long long)effect->id);
    if (effect->key.size > 0)
        buf_add_json_text(body, effect->key);
    else
        buf_add_text(body, "null");
    buf_add_text(body, ",\"method\":");
    buf_add_json_text(body, effect->method);
    buf_add_text(body, ",\"target\":");
    buf_add_json_text(body, effect->target);
    buf_add_text(body, ",\"body\":");
    buf_add_json_text(body, effect->body);
    buf_add_byte(body, '}');
}

/* GET: how many effects are known, and the first of them. */
static struct sandbox_answer sandbox_world_read(struct sandbox_world *world,
                                                const struct sandbox_request *request,
                                                struct buf *body)
{
    uint64_t count = 0;
    buf_add_text(body, "{\"items\":[");
    for (const struct sandbox_effect *effect = world->oldest; effect; effect = effect->next) {
        if (!sandbox_world_is_asked_for(effect, request->target))
            continue;
        if (count < LIMIT_SANDBOX_LIST) {
            buf_add_text(body, count > 0 ? "," : "");
            sandbox_world_say_effect(body, effect);
        }
        count++;
    }
    buf_add_fmt(body, "],\"count\":%llu}", (unsigned long long)count);
    world->reads++;
    if (slice_is(request->method, "HEAD"))
        buf_reset(body);
    return (struct sandbox_answer){.status = 200};
}

struct sandbox_answer sandbox_world_take(struct sandbox_world *world,
                                         const struct sandbox_request *request, struct buf *body)
{
    struct sandbox_settings *settings = &world->settings;
    world->requests++;
    if (settings->status != 0 && settings->status_count != 0) {
        settings->status_count -= settings->status_count > 0;
        world->refused++;
        sandbox_world_say_error(body, "as it was told to");
        return (struct sandbox_answer){.status = settings->status,
                                       .retry_after_s = settings->retry_after_s};
    }
    if (slice_is(request->method, "GET") || slice_is(request->method, "HEAD"))
        return sandbox_world_read(world, request, body);
    return sandbox_world_write(world, request, body);
}
