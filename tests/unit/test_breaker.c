/* core/breaker, core/rate and the stored row of an upstream: tests/unit/breaker.cases; the figures
 * of recovery (semantics 3) in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "core/breaker.h"
#include "core/rate.h"
#include "record/upstream_row.h"
#include "unit/cases.h"

enum { START_UNIX_MS = 1800000000 };

/* ---- the breaker, event by event ---- */

struct breaker_case {
    struct breaker breaker;
    int64_t now_unix_ms;
    char said[1024];
};

static void breaker_say(struct breaker_case *c)
{
    struct buf change;
    buf_init(&change, 256);
    upstream_change_encode(&c->breaker, &change);
    size_t used = strlen(c->said);
    (void)snprintf(c->said + used, sizeof c->said - used, "%s%s", used ? "; " : "",
                   buf_text(&change));
    if (c->breaker.state == BREAKER_OPEN) {
        used = strlen(c->said);
        (void)snprintf(c->said + used, sizeof c->said - used, " %llds",
                       (long long)(c->breaker.until_unix_ms - c->now_unix_ms) / 1000);
    }
    buf_done(&change);
}

/* fail ok busy none: an outcome. +N[ms]: time passes. ask-safe, ask-write: may one go? Then it
 * does. a-fail a-ok a-busy a-none: what came of it. reach: a connection was made. */
static void breaker_do(struct breaker_case *c, const char *word)
{
    static const char *const names[] = {"none", "ok", "fail", "busy"};
    struct breaker *breaker = &c->breaker;
    uint64_t middle = UINT64_MAX / 2;
    bool is_asked = strncmp(word, "a-", 2) == 0;
    if (word[0] == '+') {
        c->now_unix_ms += strtoll(word + 1, NULL, 10) * 1000;
        if (breaker_wake(breaker, c->now_unix_ms))
            breaker_say(c);
        return;
    }
    if (strncmp(word, "ask-", 4) == 0) {
        bool may = breaker_lets(breaker, strcmp(word, "ask-safe") == 0);
        size_t used = strlen(c->said);
        (void)snprintf(c->said + used, sizeof c->said - used, "%s%s", used ? "; " : "",
                       may ? "may" : "no");
        if (may && breaker->state == BREAKER_HALF_OPEN)
            breaker_ask(breaker);
        return;
    }
    if (strcmp(word, "reach") == 0) {
        breaker_reach(breaker);
        return;
    }
    for (int i = 0; i < 4; i++) {
        if (strcmp(word + (is_asked ? 2 : 0), names[i]) != 0)
            continue;
        enum upstream_signal signal = (enum upstream_signal)i;
        if (is_asked ? breaker_asked(breaker, signal, c->now_unix_ms, middle)
                     : breaker_hear(breaker, signal, c->now_unix_ms, middle))
            breaker_say(c);
        return;
    }
    fail_msg("unknown word %s", word);
}

static void breaker_cases(void **state)
{
    (void)state;
    struct cases cases;
    int wrong = 0;
    cases_open(&cases, "breaker.cases");
    while (cases_next(&cases)) {
        struct breaker_case c = {.now_unix_ms = START_UNIX_MS};
        assert_int_equal(cases.field_count, 3);
        breaker_init(&c.breaker, BREAKER_OPEN_MS);
        char *rest = NULL;
        for (char *word = strtok_r(cases.fields[1], " ", &rest); word;
             word = strtok_r(NULL, " ", &rest)) {
            char *star = strchr(word, '*');
            long times = star ? strtol(word, NULL, 10) : 1;
            for (long i = 0; i < times; i++)
                breaker_do(&c, star ? star + 1 : word);
        }
        if (strcmp(c.said, cases.fields[2]) == 0)
            continue;
        wrong++;
        print_message("%s:%d: %s: got \"%s\", want \"%s\"\n", cases.name, cases.line,
                      cases.fields[0], c.said, cases.fields[2]);
    }
    assert_int_equal(wrong, 0);
}

static void breaker_waits_within_a_fifth(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct prng prng = {seed};
        struct breaker breaker;
        breaker_init(&breaker, BREAKER_OPEN_MS);
        for (int i = 0; i < BREAKER_IN_ROW; i++)
            (void)breaker_hear(&breaker, SIGNAL_FAILURE, START_UNIX_MS, prng_next(&prng));
        assert_int_equal(breaker.state, BREAKER_OPEN);
        assert_in_range(breaker.until_unix_ms - START_UNIX_MS, 24000, 36000);
    }
}

