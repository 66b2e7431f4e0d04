#include "record/path.h"

#include "base/check.h"
#include "record/mask.h"
#include "record/member.h"
#include "record/number.h"
#include "record/scan.h"

enum { PATH_VALUE_MAX = 48 };
#define PATH_DOT " \xc2\xb7 "
#define PATH_ARROW " \xe2\x86\x92 "

/* The step as the deciding policy had it. */
static const struct step *path_step_of(const struct view *view)
{
    if (view->decided_step)
        return view->decided_step;
    if (!view->step || !view->config || view->policy_version.size == 0)
        return NULL;
    unsigned char version[8];
    bool is_current = text_parse_hex(view->policy_version, version, sizeof version) &&
                      memcmp(version, view->config->version, sizeof version) == 0;
    return is_current ? view->step : NULL;
}

bool path_of_view(const struct view *view, struct path *out)
{
    const struct record *record = view->decided;
    for (size_t i = view->history_count; !record && i > 0; i--)
        if (view->history[i - 1].record.path_count > 0)
            record = &view->history[i - 1].record;
    if (!record || record->path_count == 0)
        return false;
    *out = (struct path){.steps = record->path,
                         .count = record->path_count,
                         .decided_by = record->decided_by,
                         .says = record->says,
                         .would = record->would,
                         .would_reason = record->would_reason,
                         .step = path_step_of(view),
                         .now = view->step,
                         .saw = view->submit.saw,
                         .saw_count = view->is_erased ? 0 : view->submit.saw_count,
                         .has_confidence = view->submit.has_confidence,
                         .confidence = view->submit.confidence};
    return true;
}

static const struct rule *path_rule(const struct path *path, const struct gate_step *step)
{
    return path->step && step->index < path->step->rule_count ? &path->step->rules[step->index]
                                                              : NULL;
}

/* ---- a comparison: `input.balance <= 0` ---- */

enum path_operator { OP_LE, OP_GE, OP_EQ, OP_NE, OP_LT, OP_GT, OP_COUNT };
static const struct {
    const char *text, *shown;
    enum path_operator negated;
} path_operators[OP_COUNT] = {
    [OP_LE] = {"<=", "\xe2\x89\xa4", OP_GT},
    [OP_GE] = {">=", "\xe2\x89\xa5", OP_LT},
    [OP_EQ] = {"==", "=", OP_NE},
    [OP_NE] = {"!=", "\xe2\x89\xa0", OP_EQ},
    [OP_LT] = {"<", "<", OP_GE},
    [OP_GT] = {">", ">", OP_LE},
};

struct path_comparison {
    struct slice field, literal;
    enum path_operator op;
};

static bool path_is_field(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.'))
            return false;
    }
    return text.size > 0;
}

/* A number, or a string without escapes. */
static bool path_is_literal(struct slice text)
{
    if (text.size >= 2 && (text.at[0] == '"' || text.at[0] == '\'')) {
        struct slice inner = slice_of(text.at + 1, text.size - 2);
        return text.at[text.size - 1] == text.at[0] &&
               slice_find(inner, text.at[0]) == inner.size && slice_find(inner, '\\') == inner.size;
    }
    double value = 0;
    return scan_real(text, &value);
}

/* Only a field, an operator and a literal: anything longer is shown by what it read. */
static bool path_compare(struct slice text, struct path_comparison *out)
{
    size_t at = 0;
    while (at < text.size && text.at[at] != '<' && text.at[at] != '>' && text.at[at] != '=' &&
           text.at[at] != '!')
        at++;
    for (enum path_operator i = 0; i < OP_COUNT; i++) {
        struct slice name = slice_text(path_operators[i].text);
        if (!slice_starts(slice_from(text, at), name))
            continue;
        *out = (struct path_comparison){slice_trim(slice_first(text, at)),
                                        slice_trim(slice_from(text, at + name.size)), i};
        return path_is_field(out->field) && path_is_literal(out->literal);
    }
    return false;
}

