/* What the allocator tells about itself: mallinfo, malloc_info, malloc_stats, malloc_trim, mallopt.
 */
#include <errno.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conformance.h"
#include "support/testkit.h"
#include "wellformed.h"

enum { SMALL_COUNT = 100000, SMALL_SIZE = 112, LARGE_COUNT = 8 };
static const size_t large_size = 2 * 1024 * 1024;
static void *small_objects[SMALL_COUNT];
static void *large_objects[LARGE_COUNT];

static bool allocate_known_amount(void) {
    for (size_t i = 0; i < SMALL_COUNT; i++) {
        small_objects[i] = malloc(SMALL_SIZE);
        HOLDS(small_objects[i] != NULL);
        memset(small_objects[i], 1, SMALL_SIZE);
    }
    for (size_t i = 0; i < LARGE_COUNT; i++) {
        large_objects[i] = malloc(large_size);
        HOLDS(large_objects[i] != NULL);
        memset(large_objects[i], 1, large_size);
    }
    return true;
}

static void free_known_amount(void) {
    for (size_t i = 0; i < SMALL_COUNT; i++) {
        free(small_objects[i]);
    }
    for (size_t i = 0; i < LARGE_COUNT; i++) {
        free(large_objects[i]);
    }
}

static const size_t known_amount =
    (size_t)SMALL_COUNT * SMALL_SIZE + LARGE_COUNT * (size_t)(2 << 20);

/* glibc accounts objects that it maps one by one apart from those in its arenas. */
static size_t bytes_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static bool mallinfo2_follows(void) {
    size_t before = bytes_in_use();
    HOLDS(allocate_known_amount());
    size_t grown = bytes_in_use() - before;
    HOLDS(grown >= known_amount);
    HOLDS(grown <= known_amount + known_amount / 5);
    free_known_amount();
    size_t after = bytes_in_use();
    HOLDS(after <= before + 256 * KIB);
    HOLDS(after + 256 * KIB >= before);
    return true;
}

/* uordblks alone, with the small objects only: what monitoring programs look at. */
static bool mallinfo2_uordblks_is_live_bytes(void) {
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < SMALL_COUNT; i++) {
        small_objects[i] = malloc(SMALL_SIZE);
        HOLDS(small_objects[i] != NULL);
    }
    size_t grown = mallinfo2().uordblks - before;
    size_t asked = (size_t)SMALL_COUNT * SMALL_SIZE;
    HOLDS(grown >= asked && grown <= asked + asked / 5);
    for (size_t i = 0; i < SMALL_COUNT; i += 2) {
        free(small_objects[i]);
    }
    size_t half = mallinfo2().uordblks - before;
    HOLDS(half >= asked / 2 - asked / 50 && half <= asked / 2 + asked / 7);
    return true;
}

static bool mallinfo2_adds_up(void) {
    HOLDS(allocate_known_amount());
    struct mallinfo2 info = mallinfo2();
    HOLDS(info.arena + info.hblkhd >= known_amount);
    HOLDS(info.arena == info.uordblks + info.fordblks);
    HOLDS(info.keepcost <= info.fordblks);
    return true;
}

static bool mallinfo_agrees_with_mallinfo2(void) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    struct mallinfo before = mallinfo();
    HOLDS(allocate_known_amount());
    struct mallinfo old = mallinfo();
#pragma GCC diagnostic pop
    struct mallinfo2 info = mallinfo2();
    size_t in_use = (size_t)old.uordblks + (size_t)old.hblkhd;
    size_t grown = in_use - ((size_t)before.uordblks + (size_t)before.hblkhd);
    HOLDS(grown >= known_amount && grown <= known_amount + known_amount / 5);
    HOLDS((size_t)old.uordblks == info.uordblks);
    HOLDS((size_t)old.hblkhd == info.hblkhd);
    HOLDS((size_t)old.arena == info.arena);
    return true;
}

/* Run malloc_info into memory; the text stays valid until the next call. */
static const char *malloc_info_text(void) {
    static char text[1 << 20];
    memset(text, 0, sizeof text);
    FILE *stream = fmemopen(text, sizeof text - 1, "w");
    if (stream == NULL || malloc_info(0, stream) != 0 || fclose(stream) != 0) {
        return NULL;
    }
    return text;
}

static bool malloc_info_is_well_formed(void) {
    const char *text = malloc_info_text();
    HOLDS(text != NULL);
    HOLDS(xml_is_well_formed(text, "malloc"));
    HOLDS(allocate_known_amount());
    text = malloc_info_text();
    HOLDS(text != NULL);
    HOLDS(xml_is_well_formed(text, "malloc"));
    HOLDS(strstr(text, "<malloc version=\"") != NULL);
    return true;
}

/* The number in a total element, such as <total type="mmap" count="8" size="16777216"/>, or -1. */
static long long largest_size_attribute(const char *text) {
    long long largest = -1;
    for (const char *at = text; (at = strstr(at, "size=\"")) != NULL; at++) {
        long long value = strtoll(at + 6, NULL, 10);
        largest = value > largest ? value : largest;
    }
    return largest;
}

static bool malloc_info_follows(void) {
    const char *text = malloc_info_text();
    HOLDS(text != NULL);
    long long before = largest_size_attribute(text);
    HOLDS(before >= 0);
    HOLDS(allocate_known_amount());
    text = malloc_info_text();
    HOLDS(text != NULL);
    HOLDS(largest_size_attribute(text) >= before + (long long)SMALL_COUNT * SMALL_SIZE);
    return true;
}

