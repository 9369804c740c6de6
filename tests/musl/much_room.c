/* Text where there is more room than an int can count, of which musl's vsnprintf makes an error. */
#include <stdio.h>
#include <string.h>

#include <cairn/arena.h>
#include <cairn/str.h>

#define ROOM ((size_t)3 << 30)

static int print_in_arena(void) {
    struct cairn_arena arena;
    if (!cairn_arena_init_reserved(&arena, NULL, ROOM) || !cairn_arena_reserve(&arena, ROOM)) {
        puts("the arena is left out: the machine has not so much address space");
        return 0;
    }
    const char *text = cairn_arena_printf(&arena, "%d", 7);
    int failed = text == NULL || strcmp(text, "7") != 0;
    cairn_arena_destroy(&arena);
    return failed;
}

static int print_in_string(void) {
    struct cairn_str string = {0};
    int failed = cairn_str_reserve(&string, ROOM) && !cairn_str_printf(&string, "%d", 7);
    cairn_str_destroy(&string);
    return failed;
}

int main(void) {
    int failed = print_in_arena() + 2 * print_in_string();
    if (failed != 0) {
        fprintf(stderr, "printing failed: %d\n", failed);
    }
    return failed;
}
