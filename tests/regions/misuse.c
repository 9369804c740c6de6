/* Mistakes with regions, one in each row of a table: each must end the process with abort() and one
 * line that names the function and says what is wrong.  Run under every profile; what is left to
 * error values is in the tests of the modules. */
#ifndef CAIRN_DEBUG
#define CAIRN_DEBUG /* arrays check get, set and at then */
#endif
#include <cairn/heap.h>
#include <cairn/map.h>
#include <cairn/object_cache.h>
#include <cairn/pool.h>
#include <cairn/scratch.h>
#include <cairn/shared_arena.h>
#include <cairn/str.h>
#include <cairn/vec.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "support/child.h"
#include "support/testkit.h"

CAIRN_VEC(numbers, int)

/* --- arenas ----------------------------------------------------------------------------------- */

static struct cairn_arena arena;
static struct cairn_shared_arena shared;

static void arena_alignment(void) { (void)!cairn_arena_allocate(&arena, 8, opaque_size(24)); }
static void arena_no_alignment(void) { (void)!cairn_arena_allocate(&arena, 8, opaque_size(0)); }

static void arena_ended(void) {
    cairn_arena_init_fixed(&arena, "ended", opaque(&shared), sizeof shared);
    cairn_arena_destroy(&arena);
}
static void arena_twice(void) { arena_ended(), cairn_arena_destroy(&arena); }
static void arena_allocate_late(void) { arena_ended(), (void)!cairn_arena_allocate(&arena, 8, 8); }
static void arena_reset_late(void) { arena_ended(), cairn_arena_reset(&arena); }
static void arena_rewind_late(void) {
    struct cairn_mark mark = cairn_arena_mark(&arena);
    arena_ended(), cairn_arena_rewind(&arena, mark);
}
static void arena_print_late(void) { arena_ended(), (void)!cairn_arena_printf(&arena, "%d", 1); }
static void arena_reserve_late(void) { arena_ended(), (void)!cairn_arena_reserve(&arena, 8); }
static void arena_trim_late(void) { arena_ended(), (void)!cairn_arena_trim(&arena); }
static void arena_resize_late(void) {
    void *object = cairn_arena_allocate(&arena, 8, 8);
    arena_ended(), (void)!cairn_arena_resize(&arena, object, 8, 16, 8);
}
static void arena_owns_late(void) { arena_ended(), (void)!cairn_arena_owns(&arena, &arena); }
static void arena_statistics_late(void) { arena_ended(), (void)cairn_arena_statistics(&arena); }
static void arena_allocator_late(void) {
    arena_ended(), (void)cairn_arena_allocator(&arena).context;
}
static void arena_resize_foreign(void) {
    static char elsewhere[64];
    (void)!cairn_arena_allocate(&arena, 64, 8);
    (void)!cairn_arena_resize(&arena, opaque(elsewhere), 16, 8, 8);
}
static void arena_resize_of_empty(void) {
    (void)!cairn_arena_resize(&arena, opaque(&shared), 16, 8, 8);
}
static void arena_resize_of_fixed(void) {
    cairn_arena_init_fixed(&arena, NULL, opaque(&shared), sizeof shared);
    (void)!cairn_arena_resize(&arena, opaque(&shared), opaque_size(16), 8, 8);
}
static void arena_resize_more(void) {
    char *object = cairn_arena_allocate(&arena, 64, 8);
    (void)!cairn_arena_allocate(&arena, 64, 8);
    (void)!cairn_arena_resize(&arena, object, opaque_size(4096), 8192, 8);
}
static void arena_resize_rewound(void) {
    void *object = opaque(cairn_arena_allocate(&arena, 64, 8));
    cairn_arena_reset(&arena);
    (void)!cairn_arena_resize(&arena, object, 64, 128, 8);
}
static void arena_release_twice(void) {
    (void)!cairn_arena_allocate(&arena, 64, 8);
    struct cairn_allocator allocator = cairn_arena_allocator(&arena);
    void *object = opaque(cairn_allocate(&allocator, 64, 8));
    cairn_release(&allocator, object, 64, 8), cairn_release(&allocator, object, 64, 8);
}
static void *begin_scratch(void *scratch) {
    *(struct cairn_scratch *)scratch = cairn_scratch_begin(NULL);
    return pause() == 0 ? NULL : scratch;
}
static void scratch_of_others(void) {
    static struct cairn_scratch scratch;
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, begin_scratch, &scratch) == 0);
    while (__atomic_load_n(&scratch.arena, __ATOMIC_ACQUIRE) == NULL) {
        (void)usleep(1000);
    }
    cairn_scratch_end(&scratch);
}
static void arena_of_another_mark(void) {
    struct cairn_arena other = {0};
    (void)!cairn_arena_allocate(&arena, 8, 8);
    (void)!cairn_arena_allocate(&other, 8, 8);
    cairn_arena_rewind(&arena, cairn_arena_mark(&other));
}

