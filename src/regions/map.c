/* Mapped memory: what is no file, and what all kinds have in common. */
#include "regions/map.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "regions/registry.h"

enum { HUGE_PAGE = 2 << 20 };

static const struct cairn_map_error no_error;

CAIRN_EXPORT char *cairn_map_explain(struct cairn_map_error error, char *buffer, size_t size) {
    int saved = errno;
    if (cairn_map_failed(error)) {
        errno = error.code;
        (void)snprintf(buffer, size, "%s: %m", error.call); /* strerror is not thread-safe */
    } else {
        (void)snprintf(buffer, size, "no error");
    }
    errno = saved;
    return buffer;
}

struct cairn_map_error map_check_range(const struct cairn_map *map, size_t offset, size_t size) {
    if (map->data == NULL) {
        return map_error("closed map", EBADF);
    }
    bool inside = offset <= map->size && size <= map->size - offset;
    return inside ? no_error : map_error("range of the map", ERANGE);
}

struct cairn_map_error map_reserve(struct cairn_map *map, size_t most, unsigned options) {
    size_t page = os_page_size();
    bool huge = (options & CAIRN_MAP_HUGE) != 0 && page < HUGE_PAGE;
    size_t grain = huge ? HUGE_PAGE : page;
    size_t guard = (options & CAIRN_MAP_GUARDED) != 0 ? grain : 0;
    *map = (struct cairn_map){0};
    if ((options & ~(unsigned)(CAIRN_MAP_GUARDED | CAIRN_MAP_HUGE)) != 0) {
        return map_error("options of a map", EINVAL);
    }
    if (most > PTRDIFF_MAX - 4 * grain) {
        return map_error("mmap", ENOMEM);
    }
    size_t reserved = most == 0 ? grain : round_up(most, grain);
    size_t span = reserved + 2 * guard;
    char *base = os_reserve(span, grain);
    if (base == NULL) {
        return map_error("mmap", ENOMEM);
    }
    *map =
        (struct cairn_map){.data = base + guard, .reserved = reserved, .base = base, .span = span};
    if (huge) { /* refused by kernels without huge pages: ordinary ones then */
        (void)os_advise(map->data, reserved, OS_HUGE_PAGES);
    }
    return no_error;
}

void map_unreserve(struct cairn_map *map) {
    os_unreserve(map->base, map->span);
    *map = (struct cairn_map){0};
}

void map_clear_tail(const struct cairn_map *map, size_t before, size_t after) {
    size_t end = round_up(before, os_page_size());
    end = end < after ? end : after;
    if (end > before) {
        memset(map->data + before, 0, end - before);
    }
}

/* --- the list of regions ---------------------------------------------------------------------- */

static const char *const kind_names[] = {
    [MAP_MEMORY] = "mapped memory",    [MAP_RING] = "ring",
    [MAP_READ_FILE] = "mapped file",   [MAP_PRIVATE_FILE] = "mapped file",
    [MAP_SHARED_FILE] = "mapped file",
};

static void read_usage(const struct cairn_region *region, struct cairn_region_usage *usage) {
    const struct cairn_map *map =
        (const struct cairn_map *)((const char *)region - offsetof(struct cairn_map, region));
    usage->used = __atomic_load_n(&map->size, __ATOMIC_RELAXED);
    usage->reserved = round_up(usage->used, os_page_size());
    size_t peak = __atomic_load_n(&map->peak, __ATOMIC_RELAXED);
    usage->peak = peak > usage->used ? peak : usage->used;
}

void map_set_size(struct cairn_map *map, size_t size) {
    __atomic_store_n(&map->size, size, __ATOMIC_RELAXED);
    if (size > map->peak) {
        __atomic_store_n(&map->peak, size, __ATOMIC_RELAXED);
    }
}

/* Which may be a part of what it was. */
static void set_name(struct cairn_map *map, const char *name) {
    size_t length = strnlen(name, sizeof map->name - 1);
    memmove(map->name, name, length);
    map->name[length] = '\0';
}

void map_open(struct cairn_map *map, enum map_kind kind, size_t size, const char *name) {
    map->kind = (int)kind;
    map_set_size(map, size);
    set_name(map, name == NULL ? "" : name);
    map->region =
        (struct cairn_region){.name = map->name, .kind = kind_names[kind], .read = read_usage};
    registry_add(&map->region);
}

/* Under the registry's lock, as its visits read names. */
CAIRN_EXPORT void cairn_map_name(struct cairn_map *map, const char *name) {
    if (map->data != NULL) {
        registry_lock();
        set_name(map, name == NULL ? "" : name);
        registry_unlock();
    }
}

/* --- memory ----------------------------------------------------------------------------------- */

CAIRN_EXPORT struct cairn_map_error cairn_map_reserve(struct cairn_map *map, size_t most,
                                                      unsigned options) {
    *map = (struct cairn_map){0};
    if (most == 0) {
        return map_error("size of a map", EINVAL);
    }
    struct cairn_map_error error = map_reserve(map, most, options);
    if (!cairn_map_failed(error)) {
        map_open(map, MAP_MEMORY, 0, NULL);
    }
    return error;
}

