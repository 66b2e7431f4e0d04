#include "base/uri.h"
#include "policy/load.h"

static void load_listen(struct load *load, const struct yaml *node)
{
    struct config *config = load->config;
    struct uri_authority authority;
    struct slice text;
    config->listen_host = SLICE("127.0.0.1");
    config->listen_port = 7070;
    if (!node || !read_line(load, node, &text))
        return;
    if (!uri_split_authority(text, &authority) || !authority.has_port) {
        struct problem *problem = read_problem(load, IL013, node);
        problem_message(load->problems, problem, "`%.*s` is not HOST:PORT",
                        SLICE_FMT(slice_first(text, 200)));
        problem_help(load->problems, problem, "As in  127.0.0.1:7070 ; port 0 picks a free one.");
        return;
    }
    config->listen_host = authority.host;
    config->listen_port = authority.port;
}

static void load_store(struct load *load, const struct yaml *node)
{
    struct config *config = load->config;
    config->store_path = SLICE("./data");
    if (!node || !read_line(load, node, &config->store_path))
        return;
    for (size_t i = 0; i + 2 < config->store_path.size; i++)
        if (slice_starts(slice_from(config->store_path, i), SLICE("://"))) {
            struct problem *problem = read_problem(load, IL407, node);
            problem_message(load->problems, problem,
                            "this version keeps its data in a folder only");
            problem_help(load->problems, problem, "As in  store: ./data");
            return;
        }
}

static void load_timezone(struct load *load, const struct yaml *node)
{
    struct slice name = SLICE("UTC");
    if (node && read_line(load, node, &name)) {
        bool is_good = name.size <= LIMIT_NAME && name.at[0] != '/' && name.at[0] != '.';
        for (size_t i = 0; i < name.size; i++) {
            char byte = name.at[i];
            is_good =
                is_good && ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                            (byte >= '0' && byte <= '9') || slice_find(SLICE("/_+-"), byte) < 4);
        }
        if (!is_good) {
            problem_message(load->problems, read_problem(load, IL013, node),
                            "`%.*s` is not the name of a time zone, as in Europe/Madrid",
                            SLICE_FMT(slice_first(name, LIMIT_NAME)));
            name = SLICE("UTC");
        } else if (load->problems->knows_zone &&
                   !load->problems->knows_zone(load->problems->zone_impl, name)) {
            struct problem *problem = read_problem(load, IL013, node);
            problem_message(load->problems, problem, "there is no time zone `%.*s` on this machine",
                            SLICE_FMT(name));
            problem_help(load->problems, problem,
                         "A name of the IANA list, as in Europe/Madrid; they lie in "
                         "/usr/share/zoneinfo (package tzdata).");
        }
    }
    load->config->timezone = name;
}

static void load_switch(struct load *load, const struct yaml *node)
{
    const struct yaml **at = load->draft->switch_at;
    struct duties *duties = &load->config->switch_duties;
    load_ack_within(load, NULL, duties);
    if (!node || !read_map(load, node, &fields_switch, at))
        return;
    if (at[SWITCH_OWNER])
        duties->owner = load_group(load, at[SWITCH_OWNER]);
    if (at[SWITCH_RESTART])
        duties->restart = load_group(load, at[SWITCH_RESTART]);
    if (at[SWITCH_INFORM])
        duties->inform = load_group(load, at[SWITCH_INFORM]);
    load_group_used(load, duties->owner, true);
    load_group_used(load, duties->restart, true);
    load_group_used(load, duties->inform, true);
    if (at[SWITCH_ACK_WITHIN])
        load_ack_within(load, at[SWITCH_ACK_WITHIN], duties);
}

static void load_limits(struct load *load, const struct yaml *node)
{
    const struct yaml **at = load->draft->limits;
    int64_t unended = LIMIT_UNENDED, body = LIMIT_HTTP_BODY, waiters = LIMIT_WAITERS,
            reserve = LIMIT_DISK_RESERVE;
    if (node && read_map(load, node, &fields_limits, at)) {
        if (at[LIMITS_UNENDED])
            (void)read_int(load, at[LIMITS_UNENDED], (struct read_range){1, 100000000},
                           &unended); /* told */
        if (at[LIMITS_BODY])
            (void)read_size(load, at[LIMITS_BODY], (struct read_range){1024, LIMIT_HTTP_BODY_MAX},
                            &body); /* told */
        if (at[LIMITS_WAITERS])
            (void)read_int(load, at[LIMITS_WAITERS], (struct read_range){0, 1000000},
                           &waiters); /* told */
        if (at[LIMITS_DISK_RESERVE])
            (void)read_size(load, at[LIMITS_DISK_RESERVE],
                            (struct read_range){1024 * 1024, (int64_t)1 << 40},
                            &reserve); /* told */
    }
    load->config->limits =
        (struct limits){(uint64_t)unended, (uint64_t)body, (uint64_t)waiters, (uint64_t)reserve};
}

