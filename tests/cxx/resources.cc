/* The memory resources of cairn.hpp in the standard's pmr containers. */
#include <cairn/cairn.hpp>

#include <deque>
#include <list>
#include <map>
#include <memory_resource>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "cxx/containers.h"

static void all_containers(std::pmr::memory_resource *resource) {
    use_sequence(std::pmr::vector<int>(resource));
    use_sequence(std::pmr::deque<int>(resource));
    use_sequence(std::pmr::list<int>(resource));
    use_map(std::pmr::map<int, int>(resource));
    use_map(std::pmr::unordered_map<int, int>(resource));
    std::pmr::vector<std::pmr::string> strings(resource);
    for (size_t i = 0; i < 300; i++) {
        strings.emplace_back(i, 'x');
        EXPECT(strings.back().get_allocator().resource() == resource);
    }
    EXPECT(strings[299].size() == 299);
}

/* Of the copies of its containers std::pmr takes the memory from the default resource. */
static size_t default_bytes;

class default_resource final : public std::pmr::memory_resource {
    void *do_allocate(size_t bytes, size_t alignment) override {
        default_bytes += bytes;
        return cairn::heap_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void *memory, size_t bytes, size_t alignment) override {
        default_bytes -= bytes;
        cairn::heap_resource()->deallocate(memory, bytes, alignment);
    }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
        return this == &other;
    }
};

static void heap() {
    std::pmr::memory_resource *resource = cairn::heap_resource();
    all_containers(resource);
    EXPECT(*resource == *cairn::heap_resource() && *resource != *std::pmr::new_delete_resource());
    std::pmr::vector<int> vector({1, 2, 3}, resource);
    EXPECT(cairn_is_mine(vector.data()));
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        void *memory = resource->allocate(100, alignment);
        EXPECT(address(memory) % alignment == 0);
        resource->deallocate(memory, 100, alignment);
    }
    resource->deallocate(resource->allocate(0), 0);
}

template <typename Function> static void expect_bad_alloc(Function function) {
    bool caught = false;
    try {
        function();
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    EXPECT(caught);
}

static void own_heap() {
    const cairn_heap_options options = {"containers", 4 << 20};
    cairn_heap *heap = cairn_heap_create(&options);
    cairn_heap *other = cairn_heap_create(nullptr);
    cairn::own_heap_resource resource(heap);
    all_containers(&resource);
    EXPECT(cairn_heap_statistics(heap).objects == 0);
    EXPECT(resource.is_equal(cairn::own_heap_resource(heap)));
    EXPECT(!resource.is_equal(cairn::own_heap_resource(other)));
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        void *memory = resource.allocate(100, alignment);
        EXPECT(address(memory) % alignment == 0 && cairn_heap_of(memory) == heap);
        resource.deallocate(memory, 100, alignment);
    }
    expect_bad_alloc([&] {
        void *refused = resource.allocate(5 << 20);
        (void)refused;
    });
    {
        std::pmr::vector<char> forgotten(&resource);
        forgotten.resize(1 << 20);
        expect_bad_alloc([&] { forgotten.resize(4 << 20); });
        EXPECT(forgotten.size() == 1 << 20);
    }
    void *inside = nullptr;
    {
        cairn::heap_scope scope(heap);
        inside = cairn_malloc(100); // as operator new, which may be a sanitizer's here
    }
    void *outside = cairn_malloc(100);
    EXPECT(cairn_heap_of(inside) == heap && cairn_heap_of(outside) == nullptr);
    cairn_free(outside);
    cairn_heap_destroy(heap);
    cairn_heap_destroy(other);
}

