/* record/identity, record/canonical, record/difference: inputs that are the same are one action. */
#include "unit/cases.h"

#include "base/limits.h"
#include "base/prng.h"
#include "base/text.h"
#include "record/difference.h"
#include "record/identity.h"

static const unsigned char installation_key[IDENTITY_KEY_SIZE] = "0123456789abcdef0123456789abcdef";

static void case_run(const struct cases_line *line)
{
    struct identity identity;
    struct arena arena;
    unsigned char a[IDENTITY_SIZE] = {0};
    unsigned char b[IDENTITY_SIZE] = {0};
    assert_int_equal(identity_init(&identity, installation_key), ERR_OK);
    arena_init(&arena, 1 << 20);
    enum err err_a = identity_fingerprint(&identity, line->parts[1], a);
    if (slice_is(line->parts[0], "refused")) {
        if (err_a != ERR_INVALID && err_a != ERR_LIMIT)
            fail_msg("%s:%d: taken", line->file, line->number);
    } else {
        struct difference_list list;
        struct buf found;
        buf_init(&found, 10000);
        if (err_a != ERR_OK || identity_fingerprint(&identity, line->parts[2], b) != ERR_OK)
            fail_msg("%s:%d: refused", line->file, line->number);
        bool is_same = memcmp(a, b, sizeof a) == 0;
        difference_find(&identity.canonical, line->parts[1], line->parts[2], &arena, &list);
        buf_add_text(&found, list.count > 0 ? "differs " : "same");
        difference_add_text(&list, &found);
        if (!slice_equal(buf_slice(&found), line->parts[0]) || is_same != (list.count == 0))
            fail_msg("%s:%d: got \"%s\", fingerprints %s", line->file, line->number,
                     buf_text(&found), is_same ? "equal" : "different");
        buf_done(&found);
    }
    arena_done(&arena);
    identity_done(&identity);
}

static void cases_hold(void **state)
{
    (void)state;
    assert_true(cases_run("canonical.cases", case_run) > 60);
}

static void assert_hex(const unsigned char *bytes, size_t size, const char *want)
{
    struct buf hex;
    buf_init(&hex, 1000);
    text_add_hex(&hex, slice_of(bytes, size));
    assert_string_equal(buf_text(&hex), want);
    buf_done(&hex);
}

/* Computed by another implementation (python hmac): a change of these loses every stored key. */
static void hashes_never_change(void **state)
{
    (void)state;
    struct identity identity;
    unsigned char hash[IDENTITY_SIZE];
    assert_int_equal(identity_init(&identity, installation_key), ERR_OK);
    struct identity_name name = {SLICE("invoice-reminders"), SLICE("send_reminder"),
                                 SLICE("INV-2041:2")};
    identity_key(&identity, &name, hash);
    assert_hex(hash, sizeof hash, "e0dc13e2fff1234087fea60ae9f749f8");
    identity_run(&identity, &name, hash);
    assert_hex(hash, sizeof hash, "0ee90376505485ea926559d5c702fc51");
    identity_check(&identity, hash);
    assert_hex(hash, sizeof hash, "1d25b2aa12a4b5735557e94a0044ca53");
    assert_int_equal(identity_fingerprint(&identity, SLICE("{\"b\":1.50,\"a\":\"x\"}"), hash),
                     ERR_OK);
    assert_hex(hash, sizeof hash, "f77829c510215accebec299ba53e053b");
    struct identity_route route = {name.workflow, name.step, name.text, 1, 0, 2};
    struct buf key;
    buf_init(&key, 100);
    identity_provider_key(&identity, &route, &key);
    assert_string_equal(buf_text(&key), "pqmn7ug65pakjq3pj5jqfq24tz3mkfykzegxqq6vsdup4vpcsm5q");
    assert_int_equal(key.size, IDENTITY_PROVIDER_KEY);
    buf_done(&key);
    identity_done(&identity);
}

