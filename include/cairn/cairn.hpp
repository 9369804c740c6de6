/* cairn for C++: memory resources and allocators for the standard containers.
 *
 *     struct cairn_arena arena = {};
 *     cairn::arena_resource resource(arena);
 *     std::pmr::vector<std::pmr::string> lines(&resource);
 *
 *     std::vector<int, cairn::allocator<int>> numbers;
 *
 * When not: std::allocator and operator new are cairn's already in a program that is linked with
 * the library; cairn::allocator is for one that has its malloc from elsewhere, and finds out more.
 *
 * Thread-safety: that of what is behind it: a heap's by any thread, an arena's or a pool's by one
 * at a time (a shared pool's by any).
 * Ownership: resources and allocators refer to an arena, a pool, a heap or an allocator and own
 * nothing: it
 * must live longer than the containers.
 * Errors: std::bad_alloc (std::bad_array_new_length if a count overflows), in a program without
 * exceptions std::abort(); no new handler is called.  What the functions behind report, they
 * report: a container that gives back what it did not get, or with another size, ends the process.
 * Cost: an allocator's calls are inline, so the function behind it is all; a memory resource adds a
 * virtual call.
 *
 * C++17 and later; memory resources where the standard library has <memory_resource>. */
#ifndef CAIRN_CAIRN_HPP
#define CAIRN_CAIRN_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#if __has_include(<memory_resource>)
#include <memory_resource>
#endif

#include <cairn/allocator.h>
#include <cairn/arena.h>
#include <cairn/cairn.h>
#include <cairn/heap.h>
#include <cairn/pool.h>
#include <cairn/tag.h>

namespace cairn {

namespace detail {

template <typename Error> [[noreturn]] inline void fail() {
#if defined(__cpp_exceptions)
    throw Error();
#else
    std::abort();
#endif
}

/* What every object of the heap is aligned to. */
constexpr std::size_t heap_alignment = 16;

inline void *required(void *memory) {
    if (memory == nullptr) {
        fail<std::bad_alloc>();
    }
    return memory;
}

inline void *take(std::size_t bytes, std::size_t alignment) {
    return required(alignment <= heap_alignment ? cairn_malloc(bytes)
                                                : cairn_aligned_alloc(alignment, bytes));
}

template <typename T> std::size_t bytes_of(std::size_t count) {
    if (count > SIZE_MAX / sizeof(T)) {
        fail<std::bad_array_new_length>();
    }
    return count * sizeof(T);
}

} // namespace detail

/* --- allocators ------------------------------------------------------------------------------- */

/* The heap, by the functions of cairn.h; has no state, so a container with it is no larger. */
template <typename T> class allocator {
  public:
    using value_type = T;
    using is_always_equal = std::true_type;
    using propagate_on_container_move_assignment = std::true_type;

    constexpr allocator() noexcept = default;
    template <typename U> constexpr allocator(const allocator<U> & /*other*/) noexcept {}

    [[nodiscard]] T *allocate(std::size_t count) {
        return static_cast<T *>(detail::take(detail::bytes_of<T>(count), alignof(T)));
    }

#if defined(__cpp_lib_allocate_at_least)
    /* As many as there is room for anyway. */
    [[nodiscard]] std::allocation_result<T *> allocate_at_least(std::size_t count) {
        T *memory = allocate(count);
        return {memory, cairn_usable_size(memory) / sizeof(T)};
    }
#endif

    void deallocate(T *memory, std::size_t count) noexcept {
        cairn_free_sized(memory, count * sizeof(T));
    }
};

template <typename T, typename U>
constexpr bool operator==(const allocator<T> & /*a*/, const allocator<U> & /*b*/) noexcept {
    return true;
}

template <typename T, typename U>
constexpr bool operator!=(const allocator<T> & /*a*/, const allocator<U> & /*b*/) noexcept {
    return false;
}

/* Any struct cairn_allocator: an arena's, a pool's, the program's own.  It is copied in.  The
 * allocator goes with the memory when a container is moved or swapped; one that is assigned a copy
 * keeps its own. */
template <typename T> class any_allocator {
  public:
    using value_type = T;
    using is_always_equal = std::false_type;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;

    /* The heap. */
    any_allocator() noexcept : inner_(cairn_heap_allocator) {}
    any_allocator(const struct cairn_allocator &inner) noexcept : inner_(inner) {}
    template <typename U>
    any_allocator(const any_allocator<U> &other) noexcept : inner_(other.inner()) {}

    [[nodiscard]] T *allocate(std::size_t count) {
        std::size_t bytes = detail::bytes_of<T>(count);
        return static_cast<T *>(
            detail::required(cairn_allocate(&inner_, at_least_one(bytes), alignof(T))));
    }

    void deallocate(T *memory, std::size_t count) noexcept {
        cairn_release(&inner_, memory, at_least_one(count * sizeof(T)), alignof(T));
    }

    const struct cairn_allocator &inner() const noexcept { return inner_; }

  private:
    /* Of 0 bytes the interface has no objects. */
    static constexpr std::size_t at_least_one(std::size_t bytes) { return bytes == 0 ? 1 : bytes; }

    struct cairn_allocator inner_;
};

template <typename T, typename U>
bool operator==(const any_allocator<T> &a, const any_allocator<U> &b) noexcept {
    return a.inner().resize == b.inner().resize && a.inner().context == b.inner().context;
}

template <typename T, typename U>
bool operator!=(const any_allocator<T> &a, const any_allocator<U> &b) noexcept {
    return !(a == b);
}

/* --- tags ------------------------------------------------------------------------------------- */

/* What the thread allocates while this lives is counted for the tag. */
class tag_scope {
  public:
    explicit tag_scope(struct cairn_tag &tag) noexcept : scope_(cairn_tag_enter(&tag)) {}
    ~tag_scope() { cairn_tag_leave(&scope_); }
    tag_scope(const tag_scope &) = delete;
    tag_scope &operator=(const tag_scope &) = delete;

