/* Mapped files: how they are opened and how they grow.
 *
 * Every file is mapped over reserved address space, so that an empty one has an address, and what
 * grows is mapped page behind page.  One that may move reserves twice as much each time, which
 * costs address space only; its pages are not copied, they are mapped anew. */
#include "regions/map.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"

static const struct cairn_map_error no_error;

static enum os_access access_of(enum map_kind kind) {
    switch (kind) {
    case MAP_SHARED_FILE:
        return OS_READ_WRITE;
    case MAP_PRIVATE_FILE:
        return OS_COPY_ON_WRITE;
    default:
        return OS_READ;
    }
}

/* Maps the file's pages from `before` on, a page's end, so that `size` bytes can be used. */
static struct cairn_map_error extend(struct cairn_map *map, int file, size_t before, size_t size) {
    size_t end = round_up(size, os_page_size());
    if (end <= before) {
        return no_error;
    }
    int code = os_map_file(map->data + before, end - before, file, before,
                           access_of((enum map_kind)map->kind));
    return map_error("mmap", code);
}

static struct cairn_map_error map_open_file(struct cairn_map *map, enum map_kind kind, int file,
                                            size_t most, const char *path) {
    size_t size;
    int code = os_file_size(file, &size);
    if (code != 0) {
        return map_error("fstat", code);
    }
    struct cairn_map_error error = map_reserve(map, size > most ? size : most, 0);
    if (cairn_map_failed(error)) {
        return error;
    }
    map->kind = (int)kind;
    map->may_move = most == 0;
    error = extend(map, file, 0, size);
    if (cairn_map_failed(error)) {
        map_unreserve(map);
        return error;
    }
    const char *slash = strrchr(path, '/');
    map_open(map, kind, size, slash == NULL ? path : slash + 1);
    return no_error;
}

CAIRN_EXPORT struct cairn_map_error cairn_map_file(struct cairn_map *map, const char *path,
                                                   enum cairn_map_mode mode, size_t most) {
    static const enum map_kind kinds[] = {
        [CAIRN_MAP_READ] = MAP_READ_FILE,
        [CAIRN_MAP_WRITE] = MAP_SHARED_FILE,
        [CAIRN_MAP_CREATE] = MAP_SHARED_FILE,
        [CAIRN_MAP_PRIVATE] = MAP_PRIVATE_FILE,
    };
    *map = (struct cairn_map){0};
    if ((size_t)mode >= sizeof kinds / sizeof *kinds) {
        return map_error("mode of a map", EINVAL);
    }
    int file;
    int code = os_file_open(path, access_of(kinds[mode]), mode == CAIRN_MAP_CREATE, &file);
    if (code != 0) {
        return map_error("open", code);
    }
    struct cairn_map_error error = map_open_file(map, kinds[mode], file, most, path);
    if (!cairn_map_failed(error) && map->kind == MAP_SHARED_FILE) {
        map->file = file;
    } else {
        (void)os_file_close(file);
    }
    return error;
}

/* A larger reservation with the same file in it. */
static struct cairn_map_error move(struct cairn_map *map, size_t size) {
    struct cairn_map moved;
    size_t most = size < PTRDIFF_MAX / 4 ? 2 * size : size;
    struct cairn_map_error error = map_reserve(&moved, most, 0);
    if (cairn_map_failed(error)) {
        return error;
    }
    moved.kind = map->kind;
    error = extend(&moved, map->file, 0, size);
    if (cairn_map_failed(error)) {
        map_unreserve(&moved);
        return error;
    }
    os_unreserve(map->base, map->span);
    map->data = moved.data; /* field by field: what the list of regions reads stays as it is */
    map->reserved = moved.reserved;
    map->base = moved.base;
    map->span = moved.span;
    return no_error;
}

static struct cairn_map_error grow(struct cairn_map *map, size_t size) {
    if (size > map->reserved && !map->may_move) {
        return map_error("size reserved for the map", ENOMEM);
    }
    int code = os_file_resize(map->file, map->size, size);
    if (code != 0) {
        return map_error("ftruncate", code);
    }
    struct cairn_map_error error =
        size > map->reserved ? move(map, size)
                             : extend(map, map->file, round_up(map->size, os_page_size()), size);
    if (cairn_map_failed(error)) {
        (void)os_file_resize(map->file, size, map->size);
        return error;
    }
    map_clear_tail(map, map->size, size);
    map_set_size(map, size);
    return no_error;
}

static struct cairn_map_error shrink(struct cairn_map *map, size_t size) {
    size_t page = os_page_size();
    size_t before = round_up(map->size, page);
    size_t after = round_up(size, page);
    int code = os_file_resize(map->file, map->size, size);
    if (code != 0) {
        return map_error("ftruncate", code);
    }
    map_set_size(map, size);
    if (after < before && !os_discard(map->data + after, before - after)) {
        return map_error("mmap", ENOMEM);
    }
    return no_error;
}

struct cairn_map_error file_map_resize(struct cairn_map *map, size_t size) {
    if (size > PTRDIFF_MAX / 2) {
        return map_error("ftruncate", EFBIG);
    }
    return size > map->size ? grow(map, size) : shrink(map, size);
}