/* ---- the rate ---- */

/* Held starts of each second when 1000 wait, the former rate was 100/s, and nothing fails. */
static void a_thousand_leave_at_a_rising_rate(void **state)
{
    (void)state;
    struct rate rate = {0};
    int64_t now = START_UNIX_MS;
    int starts[200] = {0};
    int held = 10000;
    rate_begin(&rate, 100000, true, now);
    for (int64_t at = now; at < now + 60000; at += 5) {
        rate_pass(&rate, at);
        while (held > 0 && rate_lets_live(&rate, 0) && starts[(at - now) / 1000] < 1000) {
            rate_started(&rate, false); /* live: all that it may */
            starts[(at - now) / 1000]++;
            held--;
            if (rate_is_full(&rate))
                break;
        }
    }
    int first = 0;
    for (int i = 0; i < 5; i++)
        first += starts[i];
    assert_in_range(first, 40, 51); /* <= 10 % of 500, and one saved up */
    for (int i = 0; i < 45; i++)
        assert_in_range(starts[i], 0, 101);
    assert_in_range(starts[43], 80, 100);
    rate_pass(&rate, now + 44999);
    assert_true(rate_is_full(&rate));
}

static void it_is_full_after_45_s_and_not_before(void **state)
{
    (void)state;
    struct rate rate = {0};
    rate_begin(&rate, 100000, true, START_UNIX_MS);
    rate_pass(&rate, START_UNIX_MS + 44999);
    assert_false(rate_is_full(&rate));
    rate_pass(&rate, START_UNIX_MS + 45000);
    assert_true(rate_is_full(&rate));
}

/* The queue gets half of the rate, and nothing where live starts use it up. */
static void the_queue_gets_what_is_left(void **state)
{
    (void)state;
    static const struct {
        int live_a_second, want_min, want_max;
    } rows[] = {{0, 490, 510}, {20, 490, 510}, {80, 190, 225}, {100, 0, 25}, {150, 0, 25}};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct rate rate = {0};
        int64_t now = START_UNIX_MS;
        int held = 0;
        int live = 0;
        rate_begin(&rate, 100000, true, now - 60000);
        for (int64_t at = now - 60000; at < now; at += 5000)
            rate_pass(&rate, at);
        rate_pass(&rate, now);
        for (int64_t at = now; at < now + 10000; at += 2) {
            rate_pass(&rate, at);
            while (live < rows[row].live_a_second * (at - now) / 1000) {
                rate_started(&rate, false);
                live++;
            }
            while (rate_lets_held(&rate, 0)) {
                rate_started(&rate, true);
                held++;
            }
        }
        if (held < rows[row].want_min || held > rows[row].want_max)
            fail_msg("live %d/s: %d held left in 10 s", rows[row].live_a_second, held);
    }
}

/* The same after a restart: half, what live starts leave, and a tenth whatever they leave. */
static void after_a_restart_the_queue_has_its_tenth(void **state)
{
    (void)state;
    static const struct {
        int live_a_second, want_min, want_max;
    } rows[] = {{0, 490, 512}, {20, 490, 512}, {80, 190, 225}, {100, 95, 125}, {150, 95, 125}};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct rate rate = {0};
        int64_t now = START_UNIX_MS;
        int held = 0;
        int live = 0;
        rate_begin_restarted(&rate, 100000, now);
        for (int64_t at = now; at < now + 10000; at += 2) {
            rate_pass(&rate, at);
            while (live < rows[row].live_a_second * (at - now) / 1000) {
                assert_true(rate_lets_live(&rate, live));
                rate_started(&rate, false);
                live++;
            }
            while (rate_lets_held(&rate, 1)) {
                rate_started(&rate, true);
                held++;
            }
        }
        if (held < rows[row].want_min || held > rows[row].want_max)
            fail_msg("live %d/s: %d held left in 10 s", rows[row].live_a_second, held);
        int64_t told = rate_held_milli(&rate, rows[row].live_a_second * 1000) / 100;
        if (told < held - 40 || told > held + 40)
            fail_msg("live %d/s: %d held left, told %d", rows[row].live_a_second, held, (int)told);
    }
}

