/* policy/load_channel.c - channels, who is told through which, and the watchdog. */
#include "base/uri.h"
#include "policy/load.h"
#include "policy/near.h"

static const struct slice channel_inbox = {"inbox", 5};
static const struct slice channel_usual = {"email", 5};

/* Which fields belong to which kind. */
static const struct channel_shape {
    int field;
    enum channel_kind kind;
    int also[3]; /* fields that only it has; -1 = no more */
} channel_shapes[] = {
    {CHANNEL_SMTP, CHANNEL_IS_MAIL, {CHANNEL_FROM, CHANNEL_USER, CHANNEL_PASSWORD}},
    {CHANNEL_SLACK, CHANNEL_IS_SLACK, {-1, -1, -1}},
    {CHANNEL_PAGERDUTY, CHANNEL_IS_PAGERDUTY, {CHANNEL_URL, -1, -1}},
    {CHANNEL_WEBHOOK, CHANNEL_IS_WEBHOOK, {CHANNEL_SECRET, -1, -1}},
    {CHANNEL_COMMAND, CHANNEL_IS_COMMAND, {-1, -1, -1}},
};
enum { CHANNEL_SHAPES = sizeof channel_shapes / sizeof *channel_shapes };

/* smtp://HOST[:PORT] or smtps://HOST[:PORT] */
static void load_smtp(struct load *load, const struct yaml *node, struct channel *channel)
{
    struct uri_authority authority;
    struct slice text;
    if (!read_line(load, node, &text))
        return;
    size_t scheme = slice_starts(text, SLICE("smtps://"))  ? 8
                    : slice_starts(text, SLICE("smtp://")) ? 7
                                                           : 0;
    if (scheme == 0 || !uri_split_authority(slice_from(text, scheme), &authority))
        problem_message(load->problems, read_problem(load, IL013, node),
                        "a mail server is written as smtp://HOST:PORT or smtps://HOST:PORT");
    else
        channel->url = text;
}

static void load_mail(struct load *load, const struct yaml *node, const struct yaml *const *at,
                      struct channel *channel)
{
    load_smtp(load, at[CHANNEL_SMTP], channel);
    if (!at[CHANNEL_FROM])
        (void)read_missing(load, node, "from", "the address that its mail comes from");
    else if (read_line(load, at[CHANNEL_FROM], &channel->from) && !load_is_mail(channel->from))
        problem_message(load->problems, read_problem(load, IL013, at[CHANNEL_FROM]),
                        "`%.*s` is not a mail address", SLICE_FMT(channel->from));
    if (at[CHANNEL_USER])
        (void)read_line(load, at[CHANNEL_USER], &channel->user); /* told */
    if (at[CHANNEL_PASSWORD])
        (void)load_secret(load, at[CHANNEL_PASSWORD], &channel->secret); /* told */
    if (!at[CHANNEL_USER] != !at[CHANNEL_PASSWORD])
        (void)read_missing(load, node, at[CHANNEL_USER] ? "password" : "user",
                           "a login has both, or neither");
}

/* No shell, no search: the program is named by its whole path. */
static void load_command(struct load *load, const struct yaml *node, struct channel *channel)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count);
    struct slice *words = ARENA_ARRAY(load->arena, count + 1, struct slice);
    channel->words = words;
    for (; words && item && count > 0; item = item->next, count--) {
        if (!read_line(load, item, &words[channel->word_count]))
            continue;
        if (channel->word_count++ == 0 && words[0].at[0] != '/')
            problem_message(load->problems, read_problem(load, IL013, item),
                            "the program is named by its whole path, as in /usr/local/bin/page");
        if (channel->word_count > LIMIT_CHANNEL_WORDS) {
            problem_message(load->problems, read_problem(load, IL005, item),
                            "more than %d words (LIMIT_CHANNEL_WORDS)", LIMIT_CHANNEL_WORDS);
            return;
        }
    }
    if (channel->word_count == 0)
        problem_message(load->problems, read_problem_key(load, IL013, node),
                        "a command is a list: the program and its arguments");
}

/* A field that another kind of channel has. */
static void load_channel_strangers(struct load *load, const struct yaml *const *at,
                                   const struct channel_shape *shape)
{
    for (size_t i = 0; i < CHANNEL_SHAPES; i++)
        for (size_t j = 0; j < 3; j++) {
            int field = channel_shapes[i].also[j];
            if (&channel_shapes[i] != shape && field >= 0 && at[field])
                problem_message(load->problems, read_problem_key(load, IL013, at[field]),
                                "`%s` belongs to `%s`", fields_channel.names[field],
                                fields_channel.names[channel_shapes[i].field]);
        }
}

static void load_channel_body(struct load *load, const struct yaml *node,
                              const struct yaml *const *at, struct channel *channel)
{
    switch (channel->kind) {
    case CHANNEL_IS_MAIL:
        load_mail(load, node, at, channel);
        break;
    case CHANNEL_IS_SLACK:
        (void)load_secret(load, at[CHANNEL_SLACK], &channel->secret); /* told */
        break;
    case CHANNEL_IS_PAGERDUTY:
        (void)load_secret(load, at[CHANNEL_PAGERDUTY], &channel->secret); /* told */
        channel->url = SLICE("https://events.pagerduty.com/v2/enqueue");
        if (at[CHANNEL_URL])
            (void)load_url(load, at[CHANNEL_URL], &channel->url); /* told */
        break;
    case CHANNEL_IS_WEBHOOK:
        (void)load_url(load, at[CHANNEL_WEBHOOK], &channel->url); /* told */
        if (!at[CHANNEL_SECRET])
            (void)read_missing(load, node, "secret", "what its receiver knows interlock by");
        else
            (void)load_secret(load, at[CHANNEL_SECRET], &channel->secret); /* told */
        break;
    case CHANNEL_IS_COMMAND:
        load_command(load, at[CHANNEL_COMMAND], channel);
        break;
    case CHANNEL_IS_INBOX:
        break;
    }
    if (at[CHANNEL_TLS_CA])
        (void)read_line(load, at[CHANNEL_TLS_CA], &channel->tls_ca); /* told */
}

