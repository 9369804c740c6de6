#include "core/metadata.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "os/mutex.h"
#include "os/os.h"

/* Sizes that are kept for reuse; larger ones (heaps) are never given back. */
enum { KEPT_LINES = 32 };

/* Segments grow with what is there, from 64 KiB to 4 MiB: few mappings, little waste. */
#define SEGMENT_MIN ((size_t)64 << 10)
#define SEGMENT_MAX ((size_t)4 << 20)

struct spare {
    struct spare *next;
};

static struct mutex lock = MUTEX(RANK_METADATA);
static struct spare *spares[KEPT_LINES + 1];
static char *bump, *bump_end;
static size_t mapped;

void metadata_lock(void) { mutex_lock(&lock); }
void metadata_unlock(void) { mutex_unlock(&lock); }
void metadata_reset_lock(void) { mutex_reset(&lock); }

static void *take_fresh(size_t size) {
    if ((size_t)(bump_end - bump) < size) {
        size_t segment = mapped < SEGMENT_MIN ? SEGMENT_MIN : mapped;
        segment = segment > SEGMENT_MAX ? SEGMENT_MAX : segment;
        segment = round_up(segment < size ? size : segment, os_page_size());
        char *memory = os_map(segment);
        if (memory == NULL) {
            return NULL;
        }
        mapped += segment;
        bump = memory;
        bump_end = memory + segment;
    }
    void *memory = bump;
    bump += size;
    return memory;
}

void *metadata_take(size_t lines) {
    mutex_lock(&lock);
    void *memory;
    if (lines <= KEPT_LINES && spares[lines] != NULL) {
        struct spare *spare = spares[lines];
        spares[lines] = spare->next;
        spare->next = NULL;
        memory = spare;
    } else {
        memory = take_fresh(lines * CACHE_LINE);
    }
    mutex_unlock(&lock);
    return memory;
}

void metadata_give(void *memory, size_t lines) {
    struct spare *spare = memory;
    mutex_lock(&lock);
    spare->next = spares[lines];
    spares[lines] = spare;
    mutex_unlock(&lock);
}

size_t metadata_mapped(void) { return mapped; }