static void a_failure_halves_it_once_a_step(void **state)
{
    (void)state;
    struct rate rate = {0};
    int64_t now = START_UNIX_MS;
    rate_begin(&rate, 100000, true, now);
    for (int i = 0; i < 8; i++)
        rate_pass(&rate, now += 5000);
    assert_int_equal(rate.rate_milli, 90000);
    rate_started(&rate, false);
    rate_failed(&rate);
    rate_failed(&rate);
    assert_int_equal(rate.rate_milli, 45000);
    rate_pass(&rate, now += 5000); /* a step with failures does not rise */
    assert_int_equal(rate.rate_milli, 45000);
    for (int i = 0; i < 10; i++) {
        rate_started(&rate, false);
        rate_failed(&rate);
        rate_pass(&rate, now += 5000);
    }
    assert_int_equal(rate.rate_milli, 10000); /* never below a tenth */
    for (int i = 0; i < 100; i++)
        rate_started(&rate, false);
    rate_failed(&rate); /* 1 % */
    rate_pass(&rate, now += 5000);
    assert_int_equal(rate.rate_milli, 20000);
}

static void at_a_tenth_one_at_a_time(void **state)
{
    (void)state;
    struct rate rate = {0};
    rate_begin(&rate, 100000, true, START_UNIX_MS);
    assert_true(rate_lets_held(&rate, 0) && rate_lets_live(&rate, 0));
    assert_false(rate_lets_held(&rate, 1) || rate_lets_live(&rate, 1));
    rate_pass(&rate, START_UNIX_MS + 5000);
    assert_true(rate_lets_held(&rate, 1) && rate_lets_live(&rate, 1));
}

static void the_former_rate_is_that_of_a_minute(void **state)
{
    (void)state;
    struct rate rate = {0};
    int64_t now = START_UNIX_MS;
    for (int i = 0; i < 600; i++, now += 100)
        rate_count(&rate, now);
    assert_in_range(rate_measure(&rate, now), 9000, 11000);
    assert_int_equal(rate_measure(&rate, now + 120000), 0);
}

/* ---- a minute of outage, with everything joined: load never above 1.1 of the usual (semantics 3)
 */

struct outage {
    struct breaker breaker;
    struct rate rate;
    struct prng prng;
    int64_t former_milli;
    int held, starts, done, tries_in_row;
};

static bool outage_call(struct outage *o, int64_t now, bool is_up, bool is_held)
{
    rate_started(&o->rate, is_held);
    if (o->breaker.state == BREAKER_CLOSED && !o->rate.limits_live)
        rate_count(&o->rate, now);
    bool is_asker = o->breaker.state == BREAKER_HALF_OPEN;
    if (is_asker)
        breaker_ask(&o->breaker);
    o->starts++;
    if (!is_up)
        rate_failed(&o->rate);
    enum upstream_signal signal = is_up ? SIGNAL_ANSWER : SIGNAL_FAILURE;
    bool has_changed = is_asker ? breaker_asked(&o->breaker, signal, now, prng_next(&o->prng))
                                : breaker_hear(&o->breaker, signal, now, prng_next(&o->prng));
    if (has_changed && o->breaker.state == BREAKER_OPEN) {
        if (!is_asker)
            o->former_milli = rate_measure(&o->rate, now);
        rate_end(&o->rate);
    }
    if (has_changed && o->breaker.state == BREAKER_CLOSED)
        rate_begin(&o->rate, o->former_milli, true, now);
    return is_up;
}