static void load_one_channel(struct load *load, const struct yaml *node, struct channel *channel)
{
    const struct yaml *at[CHANNEL_FIELD_COUNT];
    const struct channel_shape *shape = NULL;
    size_t count = 0;
    channel->name = node->key->text;
    channel->origin = read_origin(node);
    if (!read_is_name(channel->name) || slice_equal(channel->name, channel_inbox)) {
        problem_message(load->problems, read_problem_key(load, IL014, node),
                        "`%.*s` cannot be the name of a channel",
                        SLICE_FMT(slice_first(channel->name, LIMIT_NAME)));
        return;
    }
    if (!read_map(load, node, &fields_channel, at))
        return;
    for (size_t i = 0; i < CHANNEL_SHAPES; i++)
        if (at[channel_shapes[i].field]) {
            shape = &channel_shapes[i];
            count++;
        }
    if (count != 1) {
        problem_message(load->problems, read_problem_key(load, IL013, node),
                        "a channel is exactly one of smtp, slack, pagerduty, webhook, command");
        return;
    }
    channel->kind = shape->kind;
    load_channel_strangers(load, at, shape);
    load_channel_body(load, node, at, channel);
}

static void load_refuse_channel(struct load *load, const struct yaml *node)
{
    struct near near;
    near_init(&near, node->text);
    for (size_t i = 0; i < load->config->channel_count; i++)
        near_offer(&near, load->config->channels[i].name);
    struct problem *problem = read_problem(load, IL015, node);
    problem_message(load->problems, problem, "there is no channel `%.*s`",
                    SLICE_FMT(slice_first(node->text, LIMIT_NAME)));
    read_tell_near(load->problems, problem, &near);
}

/* `tell`, or the channel `email`, or the first one. */
static void load_tell(struct load *load, size_t index)
{
    struct config *config = load->config;
    struct person *person = &config->people[index];
    const struct yaml *node = load->draft->tells[index];
    struct slice name;
    person->tell = config_channel(config, channel_usual);
    if (!person->tell && config->channel_count > 0)
        person->tell = &config->channels[0];
    if (node && read_line(load, node, &name)) {
        person->tell = config_channel(config, name);
        if (!person->tell)
            load_refuse_channel(load, node);
    }
    bool is_unreached = person->tell && person->tell->kind == CHANNEL_IS_MAIL &&
                        person->email.size == 0 && load->draft->people[index];
    if (is_unreached)
        problem_message(load->problems, read_problem_key(load, IL208, load->draft->people[index]),
                        "%.*s is told through `%.*s`, and has no `email`", SLICE_FMT(person->name),
                        SLICE_FMT(person->tell->name));
}

void load_channels(struct load *load, const struct yaml *node)
{
    struct config *config = load->config;
    if (node && read_is_map(load, node)) {
        struct channel *channels = ARENA_ARRAY(load->arena, node->count + 1, struct channel);
        config->channels = channels;
        for (const struct yaml *child = node->first; channels && child; child = child->next)
            load_one_channel(load, child, &channels[config->channel_count++]);
    }
    for (size_t i = 0; i < config->person_count; i++)
        load_tell(load, i);
}

void load_watchdog(struct load *load, const struct yaml *node)
{
    const struct yaml *fields[WATCHDOG_FIELD_COUNT];
    struct config *config = load->config;
    config->watchdog_every_ms = KIND_MINUTE;
    if (!node || !read_map(load, node, &fields_watchdog, fields))
        return;
    if (!fields[WATCHDOG_PING])
        (void)read_missing(load, node, "ping", "whom interlock pings");
    else
        (void)load_url(load, fields[WATCHDOG_PING], &config->watchdog_url); /* told */
    if (fields[WATCHDOG_EVERY])
        (void)read_duration(load, fields[WATCHDOG_EVERY],
                            (struct read_range){10 * KIND_SECOND, KIND_DAY},
                            &config->watchdog_every_ms); /* told */
}

/* [LEVEL 2, LEVEL 3], from the opening on; level 1 is told at once. */
void load_ack_within(struct load *load, const struct yaml *node, struct duties *duties)
{
    int64_t *const times[] = {&duties->level_2_ms, &duties->level_3_ms};
    int64_t before = 0;
    size_t count = 0;
    size_t i = 0;
    duties->level_2_ms = 5 * KIND_MINUTE;
    duties->level_3_ms = 15 * KIND_MINUTE;
    const struct yaml *item = node ? read_items(node, &count) : NULL;
    for (; item && count > 0; item = item->next, count--, i++) {
        int64_t ms = 0;
        if (i == 2) {
            problem_message(load->problems, read_problem(load, IL013, item),
                            "there are two times: when level 2 is told, and when level 3");
            return;
        }
        if (!read_duration(load, item, (struct read_range){KIND_SECOND, KIND_MS_MAX}, &ms))
            return;
        if (ms <= before)
            problem_message(load->problems, read_problem(load, IL013, item),
                            "each level needs a later time than the one before");
        *times[i] = ms;
        before = ms;
    }
    if (i == 1)
        duties->level_3_ms = 3 * duties->level_2_ms;
}
