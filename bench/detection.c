/* bench/detection - how soon the triggers see a model go wrong, and how often they cry wolf.
 *
 *   detection PREDICTIONS.tsv      columns as in the CLINC150 predictions: intent (the true one),
 *                                  nb_label, nb_conf_raw, nb_conf_scaled, lr_label, lr_conf
 *
 * Plays tickets drawn from real predictions through the confidence gate, the audit draw and the
 * triggers of core/trigger.c: first as usual (2 % of what no model knows), then a surge of it.
 * Prints the tables of docs/triggers.md. Seeded: the same file gives the same tables.
 * What it leaves out: a person's delay before a label, and what caution takes off the machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "core/trigger.h"

enum {
    DETECTION_ROWS = 20000,
    DETECTION_RUNS = 200,
    DETECTION_WARM = 2000,      /* tickets before the surge */
    DETECTION_MOST = 6000,      /* of the surge: ten hours */
    DETECTION_HOUR = 600,       /* tickets an hour */
    DETECTION_MONTHS = 12,      /* of usual work, for false trips */
    DETECTION_USUAL = 20000,    /* millionths: out of scope as usual */
    DETECTION_NAIVE_LAST = 100, /* "more than 10 % of the last 100, of 20 at least" */
    DETECTION_NAIVE_LEAST = 20
};
#define DETECTION_TICKET_MS (3600 * 1000 / DETECTION_HOUR)

struct row {
    bool is_wrong, is_unknown;
    double confidence;
};
struct rows {
    struct row items[DETECTION_ROWS];
    size_t known[DETECTION_ROWS], unknown[DETECTION_ROWS];
    size_t count, known_count, unknown_count;
};

/* The last column of a line that strtok_r leaves. */
static size_t detection_split(char *line, char *columns[], size_t most)
{
    size_t count = 0;
    char *rest = line;
    while (rest && count < most) {
        columns[count++] = rest;
        rest = strpbrk(rest, "\t\r\n");
        if (rest)
            *rest++ = '\0';
    }
    return count;
}

static bool detection_read(const char *path, int label, int confidence, struct rows *rows)
{
    char line[4096];
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    rows->count = rows->known_count = rows->unknown_count = 0;
    bool has_names = fgets(line, sizeof line, file) != NULL;
    while (has_names && rows->count < DETECTION_ROWS && fgets(line, sizeof line, file)) {
        char *columns[16];
        if (detection_split(line, columns, 16) < 8)
            continue;
        struct row *row = &rows->items[rows->count];
        row->is_unknown = strcmp(columns[2], "oos") == 0;
        row->is_wrong = strcmp(columns[2], columns[label]) != 0;
        row->confidence = strtod(columns[confidence], NULL);
        if (row->is_unknown)
            rows->unknown[rows->unknown_count++] = rows->count++;
        else
            rows->known[rows->known_count++] = rows->count++;
    }
    (void)fclose(file); /* only read */
    return rows->known_count > 0 && rows->unknown_count > 0;
}

struct naive {
    uint64_t recent[2];
    int count;
};

static bool naive_trips(struct naive *naive, bool is_wrong)
{
    naive->recent[1] = naive->recent[1] << 1 | naive->recent[0] >> 63;
    naive->recent[0] = naive->recent[0] << 1 | (is_wrong ? 1U : 0U);
    naive->recent[1] &= (UINT64_C(1) << (DETECTION_NAIVE_LAST - 64)) - 1;
    naive->count += naive->count < DETECTION_NAIVE_LAST;
    int bad = __builtin_popcountll(naive->recent[0]) + __builtin_popcountll(naive->recent[1]);
    return naive->count >= DETECTION_NAIVE_LEAST && bad * 10 > naive->count;
}

/* One workflow under watch. */
struct play {
    const struct rows *rows;
    double gate;
    struct prng prng;
    int64_t now_unix_ms;
    int64_t audit_share; /* millionths */
    struct trigger_terms wrong_terms, low_terms;
    struct trigger_state wrong, low;
    struct naive naive;
    int64_t tickets, wrong_automatic;
    int64_t caution_at, trip_at, naive_at; /* tickets; 0 = not yet */
    int64_t wrong_at_trip, wrong_at_naive;
};

