#include "policy/load.h"
#include "policy/near.h"

bool load_is_mail(struct slice text)
{
    size_t at = slice_find(text, '@');
    return at > 0 && at + 1 < text.size && slice_find(text, ' ') == text.size &&
           slice_find(slice_from(text, at + 1), '@') == text.size - at - 1;
}

static void load_one_person(struct load *load, const struct yaml *node, struct person *person,
                            struct secret_ref *token, const struct yaml **out_tell)
{
    const struct yaml *at[PERSON_FIELD_COUNT];
    if (!read_is_name(node->key->text))
        (void)read_name(load, node->key, &person->name); /* tells it */
    person->name = node->key->text;
    person->full_name = person->name;
    if (!read_map(load, node, &fields_person, at))
        return;
    (void)read_line(load, at[PERSON_NAME], &person->full_name); /* told; the short one stays */
    if (read_line(load, at[PERSON_EMAIL], &person->email) && !load_is_mail(person->email))
        problem_message(load->problems, read_problem(load, IL013, at[PERSON_EMAIL]),
                        "`%.*s` is not a mail address", SLICE_FMT(person->email));
    *out_tell = at[PERSON_TELL];
    if (at[PERSON_TOKEN])
        (void)load_secret(load, at[PERSON_TOKEN], token); /* told */
}

void load_people(struct load *load, const struct yaml *node)
{
    struct config *config = load->config;
    if (!node || !read_is_map(load, node))
        return;
    struct person *people = ARENA_ARRAY(load->arena, node->count, struct person);
    struct secret_ref *tokens = ARENA_ARRAY(load->arena, node->count, struct secret_ref);
    load->draft->people = ARENA_ARRAY(load->arena, node->count, const struct yaml *);
    load->draft->tells = ARENA_ARRAY(load->arena, node->count, const struct yaml *);
    if (!people || !tokens || !load->draft->people || !load->draft->tells)
        return;
    config->people = people;
    config->person_tokens = tokens;
    for (const struct yaml *child = node->first; child; child = child->next) {
        size_t i = config->person_count++;
        load->draft->people[i] = child;
        load_one_person(load, child, &people[i], &tokens[i], &load->draft->tells[i]);
    }
}

/* A name of the map that was not found, with the nearest one. */
static void load_refuse_reference(struct load *load, const struct yaml *node, const char *what)
{
    struct near near;
    near_init(&near, node->text);
    for (size_t i = 0; i < load->config->person_count; i++)
        near_offer(&near, load->config->people[i].name);
    for (size_t i = 0; i < load->config->group_count; i++)
        near_offer(&near, load->config->groups[i].name);
    struct problem *problem = read_problem(load, IL015, node);
    problem_message(load->problems, problem, "there is no %s `%.*s`", what,
                    SLICE_FMT(slice_first(node->text, LIMIT_NAME)));
    read_tell_near(load->problems, problem, &near);
}

static const struct person *load_person(struct load *load, const struct yaml *node)
{
    if (!read_is_text(load, node))
        return NULL;
    const struct person *person = config_person(load->config, node->text);
    if (!person && load->draft->installation)
        load_refuse_reference(load, node, "person");
    return person;
}

static void load_members(struct load *load, const struct yaml *node, struct group *group)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count);
    const struct person **members = ARENA_ARRAY(load->arena, count + 1, const struct person *);
    if (!members)
        return;
    group->members = members;
    for (; item && count > 0; item = item->next, count--) {
        const struct person *person = load_person(load, item);
        if (!person)
            continue;
        if (group_has(group, person->name))
            problem_message(load->problems, read_problem(load, IL019, item),
                            "`%.*s` is in this group twice", SLICE_FMT(person->name));
        else
            members[group->member_count++] = person;
    }
}

static void load_one_group(struct load *load, const struct yaml *node, struct group *group)
{
    if (!read_is_name(node->key->text))
        (void)read_name(load, node->key, &group->name); /* tells it */
    group->name = node->key->text;
    group->origin = read_origin(node);
    if (config_person(load->config, group->name))
        problem_message(load->problems, read_problem_key(load, IL019, node),
                        "`%.*s` is a person already: a group needs another name",
                        SLICE_FMT(group->name));
    if (node->kind == YAML_MAP) {
        (void)read_is_list(load, node); /* tells it */
        return;
    }
    if (!yaml_is_null(node))
        load_members(load, node, group);
    bool is_empty = yaml_is_null(node) || (node->kind == YAML_LIST && node->count == 0);
    if (is_empty)
        problem_message(load->problems, read_problem_key(load, IL203, node),
                        "the group `%.*s` has nobody in it", SLICE_FMT(group->name));
}

