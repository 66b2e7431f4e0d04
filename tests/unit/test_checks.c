/* docs/checks: every code has its page and every page its code; title and reason are those of
 * --explain; the bad sample gives the code, the good one does not. */
#include "policy_case.h"

#include <dirent.h>

#include "policy/compare.h"

/* The text under a heading, up to the next one; empty when there is none. */
static struct slice section(struct slice page, const char *heading)
{
    struct slice found = {NULL, 0}, line;
    bool is_in = false;
    while (page.size > 0) {
        struct slice before = page;
        (void)policy_next_line(&page, &line); /* there is one */
        if (slice_starts(line, SLICE("## "))) {
            is_in = slice_is(slice_from(line, 3), heading);
            if (is_in)
                found = slice_first(page, 0);
        } else if (is_in) {
            found.size += before.size - page.size;
        }
    }
    return found;
}

/* Both texts without the difference of blanks and line ends. */
static bool same_words(struct slice a, struct slice b)
{
    for (;;) {
        while (a.size > 0 && (*a.at == ' ' || *a.at == '\n'))
            a = slice_from(a, 1);
        while (b.size > 0 && (*b.at == ' ' || *b.at == '\n'))
            b = slice_from(b, 1);
        if (a.size == 0 || b.size == 0)
            return a.size == b.size;
        if (*a.at != *b.at)
            return false;
        a = slice_from(a, 1);
        b = slice_from(b, 1);
    }
}

/* The fenced blocks of a section as parts of a case; the first line says what each is. */
static struct policy_case read_samples(struct slice text, const char *code, bool *out_alone)
{
    static const struct {
        const char *comment;
        enum policy_part part;
    } kinds[] = {{"# a step", PART_STEP},
                 {"# before steps", PART_HEAD},
                 {"# after steps", PART_TAIL},
                 {"# a policy", PART_POLICY},
                 {"# interlock.yaml", PART_INSTALLATION},
                 {"# only interlock.yaml", PART_INSTALLATION}};
    struct policy_case c = {.name = slice_text(code)};
    struct slice line, *part = NULL;
    *out_alone = false;
    while (text.size > 0) {
        struct slice before = text;
        (void)policy_next_line(&text, &line); /* there is one */
        if (slice_is(line, "```yaml")) {
            struct slice rest = text;
            (void)policy_next_line(&rest, &line); /* the comment */
            size_t i = 0;
            while (i < 6 && !slice_is(line, kinds[i].comment))
                i++;
            if (i == 6)
                fail_msg("%s: a sample does not say what it is", code);
            *out_alone = *out_alone || i == 5;
            part = &c.parts[kinds[i].part];
            *part = slice_first(text, 0);
            c.has[kinds[i].part] = true;
        } else if (slice_is(line, "```")) {
            part = NULL;
        } else if (part) {
            part->size += before.size - text.size;
        }
    }
    return c;
}

static const struct config *load_samples(struct slice text, const char *code, struct arena *arena,
                                         struct problems *problems)
{
    struct buf usual;
    struct policy_files made;
    bool is_alone = false;
    buf_init(&usual, POLICY_TEXT);
    struct policy_case c = read_samples(text, code, &is_alone);
    policy_case_write(&c, cases_read("policy/interlock.yaml", &usual), &made);
    struct config_file files[] = {{SLICE("interlock.yaml"), buf_slice(&made.installation)},
                                  {SLICE("p.yaml"), buf_slice(&made.policy)}};
    problems_init(problems, arena);
    const struct config *config = config_load(files, is_alone ? 1 : 2, arena, problems);
    buf_done(&usual);
    buf_done(&made.installation);
    buf_done(&made.policy);
    return config;
}

static bool has_code(const struct problems *problems, enum check_code code)
{
    for (size_t i = 0; i < problems->count; i++)
        if (problems->items[i].code == code)
            return true;
    return false;
}

