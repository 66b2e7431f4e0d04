#include "policy/words.h"

#include "base/text.h"

bool words_init(struct words *words, struct load *load, const struct yaml *node)
{
    if (!read_is_text(load, node))
        return false;
    *words = (struct words){.load = load, .node = node, .text = node->text};
    return true;
}

static bool words_is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n';
}

static void words_skip(struct words *words)
{
    while (words->at < words->text.size && words_is_blank(words->text.at[words->at]))
        words->at++;
}

bool words_are_over(struct words *words)
{
    words_skip(words);
    return words->at == words->text.size;
}

struct slice words_peek(struct words *words)
{
    words_skip(words);
    struct slice rest = slice_from(words->text, words->at);
    size_t size = 0;
    while (size < rest.size && !words_is_blank(rest.at[size]) && rest.at[size] != ',')
        size++;
    if (size == 0 && rest.size > 0)
        size = 1;
    return slice_first(rest, size);
}

struct slice words_next(struct words *words)
{
    struct slice word = words_peek(words);
    words->at += word.size;
    return word;
}

bool words_take(struct words *words, const char *word)
{
    struct slice next = words_peek(words);
    if (!slice_is(next, word))
        return false;
    words->at += next.size;
    return true;
}

bool words_take_all(struct words *words, const char *phrase)
{
    size_t before = words->at;
    struct slice rest = slice_text(phrase);
    while (rest.size > 0) {
        struct slice word = slice_first(rest, slice_find(rest, ' '));
        if (!slice_equal(words_peek(words), word)) {
            words->at = before;
            return false;
        }
        words->at += word.size;
        rest = slice_from(rest, word.size + 1);
    }
    return true;
}

bool words_take_duration(struct words *words, int64_t *out_ms)
{
    int64_t ms = 0;
    struct slice word = words_peek(words);
    if (!text_parse_duration(word, &ms) || ms > KIND_MS_MAX)
        return false;
    words->at += word.size;
    *out_ms = ms;
    return true;
}

bool words_take_time(struct words *words, int64_t *out_ms)
{
    size_t before = words->at;
    int64_t ms = 0;
    if (words_take_duration(words, &ms) && ms > 0) {
        *out_ms = ms;
        return true;
    }
    words->at = before;
    return false;
}

bool words_take_int(struct words *words, int64_t *out_value)
{
    uint64_t value = 0;
    struct slice word = words_peek(words);
    if (!slice_to_u64(word, 1000000000000, &value))
        return false;
    words->at += word.size;
    *out_value = (int64_t)value;
    return true;
}

struct slice words_rest(struct words *words, size_t *out_at)
{
    words_skip(words);
    struct slice rest = slice_from(words->text, words->at);
    *out_at = words->at;
    words->at = words->text.size;
    while (rest.size > 0 && words_is_blank(rest.at[rest.size - 1]))
        rest.size--;
    return rest;
}

bool words_refuse(struct words *words, const char *want)
{
    if (read_tells_cut(words->load, words->node))
        return false;
    struct slice got = words_peek(words);
    struct problem *problem = read_problem_in(words->load, IL016, words->node, words->at);
    if (got.size > 0)
        problem_message(words->load->problems, problem, "%s is expected here, not `%.*s`", want,
                        SLICE_FMT(slice_first(got, LIMIT_NAME)));
    else
        problem_message(words->load->problems, problem,
                        "the sentence ends too early: %s is missing", want);
    return false;
}
