/* api/rights: each line of rights.cases is a right, a subject, and exactly who has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/principal.h"
#include "api/rights.h"
#include "api_fake_config.h"
#include "unit/cases.h"

static const char *const everybody[] = {"ana", "ben", "eve", "billing-cron", "helpdesk-bot"};
static const char *const words[RIGHT_COUNT] = {[RIGHT_NOBODY] = "nobody",
                                               [RIGHT_OPEN] = "open",
                                               [RIGHT_LOOPBACK] = "loopback",
                                               [RIGHT_TOKEN] = "token",
                                               [RIGHT_SUBMIT] = "submit",
                                               [RIGHT_WORK] = "work",
                                               [RIGHT_CANCEL] = "cancel",
                                               [RIGHT_SEE] = "see",
                                               [RIGHT_STOP] = "stop",
                                               [RIGHT_RECEIPT] = "receipt",
                                               [RIGHT_RESTART] = "restart",
                                               [RIGHT_DECIDE] = "decide",
                                               [RIGHT_SETTLE] = "settle",
                                               [RIGHT_AGAIN] = "again",
                                               [RIGHT_LABEL] = "label",
                                               [RIGHT_AUDIT] = "audit",
                                               [RIGHT_CONFIGURE] = "configure",
                                               [RIGHT_ACKNOWLEDGE] = "acknowledge",
                                               [RIGHT_SIGN] = "sign"};

static enum right parse_right(const struct cases *cases, const char *word)
{
    for (int i = 0; i < RIGHT_COUNT; i++)
        if (strcmp(words[i], word) == 0)
            return (enum right)i;
    fail_msg("%s:%d: no right \"%s\"", cases->name, cases->line, word);
    return RIGHT_NOBODY;
}

static struct right_subject parse_subject(const struct cases *cases, const char *text)
{
    char first[64] = "", second[64] = "", third[64] = "";
    struct right_subject subject = {0};
    (void)sscanf(text, "%63s %63s %63s", first, second, third); /* what is missing is "" */
    if (strcmp(first, "everything") == 0)
        return subject;
    if (strcmp(first, "upstream") == 0) {
        subject.upstream = config_upstream(&fake_config, slice_text(second));
    } else {
        struct slice name = slice_text(first);
        size_t slash = slice_find(name, '/');
        subject.workflow = config_workflow(&fake_config, slice_first(name, slash));
        subject.step =
            config_step(&fake_config, slice_first(name, slash), slice_from(name, slash + 1));
        const struct service *service = config_service(&fake_config, slice_text(third));
        const struct person *person = config_person(&fake_config, slice_text(third));
        if (strcmp(second, "by") == 0)
            subject.actor = service ? service->name : person->name;
    }
    if (!subject.workflow && !subject.upstream)
        fail_msg("%s:%d: no subject \"%s\"", cases->name, cases->line, text);
    return subject;
}

static void cases_hold(void **state)
{
    (void)state;
    struct cases cases;
    bool is_tried[RIGHT_COUNT] = {false};
    fake_fill_config();
    cases_open(&cases, "rights.cases");
    while (cases_next(&cases)) {
        assert_int_equal(cases.field_count, 3);
        enum right right = parse_right(&cases, cases.fields[0]);
        struct right_subject subject = parse_subject(&cases, cases.fields[1]);
        char got[256] = "";
        size_t size = 0;
        is_tried[right] = true;
        for (size_t i = 0; i < sizeof everybody / sizeof *everybody; i++) {
            struct principal principal;
            assert_true(principal_by_name(&fake_config, slice_text(everybody[i]), &principal));
            if (right_allows(&fake_config, &principal, right, &subject))
                size += (size_t)snprintf(got + size, sizeof got - size, "%s%s", size ? " " : "",
                                         everybody[i]);
        }
        if (strcmp(size ? got : "-", cases.fields[2]) != 0)
            fail_msg("%s:%d: %s, %s: got \"%s\", want \"%s\"", cases.name, cases.line,
                     cases.fields[0], cases.fields[1], size ? got : "-", cases.fields[2]);
    }
    for (int i = 0; i < RIGHT_COUNT; i++)
        assert_true(is_tried[i] || i == RIGHT_LOOPBACK); /* the same as token, but for the peer */
}

/* Without a token nobody has any right; what is open needs none. */
static void nobody_has_nothing(void **state)
{
    (void)state;
    const struct principal nobody = {0};
    const struct right_subject everything = {0};
    for (int right = 0; right < RIGHT_COUNT; right++)
        assert_int_equal(right_allows(&fake_config, &nobody, (enum right)right, &everything),
                         right == RIGHT_OPEN);
}

static void who_may_is_said(enum right right, const struct right_subject *subject, const char *want)
{
    struct buf text;
    buf_init(&text, 4096);
    right_add_who(&fake_config, right, subject, &text);
    assert_string_equal(buf_text(&text), want);
    buf_done(&text);
}

static void a_refusal_names_who_may(void **state)
{
    (void)state;
    struct right_subject reminder = {.workflow = &fake_workflows[0], .actor = SLICE("ana")};
    fake_fill_config();
    who_may_is_said(RIGHT_SUBMIT, &reminder, "finance (ana, ben), the service billing-cron");
    who_may_is_said(RIGHT_DECIDE, &reminder, "finance (ana, ben), but not who submitted it (ana)");
    who_may_is_said(RIGHT_ACKNOWLEDGE, &reminder, "finance (ana, ben), finance-leads (ben), ana");
    who_may_is_said(RIGHT_NOBODY, &reminder, "nobody");
}

/* R28: a duty without a name falls to the owner, then to the admins. */
static void a_duty_without_a_name_has_heirs(void **state)
{
    (void)state;
    struct workflow bare = {.name = SLICE("bare"), .duties = {.owner = &fake_groups[0]}};
    struct right_subject subject = {.workflow = &bare};
    fake_fill_config();
    who_may_is_said(RIGHT_AGAIN, &subject, "finance (ana, ben)");
    bare.duties.owner = NULL;
    who_may_is_said(RIGHT_AGAIN, &subject, "admins (ben)");
    who_may_is_said(RIGHT_SETTLE, &subject, "finance (ana, ben)"); /* of `switch:` */
    who_may_is_said(RIGHT_DECIDE, &subject, "finance (ana, ben)");
    who_may_is_said(RIGHT_ACKNOWLEDGE, &subject, "nobody");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(nobody_has_nothing),
        cmocka_unit_test(a_refusal_names_who_may),
        cmocka_unit_test(a_duty_without_a_name_has_heirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
