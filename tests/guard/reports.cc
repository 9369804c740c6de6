// What the profile `debug` finds in whole programs; reports_text.py reads what is said of it.
#include <cairn/report.h>
#include <dlfcn.h>
#include <malloc.h>

#include <new>
#include <string>
#include <vector>

#include "support/testkit.h"

// The C library may be older than these.
extern "C" {
__attribute__((weak)) void free_sized(void *pointer, size_t size);
__attribute__((weak)) void free_aligned_sized(void *pointer, size_t alignment, size_t size);
}

namespace {

constexpr std::align_val_t page{4096};
constexpr std::align_val_t line{64};

// Hidden from the compiler, which would warn of the very mistakes.
void *allocated(size_t size) { return opaque(malloc(opaque_size(size))); }
void *made(size_t size) { return opaque(::operator new(opaque_size(size))); }
void *made_array(size_t size) { return opaque(::operator new[](opaque_size(size))); }
void *made_aligned(size_t size, std::align_val_t alignment) {
    return opaque(::operator new(opaque_size(size), alignment));
}

// --- forms ---------------------------------------------------------------------------------------

void new_free() { free(made(100)); }
void new_array_free() { free(made_array(70000)); }
void malloc_delete() { ::operator delete(allocated(100)); }
void malloc_delete_array() { ::operator delete[](allocated(100)); }
void new_delete_array() { ::operator delete[](made(100)); }
void new_array_delete() { ::operator delete(made_array(100)); }
void new_realloc() { free(realloc(made(100), opaque_size(50))); }
void new_realloc_to_nothing() { free(realloc(made(100), opaque_size(0))); }
void memalign_delete() { ::operator delete(opaque(memalign(4096, opaque_size(100)))); }
void aligned_new_delete() { ::operator delete(made_aligned(100, page)); }
void new_aligned_delete() { ::operator delete(made(100), page); }
void other_alignment() { ::operator delete(made_aligned(100, page), line); }
void smaller() { ::operator delete(made(100), opaque_size(96)); }
void larger_array() { ::operator delete[](made_array(100), opaque_size(104)); }
void aligned_smaller() { ::operator delete(made_aligned(100, page), opaque_size(10), page); }
void c_smaller() { free_sized(allocated(20000), opaque_size(19999)); }
void c_aligned_larger() {
    free_aligned_sized(opaque(aligned_alloc(64, opaque_size(128))), 64, opaque_size(192));
}
void c_other_alignment() {
    free_aligned_sized(opaque(aligned_alloc(64, opaque_size(128))), 128, opaque_size(128));
}
void c_no_alignment() { free_aligned_sized(allocated(128), 64, opaque_size(128)); }

// All of it is right.
void matching() {
    static const size_t sizes[] = {0, 1, 15, 16, 100, 5000, 16300, 16384, 70000, 3 << 20};
    for (size_t size : sizes) {
        ::operator delete(made(size));
        ::operator delete(made(size), size);
        ::operator delete(opaque(::operator new(size, std::nothrow)), std::nothrow);
        ::operator delete[](made_array(size));
        ::operator delete[](made_array(size), size);
        ::operator delete[](opaque(::operator new[](size, std::nothrow)), std::nothrow);
        for (size_t alignment = 1; alignment <= 1 << 20; alignment *= 2) {
            auto asked = static_cast<std::align_val_t>(alignment);
            ::operator delete(made_aligned(size, asked), size, asked);
            ::operator delete[](opaque(::operator new[](size, asked, std::nothrow)), asked);
            free(opaque(memalign(alignment, size)));
            free_aligned_sized(opaque(aligned_alloc(alignment, size)), alignment, size);
        }
        free_sized(allocated(size), size);
        free_sized(opaque(realloc(allocated(7), size + 1)), size + 1);
        free_sized(opaque(calloc(size, 3)), 3 * size);
    }
    ::operator delete(opaque(nullptr));
    ::operator delete[](opaque(nullptr), opaque_size(100));
    free_sized(opaque(nullptr), opaque_size(100));
    std::vector<std::string> strings;
    for (size_t i = 0; i < 1000; i++) {
        strings.emplace_back(i, 'x');
    }
    delete[] static_cast<std::string *>(opaque(new std::string[3]));
}

// The object is freed all the same, and what realloc gives is malloc's.
void go_on() {
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        free(made(size));
        ::operator delete(made(size), size + 1);
        void *object = opaque(realloc(made(size), size));
        free_sized(object, size);
        object = opaque(realloc(made_array(size), 3 * size));
        free_sized(object, 3 * size);
    }
    say(1, "alive\n");
}

