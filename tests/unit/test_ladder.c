/* Who is told when, and what follows: tests/unit/ladder.cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/ladder.h"
#include "unit/cases.h"

enum { START_UNIX_MS = 1700000000 };

struct run {
    struct ladder ladder;
    int64_t now_ms; /* since the opening */
    struct buf got;
};

static int64_t read_time(const char *word)
{
    int64_t ms = 0;
    assert_true(text_parse_duration(slice_text(word), &ms));
    return ms;
}

static void add_word(struct run *run, bool is_there, const char *word, size_t start)
{
    if (!is_there)
        return;
    buf_add_text(&run->got, run->got.size > start ? "+" : "");
    buf_add_text(&run->got, word);
}

static void step(struct run *run, struct ladder_event event)
{
    struct ladder_effects effects;
    event.now_unix_ms = START_UNIX_MS + run->now_ms;
    event.rung = event.rung ? event.rung : run->ladder.rung;
    ladder_step(&run->ladder, &event, &effects);
    buf_add_text(&run->got, run->got.size ? " " : "");
    size_t start = run->got.size;
    add_word(run, effects.is_new_round, "anew", start);
    add_word(run, effects.levels & LADDER_FIRST, "first", start);
    add_word(run, effects.levels & LADDER_OWNERS, "owners", start);
    add_word(run, effects.levels & LADDER_DUTIES, "duties", start);
    add_word(run, effects.levels & LADDER_ADMINS, "admins", start);
    add_word(run, effects.is_loud, "loud", start);
    add_word(run, effects.must_acknowledge, "ack", start);
    add_word(run, effects.must_recover, "recover", start);
    if (run->got.size == start) {
        buf_add_byte(&run->got, '-');
        return;
    }
    buf_add_byte(&run->got, '>');
    if (run->ladder.next_unix_ms == 0)
        buf_add_text(&run->got, "never");
    else
        text_add_duration(&run->got, run->ladder.next_unix_ms - START_UNIX_MS);
}

static void play(struct run *run, const char *times, char *events)
{
    char *rest = NULL;
    char first[16];
    const char *blank = strchr(times, ' ');
    assert_non_null(blank);
    (void)snprintf(first, sizeof first, "%.*s", (int)(blank - times), times);
    for (char *word = strtok_r(events, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "open") == 0)
            step(run, (struct ladder_event){.kind = LADDER_OPEN,
                                            .times = {read_time(first), read_time(blank + 1)}});
        else if (strcmp(word, "ack") == 0)
            step(run, (struct ladder_event){.kind = LADDER_ACK});
        else if (strcmp(word, "close") == 0)
            step(run, (struct ladder_event){.kind = LADDER_CLOSE});
        else if (strncmp(word, "lost", 4) == 0)
            step(run, (struct ladder_event){.kind = LADDER_LOST,
                                            .rung = (uint8_t)strtoul(word + 4, NULL, 10)});
        else if (strncmp(word, "told=", 5) == 0)
            step(run, (struct ladder_event){.kind = LADDER_TOLD,
                                            .count = (uint32_t)strtoul(word + 5, NULL, 10)});
        else {
            run->now_ms = read_time(word);
            step(run, (struct ladder_event){.kind = LADDER_TIMER});
        }
    }
}

static void every_case(void **state)
{
    struct cases cases;
    int wrong = 0, count = 0;
    (void)state;
    cases_open(&cases, "ladder.cases");
    while (cases_next(&cases)) {
        struct run run = {0};
        assert_int_equal(cases.field_count, 4);
        buf_init(&run.got, 4096);
        play(&run, cases.fields[1], cases.fields[2]);
        count++;
        if (strcmp(buf_text(&run.got), cases.fields[3]) != 0) {
            wrong++;
            print_message("%s:%d: %s\n  got  %s\n  want %s\n", cases.name, cases.line,
                          cases.fields[0], buf_text(&run.got), cases.fields[3]);
        }
        buf_done(&run.got);
    }
    assert_int_equal(wrong, 0);
    assert_true(count > 10);
}

static void tries_are_capped(void **state)
{
    (void)state;
    int64_t before_ms = -1;
    for (uint32_t i = 0; i < LADDER_TRIES; i++) {
        assert_true(ladder_retry_ms(i) > before_ms); /* each wait is longer than the one before */
        before_ms = ladder_retry_ms(i);
    }
    assert_int_equal(ladder_retry_ms(LADDER_TRIES), -1);
    assert_int_equal(ladder_retry_ms(UINT32_MAX), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case),
        cmocka_unit_test(tries_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
