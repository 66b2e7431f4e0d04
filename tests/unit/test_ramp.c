/* Who starts again after a restart, and when: tests/unit/ramp.cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/ramp.h"
#include "unit/cases.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static const struct ramp_stage stages[] = {{false, 2}, {true, 100000}, {true, 500000}};
static const struct ramp ramp = {stages, 3, 0};

struct play {
    struct ramp_state state;
    int64_t now_unix_ms;
    char got[1024];
};

static void play_say(struct play *play, const char *what)
{
    size_t used = strlen(play->got);
    (void)snprintf(play->got + used, sizeof play->got - used, "%s%s", used ? "; " : "",
                   what); /* compared below */
}

static void play_effects(struct play *play, const struct ramp_effects *effects)
{
    if (effects->is_passed)
        play_say(play, effects->is_over ? "over" : "pass");
    if (effects->is_stuck)
        play_say(play, "stuck");
    assert_true(effects->is_changed || !(effects->is_passed || effects->is_stuck));
}

static void play_start(struct play *play, const char *word)
{
    const char *draw = strchr(word, '@');
    struct ramp_start start = {.action = strtoull(strchr(word, '=') + 1, NULL, 10),
                               .is_first_start = word[0] != 'r',
                               .is_backlog = word[0] == 'b'};
    if (draw)
        start.draw = UINT64_MAX / 100 * strtoull(draw + 1, NULL, 10);
    bool may = ramp_may_start(&play->state, &ramp, &start);
    play_say(play, may ? "yes" : "no");
    if (may)
        ramp_started(&play->state, &ramp, &start, play->now_unix_ms);
}

static void play_word(struct play *play, const char *word)
{
    struct ramp_effects effects = {0};
    char *rest = NULL;
    if (word[0] == '+') {
        int64_t ms = 0;
        assert_true(text_parse_duration(slice_text(word + 1), &ms));
        play->now_unix_ms += ms;
    } else if (strcmp(word, "tick") == 0) {
        ramp_tick(&play->state, &ramp, DAY_MS, play->now_unix_ms, &effects);
        play_effects(play, &effects);
    } else if (word[0] == 's' || word[0] == 'b' || word[0] == 'r') {
        play_start(play, word);
    } else if (word[0] >= '0' && word[0] <= '9') {
        for (long times = strtol(word, &rest, 10); times > 0; times--) {
            ramp_ended(&play->state, &ramp, 900, RAMP_OK, play->now_unix_ms, &effects);
            play_effects(play, &effects);
        }
    } else {
        enum ramp_ended ended = strncmp(word, "ok", 2) == 0      ? RAMP_OK
                                : strncmp(word, "other", 5) == 0 ? RAMP_OTHERWISE
                                                                 : RAMP_UNCERTAIN;
        ramp_ended(&play->state, &ramp, strtoull(strchr(word, '=') + 1, NULL, 10), ended,
                   play->now_unix_ms, &effects);
        play_effects(play, &effects);
    }
}

static void cases_hold(void **state)
{
    struct cases cases;
    int failures = 0;
    (void)state;
    cases_open(&cases, "ramp.cases");
    while (cases_next(&cases)) {
        assert_int_equal(cases.field_count, 3);
        struct play play = {.now_unix_ms = 1000000};
        char *rest = NULL;
        ramp_begin(&play.state, play.now_unix_ms);
        for (char *word = strtok_r(cases.fields[1], " ", &rest); word;
             word = strtok_r(NULL, " ", &rest))
            play_word(&play, word);
        if (strcmp(play.got, cases.fields[2]) == 0)
            continue;
        print_error("line %d, %s\n  got  %s\n  want %s\n", cases.line, cases.fields[0], play.got,
                    cases.fields[2]);
        failures++;
    }
    assert_int_equal(failures, 0);
}

static void due_times_are_those_of_the_ticks(void **state)
{
    struct ramp_state ramp_state;
    struct ramp_effects effects;
    (void)state;
    ramp_begin(&ramp_state, 1000);
    assert_int_equal(ramp_due_unix_ms(&ramp_state, &ramp, DAY_MS), 1000 + DAY_MS);
    ramp_state.stage = 1;
    ramp_state.ended_ok = RAMP_SHARE_ENDED;
    assert_int_equal(ramp_due_unix_ms(&ramp_state, &ramp, DAY_MS), 1000 + RAMP_SHARE_MS);
    ramp_tick(&ramp_state, &ramp, DAY_MS, 1000 + RAMP_SHARE_MS, &effects);
    assert_true(effects.is_passed);
    ramp_state.is_stuck = true;
    assert_int_equal(ramp_due_unix_ms(&ramp_state, &ramp, DAY_MS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(due_times_are_those_of_the_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