static void check_samples(struct slice page, enum check_code code)
{
    const char *name = catalogue_entry(code).code;
    struct arena arena;
    struct problems problems;
    arena_init(&arena, CONFIG_ARENA_MAX);
    const struct config *config = load_samples(section(page, "Bad"), name, &arena, &problems);
    if (!has_code(&problems, code))
        fail_msg("%s: the bad sample does not give it", name);
    assert_true((config == NULL) == (problems.error_count > 0));
    arena_done(&arena);
    arena_init(&arena, CONFIG_ARENA_MAX);
    config = load_samples(section(page, "Good"), name, &arena, &problems);
    if (!config || has_code(&problems, code)) {
        struct buf text;
        buf_init(&text, POLICY_TEXT);
        problems_add_text(&text, &problems);
        fail_msg("%s: the good sample gives\n%s", name, buf_text(&text));
    }
    arena_done(&arena);
}

/* Codes of a reload: from the state before to the bad one, and to the good one. */
static bool compare_samples(struct slice before, struct slice after, const char *code,
                            struct buf *out)
{
    struct arena arena;
    struct problems problems;
    struct compare_uses uses;
    arena_init(&arena, CONFIG_ARENA_MAX);
    const struct config *old = load_samples(before, code, &arena, &problems);
    const struct config *new = load_samples(after, code, &arena, &problems);
    assert_non_null(old);
    assert_non_null(new);
    compare_uses_init(&uses);
    if (strcmp(code, "IL801") == 0)
        assert_int_equal(compare_uses_add(&uses, &arena,
                                          &(struct compare_use){.workflow = SLICE("w"),
                                                                .step = SLICE("s"),
                                                                .upstream = SLICE("mail")}),
                         ERR_OK);
    bool is_good = compare_configs(old, new, &uses, out);
    if (strcmp(code, "IL805") == 0) { /* all of before have left meanwhile */
        struct compare_id *ids = ARENA_ARRAY(&arena, old->person_count, struct compare_id);
        assert_non_null(ids);
        for (size_t i = 0; i < old->person_count; i++)
            ids[i] = (struct compare_id){
                .name = old->people[i].name, .who = old->people[i].full_name, .is_gone = true};
        is_good = compare_ids(ids, old->person_count, new, out) && is_good;
    }
    assert_true(compare_configs(old, old, &uses, out));
    arena_done(&arena);
    return is_good;
}

static void check_reload(struct slice page, const char *code)
{
    struct buf text;
    buf_init(&text, POLICY_TEXT);
    struct slice before = section(page, "Before");
    if (compare_samples(before, section(page, "Bad"), code, &text) ||
        !slice_starts(buf_slice(&text), slice_text(code)))
        fail_msg("%s: the bad sample gives \"%s\"", code, buf_text(&text));
    buf_reset(&text);
    if (!compare_samples(before, section(page, "Good"), code, &text))
        fail_msg("%s: the good sample gives %s", code, buf_text(&text));
    buf_done(&text);
}

static void each_code_has_its_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_CODE_COUNT; i++) {
        struct catalogue_entry entry = catalogue_entry((enum check_code)i);
        char path[64], title[256];
        struct buf file;
        buf_init(&file, POLICY_TEXT);
        (void)snprintf(path, sizeof path, "../../docs/checks/%s.md", entry.code); /* short */
        (void)snprintf(title, sizeof title, "# %s: %s\n\nUsually: %s\n", entry.code, entry.title,
                       severity_name(entry.severity)); /* short */
        struct slice page = cases_read(path, &file);
        if (!slice_starts(page, slice_text(title)))
            fail_msg("%s: the page begins with another title", entry.code);
        if (!entry.text || !same_words(section(page, "Why"), slice_text(entry.text)))
            fail_msg("%s: the page gives another reason than --explain", entry.code);
        if (section(page, "Before").size > 0)
            check_reload(page, entry.code);
        else
            check_samples(page, (enum check_code)i);
        buf_done(&file);
    }
}