static void play_begin(struct play *play, const struct rows *rows, double gate, int64_t h_micro)
{
    uint64_t seed = play->prng.state;
    *play = (struct play){.rows = rows, .gate = gate, .prng = {seed}, .audit_share = 50000};
    play->wrong_terms = (struct trigger_terms){
        .statistic = TRIGGER_SHARE, .move = MOVE_FALLBACK, .limit = 100000, .h_micro = h_micro};
    play->low_terms = (struct trigger_terms){
        .statistic = TRIGGER_RISE,
        .move = MOVE_CAUTION,
        .h_micro = h_micro + TRIGGER_H_CALM - TRIGGER_H_NORMAL + TRIGGER_H_CALM - TRIGGER_H_NORMAL};
    trigger_init(&play->wrong, 0);
    trigger_init(&play->low, 0);
}

static void play_audit(struct play *play, bool is_wrong)
{
    struct trigger_event event = {
        .kind = TRIGGER_SAMPLE, .now_unix_ms = play->now_unix_ms, .is_bad = is_wrong};
    struct trigger_answer answer;
    trigger_step(&play->wrong, &play->wrong_terms, &event, &answer);
    if ((answer.is_warning || answer.is_crossing) && play->caution_at == 0)
        play->caution_at = play->tickets;
    if (answer.is_crossing && play->trip_at == 0) {
        play->trip_at = play->tickets;
        play->wrong_at_trip = play->wrong_automatic;
    }
}

static void play_naive(struct play *play, bool is_wrong)
{
    if (play->naive_at != 0 || !naive_trips(&play->naive, is_wrong))
        return;
    play->naive_at = play->tickets;
    play->wrong_at_naive = play->wrong_automatic;
}

static void play_ticket(struct play *play, int64_t unknown_share)
{
    const struct rows *rows = play->rows;
    bool is_unknown = (int64_t)prng_below(&play->prng, TRIGGER_MILLION) < unknown_share;
    size_t index = is_unknown ? rows->unknown[prng_below(&play->prng, rows->unknown_count)]
                              : rows->known[prng_below(&play->prng, rows->known_count)];
    const struct row *row = &rows->items[index];
    bool is_low = row->confidence < play->gate;
    struct trigger_event event = {.kind = TRIGGER_SAMPLE, .is_bad = is_low};
    struct trigger_answer answer;
    play->tickets++;
    play->now_unix_ms += DETECTION_TICKET_MS;
    event.now_unix_ms = play->now_unix_ms;
    if (play->gate > 0) {
        trigger_step(&play->low, &play->low_terms, &event, &answer);
        if (answer.is_crossing && play->caution_at == 0)
            play->caution_at = play->tickets;
    }
    if (is_low)
        return; /* a person decides */
    play->wrong_automatic += row->is_wrong;
    int64_t draw = (int64_t)prng_below(&play->prng, TRIGGER_MILLION);
    if (play->wrong.level == TRIGGER_WARNED || draw < play->audit_share)
        play_audit(play, row->is_wrong);
    if (draw < play->audit_share)
        play_naive(play, row->is_wrong);
}

/* After the usual time: as if nothing had tripped in it. */
static void play_forget(struct play *play)
{
    play->tickets = play->wrong_automatic = 0;
    play->caution_at = play->trip_at = play->naive_at = 0;
    play->wrong_at_trip = play->wrong_at_naive = 0;
    if (play->wrong.level == TRIGGER_TRIPPED)
        trigger_init(&play->wrong, play->now_unix_ms);
    if (play->low.level == TRIGGER_TRIPPED)
        play->low.level = TRIGGER_NORMAL;
}

static int detection_compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static int64_t detection_median(int64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, detection_compare);
    return values[count / 2];
}

static void detection_cell(int64_t value, int64_t scale)
{
    if (value >= DETECTION_MOST || value < 0)
        printf(" not in 10 h |");
    else
        printf(" %.1f |", (double)value / (double)scale);
}

