/* The anchor: an inspector that knows nothing but <cairn/anchor.h> and can read memory finds every
 * object. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cairn/anchor.h>

#include "core/fast.h"
#include "core/statistics.h"

static const struct cairn_anchor *const a = &cairn_anchor;

static void slow(void *pointer) { free_slow("free", pointer); }

/* --- the inspector: reads by address and offset only ------------------------------------------ */

/* As from another process: it takes no part in the ordering between threads. */
__attribute__((no_sanitize("thread"))) static uint64_t read_number(uint64_t address, size_t bytes) {
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++) {
        number |= (uint64_t)((const volatile unsigned char *)(uintptr_t)address)[i] << (8 * i);
    }
    return number;
}

static uint64_t u64(uint64_t address) { return read_number(address, 8); }

struct census {
    uint64_t slabs, large, large_bytes;
    uint64_t slabs_of_first_heap;
    uint64_t bodies, bodies_seen; /* as slabs say, and as are marked */
    uint64_t live[256];           /* by class */
};

static uint64_t leaf_of(uint64_t address) {
    uint64_t distance = u64(a->address.chunk_map + a->chunk_map.leaf_distance +
                            8 * (address >> a->geometry.window_shift));
    return distance == 0 ? 0 : a->address.chunk_map + distance;
}

static uint64_t within_window(uint64_t address) {
    return address & ((UINT64_C(1) << a->geometry.window_shift) - 1);
}

static uint64_t count_live(uint64_t chunk, uint64_t shared, uint64_t capacity) {
    uint64_t words = u64(chunk + a->chunk.words);
    uint64_t remote = u64(shared + a->shared.remote);
    uint64_t live = 0;
    for (uint64_t i = 0; i < capacity; i++) {
        uint64_t pair = words + a->slab_word.bytes * (i / 64);
        uint64_t free = u64(pair + a->slab_word.freed) | u64(pair + a->slab_word.avail) |
                        u64(remote + i / 64 * 8);
        live += (free >> (i % 64) & 1) == 0;
    }
    return live;
}

static void visit_chunk(uint64_t address, struct census *census) {
    uint64_t leaf = leaf_of(address);
    uint64_t i = within_window(address) >> a->geometry.chunk_shift;
    uint64_t chunk = leaf + a->leaf.chunks + a->chunk.bytes * i;
    uint64_t shared = leaf + a->leaf.shared + a->shared.bytes * i;
    uint64_t kind = read_number(chunk + a->chunk.kind, 1);
    census->bodies_seen += kind == CAIRN_CHUNK_BODY;
    if (u64(chunk + a->chunk.owner) == 0 || u64(chunk + a->chunk.start) != address) {
        return;
    }
    if (kind == CAIRN_CHUNK_SLAB) {
        uint64_t class = read_number(chunk + a->chunk.class_index, 1);
        uint64_t heap =
            a->address.heap_origin + (u64(chunk + a->chunk.owner) & ~(uint64_t)CAIRN_OWNER_TAGS);
        census->slabs++;
        census->slabs_of_first_heap += heap == u64(a->address.first_heap);
        census->live[class] += count_live(chunk, shared, read_number(chunk + a->slab.capacity, 2));
        census->bodies += read_number(chunk + a->slab.chunks, 1) - 1;
    } else if (kind == CAIRN_CHUNK_LARGE) {
        census->large++;
        census->large_bytes += u64(chunk + a->chunk.large_bytes);
    }
}

static void visit_block(uint64_t address, struct census *census) {
    uint64_t j = within_window(address) >> a->geometry.block_shift;
    uint64_t block = leaf_of(address) + a->leaf.blocks + a->block.bytes * j;
    uint64_t free = u64(block + a->block.free);
    assert_int_equal(u64(block + a->block.address), address);
    for (unsigned c = 0; c < 1u << (a->geometry.block_shift - a->geometry.chunk_shift); c++) {
        if ((free >> c & 1) == 0) {
            visit_chunk(address + ((uint64_t)c << a->geometry.chunk_shift), census);
        }
    }
}

