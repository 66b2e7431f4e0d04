#include "policy/expr_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct expr_regex {
    pcre2_code *code;
};

enum { EXPR_REPEAT_MAX = 1000 }; /* RE2's own limit for {n,m} */

static void *expr_regex_alloc(PCRE2_SIZE size, void *arena)
{
    return arena_alloc(arena, size);
}

static void expr_regex_free(void *memory, void *arena)
{
    (void)memory; /* the arena frees it with everything else */
    (void)arena;
}

/* What may follow a backslash, outside of a class or inside of it. \v is left out: it means another
 * thing in each. \1 is a back-reference, \0 an octal escape in both. */
static bool expr_regex_escape_is_shared(char c, bool is_in_class)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c >= '0' && c <= '9')
        return c == '0';
    return !is_letter || strchr("aftnrxdDsSwWpPQE", c) || (!is_in_class && strchr("AzbB", c));
}

/* After "(?": flags or a name, as RE2 has them. */
static bool expr_regex_group_is_shared(struct slice rest)
{
    if (slice_starts(rest, SLICE("P<")))
        return true;
    size_t i = 0;
    while (i < rest.size && rest.at[i] && strchr("imsU-", rest.at[i]))
        i++;
    return i < rest.size && (rest.at[i] == ':' || (rest.at[i] == ')' && i > 0));
}

/* Where the text is found in the pattern, and its end; or the end of the pattern. */
static size_t expr_regex_after(struct slice pattern, size_t from, const char *text)
{
    struct slice wanted = slice_text(text);
    while (from < pattern.size && !slice_starts(slice_from(pattern, from), wanted))
        from++;
    return from < pattern.size ? from + wanted.size : pattern.size;
}

/* An escape at `at`: where it ends, or 0 when RE2 does not have it. */
static size_t expr_regex_skip_escape(struct slice pattern, size_t at, bool is_in_class)
{
    char c = at + 1 < pattern.size ? pattern.at[at + 1] : '\0';
    if (c == '\0' || !expr_regex_escape_is_shared(c, is_in_class))
        return 0;
    if (c == 'Q')
        return expr_regex_after(pattern, at + 2, "\\E");
    bool is_braced = strchr("pPx", c) && at + 2 < pattern.size && pattern.at[at + 2] == '{';
    return is_braced ? expr_regex_after(pattern, at + 2, "}") : at + 2;
}

/* A class that opens at `at`: where it ends, or 0 when something in it is not RE2's. */
static size_t expr_regex_skip_class(struct slice pattern, size_t at)
{
    at++;
    if (at < pattern.size && pattern.at[at] == '^')
        at++;
    size_t first = at;
    while (at < pattern.size && (pattern.at[at] != ']' || at == first)) {
        if (slice_starts(slice_from(pattern, at), SLICE("[:")))
            at = expr_regex_after(pattern, at, ":]");
        else if (pattern.at[at] != '\\')
            at++;
        else if ((at = expr_regex_skip_escape(pattern, at, true)) == 0)
            return 0;
    }
    return at + 1;
}

/* "{n}", "{n,}", "{n,m}" at `at`: where it ends. A literal brace: at + 1. 0: more than 1000. */
static size_t expr_regex_skip_repeat(struct slice pattern, size_t at)
{
    size_t end = at + 1;
    while (end < pattern.size && ((pattern.at[end] >= '0' && pattern.at[end] <= '9') ||
                                  (pattern.at[end] == ',' && end > at + 1)))
        end++;
    if (end == at + 1 || end == pattern.size || pattern.at[end] != '}')
        return at + 1;
    struct slice inner = slice_of(pattern.at + at + 1, end - at - 1);
    size_t comma = slice_find(inner, ',');
    struct slice most = slice_from(inner, comma + 1);
    uint64_t number = 0;
    if (!slice_to_u64(slice_first(inner, comma), EXPR_REPEAT_MAX, &number) ||
        (most.size > 0 && !slice_to_u64(most, EXPR_REPEAT_MAX, &number)))
        return 0;
    return end + 1;
}