static void shared_start(void) { cairn_shared_arena_init(&shared, NULL, NULL); }
static void shared_ended(void) { shared_start(), cairn_shared_arena_destroy(&shared); }
static void shared_alignment(void) {
    shared_start(), (void)!cairn_shared_arena_allocate(&shared, 8, opaque_size(24));
}
static void shared_twice(void) { shared_ended(), cairn_shared_arena_destroy(&shared); }
static void shared_allocate_late(void) {
    shared_ended(), (void)!cairn_shared_arena_allocate(&shared, 8, 8);
}
static void shared_reset_late(void) { shared_ended(), cairn_shared_arena_reset(&shared); }
static void shared_resize_late(void) {
    shared_start();
    void *object = cairn_shared_arena_allocate(&shared, 8, 8);
    cairn_shared_arena_destroy(&shared);
    (void)!cairn_shared_arena_resize(&shared, object, 8, 4, 8);
}
static void shared_statistics_late(void) {
    shared_ended(), (void)cairn_shared_arena_statistics(&shared).peak;
}

/* --- pools ------------------------------------------------------------------------------------ */

static struct cairn_pool pool;
static char memory[1 << 14];

static void *pool_start(bool is_shared) {
    const struct cairn_pool_options options = {.shared = is_shared, .handles = true};
    REQUIRE(cairn_pool_init(&pool, 48, &options));
    return opaque(cairn_pool_take(&pool));
}
static void *pool_ended(void) {
    void *object = pool_start(false);
    cairn_pool_destroy(&pool);
    return object;
}
static void pool_double_give(void) {
    void *object = pool_start(false);
    cairn_pool_give(&pool, object), cairn_pool_give(&pool, object);
}
static void pool_shared_double_give(void) {
    void *object = pool_start(true);
    cairn_pool_give(&pool, object), cairn_pool_give(&pool, object);
}
static void pool_interior(void) { cairn_pool_give(&pool, (char *)pool_start(false) + 8); }
static void pool_foreign(void) { pool_start(false), cairn_pool_give(&pool, opaque(memory)); }
static void pool_never_taken(void) { cairn_pool_give(&pool, (char *)pool_start(false) + 480); }
static void pool_twice(void) { pool_ended(), cairn_pool_destroy(&pool); }
static void pool_give_late(void) { cairn_pool_give(&pool, pool_ended()); }
static void pool_take_late(void) { pool_ended(), (void)!cairn_pool_take(&pool); }
static void pool_reset_late(void) { pool_ended(), cairn_pool_reset(&pool); }
static void pool_index_limit_late(void) { pool_ended(), (void)!cairn_pool_index_limit(&pool); }
static void pool_owns_late(void) { pool_ended(), (void)!cairn_pool_owns(&pool, &pool); }
static void pool_handle_late(void) { pool_ended(), (void)cairn_pool_handle(&pool, &pool).index; }
static void pool_next_late(void) {
    struct cairn_pool_cursor cursor = {0};
    pool_ended(), (void)!cairn_pool_next(&pool, &cursor);
}
static void pool_statistics_late(void) { pool_ended(), (void)cairn_pool_statistics(&pool).peak; }

/* --- object caches ---------------------------------------------------------------------------- */

static struct cairn_object_cache *cache;