static bool malloc_info_rejects_options(void) {
    FILE *stream = tmpfile();
    HOLDS(stream != NULL);
    int result = malloc_info(1, stream);
    /* glibc returns the error number; a Unix habit is -1 with errno. The manual allows for either.
     */
    HOLDS(result == EINVAL || (result == -1 && errno == EINVAL));
    HOLDS(ftell(stream) == 0);
    fclose(stream);
    return true;
}

static bool malloc_stats_writes_to_stderr(void) {
    int file = memfd_create("stderr", 0);
    HOLDS(file >= 0);
    int kept = dup(2);
    HOLDS(dup2(file, 2) == 2);
    malloc_stats();
    fflush(stderr);
    HOLDS(dup2(kept, 2) == 2);
    HOLDS(lseek(file, 0, SEEK_END) > 20);
    char text[4096] = "";
    HOLDS(pread(file, text, sizeof text - 1, 0) > 0);
    HOLDS(strpbrk(text, "123456789") != NULL);
    return true;
}

static bool malloc_trim_tells_what_it_did(void) {
    static void *p[SMALL_COUNT];
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < SMALL_COUNT; i++) {
            p[i] = malloc(300);
            HOLDS(p[i] != NULL);
            memset(p[i], 1, 300);
        }
        for (size_t i = 0; i < SMALL_COUNT; i++) {
            free(p[i]);
        }
        int released = malloc_trim(0);
        HOLDS(released == 0 || released == 1);
    }
    (void)malloc_trim(0);
    HOLDS(malloc_trim(0) == 0 || malloc_trim(0) == 1);
    HOLDS(malloc_trim(opaque_size(SIZE_MAX)) == 0 || malloc_trim(1 << 20) == 1 ||
          malloc_trim(1 << 20) == 0);
    return true;
}

static bool malloc_trim_lowers_rss(void) {
    enum { COUNT = 400000 };
    static void *p[COUNT];
    size_t before = status_bytes("VmRSS:") + sizeof p;
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = malloc(200);
        HOLDS(p[i] != NULL);
        memset(p[i], 1, 200);
    }
    HOLDS(status_bytes("VmRSS:") > before + 60 * MIB);
    for (size_t i = 0; i < COUNT; i++) {
        free(p[i]);
    }
    (void)malloc_trim(0);
    HOLDS(status_bytes("VmRSS:") < before + 6 * MIB);
    return true;
}

/* Nine tenths of the objects go, a run at a time; whole pages between survivors must go back too.
 */
static bool malloc_trim_releases_inside(void) {
    enum { COUNT = 400000, RUN = 200 };
    static void *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        p[i] = malloc(200);
        HOLDS(p[i] != NULL);
        memset(p[i], 1, 200);
    }
    size_t full = status_bytes("VmRSS:");
    for (size_t i = 0; i < COUNT; i++) {
        if (i % RUN >= RUN / 10) {
            free(p[i]);
        }
    }
    (void)malloc_trim(0);
    HOLDS(status_bytes("VmRSS:") < full - 50 * MIB);
    return true;
}

static bool mallopt_accepts(void) {
    HOLDS(mallopt(12345, 1) == 1);
    HOLDS(mallopt(-12345, 0) == 1);
    HOLDS(mallopt(M_MMAP_THRESHOLD, 256 * 1024) == 1);
    HOLDS(mallopt(M_TRIM_THRESHOLD, 256 * 1024) == 1);
    HOLDS(mallopt(M_TOP_PAD, 0) == 1);
    HOLDS(mallopt(M_ARENA_MAX, 2) == 1);
    void *p = malloc(100000);
    HOLDS(p != NULL);
    free(p);
    return true;
}

static bool wellformed_checker_rejects(void) {
    HOLDS(xml_is_well_formed("<a><b c=\"d\"/>text<e></e></a>\n", "a"));
    HOLDS(!xml_is_well_formed("<a><b></a></b>", "a"));
    HOLDS(!xml_is_well_formed("<a>", "a"));
    HOLDS(!xml_is_well_formed("<a b=c></a>", "a"));
    HOLDS(!xml_is_well_formed("<a></a><a></a>", "a"));
    HOLDS(!xml_is_well_formed("<a></a>", "b"));
    HOLDS(!xml_is_well_formed("<a>1 < 2</a>", "a"));
    HOLDS(!xml_is_well_formed("", "a"));
    return true;
}

ROWS(rows_info, "introspection",
     {"mallinfo2: bytes in use follow what is allocated and freed", mallinfo2_follows, ALWAYS},
     {"mallinfo2: uordblks is live bytes, also with every other object freed",
      mallinfo2_uordblks_is_live_bytes, ALWAYS},
     {"mallinfo2: arena = uordblks + fordblks", mallinfo2_adds_up, ALWAYS},
     {"mallinfo: agrees with mallinfo2", mallinfo_agrees_with_mallinfo2, ALWAYS},
     {"(the XML checker of these rows finds faults)", wellformed_checker_rejects, ALWAYS},
     {"malloc_info(0): well-formed XML", malloc_info_is_well_formed, ALWAYS},
     {"malloc_info(0): a total follows what is allocated", malloc_info_follows, ALWAYS},
     {"malloc_info(1): EINVAL, nothing written", malloc_info_rejects_options, ALWAYS},
     {"malloc_stats: numbers on stderr", malloc_stats_writes_to_stderr, ALWAYS},
     {"malloc_trim: returns 0 or 1", malloc_trim_tells_what_it_did, ALWAYS},
     {"malloc_trim(0): RSS falls after all is freed", malloc_trim_lowers_rss, ALWAYS},
     {"malloc_trim(0): RSS falls although survivors are everywhere", malloc_trim_releases_inside,
      ALWAYS},
     {"mallopt: 1 for known and unknown parameters", mallopt_accepts, ALWAYS});
