/* Slices, exact strings, and the string that grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cairn/str.h>

#include "core/fast.h"
#include "support/tight_allocator.h"

static struct tight_allocator tight = {.limit = SIZE_MAX};
static const struct cairn_allocator allocator = TIGHT_ALLOCATOR(&tight);

static int set_up(void **state) {
    (void)state;
    tight = (struct tight_allocator){.limit = SIZE_MAX};
    return 0;
}

static int nothing_is_left(void **state) {
    (void)state;
    return tight.objects != 0 || tight.used != 0;
}

static void assert_slice(struct cairn_slice slice, const char *text) {
    assert_int_equal(slice.length, strlen(text));
    assert_true(cairn_slice_equal(slice, cairn_slice_of(text)));
}

/* --- slices ----------------------------------------------------------------------------------- */

static void slices_are_cut(void **state) {
    (void)state;
    struct cairn_slice slice = cairn_slice_of("some text");
    assert_slice(cairn_slice_part(slice, 5, 4), "text");
    assert_slice(cairn_slice_part(slice, 5, SIZE_MAX), "text");
    assert_slice(cairn_slice_part(slice, 9, 1), "");
    assert_slice(cairn_slice_part(slice, SIZE_MAX, SIZE_MAX), "");
    assert_slice(cairn_slice_part(cairn_slice_of(NULL), 1, 1), "");
    assert_slice(cairn_slice_trim(cairn_slice_of(" \t a b\r\n")), "a b");
    assert_slice(cairn_slice_trim(cairn_slice_of(" \n ")), "");
    assert_slice(cairn_slice_trim(cairn_slice_of(NULL)), "");
}

static void slices_are_compared(void **state) {
    (void)state;
    struct cairn_slice slice = cairn_slice_of("some text");
    assert_true(cairn_slice_equal(cairn_slice_of(""), cairn_slice_of(NULL)));
    assert_false(cairn_slice_equal(cairn_slice_of("a"), cairn_slice_of("b")));
    assert_true(cairn_slice_starts_with(slice, cairn_slice_of("some")));
    assert_false(cairn_slice_starts_with(slice, cairn_slice_of("some text.")));
    assert_true(cairn_slice_ends_with(slice, cairn_slice_of("text")));
    assert_true(cairn_slice_ends_with(slice, cairn_slice_of("")));
    assert_false(cairn_slice_ends_with(slice, cairn_slice_of("a some text")));
    assert_int_equal(cairn_slice_find(slice, cairn_slice_of("te")), 5);
    assert_int_equal(cairn_slice_find(slice, cairn_slice_of("")), 0);
    assert_int_equal(cairn_slice_find(slice, cairn_slice_of("tea")), CAIRN_NOT_FOUND);
    assert_int_equal(cairn_slice_find(cairn_slice_of(NULL), cairn_slice_of("a")), CAIRN_NOT_FOUND);
}

static void assert_pieces(const char *text, size_t count, const char *const *pieces) {
    struct cairn_slice rest = cairn_slice_of(text);
    struct cairn_slice piece;
    for (size_t i = 0; i < count; i++) {
        assert_true(cairn_slice_cut(&rest, ',', &piece));
        assert_slice(piece, pieces[i]);
    }
    assert_false(cairn_slice_cut(&rest, ',', &piece));
    assert_false(cairn_slice_cut(&rest, ',', &piece));
}

static void slices_are_split(void **state) {
    (void)state;
    assert_pieces("a,bc,", 3, (const char *const[]){"a", "bc", ""});
    assert_pieces(",a", 2, (const char *const[]){"", "a"});
    assert_pieces("", 1, (const char *const[]){""});
    assert_pieces(NULL, 0, NULL);
}

/* --- exact strings ---------------------------------------------------------------------------- */

static void assert_exact(char *text, const char *expected) {
    assert_string_equal(text, expected);
    assert_int_equal(tight.used, strlen(expected) + 1);
    cairn_strfree_in(&allocator, text);
}

static void strings_are_exact(void **state) {
    (void)state;
    assert_exact(cairn_strcat_in(&allocator, "some ", "text"), "some text");
    assert_exact(cairn_strcat_in(&allocator, NULL, "text"), "text");
    assert_exact(cairn_strcat_in(&allocator, NULL, NULL), "");
    assert_exact(cairn_strdup_in(&allocator, "text"), "text");
    assert_exact(cairn_strndup_in(&allocator, "text", 2), "te");
    assert_exact(cairn_strndup_in(&allocator, "text", SIZE_MAX), "text");
    assert_exact(cairn_strndup_in(&allocator, (const char[]){'a', 'b'}, 2), "ab");
    assert_exact(cairn_strndup_in(&allocator, NULL, 2), "");
    assert_exact(cairn_strprintf_in(&allocator, "%d %s", 12, "text"), "12 text");
    struct cairn_slice pieces[] = {cairn_slice_of("a"), cairn_slice_of(NULL), cairn_slice_of("c")};
    assert_exact(cairn_strjoin_in(&allocator, pieces, 3, ", "), "a, , c");
    assert_exact(cairn_strjoin_in(&allocator, pieces, 3, NULL), "ac");
    assert_exact(cairn_strjoin_in(&allocator, pieces, 1, ", "), "a");
    assert_exact(cairn_strjoin_in(&allocator, NULL, 0, ", "), "");
    cairn_strfree_in(&allocator, NULL);
}

