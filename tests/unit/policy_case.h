/* tests/unit/policy_case.h - text cases of configurations: parts of files, and the problems wanted.
 * A case begins with `=== NAME`; its parts with `--- PART`:
 *   step          lines of the one step `s` of the workflow `w`
 *   head          lines before `steps:` instead of the usual ones
 *   tail          lines after the steps
 *   policy        the whole policy instead
 *   installation  interlock.yaml instead of tests/unit/policy/interlock.yaml
 *   expect        one line a problem: PLACE SEVERITY CODE: MESSAGE (NOTE); help lines are indented
 * PLACE is LINE:COLUMN within the part; `i` before it = interlock.yaml, `w` = outside the step.
 * What is wrong with the usual interlock.yaml is not looked at. */
#pragma once
#include "cases.h"
#include "policy/config.h"

enum { POLICY_PARTS = 6, POLICY_TEXT = 1 << 20, POLICY_STEP_INDENT = 4 };
enum policy_part { PART_STEP, PART_HEAD, PART_TAIL, PART_POLICY, PART_INSTALLATION, PART_EXPECT };

struct policy_case {
    struct slice name;
    struct slice parts[POLICY_PARTS];
    bool has[POLICY_PARTS];
    struct slice whole; /* from === on */
};

static inline bool policy_next_line(struct slice *rest, struct slice *out_line)
{
    if (rest->size == 0)
        return false;
    *out_line = slice_first(*rest, slice_find(*rest, '\n'));
    *rest = slice_from(*rest, out_line->size + 1);
    return true;
}

/* Takes the next case off the text; false at the end. */
static inline bool policy_case_next(struct slice *rest, struct policy_case *out)
{
    static const char *const names[] = {"step", "head", "tail", "policy", "installation", "expect"};
    struct slice line, before;
    struct slice *part = NULL;
    *out = (struct policy_case){0};
    while (before = *rest, policy_next_line(rest, &line)) {
        if (slice_starts(line, SLICE("=== "))) {
            if (out->name.size > 0) {
                *rest = before;
                return true;
            }
            out->name = slice_from(line, 4);
            out->whole = before;
        } else if (out->name.size == 0) {
            continue; /* comments before the first case */
        } else if (slice_starts(line, SLICE("--- "))) {
            size_t i = 0;
            while (i < POLICY_PARTS && !slice_is(slice_from(line, 4), names[i]))
                i++;
            if (i == POLICY_PARTS)
                fail_msg("unknown part %.*s", SLICE_FMT(line));
            part = &out->parts[i];
            out->has[i] = true;
            *part = slice_first(*rest, 0);
        } else if (part) {
            part->size =
                (size_t)(line.at + line.size + (rest->at > line.at + line.size) - part->at);
        }
    }
    return out->name.size > 0;
}

/* The files of a case. */
struct policy_files {
    struct buf installation, policy;
    int step_line; /* the line before the first one of the step */
};

static inline void policy_case_write(const struct policy_case *c, struct slice usual,
                                     struct policy_files *out)
{
    buf_init(&out->installation, POLICY_TEXT);
    buf_init(&out->policy, POLICY_TEXT);
    buf_add(&out->installation, c->has[PART_INSTALLATION] ? c->parts[PART_INSTALLATION] : usual);
    out->step_line = 0;
    if (c->has[PART_POLICY]) {
        buf_add(&out->policy, c->parts[PART_POLICY]);
        return;
    }
    struct slice head =
        SLICE("workflow: w\nowner: team\nrestart: leads\ninform: team\nmode: auto\n");
    buf_add(&out->policy, c->has[PART_HEAD] ? c->parts[PART_HEAD] : head);
    buf_add_text(&out->policy, "steps:\n  s:\n");
    for (size_t i = 0; i < out->policy.size; i++)
        out->step_line += out->policy.at[i] == '\n';
    struct slice rest = c->has[PART_STEP]
                            ? c->parts[PART_STEP]
                            : SLICE("kind: webhook\ncall: mail POST /x\nkey: ${input.k}\n");
    for (struct slice line; policy_next_line(&rest, &line);)
        buf_add_fmt(&out->policy, "%*s%.*s\n", POLICY_STEP_INDENT, "", SLICE_FMT(line));
    buf_add(&out->policy, c->parts[PART_TAIL]);
}

static inline void policy_case_show(const struct policy_case *c, const struct policy_files *files,
                                    const struct problem *problem, struct buf *out)
{
    bool is_policy = slice_is(problem->file, "p.yaml");
    bool is_step = is_policy && problem->line > files->step_line && !c->has[PART_POLICY];
    if (!is_policy && !c->has[PART_INSTALLATION] && problem->line > 0)
        return;
    const char *where = !is_policy ? "i" : is_step || c->has[PART_POLICY] ? "" : "w";
    buf_add_fmt(out, "%s%d:%d %s %s: %.*s", where, problem->line - (is_step ? files->step_line : 0),
                problem->column - (is_step ? POLICY_STEP_INDENT : 0),
                severity_name(problem->severity), catalogue_entry(problem->code).code,
                SLICE_FMT(problem->message));
    if (problem->note.size > 0)
        buf_add_fmt(out, " (%.*s)", SLICE_FMT(problem->note));
    buf_add_byte(out, '\n');
    struct slice rest = problem->help;
    for (struct slice line; policy_next_line(&rest, &line);)
        buf_add_fmt(out, "    %.*s\n", SLICE_FMT(line));
}

/* Loads the case; writes its problems as `expect` has them. NULL: errors. */
static inline const struct config *policy_case_load(const struct policy_case *c, struct slice usual,
                                                    struct arena *arena, struct buf *out)
{
    struct policy_files made;
    struct problems problems;
    policy_case_write(c, usual, &made);
    struct config_file files[] = {{SLICE("interlock.yaml"), buf_slice(&made.installation)},
                                  {SLICE("p.yaml"), buf_slice(&made.policy)}};
    problems_init(&problems, arena);
    const struct config *config = config_load(files, 2, arena, &problems);
    for (size_t i = 0; i < problems.count; i++)
        policy_case_show(c, &made, &problems.items[i], out);
    assert_int_equal(config == NULL, problems.error_count > 0);
    buf_done(&made.installation);
    buf_done(&made.policy);
    return config;
}