  private:
    struct cairn_tag_scope scope_;
};

/* --- first-class heaps ------------------------------------------------------------------------ */

/* What the thread allocates by malloc and operator new while this lives comes from the heap. */
class heap_scope {
  public:
    explicit heap_scope(struct cairn_heap *heap) : scope_(cairn_heap_enter(heap)) {
        detail::required(scope_.heap);
    }
    ~heap_scope() { cairn_heap_leave(&scope_); }
    heap_scope(const heap_scope &) = delete;
    heap_scope &operator=(const heap_scope &) = delete;

  private:
    struct cairn_heap_scope scope_;
};

/* --- memory resources ------------------------------------------------------------------------- */

#if defined(__cpp_lib_memory_resource)

namespace detail {

class heap final : public std::pmr::memory_resource {
  private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override {
        return take(bytes, alignment);
    }

    void do_deallocate(void *memory, std::size_t bytes, std::size_t /*alignment*/) override {
        cairn_free_sized(memory, bytes);
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
#if defined(__cpp_rtti)
        return dynamic_cast<const heap *>(&other) != nullptr;
#else
        return this == &other;
#endif
    }
};

} // namespace detail

/* The heap; never destroyed, so that containers of any life time may use it. */
inline std::pmr::memory_resource *heap_resource() noexcept {
    alignas(detail::heap) static unsigned char memory[sizeof(detail::heap)];
    static std::pmr::memory_resource *const resource = ::new (memory) detail::heap;
    return resource;
}

/* An arena.  Giving back does nothing: a container that grows leaves its old memory behind until
 * the arena is reset, rewound or destroyed, and must end before that. */
class arena_resource final : public std::pmr::memory_resource {
  public:
    explicit arena_resource(struct cairn_arena &arena) noexcept : arena_(&arena) {}

  private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override {
        return detail::required(cairn_arena_allocate(arena_, bytes, alignment));
    }

    void do_deallocate(void * /*memory*/, std::size_t /*bytes*/,
                       std::size_t /*alignment*/) override {}

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
        return this == &other;
    }

    struct cairn_arena *arena_;
};

/* A first-class heap, which must live longer than the containers.  Its limit is std::bad_alloc. */
class own_heap_resource final : public std::pmr::memory_resource {
  public:
    explicit own_heap_resource(struct cairn_heap *heap) noexcept : heap_(heap) {}

  private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override {
        return detail::required(cairn_heap_aligned_alloc(heap_, alignment, bytes));
    }

    void do_deallocate(void *memory, std::size_t /*bytes*/, std::size_t /*alignment*/) override {
        cairn_heap_free(heap_, memory);
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
#if defined(__cpp_rtti)
        auto *same = dynamic_cast<const own_heap_resource *>(&other);
        return same != nullptr && same->heap_ == heap_;
#else
        return this == &other;
#endif
    }

    struct cairn_heap *heap_;
};

/* A pool, for containers of nodes: whatever fits an object of the pool is one, and what is larger
 * (the table of a hash map) comes from `upstream`.  A pool that is full is std::bad_alloc. */
class pool_resource final : public std::pmr::memory_resource {
  public:
    explicit pool_resource(struct cairn_pool &pool,
                           std::pmr::memory_resource *upstream = heap_resource()) noexcept
        : pool_(&pool), upstream_(upstream) {}

  private:
    bool fits(std::size_t bytes, std::size_t alignment) const noexcept {
        return bytes <= pool_->size && alignment <= pool_->alignment;
    }

    void *do_allocate(std::size_t bytes, std::size_t alignment) override {
        return fits(bytes, alignment) ? detail::required(cairn_pool_take(pool_))
                                      : upstream_->allocate(bytes, alignment);
    }

    void do_deallocate(void *memory, std::size_t bytes, std::size_t alignment) override {
        if (fits(bytes, alignment)) {
            cairn_pool_give(pool_, memory);
        } else {
            upstream_->deallocate(memory, bytes, alignment);
        }
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
        return this == &other;
    }

    struct cairn_pool *pool_;
    std::pmr::memory_resource *upstream_;
};

#endif

} // namespace cairn

#endif