static void strings_are_of_the_heap(void **state) {
    (void)state;
    struct cairn_slice pieces[] = {cairn_slice_of("a"), cairn_slice_of("b")};
    char *texts[] = {cairn_strcat("some ", "text"), cairn_strdup("text"), cairn_strndup("text", 2),
                     cairn_strprintf("%s-%d", "text", 7), cairn_strjoin(pieces, 2, "-")};
    static const char *const expected[] = {"some text", "text", "te", "text-7", "a-b"};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(texts[i], expected[i]);
        assert_true(usable_size("test", texts[i]) >= strlen(expected[i]) + 1);
        cairn_strfree_in(NULL, texts[i]);
    }
}

static void exact_strings_need_memory(void **state) {
    (void)state;
    tight.limit = 9;
    assert_null(cairn_strcat_in(&allocator, "some ", "text"));
    assert_null(cairn_strdup_in(&allocator, "some text"));
    assert_null(cairn_strprintf_in(&allocator, "%9d", 1));
    static const char byte;
    struct cairn_slice huge[] = {{&byte, SIZE_MAX / 2}, {&byte, SIZE_MAX / 2}, {&byte, 10}};
    assert_null(cairn_strjoin_in(&allocator, huge, 3, NULL)); /* the sum wraps */
    assert_null(cairn_strjoin_in(NULL, huge, 1, NULL));
}

/* --- the string that grows -------------------------------------------------------------------- */

static void assert_text(const struct cairn_str *string, const char *text) {
    assert_string_equal(cairn_str_text(string), text);
    assert_int_equal(string->length, strlen(text));
    assert_true(string->length < string->capacity || string->capacity == 0);
}

static void a_string_grows(void **state) {
    (void)state;
    struct cairn_str string;
    cairn_str_init(&string, &allocator);
    assert_text(&string, "");
    assert_true(cairn_str_append(&string, "some"));
    assert_true(cairn_str_append_byte(&string, ' '));
    assert_true(cairn_str_append(&string, NULL));
    assert_true(cairn_str_printf(&string, "%s %d", "text", 7));
    assert_text(&string, "some text 7");
    assert_true(cairn_str_insert(&string, 4, cairn_slice_of(", more")));
    assert_true(cairn_str_insert(&string, 0, cairn_slice_of("> ")));
    assert_true(cairn_str_insert(&string, string.length, cairn_slice_of(" <")));
    assert_text(&string, "> some, more text 7 <");
    assert_true(cairn_str_remove(&string, 2, 6));
    assert_true(cairn_str_remove(&string, 15, 0));
    assert_text(&string, "> more text 7 <");
    cairn_str_truncate(&string, 100);
    cairn_str_truncate(&string, 6);
    assert_text(&string, "> more");
    cairn_str_shrink(&string);
    assert_int_equal(tight.used, 7);
    cairn_str_clear(&string);
    assert_text(&string, "");
    cairn_str_destroy(&string);
    cairn_str_destroy(&string);
    assert_text(&string, "");
}

static void byte_by_byte(void **state) {
    (void)state;
    struct cairn_str string = {0};
    for (size_t i = 0; i < 100000; i++) {
        assert_true(cairn_str_append_byte(&string, (char)('a' + i % 26)));
        assert_int_equal(string.bytes[i + 1], 0);
    }
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(string.bytes[i], (char)('a' + i % 26));
    }
    cairn_str_destroy(&string);
}