static void each_page_has_its_code(void **state)
{
    (void)state;
    char path[1024];
    const char *root = getenv("INTERLOCK_ROOT");
    (void)snprintf(path, sizeof path, "%s/docs/checks", root ? root : "."); /* opendir tells */
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct slice name = slice_text(entry->d_name);
        enum check_code code = IL001;
        if (!slice_starts(name, SLICE("IL")))
            continue;
        if (!catalogue_find(slice_first(name, 5), &code) || !slice_is(slice_from(name, 5), ".md"))
            fail_msg("docs/checks/%s is the page of no code", entry->d_name);
        count++;
    }
    (void)closedir(folder); /* only read */
    assert_int_equal(count, CHECK_CODE_COUNT);
}

static void codes_are_found_by_name(void **state)
{
    (void)state;
    enum check_code code = IL001;
    assert_true(catalogue_find(SLICE("IL101"), &code));
    assert_int_equal(code, IL101);
    assert_true(catalogue_find(SLICE("il900"), &code));
    assert_int_equal(code, IL900);
    assert_false(catalogue_find(SLICE("IL999"), &code));
    assert_false(catalogue_find(SLICE("101"), &code));
    assert_false(catalogue_find(SLICE(""), &code));
    struct buf text;
    buf_init(&text, POLICY_TEXT);
    catalogue_explain(IL101, &text);
    assert_non_null(
        strstr(buf_text(&text), "IL101 (error): fix idempotency before enabling retries"));
    assert_non_null(strstr(buf_text(&text), "not_happened: "));
    assert_non_null(strstr(buf_text(&text), "docs/checks/IL101.md"));
    buf_done(&text);
}

/* Design 3, to the letter: `mailer` has no `idempotency:` line, attempts are in line 14. */
static void il101_is_as_designed(void **state)
{
    (void)state;
    static const char installation[] =
        "people: { ana: {}, ben: {} }\n"
        "groups: { finance: [ana, ben], finance-leads: [ana, ben] }\n"
        "upstreams: { mailer: { sandbox: true } }\n";
    static const char policy[] = "# policies/invoice-reminders.yaml\n"
                                 "workflow: invoice-reminders\n"
                                 "owner: finance\n"
                                 "restart: finance-leads\n"
                                 "inform: ana\n"
                                 "mode: observe\n"
                                 "\n"
                                 "steps:\n"
                                 "  send_reminder:\n"
                                 "    kind: email\n"
                                 "    recipient: ${input.email}\n"
                                 "    call: mailer POST /v1/messages\n"
                                 "    key: ${input.invoice}:${input.stage}\n"
                                 "    retry: { attempts: 4 }\n";
    static const char want[] =
        "policies/invoice-reminders.yaml:14:5: error IL101: fix idempotency before enabling "
        "retries\n"
        "   14 |     retry: { attempts: 4 }\n"
        "      |     ^ this step sends; with `idempotency: none` a second try can send twice\n"
        "  Choose one:\n"
        "    1. mailer accepts a key       upstreams: mailer: idempotency: { header: "
        "Idempotency-Key, keeps: 24h }\n"
        "    2. mailer can be asked        check: with call, happened, not_happened   (interlock "
        "check --explain IL101 has a sample)\n"
        "    3. repeating changes nothing  idempotency: by-nature       (PUT with an id, \"set "
        "to\", DELETE)\n"
        "    4. none of these              remove `retry`; an answer that is lost goes to finance "
        "as uncertain, never sent twice\n";
    struct config_file files[] = {{SLICE("interlock.yaml"), slice_text(installation)},
                                  {SLICE("policies/invoice-reminders.yaml"), slice_text(policy)}};
    struct arena arena;
    struct problems problems;
    struct buf text;
    arena_init(&arena, CONFIG_ARENA_MAX);
    problems_init(&problems, &arena);
    buf_init(&text, POLICY_TEXT);
    assert_null(config_load(files, 2, &arena, &problems));
    for (size_t i = 0; i < problems.count; i++)
        if (problems.items[i].code == IL101) {
            problem_add_text(&text, &problems.items[i]);
            assert_true(slice_is(problems.items[i].pointer, "/steps/send_reminder/retry"));
        }
    assert_string_equal(buf_text(&text), want);
    buf_done(&text);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_its_page),
        cmocka_unit_test(each_page_has_its_code),
        cmocka_unit_test(codes_are_found_by_name),
        cmocka_unit_test(il101_is_as_designed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