static void detection_surge(const struct rows *rows, double gate, int64_t h_micro, int64_t share)
{
    static int64_t caution[DETECTION_RUNS], trip[DETECTION_RUNS], wrong[DETECTION_RUNS],
        naive[DETECTION_RUNS], naive_wrong[DETECTION_RUNS];
    for (uint64_t run = 0; run < DETECTION_RUNS; run++) {
        struct play play = {.prng = {run + 1}};
        play_begin(&play, rows, gate, h_micro);
        for (int i = 0; i < DETECTION_WARM; i++)
            play_ticket(&play, DETECTION_USUAL);
        play_forget(&play);
        for (int i = 0; i < DETECTION_MOST && (play.trip_at == 0 || play.naive_at == 0); i++)
            play_ticket(&play, share);
        caution[run] = play.caution_at ? play.caution_at : DETECTION_MOST;
        trip[run] = play.trip_at ? play.trip_at : DETECTION_MOST;
        naive[run] = play.naive_at ? play.naive_at : DETECTION_MOST;
        wrong[run] = play.trip_at ? play.wrong_at_trip : play.wrong_automatic;
        naive_wrong[run] = play.naive_at ? play.wrong_at_naive : play.wrong_automatic;
    }
    detection_cell(detection_median(caution, DETECTION_RUNS), DETECTION_HOUR / 60);
    detection_cell(detection_median(trip, DETECTION_RUNS), DETECTION_HOUR / 60);
    printf(" %lld |", (long long)detection_median(wrong, DETECTION_RUNS));
    detection_cell(detection_median(naive, DETECTION_RUNS), DETECTION_HOUR / 60);
    printf(" %lld |", (long long)detection_median(naive_wrong, DETECTION_RUNS));
}

/* Trips a month while all is as usual; each one is taken back at once. */
static void detection_false(const struct rows *rows, double gate, int64_t h_micro)
{
    int64_t trips = 0, cautions = 0, naive = 0;
    struct play play = {.prng = {99}};
    play_begin(&play, rows, gate, h_micro);
    for (int64_t i = 0; i < (int64_t)DETECTION_MONTHS * 720 * DETECTION_HOUR; i++) {
        play_ticket(&play, DETECTION_USUAL);
        if (play.trip_at != 0)
            trigger_init(&play.wrong, play.now_unix_ms);
        cautions += play.low.level == TRIGGER_TRIPPED;
        if (play.low.level == TRIGGER_TRIPPED)
            play.low = (struct trigger_state){.baseline_total = play.low.baseline_total,
                                              .baseline_bad = play.low.baseline_bad,
                                              .next_since_unix_ms = play.low.next_since_unix_ms,
                                              .last_unix_ms = play.low.last_unix_ms};
        trips += play.trip_at != 0;
        naive += play.naive_at != 0;
        if (play.naive_at != 0)
            play.naive = (struct naive){0};
        play.trip_at = play.naive_at = 0;
    }
    printf(" %.2f | %.2f | %.1f |\n", (double)cautions / DETECTION_MONTHS,
           (double)trips / DETECTION_MONTHS, (double)naive / DETECTION_MONTHS);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        int64_t h_micro;
    } levels[] = {
        {"quick", TRIGGER_H_QUICK}, {"normal", TRIGGER_H_NORMAL}, {"calm", TRIGGER_H_CALM}};
    static const struct {
        const char *name;
        int label, confidence;
        double gate;
    } models[] = {{"naive Bayes, no gate", 3, 5, 0},
                  {"naive Bayes, gate 0.5", 3, 5, 0.5},
                  {"logistic regression, no gate", 6, 7, 0},
                  {"logistic regression, gate 0.7", 6, 7, 0.7}};
    static struct rows rows;
    if (count != 2) {
        (void)fprintf(stderr, "usage: detection PREDICTIONS.tsv\n");
        return 2;
    }
    printf(
        "| model | sensitivity | minutes to caution | to the trip | wrong before it | naive rate: "
        "minutes | wrong | false cautions a month | false trips | naive |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t m = 0; m < sizeof models / sizeof *models; m++)
        for (size_t l = 0; l < 3; l++) {
            if (!detection_read(arguments[1], models[m].label, models[m].confidence, &rows)) {
                (void)fprintf(stderr, "detection: %s holds no predictions\n", arguments[1]);
                return 1;
            }
            printf("| %s | %s |", models[m].name, levels[l].name);
            detection_surge(&rows, models[m].gate, levels[l].h_micro, 300000);
            detection_false(&rows, models[m].gate, levels[l].h_micro);
        }
    return 0;
}
