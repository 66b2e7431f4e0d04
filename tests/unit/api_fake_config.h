/* tests/unit/api_fake_config.h - a small configuration: two workflows, three people, two services.
 */
#pragma once
#include "policy/types.h"

static struct person fake_people[] = {{.name = {"ana", 3}, .full_name = {"Ana Ruiz", 8}},
                                      {.name = {"ben", 3}, .full_name = {"Ben Okafor", 10}},
                                      {.name = {"eve", 3}, .full_name = {"Eve", 3}}};
static const struct person *const fake_ana[] = {&fake_people[0]};
static const struct person *const fake_ben[] = {&fake_people[1]};
static const struct person *const fake_both[] = {&fake_people[0], &fake_people[1]};
static struct group fake_groups[] = {
    {.name = {"finance", 7}, .members = fake_both, .member_count = 2},
    {.name = {"finance-leads", 13}, .members = fake_ben, .member_count = 1},
    {.name = {"support", 7}, .members = fake_ben, .member_count = 1},
    {.name = {"admins", 6}, .members = fake_ben, .member_count = 1},
    {.name = {"ana", 3}, .members = fake_ana, .member_count = 1}};
static const struct slice fake_submits[] = {{"invoice-reminders", 17}};
static const struct slice fake_other_submits[] = {{"inquiry-routing", 15}};
static struct service fake_services[] = {{.name = {"billing-cron", 12},
                                          .human = &fake_people[0],
                                          .submits = fake_submits,
                                          .submit_count = 1},
                                         {.name = {"helpdesk-bot", 12},
                                          .human = &fake_people[1],
                                          .submits = fake_other_submits,
                                          .submit_count = 1}};
static struct upstream fake_upstreams[] = {
    {.name = {"mailer", 6}, .is_sandbox = true},
    {.name = {"helpdesk", 8}, .url = {"https://desk.example.org", 24}}};
static const struct risk_class fake_risks[] = {{.name = {"high", 4}}};
static struct step fake_reminder[1];
static struct step fake_route[1];
static struct workflow fake_workflows[] = {
    {.name = {"invoice-reminders", 17},
     .duties = {.owner = &fake_groups[0], .restart = &fake_groups[1], .inform = &fake_groups[4]},
     .mode = MODE_AUTO,
     .steps = fake_reminder,
     .step_count = 1},
    {.name = {"inquiry-routing", 15},
     .duties = {.owner = &fake_groups[2], .restart = &fake_groups[2], .inform = &fake_groups[2]},
     .mode = MODE_AUTO,
     .steps = fake_route,
     .step_count = 1}};
static const struct secret_ref fake_tokens[3];
static struct config fake_config = {
    .workflows = fake_workflows,
    .workflow_count = 2,
    .upstreams = fake_upstreams,
    .upstream_count = 2,
    .people = fake_people,
    .person_count = 3,
    .person_tokens = fake_tokens,
    .groups = fake_groups,
    .group_count = 5,
    .services = fake_services,
    .service_count = 2,
    .switch_duties = {.owner = &fake_groups[0],
                      .restart = &fake_groups[1],
                      .inform = &fake_groups[4]},
    .admins = &fake_groups[3],
    .timezone = {"UTC", 3},
};

static const struct field fake_fields[] = {
    {.name = {"id", sizeof "id" - 1}, .type = FIELD_TEXT},
    {.name = {"on", sizeof "on" - 1}, .type = FIELD_DATE},
    {.name = {"n", sizeof "n" - 1}, .type = FIELD_NUMBER},
    {.name = {"ok", sizeof "ok" - 1}, .type = FIELD_BOOLEAN},
    {.name = {"any", sizeof "any" - 1}, .type = FIELD_ANY},
    {.name = {"ids", sizeof "ids" - 1}, .type = FIELD_TEXT, .is_list = true}};

static void fake_fill_config(void)
{
    fake_reminder[0] = (struct step){.workflow = &fake_workflows[0],
                                     .name = SLICE("send_reminder"),
                                     .kind = KIND_EMAIL,
                                     .upstream = &fake_upstreams[0],
                                     .method = SLICE("POST"),
                                     .risks = fake_risks,
                                     .risk_count = 1};
    fake_route[0] = (struct step){.workflow = &fake_workflows[1],
                                  .name = SLICE("route_ticket"),
                                  .kind = KIND_TICKET,
                                  .upstream = &fake_upstreams[1],
                                  .method = SLICE("PUT"),
                                  .has_input = true,
                                  .fields = fake_fields,
                                  .field_count = sizeof fake_fields / sizeof *fake_fields,
                                  .is_four_eyes = true};
}