/* R7: `A:1` + `2` and `A` + `1:2` are two actions; so are a key and a run of the same bytes. */
static void parts_do_not_run_together(void **state)
{
    (void)state;
    struct identity identity;
    assert_int_equal(identity_init(&identity, installation_key), ERR_OK);
    const struct identity_name names[] = {
        {SLICE("ab"), SLICE("c"), SLICE("d")}, {SLICE("a"), SLICE("bc"), SLICE("d")},
        {SLICE("a"), SLICE("b"), SLICE("cd")}, {SLICE(""), SLICE("abc"), SLICE("d")},
        {SLICE("ab"), SLICE(""), SLICE("cd")}, {SLICE("ab"), SLICE("c"), SLICE("d\0")},
    };
    enum { NAMES = sizeof names / sizeof *names };
    unsigned char hashes[2 * NAMES][IDENTITY_SIZE];
    for (size_t i = 0; i < NAMES; i++) {
        identity_key(&identity, &names[i], hashes[i]);
        identity_run(&identity, &names[i], hashes[NAMES + i]);
    }
    for (size_t i = 0; i < 2 * NAMES; i++)
        for (size_t j = i + 1; j < 2 * NAMES; j++)
            assert_memory_not_equal(hashes[i], hashes[j], IDENTITY_SIZE);
    identity_done(&identity);
}

/* R4: each of these makes another provider key, and nothing else does. */
static void provider_keys_differ_by_every_part(void **state)
{
    (void)state;
    struct identity identity;
    assert_int_equal(identity_init(&identity, installation_key), ERR_OK);
    const struct identity_route routes[] = {
        {SLICE("w"), SLICE("s"), SLICE("k"), 0, 0, 0},
        {SLICE("w"), SLICE("s"), SLICE("k"), 1, 0, 0},
        {SLICE("w"), SLICE("s"), SLICE("k"), 0, 1, 0},
        {SLICE("w"), SLICE("s"), SLICE("k"), 0, 0, 1},
        {SLICE("w"), SLICE("s"), SLICE("l"), 0, 0, 0},
        {SLICE("w"), SLICE("t"), SLICE("k"), 0, 0, 0},
        {SLICE("v"), SLICE("s"), SLICE("k"), 0, 0, 0},
        {SLICE("w"), SLICE("s"), SLICE("k"), 0, 0, 0},
    };
    enum { ROUTES = sizeof routes / sizeof *routes };
    struct buf keys;
    buf_init(&keys, 10000);
    for (size_t i = 0; i < ROUTES; i++)
        identity_provider_key(&identity, &routes[i], &keys);
    for (size_t i = 0; i < ROUTES; i++)
        for (size_t j = i + 1; j < ROUTES; j++) {
            bool is_same = memcmp(keys.at + i * IDENTITY_PROVIDER_KEY,
                                  keys.at + j * IDENTITY_PROVIDER_KEY, IDENTITY_PROVIDER_KEY) == 0;
            assert_int_equal(is_same, i == 0 && j == ROUTES - 1);
        }
    buf_done(&keys);
    identity_done(&identity);
}

/* Two walks of one random tree: members in another order, numbers and strings spelled anew. */
static void tree_add(struct buf *out, uint64_t seed, struct prng *style, int depth);

static void tree_add_number(struct buf *out, uint64_t seed, struct prng *style)
{
    struct prng prng = {seed};
    int64_t digits = (int64_t)prng_below(&prng, 100000) - 50000;
    int shift = (int)prng_below(style, 4);
    buf_add_i64(out, digits);
    for (int i = 0; i < shift; i++)
        buf_add_byte(out, '0');
    if (prng_below(style, 2))
        buf_add_text(out, ".00");
    buf_add_fmt(out, "e%d", (int)prng_below(&prng, 40) - 20 - shift);
}

static void tree_add_text(struct buf *out, uint64_t seed, struct prng *style)
{
    struct prng prng = {seed};
    buf_add_byte(out, '"');
    for (uint64_t n = prng_below(&prng, 6); n > 0; n--) {
        char letter = (char)('a' + prng_below(&prng, 4));
        if (prng_below(style, 3) == 0)
            buf_add_fmt(out, "\\u00%02X", (unsigned)letter);
        else
            buf_add_byte(out, letter);
    }
    buf_add_byte(out, '"');
}

