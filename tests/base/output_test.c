#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/core.h"

enum { LINES = 3000, LINE = 10, LENGTH = LINES * LINE };

/* 3000 lines of ten characters: longer than all that is held back. */
static void say_much(struct output *output) {
    for (unsigned i = 0; i < LINES; i++) {
        output_string(output, "line ");
        output_decimal(output, 1000 + i);
        output_string(output, "\n");
    }
}

static char expected[LENGTH + 1];

static int make_expected(void **state) {
    (void)state;
    for (unsigned i = 0; i < LINES; i++) {
        (void)snprintf(expected + i * LINE, LINE + 1, "line %u\n", 1000 + i);
    }
    return 0;
}

/* As snprintf: the length of all, whatever fits, always ended, never beyond. */
static void test_buffer(void **state) {
    (void)state;
    static char buffer[LENGTH + 100];
    static struct output output;
    size_t sizes[] = {1, 2, 9, 4095, 4096, 4097, LENGTH - 1, LENGTH, LENGTH + 1, LENGTH + 50};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        memset(buffer, 'g', sizeof buffer);
        output_to_buffer(&output, buffer, size);
        say_much(&output);
        assert_int_equal(output_end(&output), LENGTH);
        size_t fits = size - 1 < LENGTH ? size - 1 : LENGTH;
        assert_memory_equal(buffer, expected, fits);
        assert_int_equal(buffer[fits], '\0');
        assert_int_equal(buffer[size], 'g');
    }
    output_to_buffer(&output, NULL, 0);
    say_much(&output);
    assert_int_equal(output_end(&output), LENGTH);
    output_to_buffer(&output, buffer, 5);
    assert_int_equal(output_end(&output), 0);
    assert_int_equal(buffer[0], '\0');
}

static void test_long_string(void **state) {
    (void)state;
    static char buffer[LENGTH + 10];
    static struct output output;
    output_to_buffer(&output, buffer, sizeof buffer);
    output_string(&output, "ab");
    output_string(&output, expected);
    output_string(&output, "");
    assert_int_equal(output_end(&output), LENGTH + 2);
    assert_memory_equal(buffer, "ab", 2);
    assert_string_equal(buffer + 2, expected);
}

static void test_descriptor(void **state) {
    (void)state;
    static char received[LENGTH + 1];
    static struct output output;
    int fd = memfd_create("output", MFD_CLOEXEC);
    assert_true(fd >= 0);
    errno = EILSEQ;
    output_to_fd(&output, fd);
    say_much(&output);
    assert_int_equal(output_end(&output), LENGTH);
    assert_int_equal(output.error, 0);
    assert_int_equal(errno, EILSEQ);
    assert_int_equal(lseek(fd, 0, SEEK_END), LENGTH);
    assert_int_equal(pread(fd, received, LENGTH, 0), LENGTH);
    assert_string_equal(received, expected);
    (void)close(fd);
}

static void test_first_error_is_kept(void **state) {
    (void)state;
    static struct output output;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        skip();
    }
    output_to_fd(&output, fd);
    say_much(&output);
    assert_int_equal(output_end(&output), LENGTH);
    assert_int_equal(output.error, ENOSPC);
    (void)close(fd);
    output_to_fd(&output, -1);
    output_string(&output, "x");
    (void)output_end(&output);
    assert_int_equal(output.error, EBADF);
}

static void test_other_forms(void **state) {
    (void)state;
    static const unsigned char bytes[] = {0x00, 0x9a, 0xff};
    char text[80];
    struct output output;
    output_to_buffer(&output, text, sizeof text);
    output_address(&output, UINTPTR_MAX);
    output_bytes(&output, bytes, sizeof bytes);
    output_json_string(&output, "a \"b\" \\ \n\x1f \xc3\xa4");
    (void)output_end(&output);
    assert_string_equal(text, "0xffffffffffffffff009aff"
                              "\"a \\\"b\\\" \\\\ \\u000a\\u001f \xc3\xa4\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer),      cmocka_unit_test(test_long_string),
        cmocka_unit_test(test_descriptor),  cmocka_unit_test(test_first_error_is_kept),
        cmocka_unit_test(test_other_forms),
    };
    return cmocka_run_group_tests(tests, make_expected, NULL);
}