static const struct bundle_saw *path_find_saw(const struct path *path, size_t index,
                                              struct slice name)
{
    for (size_t i = 0; i < path->saw_count; i++)
        if (path->saw[i].path_index == index && slice_equal(path->saw[i].name, name))
            return &path->saw[i];
    return NULL;
}

/* "balance" for "input.balance". */
static struct slice path_short_name(struct slice name)
{
    static const struct slice input = {"input.", 6};
    return slice_starts(name, input) ? slice_from(name, input.size) : name;
}

/* "balance 420 > 0"; *shown: the field shown last, which need not be named again. */
static bool path_add_comparison(const struct path *path, size_t index, struct slice *shown,
                                struct buf *out)
{
    const struct gate_step *step = &path->steps[index];
    const struct rule *rule = path_rule(path, step);
    struct path_comparison comparison;
    if (!rule || step->truth == TRUTH_UNDECIDABLE || !path_compare(rule->text, &comparison))
        return false;
    const struct bundle_saw *saw = path_find_saw(path, index, comparison.field);
    if (!saw)
        return false;
    if (!slice_equal(*shown, comparison.field)) {
        wording_add_line(out, path_short_name(comparison.field), PATH_VALUE_MAX);
        buf_add_byte(out, ' ');
    }
    *shown = comparison.field;
    enum path_operator op =
        step->truth == TRUTH_TRUE ? comparison.op : path_operators[comparison.op].negated;
    wording_add_line(out, saw->value, PATH_VALUE_MAX);
    buf_add_fmt(out, " %s ", path_operators[op].shown);
    bool is_masked = mask_covers(path->step, comparison.field) ||
                     (path->now && mask_covers(path->now, comparison.field));
    if (is_masked) /* R23: what it is compared with says what it is */
        buf_add_text(out, MASK_TEXT);
    else
        wording_add_line(out, comparison.literal, PATH_VALUE_MAX);
    return true;
}

/* "balance 420, team "refunds"": all that was read. */
static bool path_add_saw(const struct path *path, size_t index, struct buf *out)
{
    bool is_first = true;
    for (size_t i = 0; i < path->saw_count; i++) {
        if (path->saw[i].path_index != index)
            continue;
        buf_add_text(out, is_first ? "" : ", ");
        wording_add_line(out, path_short_name(path->saw[i].name), PATH_VALUE_MAX);
        buf_add_byte(out, ' ');
        wording_add_line(out, path->saw[i].value, PATH_VALUE_MAX);
        is_first = false;
    }
    return !is_first;
}

static bool path_add_values(const struct path *path, size_t index, struct slice *shown,
                            struct buf *out)
{
    return path_add_comparison(path, index, shown, out) || path_add_saw(path, index, out);
}

/* ---- the line ---- */

static void path_add_rule_name(const struct path *path, const struct gate_step *step,
                               struct buf *out)
{
    const struct rule *rule = path_rule(path, step);
    buf_add_text(out, "rule ");
    if (rule)
        wording_add_line(out, rule->name, LIMIT_NAME);
    else
        buf_add_u64(out, (uint64_t)step->index + 1);
}

static void path_add_risk_name(const struct path *path, const struct gate_step *step,
                               struct buf *out)
{
    if (path->step && step->index < path->step->risk_count)
        wording_add_line(out, path->step->risks[step->index].name, LIMIT_NAME);
    else if (!path->step && step->truth != TRUTH_FALSE)
        buf_add_fmt(out, "class %u", (unsigned)step->index + 1);
    else
        buf_add_text(out, "normal");
}

static void path_add_confidence(const struct path *path, struct buf *out)
{
    buf_add_text(out, "confidence ");
    if (path->has_confidence)
        number_add_real(out, path->confidence);
    else
        buf_add_text(out, "missing");
    if (!path->step || !path->step->terms.has_confidence)
        return;
    buf_add_text(out,
                 path->has_confidence && path->confidence >= path->step->terms.confidence_at_least
                     ? " \xe2\x89\xa5 "
                 : path->has_confidence ? " < "
                                        : ", at least ");
    number_add_real(out, path->step->terms.confidence_at_least);
}

