// Arrays that grow: cairn's against std::vector, in one program each way of using them.
//
//     vec HOW        HOW: cairn, std
//
// Built twice: linked with cairn, where std::vector too has its memory from cairn; and without
// (CAIRN_BENCH_LIBC), where there is only std::vector, on the C library's malloc.
//
// Prints a line for each workload with nanoseconds for all of it.
//
//   push      four million numbers are pushed, one by one, from nothing
//   large     the same with items of 64 bytes, half a million
//   small     a million arrays of eight numbers are made and destroyed
//   reserved  a hundred thousand numbers are pushed into an array that has room, 500 times
//   get       a hundred thousand numbers are added up by their index, 500 times
//   middle    twenty thousand numbers are inserted in the middle, and removed there
#include <cstdio>
#include <cstring>
#include <vector>

#ifndef CAIRN_BENCH_LIBC
#define NDEBUG 1 /* as std::vector's [], get checks nothing then */
#include <cairn/vec.h>
#endif

#include "measure.h"

namespace {

constexpr int Many = 4000000;
constexpr int Wide = 500000;
constexpr int Small = 1000000;
constexpr int Near = 100000; // fits into the caches
constexpr int Rounds = 500;
constexpr int Middle = 20000;

struct item {
    uint64_t words[8];
};

// The two under one interface, as thin as can be.
template <typename T> struct standard {
    std::vector<T> vec;
    void push(const T &value) { vec.push_back(value); }
    void reserve(size_t number) { vec.reserve(number); }
    void clear() { vec.clear(); }
    T get(size_t index) const { return vec[index]; }
    size_t count() const { return vec.size(); }
    void insert(size_t index, const T &value) {
        vec.insert(vec.begin() + static_cast<std::ptrdiff_t>(index), value);
    }
    void remove(size_t index) { vec.erase(vec.begin() + static_cast<std::ptrdiff_t>(index)); }
};

#ifndef CAIRN_BENCH_LIBC
CAIRN_VEC(numbers, uint32_t)
CAIRN_VEC(items, item)

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

#define OWN(name, of, type)                                                                        \
    struct name {                                                                                  \
        of vec = {};                                                                               \
        ~name() { of##_destroy(&vec); }                                                            \
        void push(const type &value) { require(of##_push(&vec, value)); }                          \
        void reserve(size_t number) { require(of##_reserve(&vec, number)); }                       \
        void clear() { of##_clear(&vec); }                                                         \
        type get(size_t index) const { return of##_get(&vec, index); }                             \
        size_t count() const { return vec.count; }                                                 \
        void insert(size_t index, const type &value) { require(of##_insert(&vec, index, value)); } \
        void remove(size_t index) { of##_remove(&vec, index); }                                    \
    };
OWN(own_numbers, numbers, uint32_t)
OWN(own_items, items, item)
#endif

template <typename V> uint64_t push() {
    V vec;
    for (uint32_t i = 0; i < Many; i++) {
        vec.push(i);
    }
    return vec.count();
}

template <typename V> uint64_t large() {
    V vec;
    for (uint32_t i = 0; i < Wide; i++) {
        vec.push(item{{i}});
    }
    return vec.count();
}

template <typename V> uint64_t small() {
    uint64_t found = 0;
    for (uint32_t i = 0; i < Small; i++) {
        V vec;
        for (uint32_t j = 0; j < 8; j++) {
            vec.push(j);
        }
        keep(&vec);
        found += vec.get(i & 7);
    }
    return found;
}

template <typename V> uint64_t reserved() {
    V vec;
    vec.reserve(Near);
    for (int round = 0; round < Rounds; round++) {
        vec.clear();
        for (uint32_t i = 0; i < Near; i++) {
            vec.push(i);
        }
        keep(&vec);
    }
    return vec.count();
}

template <typename V> uint64_t get() {
    V vec;
    for (uint32_t i = 0; i < Near; i++) {
        vec.push(i);
    }
    uint64_t found = 0;
    for (int round = 0; round < Rounds; round++) {
        for (size_t i = 0; i < vec.count(); i++) {
            found += vec.get(i);
        }
        keep(&vec);
    }
    return found;
}

template <typename V> uint64_t middle() {
    V vec;
    for (uint32_t i = 0; i < Middle; i++) {
        vec.insert(vec.count() / 2, i);
    }
    uint64_t found = vec.get(Middle / 2);
    while (vec.count() > 0) {
        vec.remove(vec.count() / 2);
    }
    return found;
}

void measure(const char *name, uint64_t (*work)()) {
    int64_t start = now_ns();
    uint64_t found = work();
    report(name, now_ns() - start, 1, found);
}

template <typename Numbers, typename Items> int run() {
    measure("push", push<Numbers>);
    measure("large", large<Items>);
    measure("small", small<Numbers>);
    measure("reserved", reserved<Numbers>);
    measure("get", get<Numbers>);
    measure("middle", middle<Numbers>);
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    if (argc == 2 && std::strcmp(argv[1], "std") == 0) {
        return run<standard<uint32_t>, standard<item>>();
    }
#ifndef CAIRN_BENCH_LIBC
    if (argc == 2 && std::strcmp(argv[1], "cairn") == 0) {
        return run<own_numbers, own_items>();
    }
#endif
    fprintf(stderr, "usage: vec cairn|std\n");
    return 2;
}