static void *cache_start(void) {
    cache = cairn_object_cache_create(48, NULL);
    REQUIRE(cache != NULL);
    return opaque(cairn_object_cache_take(cache));
}
static void cache_ended(void) {
    void *object = cache_start();
    cairn_object_cache_give(cache, object);
    cairn_object_cache_destroy(cache);
}
static void cache_double_give(void) {
    void *object = cache_start();
    void *again = opaque(object);
    cairn_object_cache_give(cache, object), cairn_object_cache_give(cache, again);
}
static void cache_interior(void) {
    void *object = cache_start();
    cairn_object_cache_give(cache, opaque((char *)object + 8));
}
static void cache_foreign(void) { cache_start(), cairn_object_cache_give(cache, opaque(memory)); }
static void cache_live(void) { cache_start(), cairn_object_cache_destroy(cache); }
static void cache_twice(void) { cache_ended(), cairn_object_cache_destroy(opaque(cache)); }
static void cache_take_late(void) { cache_ended(), (void)!cairn_object_cache_take(opaque(cache)); }
static void cache_reap_late(void) { cache_ended(), (void)!cairn_object_cache_reap(opaque(cache)); }

/* --- heaps ------------------------------------------------------------------------------------ */

static struct cairn_heap *heap;

static void *heap_start(void) {
    heap = cairn_heap_create(NULL);
    REQUIRE(heap != NULL);
    return opaque(cairn_heap_malloc(heap, 48));
}
static void *fixed_start(void) {
    heap = cairn_heap_create_fixed(memory, sizeof memory, NULL);
    REQUIRE(heap != NULL);
    return opaque(cairn_heap_malloc(heap, 48));
}
static void *heap_ended(void) {
    void *object = heap_start();
    cairn_heap_destroy(heap);
    return object;
}
static void fixed_ended(void) { fixed_start(), cairn_heap_destroy(heap); }

static void free_twice(void *object) {
    void *again = opaque(object);
    cairn_heap_free(heap, object), cairn_heap_free(heap, again);
}
static void heap_double_free(void) { free_twice(heap_start()); }
static void fixed_double_free(void) { free_twice(fixed_start()); }
static void heap_interior(void) {
    char *object = heap_start();
    cairn_heap_free(heap, opaque(object + 16));
}
static void fixed_interior(void) {
    char *object = fixed_start();
    cairn_heap_free(heap, opaque(object + 16));
}
static void heap_foreign(void) { heap_start(), cairn_heap_free(heap, opaque(memory)); }
static void fixed_foreign(void) { fixed_start(), cairn_heap_free(heap, opaque(&heap)); }
static void heap_of_process(void) { heap_start(), cairn_heap_free(heap, opaque(malloc(48))); }
static void heap_resize_freed(void) {
    void *object = heap_start();
    void *again = opaque(object);
    cairn_heap_free(heap, object);
    (void)!opaque(cairn_heap_realloc(heap, again, 4800));
}
static void heap_twice(void) { heap_ended(), cairn_heap_destroy(opaque(heap)); }
static void heap_delete_late(void) { heap_ended(), (void)!cairn_heap_delete(opaque(heap)); }
static void heap_malloc_late(void) { heap_ended(), (void)!cairn_heap_malloc(opaque(heap), 8); }
static void heap_free_late(void) {
    void *object = heap_ended();
    cairn_heap_free(opaque(heap), object);
}
static void fixed_malloc_late(void) { fixed_ended(), (void)!cairn_heap_malloc(opaque(heap), 8); }
static void fixed_delete(void) { fixed_start(), (void)!cairn_heap_delete(heap); }
static void fixed_enter(void) { fixed_start(), (void)cairn_heap_enter(heap).heap; }
static void fixed_plain_free(void) { free(fixed_start()); }
static void heap_destroy_inside(void) {
    heap_start();
    CAIRN_WITH_HEAP(heap) { cairn_heap_destroy(heap); }
}

/* --- the rest --------------------------------------------------------------------------------- */

