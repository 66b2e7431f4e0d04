/* Every signal, with and without a window, and with restarts in the middle: tests/unit/
 * signals.cases, on the real engine in virtual time. Each line is played twice: as it is written,
 * and with a crash and a start after each of its events, which may change nothing (R22). */
#include "sim/signals_world.h"

/* "t: SENTENCE", "standard NAME" or "expect: …" behind "spring" or "autumn". */
static void make_policy(struct signals *signals)
{
    static const char *const far[][2] = {{"volume", "stopped if volume > 100000 in 1h"},
                                         {"uncertain", "stopped if uncertain > 100000 in 1h"},
                                         {"misclassified", "stopped if misclassified > 99%"},
                                         {"overdue", "stopped if overdue > 100000"}};
    char expect[256] = "", triggers[2048] = "";
    struct slice text = signals->line->parts[1];
    bool is_autumn = slice_starts(text, SLICE("autumn "));
    size_t size = 0;
    signals->rig.now_unix_ms = is_autumn ? SIGNALS_AUTUMN : SIGNALS_SPRING;
    if (is_autumn)
        text = slice_from(text, 7);
    signals->subject = SLICE("t");
    if (slice_starts(text, SLICE("expect: "))) {
        signals->subject = SLICE("silent");
        (void)snprintf(expect, sizeof expect, "%.*s\n", SLICE_FMT(text));
    } else if (slice_starts(text, SLICE("standard "))) {
        signals->subject = slice_from(text, 9);
    } else {
        size += (size_t)snprintf(triggers, sizeof triggers, "  - t: %.*s\n", SLICE_FMT(text));
    }
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        if (!slice_is(signals->subject, far[i][0]))
            size += (size_t)snprintf(triggers + size, sizeof triggers - size, "  - far_%s: %s\n",
                                     far[i][0], far[i][1]);
    CHECK(size < sizeof triggers);
    (void)snprintf(signals->policy, sizeof signals->policy, signals_policy, expect, triggers);
}

static bool play_time(struct signals *signals, struct slice word)
{
    int64_t ms = 0;
    bool is_down = slice_starts(word, SLICE("down+"));
    if (!is_down && !slice_starts(word, SLICE("+")))
        return false;
    CHECK(text_parse_duration(slice_from(word, is_down ? 5 : 1), &ms));
    if (is_down)
        signals_crash(signals, ms);
    else
        signals_pass(signals, ms);
    return true;
}

static void play_word(struct signals *signals, struct slice word)
{
    static const char *const submits[] = {"go",   "refuse", "lose", "low",  "ask",
                                          "slow", "hold",   "high", "other"};
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof submits / sizeof *submits; i++)
        if (slice_is(word, submits[i])) {
            signals_submit(signals, submits[i]);
            return;
        }
    if (slice_is(word, "die")) {
        signals_submit(signals, "die");
        signals_crash(signals, 0);
        return;
    }
    if (play_time(signals, word))
        return;
    if (slice_is(word, "approve") || slice_is(word, "reject"))
        signals_judge(signals, slice_is(word, "approve") ? ENGINE_APPROVE : ENGINE_REJECT);
    else if (slice_is(word, "right") || slice_is(word, "wrong") || slice_is(word, "correct"))
        signals_label(signals,
                      slice_is(word, "wrong")   ? "wrong"
                      : slice_is(word, "right") ? "right"
                                                : "correct",
                      false);
    else if (slice_is(word, "complain") || slice_is(word, "praise"))
        signals_label(signals, slice_is(word, "praise") ? "right" : "wrong", true);
    else if (slice_is(word, "restart"))
        signals_restart(signals);
    else if (slice_is(word, "crash"))
        signals_crash(signals, 0);
    else if (slice_is(word, "beat"))
        signals->rig.port.heartbeat(
            signals->rig.port.impl,
            config_workflow(signals->rig.port.config(signals->rig.port.impl), SLICE("w")),
            signals_told, signals);
    else if (slice_starts(word, SLICE("post=")) && slice_to_u64(slice_from(word, 5), 1000, &value))
        signals_post(signals, value);
    else
        fail_msg("%s:%d: what is %.*s?", signals->line->file, signals->line->number,
                 SLICE_FMT(word));
    signals_settle(signals);
}

static void play_event(struct signals *signals, struct slice word)
{
    uint64_t times = 1;
    size_t star = slice_find(word, '*');
    if (star < word.size) {
        CHECK(slice_to_u64(slice_first(word, star), 1000, &times));
        word = slice_from(word, star + 1);
    }
    for (uint64_t i = 0; i < times; i++) {
        play_word(signals, word);
        if (signals->is_crashing)
            signals_crash(signals, 0);
    }
}

/* Caution has no incident: nobody is told of it, also not by the next start. */
static bool nobody_is_told_of_caution(struct signals *signals)
{
    struct ladder_row row;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    enum err err = signals->rig.port.ladder(signals->rig.port.impl, 0, &arena, &row);
    arena_done(&arena);
    return err == ERR_NOT_FOUND;
}

static bool play(const struct cases_line *line, bool is_crashing)
{
    struct signals *signals = calloc(1, sizeof *signals);
    struct buf did, stops;
    CHECK(signals != NULL);
    *signals = (struct signals){.line = line, .is_crashing = is_crashing};
    rig_init(&signals->rig, 1, 0);
    make_policy(signals); /* sets the clock */
    signals_start(signals);
    for (struct slice rest = line->parts[2]; rest.size > 0;) {
        size_t end = slice_find(rest, ' ');
        play_event(signals, slice_first(rest, end));
        rest = slice_trim(slice_from(rest, end));
    }
    buf_init(&did, 1 << 16);
    buf_init(&stops, 1 << 16);
    signals_add_records(signals, &did);
    signals_add_stops(signals, &stops);
    bool is_good = slice_equal(buf_slice(&did), line->parts[3]) &&
                   slice_equal(buf_slice(&stops), line->parts[4]) &&
                   nobody_is_told_of_caution(signals);
    if (!is_good)
        print_message("%s:%d: %.*s%s\n  did   %.*s | %.*s\n  wants %.*s | %.*s\n", line->file,
                      line->number, SLICE_FMT(line->parts[0]), is_crashing ? " (with crashes)" : "",
                      SLICE_FMT(buf_slice(&did)), SLICE_FMT(buf_slice(&stops)),
                      SLICE_FMT(line->parts[3]), SLICE_FMT(line->parts[4]));
    buf_done(&did);
    buf_done(&stops);
    rig_done(&signals->rig);
    free(signals);
    return is_good;
}

static int bad_count;

static void play_line(const struct cases_line *line)
{
    if (line->count != 5)
        fail_msg("%s:%d: five parts are needed", line->file, line->number);
    if (!play(line, false) || !play(line, true))
        bad_count++;
}

static void each_signal_trips_as_its_line_says(void **state)
{
    (void)state;
    assert_true(cases_run("signals.cases", play_line) > 0);
    assert_int_equal(bad_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_signal_trips_as_its_line_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
