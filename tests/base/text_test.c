#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "support/core.h"
#include "support/random.h"

static void assert_text(const struct text *text, const char *expected) {
    assert_int_equal(text->length, strlen(expected));
    assert_memory_equal(text->bytes, expected, text->length);
}

static void test_numbers(void **state) {
    (void)state;
    uint64_t numbers[] = {0, 1, 9, 10, 99, 4096, UINT32_MAX, UINT64_MAX, UINT64_MAX - 1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char expected[100];
        struct text text = {0};
        text_decimal(&text, numbers[i]);
        text_string(&text, " ");
        text_address(&text, numbers[i]);
        (void)snprintf(expected, sizeof expected, "%" PRIu64 " 0x%" PRIx64, numbers[i], numbers[i]);
        assert_text(&text, expected);
    }
}

static void test_cut_off(void **state) {
    (void)state;
    static struct {
        struct text text;
        char behind[16];
    } guarded;
    memset(guarded.behind, 'g', sizeof guarded.behind);
    for (int i = 0; i < TEXT_CAPACITY; i++) {
        text_string(&guarded.text, "abc");
    }
    text_decimal(&guarded.text, 12345);
    text_address(&guarded.text, 12345);
    assert_int_equal(guarded.text.length, TEXT_CAPACITY);
    assert_memory_equal(guarded.text.bytes + TEXT_CAPACITY - 4, "abca", 4);
    text_string(&guarded.text, "\n");
    assert_int_equal(guarded.text.length, TEXT_CAPACITY);
    assert_memory_equal(guarded.text.bytes + TEXT_CAPACITY - 4, "abc\n", 4);
    for (size_t i = 0; i < sizeof guarded.behind; i++) {
        assert_int_equal(guarded.behind[i], 'g');
    }
}

static void test_write(void **state) {
    (void)state;
    int ends[2];
    char received[64];
    struct text text = {0};
    assert_int_equal(pipe(ends), 0);
    text_string(&text, "one line\n");
    errno = EILSEQ;
    assert_int_equal(text_write(&text, ends[1]), 0);
    assert_int_equal(errno, EILSEQ);
    assert_int_equal(text.length, 0);
    assert_int_equal(read(ends[0], received, sizeof received), 9);
    assert_memory_equal(received, "one line\n", 9);
    (void)close(ends[0]);
    (void)close(ends[1]);

    text_string(&text, "to nowhere");
    assert_int_equal(text_write(&text, ends[1]), EBADF); /* closed: gives up */
    assert_int_equal(errno, EILSEQ);
    assert_int_equal(text.length, 0);
}

/* A pipe takes a long text in pieces. */
static void *read_slowly(void *argument) {
    static char all[TEXT_CAPACITY + 1];
    size_t length = 0;
    for (ssize_t n = 1; n > 0 && length < TEXT_CAPACITY; length += (size_t)n) {
        n = read(*(int *)argument, all + length, 100);
    }
    return all;
}

static void test_write_long(void **state) {
    (void)state;
    int ends[2];
    static struct text text;
    pthread_t thread;
    void *all;
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < TEXT_CAPACITY / 4; i++) {
        text_string(&text, "wxyz");
    }
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &ends[0]), 0);
    assert_int_equal(text_write(&text, ends[1]), 0);
    assert_int_equal(pthread_join(thread, &all), 0);
    assert_int_equal(strlen(all), TEXT_CAPACITY);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),
                                       cmocka_unit_test(test_cut_off), cmocka_unit_test(test_write),
                                       cmocka_unit_test(test_write_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
