/* The allocators of cairn.hpp in the standard containers. */
#include <cairn/cairn.hpp>

#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "cxx/containers.h"

template <typename T> using on_heap = cairn::allocator<T>;
template <typename T> using on_any = cairn::any_allocator<T>;
template <template <typename> class A>
using text = std::basic_string<char, std::char_traits<char>, A<char>>;
template <template <typename> class A, typename V>
using tree = std::map<int, V, std::less<int>, A<std::pair<const int, V>>>;
template <template <typename> class A, typename V>
using table =
    std::unordered_map<int, V, std::hash<int>, std::equal_to<int>, A<std::pair<const int, V>>>;

template <template <typename> class A> void all_containers(A<int> allocator) {
    use_sequence(std::vector<int, A<int>>(allocator));
    use_sequence(std::deque<int, A<int>>(allocator));
    use_sequence(std::list<int, A<int>>(allocator));
    use_map(tree<A, int>(allocator));
    use_map(table<A, int>(allocator));
    std::set<int, std::less<int>, A<int>> set(allocator);
    std::forward_list<int, A<int>> list(allocator);
    std::vector<bool, A<bool>> bits(allocator);
    text<A> string(allocator);
    for (int i = 0; i < ITEMS; i++) {
        set.insert(i % 100);
        list.push_front(i);
        bits.push_back(i % 3 == 0);
        string += static_cast<char>('a' + i % 26);
    }
    EXPECT(set.size() == 100 && list.front() == ITEMS - 1 && bits[3] && !bits[4]);
    EXPECT(string.size() == ITEMS && text<A>(string, 26, 3, allocator) == "abc");
    tree<A, text<A>> nested(allocator);
    for (int i = 0; i < 100; i++) {
        nested.emplace(i, text<A>(static_cast<size_t>(i), 'x', allocator));
    }
    EXPECT(nested.find(99)->second.size() == 99);
    auto shared = std::allocate_shared<std::pair<int, long>>(allocator, 1, 2);
    EXPECT(shared->second == 2);
}

struct alignas(256) aligned {
    int number;
};

static void alignment_is_kept() {
    std::vector<aligned, cairn::allocator<aligned>> vector;
    std::list<aligned, cairn::any_allocator<aligned>> list;
    for (int i = 0; i < 100; i++) {
        vector.push_back(aligned{i});
        list.push_back(aligned{i});
        EXPECT(address(&vector.back()) % 256 == 0 && address(&list.back()) % 256 == 0);
    }
}

static void memory_is_the_heaps() {
    std::vector<int, cairn::allocator<int>> vector(100);
    EXPECT(cairn_is_mine(vector.data()) && sizeof(vector) == sizeof(std::vector<int>));
    std::vector<int, cairn::any_allocator<int>> other(100);
    EXPECT(cairn_is_mine(other.data()));
}

/* Freed by a thread that did not allocate. */
static void threads_may_differ() {
    std::vector<int, cairn::allocator<int>> vector(1000, 7);
    std::thread([moved = std::move(vector)] { EXPECT(moved[999] == 7); }).join();
}

template <typename Error, typename Function> static void expect_throw(Function function) {
    bool caught = false;
    try {
        function();
    } catch (const Error &) {
        caught = true;
    }
    EXPECT(caught);
}

static void too_much_is_thrown() {
    cairn::allocator<long> allocator;
    cairn::any_allocator<long> any;
    size_t most = opaque_size(SIZE_MAX);
    expect_throw<std::bad_array_new_length>(
        [&] { allocator.deallocate(allocator.allocate(most), 1); });
    expect_throw<std::bad_array_new_length>([&] { any.deallocate(any.allocate(most / 8 + 1), 1); });
    expect_throw<std::bad_alloc>([&] { allocator.deallocate(allocator.allocate(most / 8), 1); });
    expect_throw<std::bad_alloc>([&] { any.deallocate(any.allocate(most / 8), 1); });
    std::vector<long, cairn::allocator<long>> vector(3, 7);
    expect_throw<std::bad_alloc>([&] { vector.reserve(vector.max_size()); });
    EXPECT(vector.size() == 3 && vector[2] == 7);
    allocator.deallocate(allocator.allocate(0), 0);
    any.deallocate(any.allocate(0), 0);
}

/* An allocator of the program's own, which counts. */
struct counting {
    size_t bytes = 0;
    size_t calls = 0;
};

static void *counting_resize(void *context, void *pointer, size_t old_size, size_t size,
                             size_t alignment) {
    auto *counted = static_cast<counting *>(context);
    EXPECT(pointer == nullptr || size == 0);
    counted->bytes += size - old_size;
    counted->calls++;
    return cairn_resize(&cairn_heap_allocator, pointer, old_size, size, alignment);
}

static void any_allocator_goes_along() {
    counting first, second;
    cairn_allocator one = {counting_resize, &first}, two = {counting_resize, &second};
    {
        using vector = std::vector<int, cairn::any_allocator<int>>;
        vector a(100, 1, one), b(200, 2, two), c(two);
        EXPECT(first.bytes == 400 && second.bytes == 800 && a.get_allocator() != b.get_allocator());
        EXPECT(a.get_allocator() == cairn::any_allocator<long>(one));
        c = a; /* a copy stays with its own allocator */
        EXPECT(first.bytes == 400 && second.bytes == 1200);
        c = std::move(a); /* a move takes the other one over */
        EXPECT(first.bytes == 400 && second.bytes == 800 &&
               c.get_allocator() == cairn::any_allocator<int>(one));
        std::swap(b, c);
        EXPECT(b.size() == 100 && c.size() == 200);
        all_containers<on_any>(one);
        all_containers<on_any>(two);
    }
    EXPECT(first.bytes == 0 && second.bytes == 0 && first.calls > 1000 && second.calls > 1000);
}

static void any_allocator_in_an_arena() {
    cairn_arena arena = {};
    {
        cairn::any_allocator<int> allocator(cairn_arena_allocator(&arena));
        all_containers<on_any>(allocator);
        std::vector<int, cairn::any_allocator<int>> vector(100, 1, allocator);
        EXPECT(cairn_arena_owns(&arena, vector.data()));
    }
    cairn_arena_destroy(&arena);
}

static void tags() {
    static cairn_tag tag = CAIRN_TAG("of C++");
    tag.name = "containers";
    {
        cairn::tag_scope scope(tag);
        std::vector<int, cairn::allocator<int>> vector(1000);
        EXPECT(tag.objects == 0);
    }
    std::vector<int, cairn::allocator<int>> outside(1000);
    EXPECT(tag.objects == 1 && tag.bytes == cairn_good_size(1000 * sizeof(int)));
}

#if defined(__cpp_lib_allocate_at_least)
static void at_least() {
    cairn::allocator<char> allocator;
    auto result = allocator.allocate_at_least(100);
    EXPECT(result.count == 112);
    allocator.deallocate(result.ptr, result.count);
}
#else
static void at_least() {}
#endif

int main() {
    all_containers<on_heap>({});
    all_containers<on_any>({});
    alignment_is_kept();
    memory_is_the_heaps();
    threads_may_differ();
    too_much_is_thrown();
    any_allocator_goes_along();
    any_allocator_in_an_arena();
    tags();
    at_least();
    return 0;
}
