#include "base/bits.h"
#include "core/block_lists.h"
#include "core/checker_parts.h"
#include "core/chunk_map.h"
#include "core/region.h"
#include "os/os.h"

/* --- chunk map and regions
 * --------------------------------------------------------------------------- */

static bool is_zero(const void *memory, size_t size) {
    const uint64_t *word = memory;
    for (size_t i = 0; i < size / sizeof *word; i++) {
        if (word[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool check_map(const struct checker *checker) {
    EXPECT(is_zero(chunk_map.never, sizeof chunk_map.never),
           "the descriptors of addresses that were never given out are zero", &chunk_map);
    size_t leaves = 0;
    for (size_t window = 0; window < WINDOWS; window++) {
        uintptr_t distance = chunk_map.leaf_distance[window];
        leaves += distance != 0;
        EXPECT(distance == 0 || ((uintptr_t)&chunk_map + distance) % CACHE_LINE == 0,
               "leaves are aligned", &chunk_map.leaf_distance[window]);
    }
    EXPECT(leaves * sizeof(struct leaf) == chunk_map_reserved(), "all leaves are in the chunk map",
           &chunk_map);
    return true;
}

static bool overlaps_earlier(size_t r) {
    const struct region *region = &regions.region[r];
    for (size_t i = 0; i < r; i++) {
        const struct region *other = &regions.region[i];
        if (region->base < other->base + other->reserved &&
            other->base < region->base + region->reserved) {
            return true;
        }
    }
    return false;
}

static bool check_regions(const struct checker *checker) {
    size_t reserved = 0, committed = 0;
    EXPECT(regions.count <= REGION_LIMIT, "there are at most REGION_LIMIT regions", &regions);
    for (size_t r = 0; r < regions.count; r++) {
        const struct region *region = &regions.region[r];
        EXPECT((region->base | region->reserved | region->committed) % BLOCK_SIZE == 0,
               "regions consist of whole blocks", region);
        EXPECT(region->committed <= region->reserved, "what is committed of a region is reserved",
               region);
        EXPECT(address_is_mappable(region->base) &&
                   address_is_mappable(region->base + region->reserved - 1),
               "regions lie where the chunk map reaches", region);
        EXPECT(!overlaps_earlier(r), "regions do not overlap", region);
        for (size_t at = 0; at < region->reserved; at += BLOCK_SIZE) {
            EXPECT(block_of(region->base + at) != NULL, "regions are covered by leaves", region);
        }
        reserved += region->reserved;
        committed += region->committed;
    }
    EXPECT(reserved == regions.reserved, "regions.reserved is the sum over the regions", &regions);
    EXPECT(committed == regions.committed, "regions.committed is the sum over the regions",
           &regions);
    return true;
}

/* --- blocks ----------------------------------------------------------------------------------- */

struct sums {
    size_t blocks, waiting, free, dirty;
};

static unsigned longest_run_counted(uint64_t mask) {
    unsigned longest = 0, length = 0;
    for (unsigned i = 0; i < CHUNKS_PER_BLOCK; i++) {
        length = (mask >> i & 1) != 0 ? length + 1 : 0;
        longest = length > longest ? length : longest;
    }
    return longest;
}

static bool check_block(const struct checker *checker, const struct block *block, uintptr_t address,
                        struct sums *sums) {
    EXPECT(block->address == address, "a committed block knows its address", block);
    EXPECT((block->dirty & ~block->free) == 0, "dirty chunks are free", block);
    EXPECT(block->longest == longest_run_counted(block->free),
           "longest is the longest run of free chunks", block);
    EXPECT(block->waiting == (block->dirty != 0), "a block waits while it has dirty chunks", block);
    sums->blocks++;
    sums->waiting += block->waiting;
    sums->free += count_bits(block->free);
    sums->dirty += count_bits(block->dirty);
    return true;
}

static bool check_region_blocks(const struct checker *checker, const struct region *region,
                                struct sums *sums) {
    for (size_t at = 0; at < region->reserved; at += BLOCK_SIZE) {
        const struct block *block = block_of(region->base + at);
        if (at < region->committed) {
            if (!check_block(checker, block, region->base + at, sums)) {
                return false;
            }
        } else {
            EXPECT(is_zero(block, sizeof *block), "a block that is not committed is zero", block);
        }
    }
    return true;
}

/* Whether a link leads to a committed block: only these are trusted further. */
static bool is_block(const struct block *block) {
    for (size_t r = 0; r < regions.count; r++) {
        const struct region *region = &regions.region[r];
        for (size_t at = 0; at < region->committed; at += BLOCK_SIZE) {
            if (block_of(region->base + at) == block) {
                return true;
            }
        }
    }
    return false;
}

static bool check_bucket(const struct checker *checker, const struct block *first, unsigned n,
                         size_t *left) {
    const struct block *before = NULL;
    for (const struct block *block = first; block != NULL; block = block->next) {
        EXPECT(is_block(block), "the link of a bucket leads to a block",
               before != NULL ? before : first);
        EXPECT(block->longest == n, "a block is in the bucket of its longest run", block);
        EXPECT(block->prev == before, "the links of a bucket agree", block);
        EXPECT((*left)-- != 0, "a block is in one bucket only", block);
        before = block;
    }
    return true;
}

static bool check_buckets(const struct checker *checker, const struct sums *sums) {
    const struct block_lists *lists = &block_lists;
    size_t left = sums->blocks;
    for (unsigned n = 0; n <= CHUNKS_PER_BLOCK; n++) {
        EXPECT(n == 0 || (lists->filled >> (n - 1) & 1) == (lists->bucket[n] != NULL),
               "a bit of filled says that its bucket is not empty", &lists->filled);
        if (!check_bucket(checker, lists->bucket[n], n, &left)) {
            return false;
        }
    }
    EXPECT(left == 0, "every block is in a bucket", lists->bucket);
    return true;
}

static bool check_waiting(const struct checker *checker, const struct sums *sums) {
    const struct block_lists *lists = &block_lists;
    const struct block *before = NULL;
    size_t left = sums->waiting;
    for (const struct block *block = lists->oldest; block != NULL; block = block->younger) {
        EXPECT(is_block(block), "the link of the waiting list leads to a block",
               before != NULL ? (const void *)before : &lists->oldest);
        EXPECT(block->waiting, "a block in the waiting list has dirty chunks", block);
        EXPECT(block->older == before, "the links of the waiting list agree", block);
        EXPECT(left-- != 0, "a block is in the waiting list once", block);
        before = block;
    }
    EXPECT(before == lists->youngest, "the waiting list ends with the youngest", before);
    EXPECT(left == 0, "every block with dirty chunks is in the waiting list", &lists->oldest);
    return true;
}

static bool check_totals(const struct checker *checker, const struct sums *sums) {
    size_t not_free = sums->blocks * CHUNKS_PER_BLOCK - sums->free;
    size_t taken = block_total(&block_totals.taken);
    EXPECT(taken == not_free, "taken and free chunks are all committed ones", &block_totals);
    EXPECT(block_total(&block_totals.dirty) == sums->dirty,
           "block_totals.dirty counts the dirty chunks", &block_totals);
    EXPECT(block_total(&block_totals.taken_peak) >= taken, "no more is taken than at the peak",
           &block_totals);
    return true;
}

bool checker_blocks(const struct checker *checker) {
    if (!check_map(checker) || !check_regions(checker)) {
        return false;
    }
    struct sums sums = {0};
    for (size_t r = 0; r < regions.count; r++) {
        if (!check_region_blocks(checker, &regions.region[r], &sums)) {
            return false;
        }
    }
    return check_buckets(checker, &sums) && check_waiting(checker, &sums) &&
           check_totals(checker, &sums);
}
