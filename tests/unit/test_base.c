/* The leaf tools: each case is a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/prng.h"
#include "base/text.h"

static void buffer_overflow_is_sticky(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_add_text(&buf, "abc");
    assert_true(buf_ok(&buf));
    buf_add_text(&buf, "de");
    buf_add_text(&buf, "f");
    assert_false(buf_ok(&buf));
    assert_string_equal(buf_text(&buf), "abc");
    buf_done(&buf);
}

static void json_text_is_escaped(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    buf_add_json_text(&buf, SLICE("a\"\\\n\x01\xc3\xa9\xff\x7f"));
    assert_string_equal(buf_text(&buf), "\"a\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\\u007f\"");
    buf_done(&buf);
}

static void times_go_round(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    struct prng prng = {1};
    for (int i = 0; i < 10000; i++) {
        int64_t ms = (int64_t)prng_below(&prng, 8000000000000U) - 2000000000000;
        buf_reset(&buf);
        text_add_time(&buf, ms);
        int64_t back = 0;
        assert_true(text_parse_time(buf_slice(&buf), &back));
        assert_int_equal(back, ms);
    }
    static const struct {
        const char *text;
        int64_t ms;
    } dates[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777000},
        {"Sun Nov  6 08:49:37 1994", 784111777000},
        {"Sun, 31 Feb 1994 08:49:37 GMT", -1},
        {"nonsense", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        int64_t got = -1;
        bool is_good = text_parse_http_date(slice_text(dates[i].text), &got);
        assert_int_equal(is_good, dates[i].ms >= 0);
        assert_int_equal(got, dates[i].ms);
    }
    int64_t got = 0;
    assert_true(text_parse_time(SLICE("2026-11-24T08:40:00.5+02:00"), &got));
    buf_reset(&buf);
    text_add_time(&buf, got);
    assert_string_equal(buf_text(&buf), "2026-11-24T06:40:00.500Z");
    assert_false(text_parse_time(SLICE("2026-02-29T00:00:00Z"), &got));
    buf_done(&buf);
}

static void ids_and_durations_go_round(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    struct prng prng = {2};
    for (int i = 0; i < 1000; i++) {
        uint64_t id = prng_next(&prng) >> (i % 64);
        uint64_t back = 0;
        buf_reset(&buf);
        text_add_id(&buf, "a_", id);
        assert_true(text_parse_id(buf_slice(&buf), "a_", &back));
        assert_true(back == id);
        assert_false(text_parse_id(buf_slice(&buf), "r_", &back));
    }
    static const char *const durations[] = {"10ms", "90s", "5m", "25h", "1d"};
    for (size_t i = 0; i < 5; i++) {
        int64_t ms = 0;
        assert_true(text_parse_duration(slice_text(durations[i]), &ms));
        buf_reset(&buf);
        text_add_duration(&buf, ms);
        assert_string_equal(buf_text(&buf), durations[i]);
    }
    int64_t ms = 0;
    assert_false(text_parse_duration(SLICE("5 m"), &ms));
    assert_false(text_parse_duration(SLICE("m"), &ms));
    buf_done(&buf);
}

static void map_agrees_with_an_array(void **state)
{
    (void)state;
    enum { KEYS = 300 };
    bool model[KEYS] = {false};
    struct map map;
    map_init(&map, 200);
    struct prng prng = {3};
    size_t count = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t id = prng_below(&prng, KEYS);
        void *value = &model[id];
        if (prng_below(&prng, 2)) {
            enum err want = count >= 200 ? ERR_LIMIT : model[id] ? ERR_CONFLICT : ERR_OK;
            assert_int_equal(map_put(&map, map_key_u64(id), value), want);
            count += want == ERR_OK;
            model[id] = model[id] || want == ERR_OK;
        } else {
            assert_ptr_equal(map_remove(&map, map_key_u64(id)), model[id] ? value : NULL);
            count -= model[id];
            model[id] = false;
        }
        assert_int_equal(map.count, count);
    }
    for (uint64_t id = 0; id < KEYS; id++)
        assert_ptr_equal(map_get(&map, map_key_u64(id)), model[id] ? &model[id] : NULL);
    map_done(&map);
}

static void arena_has_a_maximum(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 10000);
    for (int i = 0; i < 9; i++)
        assert_non_null(arena_alloc(&arena, 1000));
    assert_null(arena_alloc(&arena, 1000));
    assert_true(arena.overflowed);
    arena_done(&arena);
}

static void arena_is_zeroed_after_a_reset(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1000000);
    arena_reset(&arena);
    for (size_t i = 0; i < 4; i++) {
        char *small = arena_alloc(&arena, 1000);
        char *large = arena_alloc(&arena, 100000 * i);
        assert_true(small && large);
        for (size_t k = 0; k < 1000; k++)
            assert_int_equal(small[k], 0);
        memset(small, 'x', 1000);
        assert_null(arena_alloc(&arena, 1000001));
        arena_reset(&arena);
        assert_true(arena.size == 0 && !arena.overflowed);
    }
    assert_non_null(arena.blocks); /* the small one, kept */
    arena_done(&arena);
}

static void arena_is_zeroed_after_another_life(void **state)
{
    (void)state;
    struct arena_pool pool = {.count_max = 2};
    for (size_t i = 0; i < 4; i++) {
        struct arena arenas[3];
        for (size_t j = 0; j < 3; j++) {
            arena_init_pooled(&arenas[j], 1000000, &pool);
            char *small = arena_alloc(&arenas[j], 1000);
            char *large = arena_alloc(&arenas[j], 100000);
            assert_true(small && large);
            for (size_t k = 0; k < 1000; k++)
                assert_int_equal(small[k], 0);
            memset(small, 'x', 1000);
            memset(large, 'x', 100000);
        }
        for (size_t j = 0; j < 3; j++)
            arena_done(&arenas[j]);
        assert_true(pool.count <= 2);
    }
    arena_pool_done(&pool);
    assert_true(!pool.blocks && pool.count == 0);
}

static void utf8_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool is_good;
    } cases[] = {
        {"plain", true},         {"\xc3\xa9", true},      {"\xf0\x9f\x98\x80", true},
        {"\xc0\x80", false},     {"\xed\xa0\x80", false}, {"\xf4\x90\x80\x80", false},
        {"\xe0\x80\x80", false}, {"\xc3", false},         {"\xff", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(text_is_utf8(slice_text(cases[i].bytes)), cases[i].is_good);
    struct buf buf;
    buf_init(&buf, 100);
    text_add_base64(&buf, SLICE("fooba"));
    text_add_base32(&buf, SLICE("foobar"));
    assert_string_equal(buf_text(&buf), "Zm9vYmE=mzxw6ytboi");
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_overflow_is_sticky),
        cmocka_unit_test(json_text_is_escaped),
        cmocka_unit_test(times_go_round),
        cmocka_unit_test(ids_and_durations_go_round),
        cmocka_unit_test(map_agrees_with_an_array),
        cmocka_unit_test(arena_has_a_maximum),
        cmocka_unit_test(arena_is_zeroed_after_a_reset),
        cmocka_unit_test(arena_is_zeroed_after_another_life),
        cmocka_unit_test(utf8_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
