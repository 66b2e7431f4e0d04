#include "record/bundle.h"

#include "base/check.h"
#include "record/digest.h"
#include "record/number.h"
#include "record/scan.h"

/* Adds a member's name, with the comma that goes before it; *open begins as true. */
static void bundle_add_name(struct buf *out, bool *open, const char *name)
{
    buf_add(out, *open ? SLICE("{\"") : SLICE(",\""));
    buf_add_text(out, name);
    buf_add(out, SLICE("\":"));
    *open = false;
}

static void bundle_add_text(struct buf *out, bool *open, const char *name, struct slice text)
{
    if (text.size == 0)
        return;
    bundle_add_name(out, open, name);
    buf_add_json_text(out, text);
}

/* Bytes that are JSON already go in as they are (invariant 1). */
static void bundle_add_raw(struct buf *out, bool *open, const char *name, struct slice json)
{
    if (json.size == 0)
        return;
    bundle_add_name(out, open, name);
    buf_add(out, json);
}

static void bundle_close(struct buf *out, bool open)
{
    buf_add(out, open ? SLICE("{}") : SLICE("}"));
}

static void bundle_add_saw(struct buf *out, const struct bundle_submit *bundle)
{
    CHECK(bundle->saw_count <= LIMIT_SAW);
    for (size_t i = 0; i < bundle->saw_count; i++) {
        const struct bundle_saw *saw = &bundle->saw[i];
        buf_add(out, i == 0 ? SLICE("[[") : SLICE(",["));
        buf_add_u64(out, saw->path_index);
        buf_add_byte(out, ',');
        buf_add_json_text(out, saw->name);
        buf_add_byte(out, ',');
        buf_add(out, saw->value.size > 0 ? saw->value : SLICE("null"));
        buf_add_byte(out, ']');
    }
    buf_add_byte(out, ']');
}

void bundle_submit_encode(const struct bundle_submit *bundle, struct buf *out)
{
    bool open = true;
    bundle_add_text(out, &open, "key", bundle->key);
    bundle_add_text(out, &open, "run", bundle->run);
    bundle_add_text(out, &open, "key_shown", bundle->key_shown);
    bundle_add_text(out, &open, "run_shown", bundle->run_shown);
    bundle_add_text(out, &open, "actor", bundle->actor);
    bundle_add_text(out, &open, "summary", bundle->summary);
    bundle_add_raw(out, &open, "masked", bundle->is_summary_masked ? SLICE("true") : SLICE(""));
    bundle_add_text(out, &open, "because", bundle->because);
    bundle_add_text(out, &open, "trace", bundle->trace);
    if (bundle->has_confidence) {
        bundle_add_name(out, &open, "confidence");
        number_add_real(out, bundle->confidence);
    }
    if (bundle->saw_count > 0) {
        bundle_add_name(out, &open, "saw");
        bundle_add_saw(out, bundle);
    }
    bundle_add_raw(out, &open, "edit", bundle->edit_json);
    bundle_add_text(out, &open, "note", bundle->edit_note);
    bundle_add_raw(out, &open, "context", bundle->context_json);
    bundle_add_raw(out, &open, "input", bundle->input_json);
    bundle_close(out, open);
}

void bundle_outcome_encode(const struct bundle_outcome *bundle, struct buf *out)
{
    bool open = true;
    bundle_add_text(out, &open, "what", bundle->what);
    bundle_add_text(out, &open, "peer", bundle->peer);
    bundle_add_raw(out, &open, "response", bundle->response_json);
    bundle_close(out, open);
}

void bundle_fact_encode(const struct bundle_fact *bundle, struct buf *out)
{
    bool open = true;
    bundle_add_text(out, &open, "from", bundle->from);
    bundle_add_text(out, &open, "what", bundle->what);
    bundle_add_raw(out, &open, "set", bundle->set_json);
    bundle_close(out, open);
}

void bundle_words_encode(const struct bundle_words *bundle, struct buf *out)
{
    bool open = true;
    bundle_add_text(out, &open, "reason", bundle->reason);
    bundle_add_text(out, &open, "evidence", bundle->evidence);
    bundle_close(out, open);
}

/* One member of a bundle that is text or raw JSON. */
struct bundle_member {
    const char *name;
    struct slice *text, *raw; /* one of them */
};

static bool bundle_take(struct slice key, struct slice value, struct arena *arena,
                        const struct bundle_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!scan_is(key, members[i].name))
            continue;
        if (members[i].text)
            return scan_text(value, arena, members[i].text);
        *members[i].raw = value;
        return true;
    }
    return true; /* of a newer version */
}

static enum err bundle_decode(struct slice bytes, struct arena *arena,
                              const struct bundle_member *members, size_t count)
{
    struct scan_walk walk;
    struct slice key;
    struct slice value;
    scan_open(&walk, bytes);
    while (scan_next(&walk, &key, &value))
        if (!bundle_take(key, value, arena, members, count))
            return ERR_CORRUPT;
    return walk.is_bad || walk.close != '}' ? ERR_CORRUPT : ERR_OK;
}