static const char *path_position(const struct gate_step *step)
{
    bool is_running = step->says <= SAYS_GO && step->index == 0;
    bool is_known = step->index < POSITION_RUNNING;
    return position_name(is_running ? POSITION_RUNNING
                         : is_known ? (enum position)step->index
                                    : POSITION_STOPPED);
}

/* Gates that only say that all is as usual are left out of the line. */
static bool path_is_shown(const struct path *path, const struct gate_step *step)
{
    switch (step->gate) {
    case GATE_SWITCH:
    case GATE_RULE:
    case GATE_RISK:
        return true;
    case GATE_CONFIDENCE:
        return step->says > SAYS_GO || (path->step && path->step->terms.has_confidence);
    case GATE_MODE:
    case GATE_FRESHNESS:
    case GATE_UPSTREAM:
    case GATE_ORDER:
    case GATE_COUNT:
        break;
    }
    return step->says > SAYS_GO;
}

static void path_add_gate(const struct path *path, size_t index, struct slice *shown,
                          struct buf *out)
{
    static const char *const truths[] = {" no", " yes", " cannot be told"};
    const struct gate_step *step = &path->steps[index];
    switch (step->gate) {
    case GATE_SWITCH:
        buf_add_fmt(out, "switch %s", path_position(step));
        return;
    case GATE_RULE:
        path_add_rule_name(path, step, out);
        buf_add_text(out, truths[step->truth]);
        break;
    case GATE_RISK:
        buf_add_text(out, "risk ");
        path_add_risk_name(path, step, out);
        break;
    case GATE_CONFIDENCE:
        path_add_confidence(path, out);
        return;
    case GATE_MODE:
        buf_add_text(out, "mode review");
        return;
    case GATE_FRESHNESS:
        buf_add_text(out, "facts may be old");
        return;
    case GATE_UPSTREAM:
        buf_add_text(out, "upstream does not answer");
        return;
    case GATE_ORDER:
        buf_add_text(out, "an older one of the same thing is open");
        return;
    case GATE_COUNT:
        CHECK_UNREACHABLE();
    }
    size_t start = out->size;
    buf_add_text(out, " (");
    if (path_add_values(path, index, shown, out))
        buf_add_byte(out, ')');
    else
        buf_cut(out, start);
}

static void path_add_gates(const struct path *path, bool is_risk, bool *is_first, struct buf *out)
{
    struct slice shown = {0};
    for (size_t i = 0; i < path->count; i++) {
        const struct gate_step *step = &path->steps[i];
        if ((step->gate == GATE_RISK) != is_risk || !path_is_shown(path, step))
            continue;
        buf_add_text(out, *is_first ? "" : PATH_DOT);
        path_add_gate(path, i, &shown, out);
        *is_first = false;
    }
}

static const struct group *path_askers(const struct step *step)
{
    if (!step || step->reviewers || !step->workflow)
        return step ? step->reviewers : NULL;
    const struct duties *duties = &step->workflow->duties;
    return duties->reviewers ? duties->reviewers : duties->owner;
}

void path_add_says(const struct path *path, enum says says, struct buf *out)
{
    buf_add_text(out, wording_of_says(says, wording_verb_of(path->now)));
    const struct group *group = says == SAYS_REVIEW ? path_askers(path->now) : NULL;
    if (group) {
        buf_add_byte(out, ' ');
        wording_add_line(out, group->name, LIMIT_NAME);
    } else if (says == SAYS_REVIEW) {
        buf_add_text(out, " a person");
    }
}

void path_add_text(const struct path *path, struct buf *out)
{
    bool is_first = true;
    path_add_gates(path, false, &is_first, out);
    path_add_gates(path, true, &is_first, out); /* asked first, but read last: it seldom decides */
    buf_add_text(out, PATH_ARROW);
    path_add_says(path, path->says, out);
    if (path->would == path->says)
        return;
    buf_add_text(out, " (observe; auto would ");
    path_add_says(path, path->would, out);
    buf_add_byte(out, ')');
}

