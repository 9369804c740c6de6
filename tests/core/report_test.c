/* The sentence of each kind of finding, by exact text; what follows it by its parts, as far as that
 * takes a layer above (tests/front/report_text.py has whole reports). */
#include "core/report.h"

#include "config/options.h"
#include "os/os.h"
#include "support/dies.h"
#include "trace/stack_depot.h"

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
    assert_says("realloc", finding,
                "cairn: realloc(0x1000): an object of 100 bytes was allocated by operator new[]; "
                "only what malloc and its kin gave can be resized; thread ");
    finding.alignment = 4096;
    assert_says("delete[]", finding,
                "was allocated by operator new[] with alignment 4096 and is freed without an "
                "alignment; let both be the same; thread ");
    finding.alignment = 0;
    finding.claimed_alignment = 64;
    assert_says("delete[]", finding,
                "was allocated by operator new[] without an alignment and is freed with alignment "
                "64; let both be the same; thread ");
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

/* What is known of an object's life follows, with the stacks. */
static struct life full_life(void) {
    struct stack stack = {.count = 2, .frame = {(uintptr_t)report_it, (uintptr_t)assert_says}};
    struct stack other = {.count = 1, .frame = {(uintptr_t)report_it}};
    uint64_t now = os_clock_ms();
    return (struct life){.asked = ASKED,
                         .allocated_stack = stack_depot_keep(&stack),
                         .freed_stack = stack_depot_keep(&other),
                         .allocated_thread = 77,
                         .freed_thread = 78,
                         .allocated_ms = now - 5000,
                         .freed_ms = now + 3600000}; /* can't be: left out */
}

static void test_life_is_told(void **state) {
    (void)state;
    struct life known = full_life();
    char text[200];
    struct finding finding = {.what = FOUND_WRITE_AFTER_FREE, .bytes = 1, .life = &known};
    (void)snprintf(text, sizeof text, "\n    0x%lx ", (unsigned long)(uintptr_t)assert_says);
    assert_says("free", finding, text);
    assert_says("free", finding, "\n  allocated by thread 77, 5");
    assert_says("free", finding, "\n  freed by thread 78:\n    0x");
    assert_says("free", finding, "into functions and lines\n");
    finding.life = &life;
    assert_says("free", finding,
                "lines; CAIRN_PROFILE=debug tells who allocated and freed the object\n");
}

static void test_life_is_told_as_json(void **state) {
    (void)state;
    struct life known = full_life();
    struct finding finding = {.what = FOUND_OVERFLOW, .bytes = 1, .life = &known};
    options.report_format = "json";
    options.on_finding = "abort";
    report_start();
    assert_says("free", finding, "{\"message\":\"cairn: free(0x1000): 1 byte was changed behind ");
    assert_says("free", finding, ",\"kind\":\"overflow\",\"address\":\"0x1000\"");
    assert_says("free", finding, ",\"object\":{\"address\":\"0x1000\",\"size\":112,\"asked\":100}");
    assert_says("free", finding, ",\"allocated\":{\"thread\":77,\"ms\":");
    assert_says("free", finding, ",\"freed\":{\"thread\":78,\"ms\":");
    assert_says("free", finding, "\"}]}}\n");
    options.report_format = "text";
    report_start();
}

/* What is no code ends a stack: the frame before it, of a module with a build-id, is the last. */
static void test_stack_that_went_astray(void **state) {
    (void)state;
    struct stack stack = {.count = 2, .frame = {(uintptr_t)report_it, (uintptr_t)&life}};
    struct life astray = {.allocated_stack = stack_depot_keep(&stack), .allocated_thread = 1};
    struct finding finding = {.what = FOUND_OVERFLOW, .bytes = 1, .life = &astray};
    char text[200];
    (void)snprintf(text, sizeof text, "  allocated by thread 1:\n    0x%lx ",
                   (unsigned long)(uintptr_t)report_it);
    assert_says("free", finding, text);
    assert_says("free", finding, ")\n  'cairn symbolize'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_mismatches),
        cmocka_unit_test(test_history_is_asked),
        cmocka_unit_test(test_life_is_told),
        cmocka_unit_test(test_life_is_told_as_json),
        cmocka_unit_test(test_stack_that_went_astray),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