static bool bundle_parse_saw_item(struct slice raw, struct arena *arena, struct bundle_saw *out)
{
    struct scan_walk walk;
    struct slice key;
    struct slice items[3];
    size_t count = 0;
    uint64_t index = 0;
    scan_open(&walk, raw);
    while (count < 3 && scan_next(&walk, &key, &items[count]))
        count++;
    if (count < 3 || !scan_u64(items[0], UINT8_MAX, &index) ||
        !scan_text(items[1], arena, &out->name))
        return false;
    out->path_index = (uint8_t)index;
    out->value = items[2];
    return true;
}

static bool bundle_parse_saw(struct slice raw, struct arena *arena, struct bundle_submit *out)
{
    struct scan_walk walk;
    struct slice key;
    struct slice item;
    if (raw.size == 0)
        return true;
    scan_open(&walk, raw);
    while (scan_next(&walk, &key, &item)) {
        if (out->saw_count == LIMIT_SAW ||
            !bundle_parse_saw_item(item, arena, &out->saw[out->saw_count]))
            return false;
        out->saw_count++;
    }
    return !walk.is_bad && walk.close == ']';
}

enum err bundle_submit_decode(struct slice bytes, struct arena *arena, struct bundle_submit *out)
{
    struct bundle_submit bundle = {0};
    struct slice masked = {0};
    struct slice confidence = {0};
    struct slice saw = {0};
    const struct bundle_member members[] = {
        {"key", &bundle.key, NULL},
        {"run", &bundle.run, NULL},
        {"key_shown", &bundle.key_shown, NULL},
        {"run_shown", &bundle.run_shown, NULL},
        {"actor", &bundle.actor, NULL},
        {"summary", &bundle.summary, NULL},
        {"masked", NULL, &masked},
        {"because", &bundle.because, NULL},
        {"trace", &bundle.trace, NULL},
        {"confidence", NULL, &confidence},
        {"saw", NULL, &saw},
        {"edit", NULL, &bundle.edit_json},
        {"note", &bundle.edit_note, NULL},
        {"context", NULL, &bundle.context_json},
        {"input", NULL, &bundle.input_json},
    };
    enum err err = bundle_decode(bytes, arena, members, sizeof members / sizeof *members);
    if (err != ERR_OK)
        return err;
    bundle.is_summary_masked = scan_type(masked) == SCAN_TRUE;
    bundle.has_confidence = confidence.size > 0;
    if (bundle.has_confidence && !scan_real(confidence, &bundle.confidence))
        return ERR_CORRUPT;
    if (!bundle_parse_saw(saw, arena, &bundle))
        return ERR_CORRUPT;
    *out = bundle;
    return ERR_OK;
}

enum err bundle_outcome_decode(struct slice bytes, struct arena *arena, struct bundle_outcome *out)
{
    struct bundle_outcome bundle = {0};
    const struct bundle_member members[] = {{"what", &bundle.what, NULL},
                                            {"peer", &bundle.peer, NULL},
                                            {"response", NULL, &bundle.response_json}};
    enum err err = bundle_decode(bytes, arena, members, sizeof members / sizeof *members);
    if (err == ERR_OK)
        *out = bundle;
    return err;
}

enum err bundle_fact_decode(struct slice bytes, struct arena *arena, struct bundle_fact *out)
{
    struct bundle_fact bundle = {0};
    const struct bundle_member members[] = {{"from", &bundle.from, NULL},
                                            {"what", &bundle.what, NULL},
                                            {"set", NULL, &bundle.set_json}};
    enum err err = bundle_decode(bytes, arena, members, sizeof members / sizeof *members);
    if (err == ERR_OK)
        *out = bundle;
    return err;
}

enum err bundle_words_decode(struct slice bytes, struct arena *arena, struct bundle_words *out)
{
    struct bundle_words bundle = {0};
    const struct bundle_member members[] = {{"reason", &bundle.reason, NULL},
                                            {"evidence", &bundle.evidence, NULL}};
    enum err err = bundle_decode(bytes, arena, members, sizeof members / sizeof *members);
    if (err == ERR_OK)
        *out = bundle;
    return err;
}

void bundle_seal(const unsigned char salt[BUNDLE_SALT], const char *label, struct slice value,
                 struct buf *out_stored, unsigned char out_commitment[32])
{
    const struct slice parts[] = {slice_of(salt, BUNDLE_SALT), slice_text(label), value};
    digest_parts(parts, 3, out_commitment);
    buf_add(out_stored, parts[0]);
    buf_add(out_stored, value);
}

enum err bundle_open(struct slice stored, const char *label, const unsigned char commitment[32],
                     struct slice *out_value)
{
    if (stored.size < BUNDLE_SALT)
        return ERR_CORRUPT;
    const struct slice parts[] = {slice_first(stored, BUNDLE_SALT), slice_text(label),
                                  slice_from(stored, BUNDLE_SALT)};
    unsigned char found[DIGEST_SIZE];
    digest_parts(parts, 3, found);
    if (memcmp(found, commitment, DIGEST_SIZE) != 0)
        return ERR_CORRUPT;
    *out_value = parts[2];
    return ERR_OK;
}
