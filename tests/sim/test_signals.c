/* Every signal, with and without a window, and with restarts in the middle: tests/unit/
 * signals.cases, on the real engine in virtual time. Each line is played twice: as it is written,
 * and with a crash and a start after each of its events, which may change nothing (R22). */
#include "base/log_ratio.h"
#include "sim/signals_world.h"

/* What stands before a sentence, each at most once and in this order. */
struct prefixes {
    bool is_autumn, is_observed, has_ramp;
};

/* Its place, or the size of the text. */
static size_t find_text(struct slice text, struct slice what)
{
    size_t at = 0;
    while (at < text.size && !slice_starts(slice_from(text, at), what))
        at++;
    return at;
}

static bool take_prefix(struct slice *text, const char *word)
{
    struct slice prefix = slice_text(word);
    if (!slice_starts(*text, prefix))
        return false;
    *text = slice_from(*text, prefix.size);
    return true;
}

/* "SENTENCE", "SENTENCE ++ SENTENCE", "standard NAME" or "expect: …" */
static void make_policy(struct signals *signals, struct slice text, char *out)
{
    static const char *const far[][2] = {{"volume", "stopped if volume > 100000 in 1h"},
                                         {"uncertain", "stopped if uncertain > 100000 in 1h"},
                                         {"misclassified", "stopped if misclassified > 99%"},
                                         {"overdue", "stopped if overdue > 100000"}};
    char head[256] = "", triggers[2048] = "";
    size_t size = 0;
    struct prefixes prefixes = {take_prefix(&text, "autumn "), take_prefix(&text, "observe "),
                                take_prefix(&text, "ramp ")};
    size_t plus = find_text(text, SLICE(" ++ "));
    struct slice expect = slice_starts(text, SLICE("expect: ")) ? text : (struct slice){0};
    if (prefixes.is_autumn)
        signals->rig.now_unix_ms = SIGNALS_AUTUMN;
    signals->subjects[0] = SLICE("t");
    signals->subjects[1] = plus < text.size ? SLICE("u") : SLICE("nobody");
    if (expect.size > 0)
        signals->subjects[0] = SLICE("silent");
    else if (slice_starts(text, SLICE("standard ")))
        signals->subjects[0] = slice_from(text, 9);
    else
        size += (size_t)snprintf(triggers, sizeof triggers, "  - t: %.*s\n",
                                 SLICE_FMT(slice_first(text, plus)));
    if (plus < text.size)
        size += (size_t)snprintf(triggers + size, sizeof triggers - size, "  - u: %.*s\n",
                                 SLICE_FMT(slice_from(text, plus + 4)));
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        if (!slice_is(signals->subjects[0], far[i][0]))
            size += (size_t)snprintf(triggers + size, sizeof triggers - size, "  - far_%s: %s\n",
                                     far[i][0], far[i][1]);
    CHECK(size < sizeof triggers);
    (void)snprintf(head, sizeof head, "mode: %s\nramp: %s\n%.*s\n",
                   prefixes.is_observed ? "observe" : "auto", prefixes.has_ramp ? "[2, 50%]" : "[]",
                   SLICE_FMT(expect));
    (void)snprintf(out, SIGNALS_POLICY, signals_policy, head, triggers);
}

/* Versions stand between " => "; sets the clock. */
static void make_policies(struct signals *signals)
{
    struct slice text = signals->line->parts[1];
    signals->rig.now_unix_ms = SIGNALS_SPRING;
    while (text.size > 0) {
        size_t end = find_text(text, SLICE(" => "));
        CHECK(signals->policy_count < SIGNALS_VERSIONS);
        make_policy(signals, slice_first(text, end), signals->policies[signals->policy_count++]);
        text = slice_from(text, end < text.size ? end + 4 : end);
    }
}

