/* What the kinds of mapped memory share; see <cairn/map.h> for all that is public. */
#ifndef CAIRN_REGIONS_MAP_H
#define CAIRN_REGIONS_MAP_H

#include <cairn/map.h>

#include "os/os.h"

enum map_kind {
    MAP_CLOSED, /* as {0} is */
    MAP_MEMORY,
    MAP_RING,
    MAP_READ_FILE,
    MAP_PRIVATE_FILE,
    MAP_SHARED_FILE /* alone keeps its descriptor open */
};

static inline struct cairn_map_error map_error(const char *call, int code) {
    return (struct cairn_map_error){code == 0 ? NULL : call, code};
}

/* ERANGE unless offset + size <= map->size; EBADF for a closed map. */
struct cairn_map_error map_check_range(const struct cairn_map *map, size_t offset, size_t size);

/* Whole pages of address space for `most` bytes at least, never none, with all fields but kind and
 * file. */
struct cairn_map_error map_reserve(struct cairn_map *map, size_t most, unsigned options);

/* Gives the address space back of a map that is not listed, and closes it. */
void map_unreserve(struct cairn_map *map);

/* The map is complete: its size, and the list of regions has it from now on.  name may be NULL. */
void map_open(struct cairn_map *map, enum map_kind kind, size_t size, const char *name);

/* The size of a listed map changes: the only writes that readers of the list may see. */
void map_set_size(struct cairn_map *map, size_t size);

/* Zeroes what is left of the last page behind `before` bytes, as far as it comes into use when the
 * map grows to `after`; nobody has kept the program from writing there. */
void map_clear_tail(const struct cairn_map *map, size_t before, size_t after);

/* A file's part of cairn_map_resize. */
struct cairn_map_error file_map_resize(struct cairn_map *map, size_t size);

#endif
