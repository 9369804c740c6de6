/* Every replaceable operator new and delete: pairs, alignment, the new handler, bad_alloc.
 *
 * Runs under cairn and, as a check of the rows themselves, under libstdc++'s own operators. Each
 * row has a process of its own. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/testkit.h"

namespace {

using std::align_val_t;
using std::nothrow;

constexpr align_val_t alignment{256};
const size_t impossible = SIZE_MAX / 2 - 4096;

/* The eight ways to allocate, by number: bit 0 array, bit 1 nothrow, bit 2 aligned. */
enum { ARRAY = 1, NOTHROW = 2, ALIGNED = 4, NEW_FORMS = 8 };

void *allocate(int form, size_t size, align_val_t align = alignment) {
    switch (form) {
    case 0:
        return ::operator new(size);
    case ARRAY:
        return ::operator new[](size);
    case NOTHROW:
        return ::operator new(size, nothrow);
    case NOTHROW | ARRAY:
        return ::operator new[](size, nothrow);
    case ALIGNED:
        return ::operator new(size, align);
    case ALIGNED | ARRAY:
        return ::operator new[](size, align);
    case ALIGNED | NOTHROW:
        return ::operator new(size, align, nothrow);
    default:
        return ::operator new[](size, align, nothrow);
    }
}

/* The three ways to free what each of those gave: plain, sized, nothrow. */
enum { PLAIN, SIZED, NOTHROW_DELETE, DELETE_FORMS };

void release_plain(int how, void *p, size_t size) {
    if (how == PLAIN) {
        ::operator delete(p);
    } else if (how == SIZED) {
        ::operator delete(p, size);
    } else {
        ::operator delete(p, nothrow);
    }
}

void release_array(int how, void *p, size_t size) {
    if (how == PLAIN) {
        ::operator delete[](p);
    } else if (how == SIZED) {
        ::operator delete[](p, size);
    } else {
        ::operator delete[](p, nothrow);
    }
}

void release_aligned(int how, void *p, size_t size, align_val_t align) {
    if (how == PLAIN) {
        ::operator delete(p, align);
    } else if (how == SIZED) {
        ::operator delete(p, size, align);
    } else {
        ::operator delete(p, align, nothrow);
    }
}

void release_aligned_array(int how, void *p, size_t size, align_val_t align) {
    if (how == PLAIN) {
        ::operator delete[](p, align);
    } else if (how == SIZED) {
        ::operator delete[](p, size, align);
    } else {
        ::operator delete[](p, align, nothrow);
    }
}

void release(int form, int how, void *p, size_t size, align_val_t align = alignment) {
    if ((form & ALIGNED) == 0) {
        (form & ARRAY) == 0 ? release_plain(how, p, size) : release_array(how, p, size);
    } else if ((form & ARRAY) == 0) {
        release_aligned(how, p, size, align);
    } else {
        release_aligned_array(how, p, size, align);
    }
}

void every_pair_works() {
    for (int form = 0; form < NEW_FORMS; form++) {
        for (int how = 0; how < DELETE_FORMS; how++) {
            for (size_t size = 0; size < 3 * MIB; size = size * 3 + 1) {
                void *p = opaque(allocate(form, size));
                void *q = opaque(allocate(form, size));
                EXPECT(p != nullptr && q != nullptr && p != q);
                EXPECT(address(p) % ((form & ALIGNED) != 0 ? 256 : 16) == 0);
                pattern_fill(p, size, 1);
                pattern_fill(q, size, 2);
                EXPECT(pattern_holds(p, size, 1));
                errno = 4711;
                release(form, how, p, size);
                release(form, how, q, size);
                EXPECT(errno == 4711);
            }
        }
    }
}

void deletes_free() {
    size_t before = status_bytes("VmRSS:");
    for (unsigned i = 0; i < 120000; i++) {
        int form = static_cast<int>(i % NEW_FORMS);
        int how = static_cast<int>(i / NEW_FORMS % DELETE_FORMS);
        char *p = static_cast<char *>(allocate(form, 20000));
        p[0] = 1;
        p[10000] = 1;
        release(form, how, p, 20000);
    }
    EXPECT(status_bytes("VmRSS:") < before + 16 * MIB);
}

void delete_of_null_is_nothing() {
    for (int form = 0; form < NEW_FORMS; form++) {
        for (int how = 0; how < DELETE_FORMS; how++) {
            release(form, how, opaque(nullptr), 10);
        }
    }
}