static void arena() {
    cairn_arena arena = {};
    cairn::arena_resource resource(arena);
    all_containers(&resource);
    size_t used = cairn_arena_statistics(&arena).used;
    EXPECT(used > 100000);
    {
        std::pmr::vector<std::pmr::string> strings(&resource);
        strings.emplace_back("a string that is too long to lie in the object itself");
        EXPECT(cairn_arena_owns(&arena, strings.data()));
        EXPECT(cairn_arena_owns(&arena, strings[0].data()));
        used = cairn_arena_statistics(&arena).used;
    }
    EXPECT(cairn_arena_statistics(&arena).used == used);
    cairn_arena_reset(&arena);
    void *memory = resource.allocate(10, 4096);
    EXPECT(address(memory) % 4096 == 0);
    cairn_arena_destroy(&arena);
}

static void fixed_arena() {
    alignas(64) static char buffer[4096];
    cairn_arena arena;
    cairn_arena_init_fixed(&arena, nullptr, buffer, sizeof buffer);
    cairn::arena_resource resource(arena);
    std::pmr::vector<int> vector(&resource);
    expect_bad_alloc([&] {
        for (int i = 0;; i++) {
            vector.push_back(i);
        }
    });
    EXPECT(vector.size() >= 256 && vector[255] == 255);
    cairn_arena_destroy(&arena);
}

struct node {
    char bytes[64];
};

CAIRN_POOL(nodes, node);

static void pool() {
    nodes pool;
    EXPECT(nodes_init(&pool, nullptr));
    EXPECT(pool.pool.alignment < 16);
    nodes_destroy(&pool);
    cairn_pool_options options = {};
    options.alignment = 16;
    EXPECT(nodes_init(&pool, &options));
    cairn::pool_resource resource(pool.pool);
    all_containers(&resource);
    std::pmr::list<int> list(&resource);
    std::pmr::unordered_map<int, int> table(&resource);
    for (int i = 0; i < ITEMS; i++) {
        list.push_back(i);
        table[i] = i;
    }
    size_t live = 0;
    cairn_pool_cursor cursor = {};
    while (nodes_next(&pool, &cursor) != nullptr) {
        live++;
    }
    EXPECT(live >= 2 * ITEMS); /* all nodes, and small tables of theirs */
    EXPECT(cairn_pool_owns(&pool.pool, resource.allocate(64, 16)));
    void *large = resource.allocate(65, 16);
    EXPECT(!cairn_pool_owns(&pool.pool, large) && cairn_is_mine(large));
    resource.deallocate(large, 65, 16);
    void *aligned = resource.allocate(10, 32);
    EXPECT(!cairn_pool_owns(&pool.pool, aligned) && address(aligned) % 32 == 0);
    resource.deallocate(aligned, 10, 32);
    list.clear();
    table.clear();
    cairn_pool_reset(&pool.pool);
    std::pmr::unordered_map<int, int> none(
        std::move(table)); /* keeps its table, if any, upstream */
    list = std::pmr::list<int>(&resource);
    EXPECT(none.empty());
    nodes_destroy(&pool);
}

static void full_pool() {
    static char memory[4096];
    nodes pool;
    EXPECT(nodes_init_fixed(&pool, memory, sizeof memory, nullptr));
    {
        cairn::pool_resource resource(pool.pool, std::pmr::null_memory_resource());
        std::pmr::list<char> list(&resource);
        expect_bad_alloc([&] {
            resource.deallocate(resource.allocate(65, 1), 65, 1); /* nothing behind */
        });
        EXPECT(pool.pool.alignment < alignof(void *) || [&] {
            expect_bad_alloc([&] {
                for (;;) {
                    list.push_back('x');
                }
            });
            return list.size() > 10;
        }());
    }
    nodes_destroy(&pool);
}

/* Destroyed after main() has returned and after all objects that were made later. */
static std::pmr::vector<int> late_user(cairn::heap_resource());

int main() {
    default_resource fallback;
    std::pmr::set_default_resource(&fallback);
    heap();
    own_heap();
    arena();
    fixed_arena();
    pool();
    full_pool();
    EXPECT(default_bytes == 0);
    std::pmr::set_default_resource(nullptr);
    late_user.assign(1000, 7);
    return 0;
}