/* The first construct that RE2 lacks, or NULL; PCRE2 itself checks the rest. */
static const char *expr_regex_foreign(struct slice p)
{
    size_t at = 0;
    while (at < p.size) {
        struct slice rest = slice_from(p, at + 1);
        char c = p.at[at];
        bool is_repeat = c == '*' || c == '+' || c == '?';
        if (c == '(' && slice_starts(rest, SLICE("*")))
            return "RE2 has no verbs";
        if (c == '(' && slice_starts(rest, SLICE("?"))) {
            if (!expr_regex_group_is_shared(slice_from(rest, 1)))
                return "RE2 has no such group";
            at += 2;
        } else if (c == '\\') {
            at = expr_regex_skip_escape(p, at, false);
            if (at == 0)
                return "RE2 has no such escape";
        } else if (c == '[') {
            at = expr_regex_skip_class(p, at);
            if (at == 0)
                return "RE2 has no such escape";
        } else if (c == '{') {
            size_t end = expr_regex_skip_repeat(p, at);
            if (end == 0)
                return "a repeat is at most 1000";
            is_repeat = end > at + 1;
            at = end;
        } else {
            at++;
        }
        if (is_repeat && at < p.size && p.at[at] == '+')
            return "RE2 has no possessive repeats";
    }
    return NULL;
}

static struct slice expr_regex_message(struct arena *arena, int code, size_t offset)
{
    PCRE2_UCHAR text[256] = "";
    (void)pcre2_get_error_message(code, text, sizeof text); /* an empty text is acceptable */
    return arena_fmt(arena, "%s (at byte %zu of it)", (const char *)text, offset);
}

const struct expr_regex *expr_regex_new(struct arena *arena, struct slice pattern,
                                        struct slice *out_why)
{
    const char *foreign = expr_regex_foreign(pattern);
    if (foreign) {
        *out_why = slice_text(foreign);
        return NULL;
    }
    struct expr_regex *regex = ARENA_NEW(arena, struct expr_regex);
    pcre2_general_context *general =
        pcre2_general_context_create(expr_regex_alloc, expr_regex_free, arena);
    pcre2_compile_context *context = general ? pcre2_compile_context_create(general) : NULL;
    if (!regex || !context || pcre2_set_newline(context, PCRE2_NEWLINE_LF) != 0) {
        *out_why = SLICE("out of memory");
        return NULL;
    }
    int code = 0;
    PCRE2_SIZE offset = 0;
    uint32_t options =
        PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    regex->code = pcre2_compile((PCRE2_SPTR)(pattern.at ? pattern.at : ""), pattern.size, options,
                                &code, &offset, context);
    if (!regex->code) {
        *out_why = expr_regex_message(arena, code, offset);
        return NULL;
    }
    return regex;
}

/* What one match may still do. PCRE2's own limit starts anew at each position of the text, and does
 * not see how far one repeat runs; this counts every item tried and every 16 bytes passed over. */
struct expr_regex_budget {
    size_t left;
    size_t position;
};

static int expr_regex_callout(pcre2_callout_block *block, void *data)
{
    struct expr_regex_budget *budget = data;
    size_t position = block->current_position;
    size_t moved =
        position > budget->position ? position - budget->position : budget->position - position;
    size_t cost = 1 + moved / 16;
    budget->position = position;
    if (cost > budget->left)
        return PCRE2_ERROR_CALLOUT;
    budget->left -= cost;
    return 0;
}

enum expr_regex_result expr_regex_matches(const struct expr_regex *regex, struct slice text,
                                          struct arena *scratch, size_t *out_cost)
{
    pcre2_general_context *general =
        pcre2_general_context_create(expr_regex_alloc, expr_regex_free, scratch);
    pcre2_match_context *context = general ? pcre2_match_context_create(general) : NULL;
    pcre2_match_data *data = context ? pcre2_match_data_create(1, general) : NULL;
    *out_cost = 0;
    if (!data)
        return EXPR_REGEX_MEMORY;
    struct expr_regex_budget budget = {LIMIT_REGEX_MATCH, 0};
    /* These return 0 always. */
    (void)pcre2_set_callout(context, expr_regex_callout, &budget);
    (void)pcre2_set_match_limit(context, LIMIT_REGEX_MATCH);
    (void)pcre2_set_heap_limit(context, LIMIT_REGEX_HEAP / 1024);
    int found = pcre2_match(regex->code, (PCRE2_SPTR)(text.at ? text.at : ""), text.size, 0, 0,
                            data, context);
    *out_cost = LIMIT_REGEX_MATCH - budget.left;
    if (found >= 0)
        return EXPR_REGEX_YES;
    if (found == PCRE2_ERROR_NOMATCH)
        return EXPR_REGEX_NO;
    return found == PCRE2_ERROR_NOMEMORY ? EXPR_REGEX_MEMORY : EXPR_REGEX_COST;
}