void every_power_of_two() {
    for (size_t align = 1; align <= 64 * MIB; align *= 2) {
        for (int form = ALIGNED; form < NEW_FORMS; form++) {
            for (size_t size : {size_t{1}, size_t{100}, size_t{50000}}) {
                void *p = allocate(form, size, align_val_t{align});
                EXPECT(p != nullptr && address(p) % align == 0);
                memset(p, 1, size);
                release(form, static_cast<int>(size % DELETE_FORMS), p, size, align_val_t{align});
            }
        }
    }
}

/* What operator new gives is measured and known by the malloc family: one heap. */
void one_heap() {
    void *p = ::operator new(1000);
    EXPECT(malloc_usable_size(p) >= 1000);
    p = realloc(p, 100000);
    EXPECT(p != nullptr);
    free(p);
}

bool throws_bad_alloc(int form) {
    try {
        opaque(allocate(form, opaque_size(impossible)));
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

void throwing_forms_throw() {
    for (int form : {0, +ARRAY, +ALIGNED, ALIGNED | ARRAY}) {
        EXPECT(throws_bad_alloc(form));
    }
    EXPECT(throws_bad_alloc(0)); /* and again: nothing was left locked or broken */
    ::operator delete(::operator new(100));
}

void nothrow_forms_return_null() {
    for (int form : {+NOTHROW, NOTHROW | ARRAY, ALIGNED | NOTHROW, NEW_FORMS - 1}) {
        EXPECT(opaque(allocate(form, opaque_size(impossible))) == nullptr);
    }
}

/* libstdc++ 12 rounds the size of an aligned form up to the alignment, and SIZE_MAX becomes 0. */
void size_max_is_not_rounded_to_zero() {
    for (int form : {+NOTHROW, NOTHROW | ARRAY, ALIGNED | NOTHROW, NEW_FORMS - 1}) {
        for (size_t less = 0; less < 600; less++) {
            EXPECT(opaque(allocate(form, opaque_size(SIZE_MAX - less))) == nullptr);
        }
    }
}

int handler_calls;

void gives_up_at_third_call() {
    if (++handler_calls == 3) {
        std::set_new_handler(nullptr);
    }
}

void handler_is_called_until_it_gives_up() {
    for (int form = 0; form < NEW_FORMS; form++) {
        handler_calls = 0;
        std::set_new_handler(gives_up_at_third_call);
        if ((form & NOTHROW) != 0) {
            EXPECT(opaque(allocate(form, opaque_size(impossible))) == nullptr);
        } else {
            EXPECT(throws_bad_alloc(form));
        }
        EXPECT(handler_calls == 3);
    }
}

void handler_is_not_called_on_success() {
    handler_calls = 0;
    std::set_new_handler(gives_up_at_third_call);
    for (int form = 0; form < NEW_FORMS; form++) {
        release(form, PLAIN, allocate(form, 5000), 5000);
    }
    EXPECT(handler_calls == 0);
}

void limit_address_space(rlim_t bytes) {
    struct rlimit limit;
    EXPECT(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    EXPECT(setrlimit(RLIMIT_AS, &limit) == 0);
}

void lifts_the_limit() {
    handler_calls++;
    limit_address_space(RLIM_INFINITY);
}

void make_room(int form) {
    handler_calls = 0;
    limit_address_space(status_bytes("VmSize:") + 32 * MIB);
    std::set_new_handler(lifts_the_limit);
    void *p = allocate(form, 300 * MIB);
    EXPECT(p != nullptr);
    EXPECT(handler_calls == 1);
    release(form, PLAIN, p, 300 * MIB);
}

/* Each form in a process of its own: address space that one took would serve the next. */
void handler_that_makes_room_is_retried() {
    for (int form = 0; form < NEW_FORMS; form++) {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            make_room(form);
            _exit(0);
        }
        int status = 0;
        EXPECT(waitpid(child, &status, 0) == child && status == 0);
    }
}

struct special_failure : std::bad_alloc {
    int code = 17;
};

void throws_special_failure() {
    handler_calls++;
    throw special_failure();
}

void handler_may_throw() {
    for (int form : {0, +ARRAY, +ALIGNED, ALIGNED | ARRAY}) {
        handler_calls = 0;
        std::set_new_handler(throws_special_failure);
        int code = 0;
        try {
            opaque(allocate(form, opaque_size(impossible)));
        } catch (const special_failure &failure) {
            code = failure.code;
        }
        EXPECT(code == 17 && handler_calls == 1);
    }
}

void nothrow_catches_what_the_handler_throws() {
    for (int form : {+NOTHROW, NOTHROW | ARRAY, ALIGNED | NOTHROW, NEW_FORMS - 1}) {
        handler_calls = 0;
        std::set_new_handler(throws_special_failure);
        EXPECT(opaque(allocate(form, opaque_size(impossible))) == nullptr);
        EXPECT(handler_calls == 1);
    }
}

void allocates_itself() {
    std::string text(1000, 'x');
    if (++handler_calls == 5) {
        throw std::bad_alloc();
    }
}

void handler_may_allocate() {
    handler_calls = 0;
    std::set_new_handler(allocates_itself);
    EXPECT(throws_bad_alloc(0));
    EXPECT(handler_calls == 5);
}

void wrong_size_is_only_a_hint() {
    std::vector<char *> objects;
    for (size_t i = 0; i < 2000; i++) {
        objects.push_back(static_cast<char *>(::operator new(i)));
        pattern_fill(objects.back(), i, i);
    }
    for (size_t i = 0; i < 2000; i += 2) {
        ::operator delete(objects[i], opaque_size(i % 4 == 0 ? 8 : 100000));
        objects[i] = static_cast<char *>(::operator new(i));
        pattern_fill(objects[i], i, i);
    }
    for (size_t i = 0; i < 2000; i++) {
        EXPECT(pattern_holds(objects[i], i, i));
        ::operator delete(objects[i]);
    }
}

void throw_from_depth(int depth) {
    std::string kept(static_cast<size_t>(depth) * 10 + 40, 'k');
    if (depth == 0) {
        throw std::runtime_error("a message that is long enough to live on the heap " + kept);
    }
    throw_from_depth(depth - 1);
    EXPECT(kept[0] == 'k');
}

void library_code_works() {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([t] {
            std::map<int, std::string> numbers;
            for (int i = 0; i < 3000; i++) {
                numbers[i * 7919 % 3001 + t] = std::to_string(i) + std::string(60, 'z');
            }
            std::vector<std::string> values;
            for (auto &entry : numbers) {
                values.push_back(entry.second);
            }
            std::stable_sort(values.begin(), values.end());
            for (int i = 0; i < 200; i++) {
                try {
                    throw_from_depth(10);
                } catch (const std::runtime_error &error) {
                    EXPECT(strlen(error.what()) > 50);
                }
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
}

struct row {
    const char *name;
    void (*check)();
    bool cairn_only = false;
};

const row rows[] = {
    {"every form of new with every form of delete", every_pair_works},
    {"every form of delete frees", deletes_free},
    {"delete of nullptr: nothing", delete_of_null_is_nothing},
    {"aligned forms: every power of two to 64 MiB", every_power_of_two},
    {"new and malloc share the heap", one_heap},
    {"throwing forms throw bad_alloc", throwing_forms_throw},
    {"nothrow forms return nullptr", nothrow_forms_return_null},
    {"sizes next to SIZE_MAX are not rounded to little ones", size_max_is_not_rounded_to_zero,
     true},
    {"the new handler is called until it gives up", handler_is_called_until_it_gives_up},
    {"the new handler is not called on success", handler_is_not_called_on_success},
    {"after a new handler made room the allocation succeeds", handler_that_makes_room_is_retried},
    {"what the new handler throws passes through", handler_may_throw},
    {"nothrow forms turn what the handler throws into nullptr",
     nothrow_catches_what_the_handler_throws},
    {"the new handler may allocate", handler_may_allocate},
    {"a wrong size in a sized delete never damages the heap", wrong_size_is_only_a_hint},
    {"containers, exceptions, threads", library_code_works},
};

bool row_holds(const row &row) {
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        alarm(60);
        row.check();
        _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    bool holds = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    say(1, "%s  %s", holds ? "pass" : "FAIL", row.name);
    say(1, WIFSIGNALED(status) ? " (signal %d)\n" : "\n", WTERMSIG(status));
    return holds;
}

} /* namespace */

int main(int count, char **arguments) {
    Dl_info info;
    void *symbol = dlsym(RTLD_DEFAULT, "_Znwm");
    EXPECT(symbol != nullptr && dladdr(symbol, &info) != 0);
    bool is_cairn = strstr(info.dli_fname, "cairn") != nullptr;
    if (count > 1 && is_cairn != (strcmp(arguments[1], "cairn") == 0)) {
        FAIL("operator new comes from %s", info.dli_fname);
    }
    int failures = 0;
    for (const row &row : rows) {
        if (is_cairn || !row.cairn_only) {
            failures += row_holds(row) ? 0 : 1;
        }
    }
    say(1, "%d rows fail; operator new of %s\n", failures, info.dli_fname);
    return failures == 0 ? 0 : 1;
}
