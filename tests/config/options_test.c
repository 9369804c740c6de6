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

static const char *summary_value, *verbose_value;

static const char *look_up(const char *variable) {
    if (strcmp(variable, "CAIRN_SUMMARY") == 0) {
        return summary_value;
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

static void the_table_is_complete(void **state) {
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &option_table[i];
        assert_int_equal(strncmp(option->variable, "CAIRN_", 6), 0);
        assert_true(strlen(option->sentence) > 10);
        assert_true(option->offset < sizeof options);
    }
}

static void they_are_described(void **state) {
    (void)state;
    struct text text = {0};
    read_options("x.txt", "1");
    options_describe(&text);
    text.bytes[text.length] = '\0';
    assert_string_equal(text.bytes, "CAIRN_SUMMARY=x.txt CAIRN_VERBOSE=1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_set_is_the_default), cmocka_unit_test(values_are_taken),
        cmocka_unit_test(an_empty_value_is_none),     cmocka_unit_test(a_bad_switch_is_told_of),
        cmocka_unit_test(a_long_text_is_told_of),     cmocka_unit_test(the_table_is_complete),
        cmocka_unit_test(they_are_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