static const struct origin *path_origin(const struct path *path, const struct gate_step *step)
{
    const struct rule *rule = step->gate == GATE_RULE ? path_rule(path, step) : NULL;
    if (rule)
        return &rule->origin;
    if (step->gate == GATE_CONFIDENCE && path->step)
        return &path->step->confidence_origin;
    if (step->gate == GATE_MODE && path->step && path->step->workflow)
        return &path->step->workflow->origin;
    return NULL;
}

void path_add_cause(const struct path *path, size_t index, struct buf *out)
{
    const struct gate_step *step = &path->steps[index];
    struct slice shown = {0};
    if (step->gate != GATE_RULE) {
        path_add_gate(path, index, &shown, out);
        wording_add_origin(out, path_origin(path, step), NULL);
        return;
    }
    path_add_rule_name(path, step, out);
    if (step->truth == TRUTH_UNDECIDABLE)
        buf_add_text(out, " cannot be told");
    size_t start = out->size;
    buf_add_text(out, " (");
    bool has_values = path_add_values(path, index, &shown, out);
    size_t after = out->size;
    buf_add_text(out, has_values ? ", " : "");
    bool has_place = wording_add_place(out, path_origin(path, step));
    if (!has_place)
        buf_cut(out, has_values ? after : start);
    if (has_place || has_values)
        buf_add_byte(out, ')');
}

size_t path_find_would(const struct path *path)
{
    for (size_t i = 0; i < path->count; i++)
        if (path->steps[i].says == path->would)
            return i;
    return path->count;
}

/* ---- JSON ---- */

static void path_add_saw_json(const struct path *path, size_t index, struct buf *out)
{
    bool is_first = true;
    for (size_t i = 0; i < path->saw_count; i++) {
        if (path->saw[i].path_index != index)
            continue;
        buf_add_text(out, is_first ? "" : ",");
        buf_add_json_text(out, path->saw[i].name);
        buf_add_byte(out, ':');
        buf_add(out, path->saw[i].value);
        is_first = false;
    }
}

static void path_add_confidence_json(const struct path *path, struct buf *out)
{
    buf_add_text(out, "\"confidence\":");
    if (path->has_confidence)
        number_add_real(out, path->confidence);
    else
        buf_add_text(out, "null");
    if (path->step && path->step->terms.has_confidence) {
        buf_add_text(out, ",\"at_least\":");
        number_add_real(out, path->step->terms.confidence_at_least);
    }
}

static void path_add_gate_json(const struct path *path, size_t index, struct buf *out)
{
    static const char *const truths[] = {"false", "true", "null"};
    const struct gate_step *step = &path->steps[index];
    const struct rule *rule = step->gate == GATE_RULE ? path_rule(path, step) : NULL;
    buf_add_byte(out, '{');
    member_add_word(out, "gate", gate_name(step->gate));
    if (rule)
        member_add_text(out, "rule", rule->name);
    else if (step->gate == GATE_RULE)
        member_add_u64(out, "rule", step->index + UINT64_C(1));
    member_add_word(out, "says", says_name(step->says));
    if (step->gate == GATE_RULE)
        member_add_raw(out, "held", slice_text(truths[step->truth]));
    if (step->gate == GATE_RISK) {
        member_add_name(out, "class");
        buf_add_byte(out, '"');
        path_add_risk_name(path, step, out); /* a name of the policy: no escapes */
        buf_add_byte(out, '"');
    }
    member_add_name(out, "saw");
    buf_add_byte(out, '{');
    if (step->gate == GATE_SWITCH)
        member_add_word(out, "position", path_position(step));
    else if (step->gate == GATE_CONFIDENCE)
        path_add_confidence_json(path, out);
    else
        path_add_saw_json(path, index, out);
    buf_add(out, SLICE("}}"));
}

void path_add_json(const struct path *path, struct buf *out)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < path->count; i++) {
        buf_add_text(out, i == 0 ? "" : ",");
        path_add_gate_json(path, i, out);
    }
    buf_add_byte(out, ']');
}