// --- at the edges of pages -----------------------------------------------------------------------

void write_behind() { static_cast<char *>(made(100))[112] = 1; }
char read_from(void *object, ptrdiff_t offset) {
    return static_cast<volatile char *>(object)[offset];
}
void read_before() { (void)read_from(allocated(100), -1); }
void read_after_free() {
    void *object = allocated(100);
    free(object);
    (void)read_from(object, 7);
}

// --- what follows --------------------------------------------------------------------------------

// Objects that nothing points to in the end, but for one or the other.
__attribute__((noinline)) void lose() {
    for (int i = 0; i < 30; i++) {
        memset(allocated(300), 1, 300);
    }
}

__attribute__((noinline)) void clear_stack() {
    volatile char stack[8192];
    for (size_t i = 0; i < sizeof stack; i++) {
        stack[i] = 0;
    }
}

void leak() {
    lose();
    clear_stack();
}

// As many programs do, so that an error in writing shows in their exit status.
void leak_and_close() {
    leak();
    EXPECT(close(STDERR_FILENO) == 0);
}

// Damage that nothing finds before the check at exit.
void damage_and_close() {
    static_cast<char *>(allocated(100))[100] = 'x';
    EXPECT(close(STDERR_FILENO) == 0);
}

// What is said of leaks to the program's own function, which chooses what follows.
enum cairn_action answer(void *context, const struct cairn_finding *finding) {
    bool is_as_told = finding->address == nullptr && finding->can_continue;
    say(STDOUT_FILENO, "%s|%s|%s|%s\n", finding->kind, finding->function, finding->message,
        is_as_told ? "yes" : "no");
    return *static_cast<enum cairn_action *>(context);
}

void leak_and_choose(enum cairn_action action) {
    static enum cairn_action chosen;
    chosen = action;
    auto *on_finding =
        reinterpret_cast<decltype(&cairn_on_finding)>(dlsym(RTLD_DEFAULT, "cairn_on_finding"));
    EXPECT(on_finding != nullptr);
    on_finding(answer, &chosen);
    leak();
}

void leak_to_go_on() { leak_and_choose(CAIRN_CONTINUE); }
void leak_to_abort() { leak_and_choose(CAIRN_ABORT); }
void leak_to_trap() { leak_and_choose(CAIRN_TRAP); }

void overflow_and_mismatch() {
    free(made(100));
    char *object = static_cast<char *>(allocated(100));
    object[100] = 0;
    free(object);
}

const struct mode {
    const char *name;
    void (*run)();
} modes[] = {
#define MODE(name) \
    { #name, name }
    MODE(new_free),
    MODE(new_array_free),
    MODE(malloc_delete),
    MODE(malloc_delete_array),
    MODE(new_delete_array),
    MODE(new_array_delete),
    MODE(new_realloc),
    MODE(new_realloc_to_nothing),
    MODE(memalign_delete),
    MODE(aligned_new_delete),
    MODE(new_aligned_delete),
    MODE(other_alignment),
    MODE(smaller),
    MODE(larger_array),
    MODE(aligned_smaller),
    MODE(c_smaller),
    MODE(c_aligned_larger),
    MODE(c_other_alignment),
    MODE(c_no_alignment),
    MODE(matching),
    MODE(go_on),
    MODE(leak),
    MODE(leak_and_close),
    MODE(damage_and_close),
    MODE(leak_to_go_on),
    MODE(leak_to_abort),
    MODE(leak_to_trap),
    MODE(write_behind),
    MODE(read_before),
    MODE(read_after_free),
    MODE(overflow_and_mismatch),
};

} // namespace

int main(int count, char **arguments) {
    for (const mode &each : modes) {
        if (count == 2 && strcmp(arguments[1], each.name) == 0) {
            each.run();
            return 0;
        }
    }
    FAIL("usage: reports MODE");
}