static void tree_add_members(struct buf *out, uint64_t seed, struct prng *style, int depth)
{
    struct prng prng = {seed};
    uint64_t count = prng_below(&prng, 6);
    uint64_t first = count ? prng_below(style, count) : 0;
    buf_add_byte(out, '{');
    for (uint64_t i = 0; i < count; i++) {
        uint64_t member = (first + i) % count;
        buf_add_text(out, i > 0 ? " ,\n" : prng_below(style, 2) ? " " : "");
        buf_add_fmt(out, "\"m%u\":", (unsigned)(member * 7 % 11));
        tree_add(out, seed + member + 1, style, depth + 1);
    }
    buf_add_byte(out, '}');
}

static void tree_add(struct buf *out, uint64_t seed, struct prng *style, int depth)
{
    struct prng prng = {seed * 977};
    switch (depth >= 4 ? prng_below(&prng, 3) : prng_below(&prng, 6)) {
    case 0:
        tree_add_number(out, prng_next(&prng), style);
        return;
    case 1:
        tree_add_text(out, prng_next(&prng), style);
        return;
    case 2:
        buf_add_text(out, prng_below(&prng, 2) ? "true" : "null");
        return;
    case 3:
        buf_add_byte(out, '[');
        tree_add(out, prng_next(&prng), style, depth + 1);
        buf_add_byte(out, ',');
        tree_add(out, prng_next(&prng), style, depth + 1);
        buf_add_byte(out, ']');
        return;
    default:
        tree_add_members(out, prng_next(&prng), style, depth);
    }
}

static void any_spelling_is_the_same(void **state)
{
    (void)state;
    struct identity identity;
    struct prng style = {20261124};
    unsigned char hashes[2][IDENTITY_SIZE];
    unsigned char before[IDENTITY_SIZE] = {0};
    assert_int_equal(identity_init(&identity, installation_key), ERR_OK);
    int equal_neighbours = 0;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        for (int i = 0; i < 2; i++) {
            struct buf json;
            buf_init(&json, 1 << 20);
            buf_add_text(&json, "{\"x\":");
            tree_add(&json, seed, &style, 0);
            buf_add_text(&json, "}");
            if (identity_fingerprint(&identity, buf_slice(&json), hashes[i]) != ERR_OK)
                fail_msg("seed %d: %s", (int)seed, buf_text(&json));
            buf_done(&json);
        }
        if (memcmp(hashes[0], hashes[1], IDENTITY_SIZE) != 0)
            fail_msg("seed %d: two spellings differ", (int)seed);
        equal_neighbours += memcmp(hashes[0], before, IDENTITY_SIZE) == 0;
        memcpy(before, hashes[0], IDENTITY_SIZE);
    }
    assert_true(equal_neighbours < 300); /* null, true and {} come again and again */
    identity_done(&identity);
}

static void many_members_cost_a_bounded_time(void **state)
{
    (void)state;
    struct canonical canonical;
    struct arena arena;
    struct difference_list list;
    struct buf a;
    struct buf b;
    buf_init(&a, 4 << 20);
    buf_init(&b, 4 << 20);
    for (int i = 0; i < 60000; i++) {
        buf_add_fmt(&a, "%c\"m%d\":1", i ? ',' : '{', i);
        buf_add_fmt(&b, "%c\"m%d\":1", i ? ',' : '{', 59999 - i);
    }
    buf_add_text(&a, "}");
    buf_add_text(&b, ",\"z\":1}");
    canonical_init(&canonical);
    arena_init(&arena, 1 << 20);
    assert_false(canonical_equal(&canonical, buf_slice(&a), buf_slice(&b)));
    difference_find(&canonical, buf_slice(&a), buf_slice(&b), &arena, &list);
    assert_true(list.is_more);
    arena_done(&arena);
    canonical_done(&canonical);
    buf_done(&a);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_hold),
        cmocka_unit_test(hashes_never_change),
        cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(provider_keys_differ_by_every_part),
        cmocka_unit_test(any_spelling_is_the_same),
        cmocka_unit_test(many_members_cost_a_bounded_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