void load_groups(struct load *load, const struct yaml *node)
{
    struct config *config = load->config;
    size_t count = node && node->kind == YAML_MAP ? node->count : 0;
    /* Room for each person as a group of one. */
    size_t room = count + config->person_count + 1;
    config->groups = ARENA_ARRAY(load->arena, room, struct group);
    load->draft->groups = ARENA_ARRAY(load->arena, room, struct draft_group);
    if (!node || !read_is_map(load, node) || !config->groups || !load->draft->groups)
        return;
    for (const struct yaml *child = node->first; child; child = child->next) {
        struct group *group = &config->groups[config->group_count];
        load->draft->groups[config->group_count++].node = child;
        load_one_group(load, child, group);
        if (slice_is(group->name, "admins"))
            config->admins = group;
    }
}

/* A person where a group is expected: made once. */
static const struct group *load_group_of_one(struct load *load, const struct person *person,
                                             const struct yaml *node)
{
    struct config *config = load->config;
    const struct person **members = ARENA_ARRAY(load->arena, 1, const struct person *);
    if (!members || !config->groups)
        return NULL;
    members[0] = person;
    struct group *group = &config->groups[config->group_count++];
    *group = (struct group){person->name, members, 1, read_origin(node)};
    return group;
}

const struct group *load_group_named(struct load *load, struct slice name, const struct yaml *node)
{
    const struct group *group = config_group(load->config, name);
    const struct person *person = group ? NULL : config_person(load->config, name);
    return person ? load_group_of_one(load, person, node) : group;
}

const struct group *load_group(struct load *load, const struct yaml *node)
{
    if (!read_is_text(load, node))
        return NULL;
    const struct group *group = load_group_named(load, node->text, node);
    if (!group && load->draft->installation)
        load_refuse_reference(load, node, "group or person");
    return group;
}

void load_group_used(struct load *load, const struct group *group, bool is_by_switch)
{
    if (!group || !load->draft->groups)
        return;
    struct draft_group *draft = &load->draft->groups[group - load->config->groups];
    if (is_by_switch)
        draft->is_used_by_switch = true;
    else
        draft->is_used = true;
}

static void load_one_service(struct load *load, const struct yaml *node, struct service *service)
{
    const struct yaml *at[SERVICE_FIELD_COUNT];
    if (!read_is_name(node->key->text))
        (void)read_name(load, node->key, &service->name); /* tells it */
    service->name = node->key->text;
    service->origin = read_origin(node);
    if (config_person(load->config, service->name) || config_group(load->config, service->name))
        problem_message(load->problems, read_problem_key(load, IL019, node),
                        "`%.*s` is a person or group already: a service needs another name",
                        SLICE_FMT(service->name));
    if (!read_map(load, node, &fields_service, at))
        return;
    if (at[SERVICE_HUMAN])
        service->human = load_person(load, at[SERVICE_HUMAN]);
    else
        (void)read_missing(load, node, "human", "somebody answers for what a service does");
    if (at[SERVICE_TOKEN])
        (void)load_secret(load, at[SERVICE_TOKEN], &service->token); /* told */
}

void load_services(struct load *load, const struct yaml *node)
{
    struct config *config = load->config;
    if (!node || !read_is_map(load, node))
        return;
    config->services = ARENA_ARRAY(load->arena, node->count, struct service);
    load->draft->services = ARENA_ARRAY(load->arena, node->count, const struct yaml *);
    if (!config->services || !load->draft->services)
        return;
    for (const struct yaml *child = node->first; child; child = child->next) {
        load->draft->services[config->service_count] = child;
        load_one_service(load, child, &config->services[config->service_count++]);
    }
}

static void load_scope(struct load *load, const struct yaml *node, struct slice const **out_names,
                       size_t *out_count)
{
    size_t count = 0;
    const struct yaml *item = read_items(node, &count);
    struct slice *names = ARENA_ARRAY(load->arena, count + 1, struct slice);
    if (!names)
        return;
    *out_names = names;
    for (; item && count > 0; item = item->next, count--) {
        if (!read_name(load, item, &names[*out_count]))
            continue;
        struct near near;
        near_init(&near, names[*out_count]);
        for (size_t i = 0; i < load->config->workflow_count; i++)
            near_offer(&near, load->config->workflows[i].name);
        if (!config_workflow(load->config, names[*out_count]) && load->draft->is_whole) {
            struct problem *problem = read_problem(load, IL015, item);
            problem_message(load->problems, problem, "there is no workflow `%.*s`",
                            SLICE_FMT(names[*out_count]));
            read_tell_near(load->problems, problem, &near);
        }
        ++*out_count;
    }
}

void load_service_scopes(struct load *load)
{
    for (size_t i = 0; i < load->config->service_count; i++) {
        const struct yaml *map = load->draft->services[i];
        struct service *service = &load->config->services[i];
        const struct yaml *submits = yaml_get(map, SLICE("submits"));
        const struct yaml *labels = yaml_get(map, SLICE("labels"));
        if (submits)
            load_scope(load, submits, &service->submits, &service->submit_count);
        if (labels)
            load_scope(load, labels, &service->labels, &service->label_count);
    }
}