static void a_minute_of_outage_leaves_no_overload(void **state)
{
    (void)state;
    enum { RATE = 50, BEFORE_S = 120, OUTAGE_S = 60, AFTER_S = 240 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct outage o = {.prng = {seed}};
        int done_of[BEFORE_S + OUTAGE_S + AFTER_S] = {0};
        breaker_init(&o.breaker, BREAKER_OPEN_MS);
        int64_t now = START_UNIX_MS;
        for (int second = 0; second < BEFORE_S + OUTAGE_S + AFTER_S; second++) {
            bool is_up = second < BEFORE_S || second >= BEFORE_S + OUTAGE_S;
            int starts_before = o.starts;
            for (int ms = 0; ms < 1000; ms += 20, now += 20) {
                (void)breaker_wake(&o.breaker, now);
                rate_pass(&o.rate, now);
                if (breaker_lets(&o.breaker, true) && rate_lets_live(&o.rate, 0))
                    done_of[second] += outage_call(&o, now, is_up, false);
                else
                    o.held++;
                while (o.held > 0 && o.breaker.state == BREAKER_CLOSED &&
                       rate_lets_held(&o.rate, 0)) {
                    o.held--;
                    done_of[second] += outage_call(&o, now, is_up, true);
                }
            }
            if (o.starts - starts_before > RATE * 11 / 10)
                fail_msg("seed %llu, second %d: %d starts", (unsigned long long)seed, second,
                         o.starts - starts_before);
        }
        /* Goodput is back within a minute of the breaker's closing (at most 36 s after the end). */
        int good = 0;
        for (int i = 0; i < 10; i++)
            good += done_of[BEFORE_S + OUTAGE_S + 100 + i];
        if (good < RATE * 10 * 95 / 100)
            fail_msg("seed %llu: %d of %d done", (unsigned long long)seed, good, RATE * 10);
    }
}

/* ---- what is stored ---- */

static void a_row_comes_back(void **state)
{
    (void)state;
    struct upstream_row row = {.tokens_tenths = 42,
                               .pause_until_unix_ms = 7,
                               .breaker = {.state = BREAKER_HALF_OPEN,
                                           .cause = BREAKER_FOR_SHARE,
                                           .cause_count = 12,
                                           .cause_of = 20,
                                           .open_ms = 30000,
                                           .opened_unix_ms = 1,
                                           .closed_unix_ms = 2,
                                           .until_unix_ms = 3,
                                           .failed_probes = 4},
                               .former_milli = 100500};
    struct upstream_row back = {.breaker.open_ms = 30000};
    struct buf bytes;
    buf_init(&bytes, 256);
    upstream_row_encode(&row, &bytes);
    assert_string_equal(buf_text(&bytes), "42 7 half_open failure_share 12 20 1 2 3 4 100500");
    assert_true(upstream_row_decode(buf_slice(&bytes), &back));
    assert_memory_equal(&row, &back, sizeof row);
    assert_true(upstream_row_decode(SLICE("1 0 ajar because 5 5 0 0 0 0 0"), &back));
    assert_int_equal(back.breaker.state, BREAKER_OPEN); /* what is not known is not called */
    assert_false(upstream_row_decode(SLICE("1 0 closed"), &back));
    assert_false(upstream_row_decode(SLICE(""), &back));
    buf_done(&bytes);
}

static void changes_are_told_in_words(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"open failures_in_row 5/5", "open: 5 failures in a row"},
        {"open failure_share 12/20", "open: 12 of the last 20 calls failed"},
        {"open busy_in_row 5/5", "open: 5 times busy in a row, without a time to come back"},
        {"open probe_failed 2", "open: it was asked 2 times and does not answer"},
        {"half_open", "half-open: one call at a time asks whether it is back"},
        {"closed", "closed: 3 answers in a row; held work leaves at a rising rate"},
        {"down", "open: not known why"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf words;
        buf_init(&words, 256);
        upstream_change_add_words(slice_text(rows[i][0]), &words);
        assert_string_equal(buf_text(&words), rows[i][1]);
        buf_done(&words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaker_cases),
        cmocka_unit_test(breaker_waits_within_a_fifth),
        cmocka_unit_test(a_thousand_leave_at_a_rising_rate),
        cmocka_unit_test(it_is_full_after_45_s_and_not_before),
        cmocka_unit_test(the_queue_gets_what_is_left),
        cmocka_unit_test(after_a_restart_the_queue_has_its_tenth),
        cmocka_unit_test(a_failure_halves_it_once_a_step),
        cmocka_unit_test(at_a_tenth_one_at_a_time),
        cmocka_unit_test(the_former_rate_is_that_of_a_minute),
        cmocka_unit_test(a_minute_of_outage_leaves_no_overload),
        cmocka_unit_test(a_row_comes_back),
        cmocka_unit_test(changes_are_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