static void load_witness(struct load *load, const struct yaml *const *at)
{
    struct slice text;
    const struct yaml *witness = at[INSTALLATION_WITNESS], *place = NULL;
    if (!witness)
        return;
    if (witness->kind == YAML_MAP && witness->count == 1)
        place = witness->first;
    bool is_file = place && slice_is(place->key->text, "file");
    bool is_url = place && slice_is(place->key->text, "url");
    if (!is_file && !is_url)
        problem_message(load->problems, read_problem_key(load, IL013, witness),
                        "a witness is { file: PATH } on another disk, or { url: URL }");
    else if (is_file ? read_line(load, place, &text) : load_url(load, place, &text))
        later_tell(load, LATER_WITNESS, witness);
}

static void load_door(struct load *load, const struct yaml *const *at)
{
    const struct yaml *console[CONSOLE_FIELD_COUNT], *tls[TLS_FIELD_COUNT];
    struct uri_authority proxy;
    struct slice text;
    if (at[INSTALLATION_CONSOLE] &&
        read_map(load, at[INSTALLATION_CONSOLE], &fields_console, console)) {
        if (console[CONSOLE_URL])
            (void)load_url(load, console[CONSOLE_URL], &text); /* told */
        if (console[CONSOLE_BEHIND_PROXY] &&
            read_line(load, console[CONSOLE_BEHIND_PROXY], &text)) {
            load->draft->is_behind_proxy = uri_split_authority(text, &proxy) && !proxy.has_port;
            if (!load->draft->is_behind_proxy)
                problem_message(load->problems,
                                read_problem(load, IL013, console[CONSOLE_BEHIND_PROXY]),
                                "behind_proxy is the address of the proxy, without a port");
        }
        later_tell(load, LATER_CONSOLE, at[INSTALLATION_CONSOLE]);
    }
    if (!at[INSTALLATION_TLS] || !read_map(load, at[INSTALLATION_TLS], &fields_tls, tls))
        return;
    for (size_t i = 0; i < TLS_FIELD_COUNT; i++)
        if (tls[i])
            (void)read_line(load, tls[i], &text); /* told */
        else
            (void)read_missing(load, at[INSTALLATION_TLS], fields_tls.names[i], NULL);
    later_tell(load, LATER_TLS, at[INSTALLATION_TLS]);
}

/* WORKFLOW, WORKFLOW/STEP, or the name of an upstream, group or person */
static void load_retired(struct load *load, const struct yaml *node)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count);
    struct slice *names = ARENA_ARRAY(load->arena, count + 1, struct slice);
    if (!names)
        return;
    load->config->retired = names;
    for (; item && count > 0; item = item->next, count--) {
        struct slice text;
        if (!read_line(load, item, &text))
            continue;
        size_t slash = slice_find(text, '/');
        bool is_good = read_is_name(slice_first(text, slash)) &&
                       (slash == text.size || read_is_name(slice_from(text, slash + 1)));
        if (!is_good)
            problem_message(load->problems, read_problem(load, IL014, item),
                            "`%.*s` is not NAME or WORKFLOW/STEP",
                            SLICE_FMT(slice_first(text, LIMIT_NAME)));
        else
            names[load->config->retired_count++] = text;
    }
}

void load_installation(struct load *load, const struct yaml *node)
{
    const struct yaml **at = load->draft->at;
    int64_t ms = 0;
    if (node)
        (void)read_map(load, node, &fields_installation, at); /* told */
    load_listen(load, at[INSTALLATION_LISTEN]);
    load_store(load, at[INSTALLATION_STORE]);
    load->config->policies_path = SLICE("./policies");
    if (at[INSTALLATION_POLICIES])
        (void)read_line(load, at[INSTALLATION_POLICIES], &load->config->policies_path); /* told */
    load_timezone(load, at[INSTALLATION_TIMEZONE]);
    load_people(load, at[INSTALLATION_PEOPLE]);
    load_groups(load, at[INSTALLATION_GROUPS]);
    load_services(load, at[INSTALLATION_SERVICES]);
    load_switch(load, at[INSTALLATION_SWITCH]);
    load_switch_watch(load, load->draft->switch_at);
    load_upstreams(load, at[INSTALLATION_UPSTREAMS]);
    load_channels(load, at[INSTALLATION_CHANNELS]);
    load_watchdog(load, at[INSTALLATION_WATCHDOG]);
    load_witness(load, at);
    load_door(load, at);
    load_limits(load, at[INSTALLATION_LIMITS]);
    if (at[INSTALLATION_HOURS])
        load_hours(load, at[INSTALLATION_HOURS]);
    if (at[INSTALLATION_GAP_WATCH] &&
        read_duration(load, at[INSTALLATION_GAP_WATCH],
                      (struct read_range){KIND_MINUTE, KIND_MS_MAX}, &ms))
        later_tell(load, LATER_GAP_WATCH, at[INSTALLATION_GAP_WATCH]);
    if (at[INSTALLATION_KEY_KEEP] &&
        read_duration(load, at[INSTALLATION_KEY_KEEP],
                      (struct read_range){30 * KIND_DAY, KIND_MS_MAX}, &load->config->key_keep_ms))
        later_tell(load, LATER_KEY_KEEP, at[INSTALLATION_KEY_KEEP]);
    if (at[INSTALLATION_RETIRED])
        load_retired(load, at[INSTALLATION_RETIRED]);
}
