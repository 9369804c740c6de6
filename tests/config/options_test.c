/* The options: defaults, values, values that make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/options.h"

static const char *summary_value, *verbose_value, *limit_value, *number_value;

static const char *look_up(const char *variable) {
    if (strcmp(variable, "CAIRN_SUMMARY") == 0) {
        return summary_value;
    }
    if (strcmp(variable, "CAIRN_HARD_LIMIT") == 0) {
        return limit_value;
    }
    if (strcmp(variable, "CAIRN_GUARD_RATE") == 0) {
        return number_value;
    }
    return strcmp(variable, "CAIRN_VERBOSE") == 0 ? verbose_value : NULL;
}

/* Reads the options; what was complained of is in `complaints`. */
static char complaints[1024];

static void read_options(const char *summary, const char *verbose) {
    summary_value = summary;
    verbose_value = verbose;
    int file = memfd_create("complaints", 0);
    assert_true(file >= 0);
    options_read(look_up, file);
    ssize_t length = pread(file, complaints, sizeof complaints - 1, 0);
    assert_true(length >= 0);
    complaints[length] = '\0';
    close(file);
}

static void nothing_set_is_the_default(void **state) {
    (void)state;
    read_options(NULL, NULL);
    assert_string_equal(options.summary, "");
    assert_false(options.verbose);
    assert_string_equal(complaints, "");
}

static void values_are_taken(void **state) {
    (void)state;
    read_options("/tmp/a file", "1");
    assert_string_equal(options.summary, "/tmp/a file");
    assert_true(options.verbose);
    read_options(NULL, "0");
    assert_string_equal(options.summary, "");
    assert_false(options.verbose);
    assert_string_equal(complaints, "");
}

static void an_empty_value_is_none(void **state) {
    (void)state;
    read_options("", "");
    assert_string_equal(options.summary, "");
    assert_false(options.verbose);
    assert_string_equal(complaints, "");
}

static void a_bad_switch_is_told_of(void **state) {
    (void)state;
    read_options("stderr", "yes");
    assert_string_equal(complaints, "cairn: CAIRN_VERBOSE=yes is ignored: it must be 0 or 1\n");
    assert_false(options.verbose);
    assert_string_equal(options.summary, "stderr");
    read_options(NULL, "10");
    assert_string_equal(complaints, "cairn: CAIRN_VERBOSE=10 is ignored: it must be 0 or 1\n");
}

static void a_long_text_is_told_of(void **state) {
    (void)state;
    static char text[OPTION_TEXT_SIZE + 1];
    memset(text, 'a', OPTION_TEXT_SIZE);
    read_options(text, NULL);
    assert_string_equal(options.summary, "");
    char expected[256];
    snprintf(expected, sizeof expected,
             "cairn: CAIRN_SUMMARY=%.80s... is ignored: it must be shorter than 4096 bytes\n",
             text);
    assert_string_equal(complaints, expected);
    text[OPTION_TEXT_SIZE - 1] = '\0';
    read_options(text, NULL);
    assert_string_equal(options.summary, text);
    assert_string_equal(complaints, "");
}

static void sizes_have_suffixes(void **state) {
    (void)state;
    static const struct {
        const char *value;
        size_t bytes;
    } sizes[] = {{"0", 0},        {"1", 1},        {"4096", 4096},
                 {"3K", 3 << 10}, {"5M", 5 << 20}, {"16G", (size_t)16 << 30},
                 {"007", 7},      {"", 0},         {"18446744073709551615", SIZE_MAX}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        limit_value = sizes[i].value;
        read_options(NULL, NULL);
        assert_int_equal(options.hard_limit, sizes[i].bytes);
        assert_string_equal(complaints, "");
    }
    limit_value = NULL;
    read_options(NULL, NULL);
    assert_int_equal(options.hard_limit, 0);
}

static void a_bad_size_is_told_of(void **state) {
    (void)state;
    static const char *const values[] = {"x", "K", "-1", "1.5M", "10 M", "10MB", "1T", "5m", " 1"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        limit_value = values[i];
        read_options(NULL, NULL);
        char expected[256];
        snprintf(
            expected, sizeof expected,
            "cairn: CAIRN_HARD_LIMIT=%s is ignored: it must be a number of bytes, with K, M or "
            "G behind it for KiB, MiB or GiB\n",
            values[i]);
        assert_string_equal(complaints, expected);
        assert_int_equal(options.hard_limit, 0);
    }
    static const char *const large[] = {"18446744073709551616", "18014398509481984K",
                                        "99999999999999999999999999", "17179869184G"};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        limit_value = large[i];
        read_options(NULL, NULL);
        assert_non_null(strstr(complaints, " is ignored: it is too large\n"));
        assert_int_equal(options.hard_limit, 0);
    }
    limit_value = NULL;
}

static void numbers_are_whole(void **state) {
    (void)state;
    number_value = "1000";
    read_options(NULL, NULL);
    assert_int_equal(options.guard_rate, 1000);
    assert_string_equal(complaints, "");
    static const char *const values[] = {"x", "-1", "1K", "1.5", " 1", "1 "};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        number_value = values[i];
        read_options(NULL, NULL);
        char expected[256];
        snprintf(expected, sizeof expected,
                 "cairn: CAIRN_GUARD_RATE=%s is ignored: it must be a whole number\n", values[i]);
        assert_string_equal(complaints, expected);
        assert_int_equal(options.guard_rate, 0);
    }
    number_value = "18446744073709551616";
    read_options(NULL, NULL);
    assert_non_null(strstr(complaints, " is ignored: it is too large\n"));
    number_value = NULL;
}

static void the_table_is_complete(void **state) {
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &option_table[i];
        assert_int_equal(strncmp(option->variable, "CAIRN_", 6), 0);
        assert_true(strlen(option->variable) < sizeof option->variable);
        assert_true(strlen(option->fallback) < sizeof option->fallback);
        assert_true(option->offset < sizeof options);
    }
}

static void they_are_described(void **state) {
    (void)state;
    struct text text = {0};
    limit_value = "2K";
    read_options("x.txt", "1");
    limit_value = NULL;
    options_describe(&text);
    text.bytes[text.length] = '\0';
    static const char start[] = "CAIRN_SUMMARY=x.txt CAIRN_VERBOSE=1 ";
    assert_int_equal(strncmp(text.bytes, start, strlen(start)), 0);
    assert_non_null(strstr(text.bytes, " CAIRN_HARD_LIMIT=2048 "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_set_is_the_default), cmocka_unit_test(values_are_taken),
        cmocka_unit_test(an_empty_value_is_none),     cmocka_unit_test(a_bad_switch_is_told_of),
        cmocka_unit_test(a_long_text_is_told_of),     cmocka_unit_test(the_table_is_complete),
        cmocka_unit_test(they_are_described),         cmocka_unit_test(sizes_have_suffixes),
        cmocka_unit_test(a_bad_size_is_told_of),      cmocka_unit_test(numbers_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