static void inspect(struct census *census) {
    memset(census, 0, sizeof *census);
    uint64_t count = u64(a->address.regions + a->regions.count);
    for (uint64_t r = 0; r < count; r++) {
        uint64_t region = a->address.regions + a->regions.entries + a->regions.entry_bytes * r;
        uint64_t base = u64(region + a->regions.base);
        uint64_t end = base + u64(region + a->regions.committed);
        for (uint64_t at = base; at < end; at += UINT64_C(1) << a->geometry.block_shift) {
            visit_block(at, census);
        }
    }
}

/* --- tests ------------------------------------------------------------------------------------ */

static void it_says_what_it_is(void **state) {
    (void)state;
    assert_memory_equal(a->magic, CAIRN_ANCHOR_MAGIC, sizeof a->magic);
    assert_int_equal(a->version, CAIRN_ANCHOR_VERSION);
    assert_int_equal(a->bytes, sizeof *a);
    assert_int_equal(a->self, (uintptr_t)a);
    assert_string_equal(a->library_version, CAIRN_VERSION);
    assert_int_equal(a->geometry.class_count, CLASS_COUNT);
}

static void an_inspector_finds_every_object(void **state) {
    (void)state;
    enum { OBJECTS = 4000 };
    static void *object[OBJECTS];
    static struct census census;
    for (size_t i = 0; i < OBJECTS; i++) {
        object[i] = fast_allocate(i * 6089 % 45000);
        assert_non_null(object[i]);
    }
    for (size_t i = 0; i < OBJECTS; i += 3) {
        fast_free(object[i], slow);
    }
    struct cairn_heap_stats stats;
    statistics_count(&stats);
    inspect(&census);
    uint64_t slabs = 0;
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        slabs += stats.classes[c].slabs;
        assert_int_equal(census.live[c], stats.classes[c].live_objects);
        uint64_t entry = a->address.size_classes + a->size_class.bytes * c;
        assert_int_equal(read_number(entry + a->size_class.size, 4), size_classes[c].size);
    }
    assert_int_equal(census.slabs, slabs);
    assert_true(census.bodies > 0);
    assert_int_equal(census.bodies_seen, census.bodies);
    assert_int_equal(census.slabs_of_first_heap, slabs); /* no other thread has lived yet */
    assert_int_equal(census.large, stats.large_objects);
    assert_true(census.large > 0);
    assert_int_equal(census.large_bytes, stats.large_live_bytes);
    for (size_t i = 0; i < OBJECTS; i++) {
        if (i % 3 != 0) {
            fast_free(object[i], slow);
        }
    }
}

static void *allocate_once(void *argument) {
    fast_free(fast_allocate(100), slow);
    return argument;
}

static void an_inspector_finds_heaps_and_bins(void **state) {
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, allocate_once, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    struct cairn_heap_stats stats;
    statistics_count(&stats);
    size_t active = 0, parked = 0, bin_objects = 0;
    for (uint64_t heap = u64(a->address.first_heap); heap != 0; heap = u64(heap + a->heap.next)) {
        uint64_t heap_state = read_number(heap + a->heap.state, 4);
        active += heap_state == CAIRN_HEAP_ACTIVE;
        parked += heap_state == CAIRN_HEAP_PARKED;
        assert_true(read_number(heap + a->heap.thread, 4) != 0);
        for (uint64_t c = 0; c < a->geometry.class_count; c++) {
            uint64_t bin = heap + a->heap.bins + a->bin.bytes * c;
            bin_objects += (unsigned)__builtin_popcountll(u64(u64(bin + a->bin.avail)));
        }
    }
    assert_int_equal(active, stats.active_heaps);
    assert_int_equal(parked, stats.parked_heaps);
    assert_int_equal(bin_objects, stats.ready_objects);
    assert_true(active >= 1 && parked >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_it_is),
        cmocka_unit_test(an_inspector_finds_every_object),
        cmocka_unit_test(an_inspector_finds_heaps_and_bins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