static void vec_get(void) {
    struct numbers numbers = {0};
    REQUIRE(numbers_push(&numbers, 1));
    (void)!numbers_get(&numbers, opaque_size(1));
}
static void vec_insert(void) {
    struct numbers numbers = {0};
    (void)!numbers_insert(&numbers, opaque_size(1), 1);
}
static void vec_remove(void) {
    struct numbers numbers = {0};
    (void)!numbers_remove(&numbers, opaque_size(0));
}
static void vec_pop(void) {
    struct numbers numbers = {0};
    (void)!numbers_pop(&numbers);
}
static void resize_alignment(void) { (void)!cairn_allocate(NULL, 48, opaque_size(24)); }
static void resize_no_alignment(void) { (void)!cairn_allocate(NULL, 48, opaque_size(0)); }
static void heap_resize_alignment(void) {
    heap_start();
    struct cairn_allocator allocator = cairn_heap_allocator_of(heap);
    (void)!cairn_allocate(&allocator, 48, opaque_size(24));
}
static void release_twice(void) {
    void *object = opaque(cairn_allocate(NULL, 48, 16));
    void *again = opaque(object);
    cairn_release(NULL, object, 48, 16), cairn_release(NULL, again, 48, 16);
}
static void str_of_freed(void) {
    struct cairn_str text = {0};
    REQUIRE(cairn_str_append(&text, "text"));
    struct cairn_str copy = text;
    cairn_str_destroy(&text), cairn_str_destroy(&copy);
}
static void free_sized(void) { cairn_free_sized(opaque(cairn_malloc(48)), 4800); }
static void batch_twice(void) {
    void *twice[2] = {cairn_malloc(48), NULL};
    twice[1] = opaque(twice[0]);
    cairn_free_batch(twice, 2);
}

static const struct row {
    void (*mistake)(void);
    const char *function, *what;
} rows[] = {
    {arena_alignment, "cairn_arena_allocate", "not a power of two"},
    {arena_no_alignment, "cairn_arena_allocate", "not a power of two"},
    {arena_twice, "cairn_arena_destroy", "arena that was destroyed"},
    {arena_allocate_late, "cairn_arena_allocate", "arena that was destroyed"},
    {arena_reset_late, "cairn_arena_reset", "arena that was destroyed"},
    {arena_rewind_late, "cairn_arena_rewind", "arena that was destroyed"},
    {arena_print_late, "cairn_arena_", "arena that was destroyed"},
    {arena_reserve_late, "cairn_arena_reserve", "arena that was destroyed"},
    {arena_trim_late, "cairn_arena_trim", "arena that was destroyed"},
    {arena_resize_late, "cairn_arena_", "arena that was destroyed"},
    {arena_owns_late, "cairn_arena_owns", "arena that was destroyed"},
    {arena_statistics_late, "cairn_arena_statistics", "arena that was destroyed"},
    {arena_allocator_late, "cairn_arena_allocator", "arena that was destroyed"},
    {arena_resize_foreign, "cairn_arena_resize", "16 bytes that are not of an unnamed arena"},
    {arena_resize_of_empty, "cairn_arena_resize", "16 bytes that are not of an unnamed arena"},
    {arena_resize_of_fixed, "cairn_arena_resize", "16 bytes that are not of an unnamed arena"},
    {arena_resize_more, "cairn_arena_resize", "4096 bytes that are not of"},
    {arena_resize_rewound, "cairn_arena_resize", "64 bytes that are not of"},
    {arena_release_twice, "cairn_arena_resize", "64 bytes that are not of"},
    {arena_of_another_mark, "cairn_arena_rewind", "the mark is of another arena"},
    {scratch_of_others, "cairn_scratch_end", "another thread's"},
    {shared_alignment, "cairn_shared_arena_allocate", "not a power of two"},
    {shared_twice, "cairn_shared_arena_destroy", "not initialised, or destroyed"},
    {shared_allocate_late, "cairn_shared_arena_allocate", "not initialised, or destroyed"},
    {shared_reset_late, "cairn_shared_arena_reset", "not initialised, or destroyed"},
    {shared_resize_late, "cairn_shared_arena_resize", "not initialised, or destroyed"},
    {shared_statistics_late, "cairn_shared_arena_statistics", "not initialised, or destroyed"},
    {pool_double_give, "cairn_pool_give", "double give"},
    {pool_shared_double_give, "cairn_pool_give", "double give"},
    {pool_interior, "cairn_pool_give", "pointer 8 bytes into"},
    {pool_foreign, "cairn_pool_give", "pointer that is not of"},
    {pool_never_taken, "cairn_pool_give", "before any take|double give"},
    {pool_twice, "cairn_pool_destroy", "pool that was destroyed"},
    {pool_give_late, "cairn_pool_give", "pool that was destroyed"},
    {pool_take_late, "cairn_pool_take", "pool that was destroyed"},
    {pool_reset_late, "cairn_pool_reset", "pool that was destroyed"},
    {pool_index_limit_late, "cairn_pool_index_limit", "pool that was destroyed"},
    {pool_owns_late, "cairn_pool_owns", "pool that was destroyed"},
    {pool_handle_late, "cairn_pool_handle", "pool that was destroyed"},
    {pool_next_late, "cairn_pool_next", "pool that was destroyed"},
    {pool_statistics_late, "cairn_pool_statistics", "pool that was destroyed"},
    {cache_double_give, "cairn_object_cache_give", "double give"},
    {cache_interior, "cairn_object_cache_give", "pointer 8 bytes into"},
    {cache_foreign, "cairn_object_cache_give", "pointer that is no object"},
    {cache_live, "cairn_object_cache_destroy", "1 "},
    {cache_twice, "cairn_object_cache_destroy", "no object cache|cache that was destroyed"},
    {cache_take_late, "cairn_object_cache_take", "no object cache|cache that was destroyed"},
    {cache_reap_late, "cairn_object_cache_reap", "no object cache|cache that was destroyed"},
    {heap_double_free, "cairn_heap_free", "double free"},
    {fixed_double_free, "cairn_heap_free", "it is free already"},
    {heap_interior, "cairn_heap_free", "16 bytes into"},
    {fixed_interior, "cairn_heap_free", "16 bytes into"},
    {heap_foreign, "cairn_heap_free", "never allocated"},
    {fixed_foreign, "cairn_heap_free", "no object of"},
    {heap_of_process, "cairn_heap_free", "no object of"},
    {heap_resize_freed, "cairn_heap_realloc", "use after free|freed"},
    {heap_twice, "cairn_heap_destroy", "heap that was destroyed"},
    {heap_delete_late, "cairn_heap_delete", "heap that was destroyed"},
    {heap_malloc_late, "cairn_heap_malloc", "heap that was destroyed"},
    {heap_free_late, "cairn_heap_free", "heap that was destroyed"},
    {fixed_malloc_late, "cairn_heap_malloc", "heap that was destroyed"},
    {fixed_delete, "cairn_heap_delete", "caller memory"},
    {fixed_enter, "cairn_heap_enter", "caller memory"},
    {fixed_plain_free, "free", "never allocated"},
    {heap_destroy_inside, "cairn_heap_destroy", "leave that first"},
    {vec_get, "numbers_get", "index 1 in an array of 1 items"},
    {vec_insert, "numbers_insert", "index 1 in an array of 0 items"},
    {vec_remove, "numbers_remove", "index 0 in an array of 0 items"},
    {vec_pop, "numbers_pop", "index 0 in an array of 0 items"},
    {resize_alignment, "cairn_resize", "not a power of two"},
    {resize_no_alignment, "cairn_resize", "not a power of two"},
    {heap_resize_alignment, "cairn_resize", "not a power of two"},
    {release_twice, "cairn_release", "double free"},
    {str_of_freed, "cairn_release", "double free"},
    {free_sized, "cairn_free_sized", "48"},
    {batch_twice, "cairn_free_batch", "double free"},
};