static bool play_time(struct signals *signals, struct slice word)
{
    int64_t ms = 0;
    bool is_down = slice_starts(word, SLICE("down+"));
    bool is_back = slice_starts(word, SLICE("back+"));
    if (!is_down && !is_back && !slice_starts(word, SLICE("+")))
        return false;
    CHECK(text_parse_duration(slice_from(word, is_down || is_back ? 5 : 1), &ms));
    if (is_down || is_back) /* the clock is read at a start: then it was put back */
        signals_crash(signals, is_back ? -ms : ms);
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
    else if (slice_starts(word, SLICE("correct=")) &&
             slice_to_u64(slice_from(word, 8), SIGNALS_IDS, &value))
        signals_correct(signals, (size_t)value);
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
    else if (slice_is(word, "reload"))
        signals_reload(signals);
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
    make_policies(signals);
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

/* ---- a level over restarts, at random: an independent model of when it trips ---- */

enum { MODEL_LIMIT = 3, MODEL_STEPS = 60 };
struct model {
    bool is_tripped, is_known; /* known: over at the restart, and not normal since */
    int64_t known;
    int trips;
};

static int64_t count_waiting(struct signals *signals)
{
    int64_t count = 0;
    for (size_t i = 0; i < signals->thing_count; i++)
        count += !signals_is_done(signals, &signals->things[i]) && !signals->things[i].is_judged;
    return count;
}

static void model_see(struct model *model, int64_t waiting)
{
    if (model->is_tripped)
        return;
    if (waiting <= MODEL_LIMIT)
        model->is_known = false;
    if (waiting <= MODEL_LIMIT || (model->is_known && waiting <= model->known * 3 / 2))
        return;
    *model = (struct model){.is_tripped = true, .trips = model->trips + 1};
}

static void random_event(struct signals *signals, struct model *model)
{
    bool has_waiting = count_waiting(signals) > 0;
    switch (prng_below(&signals->rig.prng, 12)) {
    case 0:
        signals_crash(signals, 0);
        return;
    case 1:
        signals_pass(signals, 90000);
        return;
    case 2:
        signals_reload(signals);
        return;
    case 3:
    case 4:
    case 5:
        if (has_waiting && !model->is_tripped) /* under a stop it stays, with its verdict */
            signals_judge(signals, ENGINE_REJECT);
        return;
    case 6:
        if (!model->is_tripped)
            return;
        signals_restart(signals);
        *model = (struct model){
            .is_known = true, .known = count_waiting(signals), .trips = model->trips};
        return;
    default:
        signals_submit(signals, "ask");
        return;
    }
}

static int count_trips(struct signals *signals)
{
    struct buf did;
    int count = 0;
    buf_init(&did, 1 << 16);
    signals_add_records(signals, &did);
    for (struct slice rest = buf_slice(&did); rest.size > 0; rest = slice_from(rest, 1))
        count += slice_starts(rest, SLICE("tripped "));
    buf_done(&did);
    return count;
}

static void play_random(uint64_t seed)
{
    static const struct cases_line line = {
        .file = "random", .count = 2, .parts = {{"random", 6}, {"stopped if backlog > 3", 22}}};
    struct signals *signals = calloc(1, sizeof *signals);
    struct model model = {0};
    CHECK(signals != NULL);
    *signals = (struct signals){.line = &line};
    rig_init(&signals->rig, seed, 0);
    make_policies(signals);
    signals_start(signals);
    for (int i = 0; i < MODEL_STEPS; i++) {
        random_event(signals, &model);
        model_see(&model, count_waiting(signals));
        if (i % 6 == 5 && count_trips(signals) != model.trips)
            fail_msg("seed %llu, step %d: it tripped %d times, and should have %d times",
                     (unsigned long long)seed, i, count_trips(signals), model.trips);
    }
    rig_done(&signals->rig);
    free(signals);
}

static void a_restart_is_not_undone_by_what_people_knew(void **state)
{
    (void)state;
    rig_each_seed(8, 8, play_random);
}

/* ---- labels at random: the sequential test, made anew from all of them at each step ---- */

enum { LABELS_STEPS = 90, LABELS_LIMIT = 10 * TRIGGER_MILLION / 100 };
struct labels {
    bool is_bad[SIGNALS_IDS]; /* in the order in which they came, since the last restart */
    size_t thing[SIGNALS_IDS];
    size_t count;
    bool was_restarted, is_tripped;
    int trips;
};

static int64_t labels_sum(const struct labels *labels)
{
    int64_t sum = labels->was_restarted ? TRIGGER_H_NORMAL / 2 : 0;
    int64_t right = log_ratio_micro(TRIGGER_MILLION - LABELS_LIMIT,
                                    TRIGGER_MILLION - 2 * (int64_t)LABELS_LIMIT);
    for (size_t i = 0; i < labels->count; i++) {
        sum += labels->is_bad[i] ? log_ratio_micro(2, 1) : -right;
        sum = sum < 0 ? 0 : sum < TRIGGER_H_NORMAL ? sum : TRIGGER_H_NORMAL;
    }
    return sum;
}

static void labels_say(struct signals *signals, struct labels *labels, bool is_bad)
{
    size_t i = 0;
    while (signals->things[i].is_labelled || !signals_is_done(signals, &signals->things[i]))
        if (++i == signals->thing_count)
            return;
    signals_label(signals, is_bad ? "wrong" : "right", false);
    labels->thing[labels->count] = i;
    labels->is_bad[labels->count++] = is_bad;
    if (labels->is_tripped || labels->count < TRIGGER_FLOOR ||
        labels_sum(labels) < TRIGGER_H_NORMAL)
        return;
    labels->is_tripped = true;
    labels->trips++;
}

static void labels_correct(struct signals *signals, struct labels *labels)
{
    if (labels->count == 0)
        return;
    size_t i = prng_below(&signals->rig.prng, labels->count);
    labels->is_bad[i] = false;
    signals_act(signals, &signals->things[labels->thing[i]],
                (struct engine_call){.act = ENGINE_LABEL, .label = SLICE("right")});
}

static void labels_event(struct signals *signals, struct labels *labels)
{
    uint64_t dice = prng_below(&signals->rig.prng, 20);
    if (dice < 13) {
        signals_submit(signals, "go");
        labels_say(signals, labels, prng_below(&signals->rig.prng, 100) < 45);
    } else if (dice < 16) {
        labels_correct(signals, labels);
    } else if (dice == 16) {
        signals_reload(signals);
    } else if (dice == 17) {
        signals_crash(signals, 0);
    } else if (dice == 18) {
        signals_pass(signals, 90000);
    } else if (labels->is_tripped) {
        signals_restart(signals);
        for (size_t i = 0; i < signals->thing_count; i++)
            signals->things[i].is_labelled = true; /* what is labelled next starts after it */
        signals_pass(signals, 60000);
        *labels = (struct labels){.was_restarted = true, .trips = labels->trips};
    }
}

static void play_labels(uint64_t seed)
{
    static const struct cases_line line = {
        .file = "labels",
        .count = 2,
        .parts = {{"labels", 6},
                  {"fallback if misclassified > 10% => stopped if misclassified > 10%", 66}}};
    struct signals *signals = calloc(1, sizeof *signals);
    struct labels labels = {0};
    CHECK(signals != NULL);
    *signals = (struct signals){.line = &line};
    rig_init(&signals->rig, seed, 0);
    make_policies(signals);
    signals_start(signals);
    for (int i = 0; i < LABELS_STEPS; i++) {
        labels_event(signals, &labels);
        if (i % 6 == 5 && count_trips(signals) != labels.trips)
            fail_msg("seed %llu, step %d: it tripped %d times, and should have %d times",
                     (unsigned long long)seed, i, count_trips(signals), labels.trips);
    }
    rig_done(&signals->rig);
    free(signals);
}

static void a_test_is_what_all_its_labels_make(void **state)
{
    (void)state;
    rig_each_seed(8, 8, play_labels);
}

/* ---- every signal at random ---- */

static const char every_trigger[] = "  - misclassified: fallback if misclassified > 10%\n"
                                    "  - errors: alert if errors > 2\n"
                                    "  - uncertain: alert if uncertain > 1\n"
                                    "  - degraded: alert if degraded > 1 in 1h\n"
                                    "  - low_confidence: caution if low_confidence > 2 in 10m\n"
                                    "  - overrides: review if overrides > 2 in 1h\n"
                                    "  - complaints: alert if complaints > 1 in 1h\n"
                                    "  - volume: stopped if volume > 9 in 10m\n"
                                    "  - backlog: alert if backlog > 6\n"
                                    "  - held_age: alert if held_age > 30m\n"
                                    "  - latency: alert if latency > 5m in 1d\n"
                                    "  - silent: alert if silent > 30m\n"
                                    "  - sum: stopped if sum(size(input.how)) > 40 in 10m\n"
                                    "  - repeat: review if repeat(input.how) > 6 in 10m\n"
                                    "  - posted: caution if posted(load) > 3\n"
                                    "  - overdue: alert if overdue > 1\n";

static int every_trips[SIGNAL_COUNT]; /* over all seeds */

static void every_label(struct signals *signals, const char *label, bool is_other)
{
    size_t i = 0;
    while (signals->things[i].is_labelled || !signals_is_done(signals, &signals->things[i]) ||
           (strcmp(signals->things[i].how, "other") == 0) != is_other)
        if (++i >= signals->thing_count)
            return;
    signals_label(signals, label, is_other);
}

static void every_judge(struct signals *signals, enum engine_act act)
{
    for (size_t i = 0; i < signals->thing_count; i++)
        if (strcmp(signals->things[i].how, "ask") == 0 && !signals->things[i].is_judged &&
            !signals_is_done(signals, &signals->things[i])) {
            signals->things[i].is_judged = true;
            signals_act_tried(signals, &signals->things[i],
                              (struct engine_call){.act = act, .reason = SLICE("looked at")});
            return;
        }
}

static void every_event(struct signals *signals)
{
    static const char *const submits[] = {"go",  "go",  "go",   "refuse", "lose",
                                          "low", "ask", "slow", "hold",   "other"};
    struct prng *prng = &signals->rig.prng;
    uint64_t dice = prng_below(prng, 40);
    if (dice < 16)
        signals_submit(signals, submits[prng_below(prng, sizeof submits / sizeof *submits)]);
    else if (dice < 22)
        every_judge(signals, prng_below(prng, 2) == 0 ? ENGINE_APPROVE : ENGINE_REJECT);
    else if (dice < 28)
        every_label(signals, prng_below(prng, 3) > 0 ? "wrong" : "right", false);
    else if (dice < 30)
        every_label(signals, "wrong", true);
    else if (dice == 30)
        signals_post(signals, prng_below(prng, 6));
    else if (dice < 33)
        signals_crash(signals, prng_below(prng, 2) == 0 ? 0 : 60000);
    else if (dice == 33)
        signals_reload(signals);
    else if (dice < 36)
        signals_restart(signals);
    else if (dice < 39)
        signals_pass(signals, 60000 * (int64_t)prng_below(prng, 12));
    else
        signals_pass(signals, 45 * 60000);
}

/* What has tripped is silent until it is cleared, or a restart is approved. */
struct every_reader {
    bool is_tripped[SIGNAL_COUNT];
    uint64_t seed;
};

static void every_read(void *arg, const struct record *record)
{
    struct every_reader *reader = arg;
    unsigned signal = 0;
    if (record->kind == RECORD_RESTART)
        memset(reader->is_tripped, 0, sizeof reader->is_tripped);
    while (signal < SIGNAL_COUNT && !slice_is(record->subject, signal_name((enum signal)signal)))
        signal++;
    if (signal == SIGNAL_COUNT)
        return;
    if (record->kind == RECORD_CLEARED)
        reader->is_tripped[signal] = false;
    if (record->kind != RECORD_TRIPPED)
        return;
    if (reader->is_tripped[signal])
        fail_msg("seed %llu: %s tripped twice", (unsigned long long)reader->seed,
                 signal_name((enum signal)signal));
    reader->is_tripped[signal] = true;
    every_trips[signal]++;
}

static void play_every(uint64_t seed)
{
    enum { EVENTS = 300 };
    static const struct cases_line line = {.file = "every"};
    struct signals *signals = calloc(1, sizeof *signals);
    struct every_reader reader = {.seed = seed};
    CHECK(signals != NULL);
    *signals = (struct signals){.line = &line};
    rig_init(&signals->rig, seed, SIGNALS_SPRING);
    (void)snprintf(signals->policies[0], SIGNALS_POLICY, signals_policy, "mode: auto\nramp: []\n",
                   every_trigger);
    signals_start(signals);
    for (int i = 0; i < EVENTS; i++)
        every_event(signals);
    signals_each_record(signals, every_read, &reader);
    rig_done(&signals->rig);
    free(signals);
}

static void every_signal_trips_in_a_random_world(void **state)
{
    (void)state;
    rig_each_seed(8, 8, play_every);
    for (unsigned signal = 0; signal < SIGNAL_COUNT && !getenv("SEED"); signal++)
        if (every_trips[signal] == 0)
            fail_msg("%s has not tripped in any seed", signal_name((enum signal)signal));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_signal_trips_as_its_line_says),
        cmocka_unit_test(a_restart_is_not_undone_by_what_people_knew),
        cmocka_unit_test(a_test_is_what_all_its_labels_make),
        cmocka_unit_test(every_signal_trips_in_a_random_world)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
