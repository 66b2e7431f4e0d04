/* What a sandbox tells about itself. */
#include "base/limits.h"
#include "base/text.h"
#include "upstream/sandbox_world.h"

static void sandbox_report_number(struct buf *json, const char *name, uint64_t value)
{
    buf_add_fmt(json, "\"%s\":%llu,", name, (unsigned long long)value);
}

static void sandbox_report_bool(struct buf *json, const char *name, bool value)
{
    buf_add_fmt(json, "\"%s\":%s,", name, value ? "true" : "false");
}

/* null = for ever */
static void sandbox_report_count(struct buf *json, const char *name, int64_t value)
{
    if (value == SANDBOX_FOR_EVER)
        buf_add_fmt(json, "\"%s\":null,", name);
    else
        sandbox_report_number(json, name, (uint64_t)value);
}

/* An object from what it is to its effects: the first LIMIT_SANDBOX_LIST, and how many more. */
static void sandbox_report_list(struct buf *json, const char *name,
                                const struct sandbox_counts *counts, bool is_key)
{
    size_t count = 0;
    buf_add_fmt(json, "\"%s\":{", name);
    for (const struct sandbox_count *at = counts->oldest; at && count < LIMIT_SANDBOX_LIST;
         at = at->next) {
        buf_add_text(json, count > 0 ? "," : "");
        if (is_key) {
            buf_add_json_text(json, slice_first(at->first->key, LIMIT_KEY));
        } else {
            buf_add_byte(json, '"');
            text_add_hex(json, slice_of(at->first->payload, sizeof at->first->payload));
            buf_add_byte(json, '"');
        }
        buf_add_fmt(json, ":%llu", (unsigned long long)at->effects);
        count++;
    }
    buf_add_fmt(json, "},\"%s_more\":%zu", name, counts->map.count - count);
}

void sandbox_world_report(const struct sandbox_world *world, struct buf *json)
{
    const struct sandbox_settings *settings = &world->settings;
    buf_add_text(json, "{\"name\":");
    buf_add_json_text(json, world->name);
    buf_add_byte(json, ',');
    sandbox_report_number(json, "requests", world->requests);
    sandbox_report_number(json, "effects", world->effects);
    sandbox_report_number(json, "keys", world->by_key.map.count);
    sandbox_report_number(json, "payloads", world->by_payload.map.count);
    sandbox_report_number(json, "twice_by_key", world->by_key.doubles);
    sandbox_report_number(json, "twice_by_payload", world->by_payload.doubles);
    sandbox_report_number(json, "repeats", world->repeats);
    sandbox_report_number(json, "conflicts", world->conflicts);
    sandbox_report_number(json, "reads", world->reads);
    sandbox_report_number(json, "lost", world->lost);
    sandbox_report_number(json, "refused", world->refused);
    sandbox_report_number(json, "unavailable", world->unavailable);
    sandbox_report_number(json, "withheld", world->withheld);
    sandbox_report_number(json, "full", world->full);
    sandbox_report_bool(json, "down", settings->is_down);
    sandbox_report_count(json, "lose", settings->lose_count);
    sandbox_report_number(json, "status", (uint64_t)settings->status);
    sandbox_report_count(json, "times", settings->status_count);
    sandbox_report_number(json, "retry_after_s", (uint64_t)settings->retry_after_s);
    sandbox_report_number(json, "slow_ms", (uint64_t)settings->delay_ms);
    sandbox_report_bool(json, "remembers_keys", settings->remembers_keys);
    buf_add_text(json, "\"key_header\":");
    buf_add_json_text(json, settings->key_header);
    buf_add_byte(json, ',');
    sandbox_report_list(json, "by_key", &world->by_key, true);
    buf_add_byte(json, ',');
    sandbox_report_list(json, "by_payload", &world->by_payload, false);
    buf_add_byte(json, '}');
}
