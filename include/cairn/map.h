/* Mapped memory: files as arrays of bytes, and memory straight from the kernel.
 *
 *     struct cairn_map map;
 *     struct cairn_map_error error = cairn_map_file(&map, "words.txt", CAIRN_MAP_READ, 0);
 *     if (cairn_map_failed(error)) { ... error.call, error.code ... }
 *     lines = count(map.data, map.size);
 *     cairn_map_close(&map);
 *
 * For files that are read in any order or more than once, that several processes share, or that
 * grow as a log or a table does; for memory that wants guard pages, huge pages, or an address that
 * stays while it grows; for ring buffers.  Not for many small things (each is a page at least), for
 * pipes and files of /proc (they have no size: the map is empty), nor for a file that is read
 * once from start to end in small pieces, where read(2) costs no more.
 *
 * Thread-safety: any number of threads may use one map's bytes and read its fields; resizing,
 * naming and closing want it alone.
 * Ownership: the map owns its address range, and a writable one its file descriptor, until
 * cairn_map_close.  After fork, shared files and rings are shared with the child, all else is
 * copied on write.
 *
 * Errors are values that name the call that failed and its errno; a map that could not be made is
 * closed.  Every function takes a closed map ({0} is one too) and says EBADF, cairn_map_close
 * excepted, which does nothing.  Offsets and sizes beyond map->size are ERANGE, also when their sum
 * overflows.
 *
 * Memory that a file no longer has behind it raises SIGBUS when it is touched: if somebody else may
 * cut the file short, read with the cairn_map_read_guarded family.
 *
 * Cost: two to four calls of the kernel to make or close a map, and a page fault for each page on
 * its first use (fewer where the kernel maps around a fault). */
#ifndef CAIRN_MAP_H
#define CAIRN_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include <cairn/regions.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cairn_map_error {
    const char *call; /* what failed: "open", "mmap", ...; NULL: nothing did */
    int code;         /* the errno that it gave */
};

static inline bool cairn_map_failed(struct cairn_map_error error) { return error.call != NULL; }

/* "open: No such file or directory", cut to the buffer as snprintf does ("no error" if there is
 * none; a size of 0 writes nothing).  Returns buffer. */
char *cairn_map_explain(struct cairn_map_error error, char *buffer, size_t size);

enum { CAIRN_MAP_NAME = 32 };

/* Read as you like; only the functions below write it, and it must not be copied or moved while it
 * is open.
 *
 *     size <= reserved
 *     data[0 .. size) may be used; pages beyond it are untouchable, up to reserved */
struct cairn_map {
    char *data;  /* NULL: closed */
    size_t size; /* bytes asked for */
    /* Bytes of address space that are kept for growing; the map never moves below. */
    size_t reserved;
    int kind; /* the rest is the library's own */
    int file;
    bool may_move;
    char *base; /* of everything that was reserved, guard pages too */
    size_t span;
    size_t peak; /* the most that size was */
    char name[CAIRN_MAP_NAME];
    struct cairn_region region;
};

/* What cairn_regions_each shows it as, NULL for none; cut to CAIRN_MAP_NAME - 1 bytes.  A file has
 * the last part of its path for a name as long as it has no other; memory and rings have none.  In
 * that list, a map's `used` is its size and `reserved` the pages of it.  Nothing happens to a
 * closed map. */
void cairn_map_name(struct cairn_map *map, const char *name);

/* --- memory ----------------------------------------------------------------------------------- */

enum cairn_map_options {
    CAIRN_MAP_GUARDED = 1, /* an untouchable page before and after: running over ends in SIGSEGV */
    CAIRN_MAP_HUGE = 2     /* huge pages where the kernel has transparent ones and some are free;
                              size and address become multiples of 2 MiB */
};

/* `size` bytes of zeroed memory; EINVAL for 0 and for options that there are not, ENOMEM for more
 * than there is.  The guard page behind comes after the last whole page: what a small overflow hits
 * first is the rest of that page. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_map_error cairn_map_memory(struct cairn_map *map, size_t size, unsigned options);

/* Address space for `most` bytes, of which none can be used, nor costs memory, until
 * cairn_map_resize makes it usable.  It may be far larger than the machine's memory.  Use it for
 * what grows and must not move.  Errors as of cairn_map_memory. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_map_error cairn_map_reserve(struct cairn_map *map, size_t most, unsigned options);

/* A ring buffer: data[i] and data[i + size] are the same byte, for i < size, so that what wraps
 * around its end is still in one piece.  map->size is `size` rounded up to whole pages, EINVAL for
 * 0; map->reserved is twice that. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_map_error cairn_map_ring(struct cairn_map *map, size_t size);

/* --- files ------------------------------------------------------------------------------------ */

