/* Who may let it run again: tests/unit/restart.cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/restart.h"
#include "unit/cases.h"

struct play {
    struct restart_request request;
    struct restart_terms terms;
    unsigned char digest[RESTART_DIGEST];
    char got[256];
};

static int64_t span(const char *text)
{
    char *unit = NULL;
    long count = strtol(text, &unit, 10);
    return count * (*unit == 'h' ? 3600000 : *unit == 'm' ? 60000 : 1000);
}

static void say(struct play *play, const char *what)
{
    size_t size = strlen(play->got);
    (void)snprintf(play->got + size, sizeof play->got - size, "%s%s", size ? "; " : "", what);
}

/* no=WHO of the group, no-service=HUMAN, no-stranger=WHO. */
static void play_no(struct play *play, const char *word, const char *name)
{
    struct restart_voice voice = {.person = slice_text(name),
                                  .is_service = strncmp(word, "no-service=", 11) == 0,
                                  .is_member = strncmp(word, "no-stranger=", 12) != 0};
    enum restart_says says = restart_decide_no(&play->request, &play->terms, &voice);
    say(play, restart_says_name(says));
    if (says != RESTART_YES)
        return;
    restart_end(&play->request, voice.person);
    play->terms.needs_other = play->terms.needs_other || play->request.end == RESTART_END_REJECTED;
}

static void play_word(struct play *play, char *word)
{
    char *name = strchr(word, '=');
    play->terms.digest = play->digest;
    if (*word == '+') {
        play->terms.now_unix_ms += span(word + 1);
    } else if (strcmp(word, "change") == 0) {
        play->digest[RESTART_DIGEST - 1]++;
    } else if (strcmp(word, "stands") == 0) {
        say(play, restart_stands(&play->request, &play->terms) ? "stands" : "falls");
    } else if (strncmp(word, "ask=", 4) == 0) {
        (void)snprintf(play->request.by, sizeof play->request.by, "%s", name + 1);
        play->request.at_unix_ms = play->terms.now_unix_ms;
        play->request.end = RESTART_END_NONE;
        memcpy(play->request.digest, play->digest, RESTART_DIGEST);
    } else if (strncmp(word, "no", 2) == 0) {
        play_no(play, word, name + 1);
    } else {
        struct restart_voice voice = {.person = slice_text(name + 1),
                                      .is_service = strncmp(word, "service=", 8) == 0,
                                      .is_member = strncmp(word, "stranger=", 9) != 0};
        say(play, restart_says_name(restart_decide(&play->request, &play->terms, &voice)));
    }
}

static void cases_hold(void **state)
{
    struct cases cases;
    int failures = 0;
    (void)state;
    cases_open(&cases, "restart.cases");
    while (cases_next(&cases)) {
        assert_int_equal(cases.field_count, 4);
        struct play play = {.terms = {.now_unix_ms = 1000000}};
        char *rest = NULL;
        char *open = strchr(cases.fields[1], ' ');
        play.terms.alone_ms = span(cases.fields[1][0] == '-' ? "0m" : cases.fields[1]);
        play.terms.alone_ms_at_open = span(open[1] == '-' ? "0m" : open + 1);
        for (char *word = strtok_r(cases.fields[2], " ", &rest); word;
             word = strtok_r(NULL, " ", &rest))
            play_word(&play, word);
        if (strcmp(play.got, cases.fields[3]) == 0)
            continue;
        print_error("line %d, %s\n  got  %s\n  want %s\n", cases.line, cases.fields[0], play.got,
                    cases.fields[3]);
        failures++;
    }
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