/* Whether one of the texts, which '|' separates, is in the output. */
static bool has_one_of(const char *output, const char *texts) {
    char copy[128];
    (void)snprintf(copy, sizeof copy, "%s", texts);
    for (char *rest = copy, *text; (text = strsep(&rest, "|")) != NULL;) {
        if (strstr(output, text) != NULL) {
            return true;
        }
    }
    return false;
}

/* How the mistake ends; what it says is in output. */
static int make(const struct row *row, char *output, size_t size) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], 2);
        row->mistake();
        _exit(0);
    }
    (void)close(ends[1]);
    size_t length = 0;
    for (ssize_t n; (n = read(ends[0], output + length, size - 1 - length)) > 0;) {
        length += (size_t)n;
    }
    output[length] = '\0';
    (void)close(ends[0]);
    int status = -1;
    (void)waitpid(pid, &status, 0);
    return status;
}

int main(void) {
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static char output[1 << 16];
        const struct row *row = &rows[i];
        int status = make(row, output, sizeof output);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
            strstr(output, row->function) == NULL || !has_one_of(output, row->what)) {
            printf("row %zu, expected \"%s ... %s\"; status 0x%x and: %s\n", i, row->function,
                   row->what, (unsigned)status, output);
            wrong++;
        }
    }
    return wrong != 0;
}
