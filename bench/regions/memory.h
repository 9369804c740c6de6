/* The ways of getting memory that are compared, one chosen by a definition of the compiler's:
 *
 *   take(memory, size)     an object of size bytes, aligned to 8
 *   drop_all(memory)       ends all objects; not there for malloc, which
 *   give(object)           ends them one by one (OBJECT_BY_OBJECT is 1) */
#ifndef CAIRN_BENCH_REGIONS_MEMORY_H
#define CAIRN_BENCH_REGIONS_MEMORY_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define OBJECT_BY_OBJECT 0

#if defined(USE_MALLOC)

#undef OBJECT_BY_OBJECT
#define OBJECT_BY_OBJECT 1

struct memory {
    int unused;
};

static inline void memory_start(struct memory *memory) { memory->unused = 0; }
static inline void memory_end(struct memory *memory) { (void)memory; }
static inline void *take(struct memory *memory, size_t size) {
    (void)memory;
    return malloc(size);
}
static inline void drop_all(struct memory *memory) { (void)memory; }
static inline void give(void *object) { free(object); }

#elif defined(USE_CAIRN)

#include <cairn/arena.h>

struct memory {
    struct cairn_arena arena;
};

static inline void memory_start(struct memory *memory) {
    cairn_arena_init(&memory->arena, "bench", NULL);
}
static inline void memory_end(struct memory *memory) { cairn_arena_destroy(&memory->arena); }
static inline void *take(struct memory *memory, size_t size) {
    return cairn_arena_allocate(&memory->arena, size, 8);
}
static inline void drop_all(struct memory *memory) { cairn_arena_reset(&memory->arena); }

#elif defined(USE_NOTHING)

/* What the program costs without any memory management: a pointer that moves on in a buffer
 * which is large enough for one unit of any workload. */
struct memory {
    char *next;
    char buffer[4 << 20];
};

static inline void drop_all(struct memory *memory) { memory->next = memory->buffer; }
static inline void memory_start(struct memory *memory) { drop_all(memory); }
static inline void memory_end(struct memory *memory) { (void)memory; }
static inline void *take(struct memory *memory, size_t size) {
    char *object = memory->next;
    memory->next += (size + 7) & ~(size_t)7;
    return object;
}

#elif defined(USE_OBSTACK)

#include <obstack.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

struct memory {
    struct obstack obstack;
    void *base;
};

static inline void memory_start(struct memory *memory) {
    obstack_init(&memory->obstack);
    obstack_alignment_mask(&memory->obstack) = 7;
    memory->base = obstack_alloc(&memory->obstack, 0);
}
static inline void memory_end(struct memory *memory) { obstack_free(&memory->obstack, NULL); }
static inline void *take(struct memory *memory, size_t size) {
    return obstack_alloc(&memory->obstack, (int)size);
}
static inline void drop_all(struct memory *memory) {
    obstack_free(&memory->obstack, memory->base);
    memory->base = obstack_alloc(&memory->obstack, 0);
}

#elif defined(USE_APR)

#include <apr_general.h>
#include <apr_pools.h>

struct memory {
    apr_pool_t *pool;
};

static inline void memory_start(struct memory *memory) {
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&memory->pool, NULL) != APR_SUCCESS) {
        abort();
    }
}
static inline void memory_end(struct memory *memory) { apr_pool_destroy(memory->pool); }
static inline void *take(struct memory *memory, size_t size) {
    return apr_palloc(memory->pool, size);
}
static inline void drop_all(struct memory *memory) { apr_pool_clear(memory->pool); }

#elif defined(USE_TALLOC)

#include <stdbool.h>
#include <talloc.h>

struct memory {
    void *context;
};

static inline void memory_start(struct memory *memory) { memory->context = talloc_new(NULL); }
static inline void memory_end(struct memory *memory) { talloc_free(memory->context); }
static inline void *take(struct memory *memory, size_t size) {
    return talloc_size(memory->context, size);
}
static inline void drop_all(struct memory *memory) { talloc_free_children(memory->context); }

#elif defined(USE_PMR)

#include <memory_resource>

/* With a buffer that holds all but the largest units, so that release() asks malloc for nothing. */
struct memory {
    alignas(64) char buffer[1 << 20];
    std::pmr::monotonic_buffer_resource *resource;
};

static inline void memory_start(struct memory *memory) {
    memory->resource =
        new std::pmr::monotonic_buffer_resource(memory->buffer, sizeof memory->buffer);
}
static inline void memory_end(struct memory *memory) { delete memory->resource; }
static inline void *take(struct memory *memory, size_t size) {
    return memory->resource->allocate(size, 8);
}
static inline void drop_all(struct memory *memory) { memory->resource->release(); }

#else
#error "say which memory, by a definition of USE_MALLOC or another of the above"
#endif

#if !OBJECT_BY_OBJECT
static inline void give(void *object) { (void)object; }
#endif

#endif