/* The allocator moves and overwrites on each growth, so a stale address shows. */
static void its_own_text_is_a_source(void **state) {
    (void)state;
    struct cairn_str string = {.allocator = &allocator};
    assert_true(cairn_str_append(&string, "abc"));
    for (int i = 0; i < 8; i++) {
        assert_true(cairn_str_append_slice(&string, cairn_str_slice(&string)));
    }
    assert_int_equal(string.length, 3 << 8);
    assert_int_equal(cairn_slice_find(cairn_str_slice(&string), cairn_slice_of("abcb")),
                     CAIRN_NOT_FOUND);
    cairn_str_truncate(&string, 6);
    assert_true(cairn_str_insert(&string, 2, cairn_slice_part(cairn_str_slice(&string), 1, 4)));
    assert_text(&string, "abbcabcabc"); /* the source straddles the place */
    assert_true(cairn_str_insert(&string, 0, cairn_slice_part(cairn_str_slice(&string), 2, 3)));
    assert_text(&string, "bcaabbcabcabc");
    cairn_str_truncate(&string, 2);
    for (int i = 0; i < 8; i++) {
        assert_true(cairn_str_printf(&string, "-%s", cairn_str_text(&string)));
    }
    assert_int_equal(string.length, (2 + 1) * 256 - 1);
    assert_memory_equal(string.bytes, "bc-bc-bc-", 9);
    assert_memory_equal(string.bytes + string.length - 5, "bc-bc", 6);
    cairn_str_destroy(&string);
}

static void printing_fills_to_the_brim(void **state) {
    (void)state;
    for (int length = 0; length < 200; length++) {
        struct cairn_str string = {.allocator = &allocator};
        assert_true(cairn_str_append(&string, "ab"));
        assert_true(cairn_str_printf(&string, "%*s", length, length == 0 ? "" : "x"));
        assert_int_equal(string.length, 2 + length);
        assert_int_equal(strlen(string.bytes), 2 + length);
        assert_memory_equal(string.bytes, "ab", 2);
        assert_true(length == 0 || string.bytes[length + 1] == 'x');
        cairn_str_destroy(&string);
    }
}

static void a_failure_stays(void **state) {
    (void)state;
    struct cairn_str string = {.allocator = &allocator};
    assert_true(cairn_str_append(&string, "some text"));
    tight.limit = tight.used;
    static const char long_text[] =
        "a text that is longer than all of the sixty-four bytes that it had";
    assert_false(cairn_str_append(&string, long_text));
    assert_true(cairn_str_failed(&string));
    assert_false(cairn_str_append_byte(&string, 'a')); /* would fit, but leave a hole */
    assert_false(cairn_str_append(&string, ""));
    assert_false(cairn_str_printf(&string, "%d", 1));
    assert_false(cairn_str_insert(&string, 0, cairn_slice_of("a")));
    assert_false(cairn_str_remove(&string, 0, 1));
    assert_null(cairn_str_take(&string));
    assert_text(&string, "some text");
    cairn_str_clear(&string);
    assert_false(cairn_str_failed(&string));
    assert_true(cairn_str_printf(&string, "%d", 1));
    assert_false(cairn_str_printf(&string, "%s", long_text));
    assert_text(&string, "1");
    cairn_str_destroy(&string);
}

static void positions_are_checked(void **state) {
    (void)state;
    struct cairn_str string = {.allocator = &allocator};
    assert_true(cairn_str_remove(&string, 0, 0));
    assert_true(cairn_str_append(&string, "text"));
    assert_false(cairn_str_insert(&string, 5, cairn_slice_of("a")));
    cairn_str_clear(&string);
    assert_false(cairn_str_remove(&string, 1, SIZE_MAX));
    cairn_str_clear(&string);
    assert_false(cairn_str_reserve(&string, SIZE_MAX));
    cairn_str_clear(&string);
    static const char byte;
    struct cairn_slice huge = {&byte, SIZE_MAX - 2};
    assert_true(cairn_str_append(&string, "text"));
    assert_false(cairn_str_append_slice(&string, huge)); /* the sum wraps */
    assert_text(&string, "text");
    cairn_str_destroy(&string);
}

static void a_text_is_taken(void **state) {
    (void)state;
    struct cairn_str string = {.allocator = &allocator};
    assert_exact(cairn_str_take(&string), "");
    assert_true(cairn_str_append(&string, "some text"));
    tight.fail_at = tight.calls + 1;
    assert_null(cairn_str_take(&string)); /* it can't be made exact */
    assert_text(&string, "some text");
    cairn_str_clear(&string);
    assert_true(cairn_str_append(&string, "some text"));
    assert_exact(cairn_str_take(&string), "some text");
    assert_text(&string, "");
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, nothing_is_left)
    const struct CMUnitTest tests[] = {
        TEST(slices_are_cut),           TEST(slices_are_compared),
        TEST(slices_are_split),         TEST(strings_are_exact),
        TEST(strings_are_of_the_heap),  TEST(exact_strings_need_memory),
        TEST(a_string_grows),           TEST(byte_by_byte),
        TEST(its_own_text_is_a_source), TEST(printing_fills_to_the_brim),
        TEST(a_failure_stays),          TEST(positions_are_checked),
        TEST(a_text_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