enum cairn_map_mode {
    CAIRN_MAP_READ,   /* writing to the map ends in SIGSEGV */
    CAIRN_MAP_WRITE,  /* what is written reaches the file and everybody who maps it */
    CAIRN_MAP_CREATE, /* the same; makes an empty file (mode 0666 less umask) if there is none */
    CAIRN_MAP_PRIVATE /* what is written stays in this map */
};

/* Maps a whole regular file (ENODEV for any other); an empty one too, data is then not NULL but
 * nothing may be read.  The bytes between size and the end of the last page read as zero; what is
 * written there is lost.  `most` is address space to keep for growing: the map will not move, nor
 * grow beyond it.  With 0 it grows as far as you like and may move. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_map_error cairn_map_file(struct cairn_map *map, const char *path,
                                      enum cairn_map_mode mode, size_t most);

/* Returns when the bytes are on the disk.  Without it they get there at the kernel's leisure, also
 * if the process ends, but not if the machine does.  Nothing to do for maps that are no file. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_map_error cairn_map_flush(struct cairn_map *map, size_t offset, size_t size);

/* --- both ------------------------------------------------------------------------------------- */

/* Makes `size` bytes usable; what is new reads as zero.  0 is a size.
 *
 * Memory grows up to map->reserved, beyond it is ENOMEM; what it gives up goes back to the system.
 * A file that is mapped with CAIRN_MAP_WRITE or _CREATE changes its length on the disk with the
 * map; room for it is taken on the disk, so that a full one is an error here (ENOSPC) and no
 * signal later, on file systems that can.  EINVAL for other files and rings.  On failure the map
 * is as it was, unless it says EIO or ENOMEM of shrinking, when it is smaller. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_map_error cairn_map_resize(struct cairn_map *map, size_t size);

enum cairn_map_advice {
    CAIRN_MAP_NORMAL,
    CAIRN_MAP_SEQUENTIAL, /* read ahead far, forget soon what was read */
    CAIRN_MAP_RANDOM,     /* do not read ahead */
    CAIRN_MAP_WILL_NEED,  /* start to read it from the disk now */
    CAIRN_MAP_DONE_WITH   /* give its whole pages back: a file that is mapped for reading or shared
                             keeps its contents; memory reads as zero then, and a private map as the
                             file does */
};

/* Tells the kernel how the bytes will be used.  Memory locked by mlock can't be done with:
 * EINVAL. */
struct cairn_map_error cairn_map_advise(struct cairn_map *map, size_t offset, size_t size,
                                        enum cairn_map_advice advice);

/* Unmaps.  Only a file that is closed on a failing disk can have an error; the map is closed even
 * so. */
struct cairn_map_error cairn_map_close(struct cairn_map *map);

/* The same where such an error does not matter: what is left to cairn_auto of <cairn/scope.h>. */
static inline void cairn_map_dispose(struct cairn_map *map) { (void)cairn_map_close(map); }

/* --- reading what may be gone ----------------------------------------------------------------- */

/* Copies bytes out of the map; EIO of "mapped read" if there is nothing behind one of them any more
 * (the file was cut short, or its disk fails); `to` is then partly written. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_map_error cairn_map_read_guarded(const struct cairn_map *map, size_t offset, void *to,
                                              size_t size);

/* Calls function(argument), which may read (or write) the map as it likes, and ends it by a jump
 * out of it if it touches a byte with nothing behind it: EIO of "mapped read".  What the function
 * holds then, memory or locks, stays held, so let it hold nothing; C++ destructors must not be in
 * the way.  It ends by returning: not by longjmp, an exception or the end of the thread.  Calls
 * may be nested, also for different maps: the innermost one for the map that failed ends.
 *
 * Both functions see to it that SIGBUS comes to a handler of the library, which hands on all that
 * is not its own to the program's, whenever that was installed (one that hands on to the one it
 * found must not be installed twice); EAGAIN of "sigaction" if there have been more than eight
 * different ones.  Any number of threads may call at once; signal handlers may not.  Costs three
 * or four calls of the kernel: guard a loop, not a byte.  ENOMEM if more than 64 threads are in
 * guarded calls at once and there is no memory for more. */
CAIRN_ATTRIBUTE(warn_unused_result)
struct cairn_map_error cairn_map_call_guarded(const struct cairn_map *map,
                                              void (*function)(void *argument), void *argument);

#ifdef __cplusplus
}
#endif

#endif