CAIRN_EXPORT struct cairn_map_error cairn_map_memory(struct cairn_map *map, size_t size,
                                                     unsigned options) {
    *map = (struct cairn_map){0};
    if (size == 0) {
        return map_error("size of a map", EINVAL);
    }
    struct cairn_map_error error = map_reserve(map, size, options);
    if (cairn_map_failed(error)) {
        return error;
    }
    if (!os_commit(map->data, map->reserved)) {
        map_unreserve(map);
        return map_error("mprotect", ENOMEM);
    }
    map_open(map, MAP_MEMORY, (options & CAIRN_MAP_HUGE) != 0 ? map->reserved : size, NULL);
    return no_error;
}

/* The same file twice, side by side. */
static struct cairn_map_error map_twice(struct cairn_map *map, size_t size) {
    int file;
    int code = os_memory_file(size, &file);
    if (code != 0) {
        return map_error("memfd_create", code);
    }
    code = os_map_file(map->data, size, file, 0, OS_READ_WRITE);
    if (code == 0) {
        code = os_map_file(map->data + size, size, file, 0, OS_READ_WRITE);
    }
    (void)os_file_close(file);
    return map_error("mmap", code);
}

CAIRN_EXPORT struct cairn_map_error cairn_map_ring(struct cairn_map *map, size_t size) {
    *map = (struct cairn_map){0};
    if (size == 0) {
        return map_error("size of a map", EINVAL);
    }
    if (size > PTRDIFF_MAX / 4) {
        return map_error("mmap", ENOMEM);
    }
    size = round_up(size, os_page_size());
    struct cairn_map_error error = map_reserve(map, 2 * size, 0);
    if (cairn_map_failed(error)) {
        return error;
    }
    error = map_twice(map, size);
    if (cairn_map_failed(error)) {
        map_unreserve(map);
        return error;
    }
    map_open(map, MAP_RING, size, NULL);
    return no_error;
}

static struct cairn_map_error resize_memory(struct cairn_map *map, size_t size) {
    size_t page = os_page_size();
    if (size > map->reserved) {
        return map_error("size reserved for the map", ENOMEM);
    }
    size_t before = round_up(map->size, page);
    size_t after = round_up(size, page);
    if (after > before && !os_commit(map->data + before, after - before)) {
        return map_error("mprotect", ENOMEM);
    }
    if (after < before && !os_discard(map->data + after, before - after)) {
        return map_error("mmap", ENOMEM);
    }
    map_clear_tail(map, map->size, size);
    map_set_size(map, size);
    return no_error;
}

CAIRN_EXPORT struct cairn_map_error cairn_map_resize(struct cairn_map *map, size_t size) {
    switch ((enum map_kind)map->kind) {
    case MAP_MEMORY:
        return resize_memory(map, size);
    case MAP_SHARED_FILE:
        return file_map_resize(map, size);
    case MAP_CLOSED:
        return map_error("closed map", EBADF);
    default:
        return map_error("kind of the map", EINVAL);
    }
}

/* The whole pages of a range, all that it touches or, `inside`, those that it covers; the end of
 * the map counts as that of a page. */
struct pages {
    char *first;
    size_t size;
};

static struct pages pages_of(const struct cairn_map *map, size_t offset, size_t size, bool inside) {
    size_t page = os_page_size();
    size_t from = inside ? round_up(offset, page) : round_down(offset, page);
    size_t end = offset + size;
    end = inside && end < map->size ? round_down(end, page) : round_up(end, page);
    return (struct pages){map->data + from, end > from ? end - from : 0};
}

CAIRN_EXPORT struct cairn_map_error cairn_map_flush(struct cairn_map *map, size_t offset,
                                                    size_t size) {
    struct cairn_map_error error = map_check_range(map, offset, size);
    if (cairn_map_failed(error) || map->kind != MAP_SHARED_FILE) {
        return error;
    }
    struct pages pages = pages_of(map, offset, size, false);
    return pages.size == 0 ? no_error : map_error("msync", os_flush(pages.first, pages.size));
}

CAIRN_EXPORT struct cairn_map_error cairn_map_advise(struct cairn_map *map, size_t offset,
                                                     size_t size, enum cairn_map_advice advice) {
    static const enum os_advice advices[] = {
        [CAIRN_MAP_NORMAL] = OS_NORMAL,       [CAIRN_MAP_SEQUENTIAL] = OS_SEQUENTIAL,
        [CAIRN_MAP_RANDOM] = OS_RANDOM,       [CAIRN_MAP_WILL_NEED] = OS_WILL_NEED,
        [CAIRN_MAP_DONE_WITH] = OS_DONE_WITH,
    };
    struct cairn_map_error error = map_check_range(map, offset, size);
    if (cairn_map_failed(error)) {
        return error;
    }
    if ((size_t)advice >= sizeof advices / sizeof *advices) {
        return map_error("advice", EINVAL);
    }
    struct pages pages = pages_of(map, offset, size, advice == CAIRN_MAP_DONE_WITH);
    int code = pages.size == 0 ? 0 : os_advise(pages.first, pages.size, advices[advice]);
    return map_error("madvise", code);
}

CAIRN_EXPORT struct cairn_map_error cairn_map_close(struct cairn_map *map) {
    int code = 0;
    if (map->data != NULL) {
        registry_remove(&map->region);
        if (map->kind == MAP_SHARED_FILE) {
            code = os_file_close(map->file);
        }
        map_unreserve(map);
    }
    return map_error("close", code);
}
