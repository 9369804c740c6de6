/* The sentence of each kind of finding, by exact text. */
#include "core/report.h"

#include "support/dies.h"

struct mistake {
    const char *function;
    struct finding finding;
};

static void report_it(void *argument) {
    const struct mistake *mistake = argument;
    report_finding(mistake->function, &mistake->finding);
}

/* An object of 112 bytes at 0x1000 of which 100 were asked for. */
enum { OBJECT = 0x1000, ROOM = 112, ASKED = 100 };
static const struct life life = {.asked = ASKED};

static void assert_says(const char *function, struct finding finding, const char *text) {
    struct mistake mistake = {function, finding};
    mistake.finding.object = OBJECT;
    mistake.finding.size = ROOM;
    if (mistake.finding.address == 0) {
        mistake.finding.address = OBJECT;
    }
    assert_dies(report_it, &mistake, text);
}

static void test_changed_bytes(void **state) {
    (void)state;
    static const unsigned char found[] = {0, 0xab, 3, 4, 5, 6, 7, 8};
    struct finding finding = {.what = FOUND_OVERFLOW, .offset = ASKED, .bytes = 1, .life = &life};
    assert_says("free", finding,
                "cairn: free(0x1000): 1 byte was changed behind an object of 100 bytes, from "
                "offset 100 on; thread ");
    finding.found = found;
    finding.bytes = 2;
    assert_says("free", finding, "offset 100 on: found 00 ab; thread ");
    finding.life = NULL;
    finding.bytes = 12;
    finding.offset = ROOM;
    assert_says("free", finding,
                "12 bytes were changed behind an object of size class 112, from offset 112 on: "
                "found 00 ab 03 04 05 06 07 08 ...; thread ");
    finding.what = FOUND_UNDERFLOW;
    finding.offset = -8;
    assert_says("free", finding,
                "12 bytes were changed before an object of size class 112, from offset -8 on: ");
    finding.what = FOUND_WRITE_AFTER_FREE;
    finding.offset = 8;
    assert_says("malloc", finding,
                "cairn: malloc(0x1000): 12 bytes were changed after the free of an object of size "
                "class 112, from offset 8 on: found ");
}

static void test_faults(void **state) {
    (void)state;
    struct finding finding = {.what = FOUND_FAULT, .address = OBJECT + ASKED, .life = &life};
    assert_says("fault", finding,
                "cairn: fault(0x1064): read behind an object of 100 bytes, at offset 100 from its "
                "start 0x1000; thread ");
    finding.is_write = true;
    finding.address = OBJECT - 16;
    assert_says("fault", finding,
                "cairn: fault(0xff0): write before an object of 100 bytes, at offset -16 from its "
                "start 0x1000; thread ");
    finding.was_freed = true;
    finding.address = OBJECT + 1;
    assert_says("fault", finding,
                "cairn: fault(0x1001): write after free of an object of 100 bytes, at offset 1 "
                "from its start 0x1000; thread ");
}

static void test_mismatches(void **state) {
    (void)state;
    struct finding finding = {.what = FOUND_MISMATCH, .allocated_by = "malloc", .life = &life};
    assert_says("delete[]", finding,
                "cairn: delete[](0x1000): an object of 100 bytes was allocated by malloc; free it "
                "by free; thread ");
    finding.allocated_by = "operator new";
    assert_says("free", finding, "was allocated by operator new; free it by delete; thread ");
    finding.allocated_by = "operator new[]";
    assert_says("free", finding, "was allocated by operator new[]; free it by delete[]; thread ");
    finding = (struct finding){.what = FOUND_WRONG_SIZE, .bytes = 96, .life = &life};
    assert_says("delete", finding,
                "cairn: delete(0x1000): an object of 100 bytes was called one of 96; give the size "
                "that it was allocated with; thread ");
}

static bool knows_it(uintptr_t address, struct life *known) {
    known->asked = 77;
    return address == OBJECT;
}

static void test_history_is_asked(void **state) {
    (void)state;
    struct finding finding = {.what = FOUND_OVERFLOW, .offset = 77, .bytes = 1};
    report_set_history(knows_it);
    assert_says("free", finding, "behind an object of 77 bytes, from offset 77 on");
    finding.life = &life;
    assert_says("free", finding, "behind an object of 100 bytes, from offset 77 on");
    report_set_history(NULL);
    finding.life = NULL;
    assert_says("free", finding, "behind an object of size class 112, from offset 77 on");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_mismatches),
        cmocka_unit_test(test_history_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
