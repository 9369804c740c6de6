/* The kernel and the C library's threads as a contract.
 *
 * Everything the allocator asks of its surroundings is here; os_linux.c is the one
 * implementation, and tests replace it by one that fails the N-th call.  All functions keep
 * errno, allocate nothing from malloc (except where said) and may be called from any thread at
 * any time, before constructors too.
 *
 * Addresses and sizes are multiples of os_page_size() unless said otherwise. */
#ifndef CAIRN_OS_OS_H
#define CAIRN_OS_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's page size in bytes: a power of two, 4 KiB at least. */
size_t os_page_size(void);

/* --- memory ----------------------------------------------------------------------------------- */

/* Reserves address space that nothing may touch yet: no memory, no commit charge.  The result is
 * aligned to `alignment` (a power of two, at least a page).  NULL if refused. */
void *os_reserve(size_t size, size_t alignment);

/* Gives a reservation, or a part of it at either end, back. */
void os_unreserve(void *address, size_t size);

/* The same with a page before it and one behind that stay untouchable: the kernel puts mappings
 * side by side, so that what runs beyond the reservation would run into another, a table of ours
 * perhaps.  Given back as a whole. */
void *os_reserve_guarded(size_t size, size_t alignment);
void os_unreserve_guarded(void *address, size_t size);

/* Makes reserved memory readable and writable; it reads as zero until written.  False if refused
 * (then nothing has changed). */
bool os_commit(void *address, size_t size);

/* Maps readable and writable zeroed memory at any address, for tables: huge pages are declined, as
 * tables are touched sparsely.  NULL if refused. */
void *os_map(size_t size);

/* Gives a mapping a name, a constant string, for /proc/PID/maps.  False: the kernel has no names,
 * and need not be asked again. */
bool os_name(void *address, size_t size, const char *name);

/* Tells the kernel that the contents are not needed.  True: the memory is not resident and reads as
 * zero.  False (locked memory, say): nothing is known to have changed. */
bool os_purge(void *address, size_t size);

/* The same for many ranges with one system call, which costs the processors one flush of their
 * address translation instead of one each.  False: refused, or not known to this kernel; some of it
 * may be purged then. */
struct os_range {
    uintptr_t address;
    size_t size;
};
bool os_purge_ranges(const struct os_range *ranges, size_t count);

/* Makes pages resident that are to be written anyway: one system call instead of a page fault each.
 * Where the kernel can't, nothing happens. */
void os_populate(void *address, size_t size);

/* Makes huge pages of [address, address + size), a multiple of 2 MiB that is aligned to it.
 * Contents stay; all of it is resident then.  `touch`: a byte there that is zero and the caller's,
 * if nothing may be resident yet; NULL: something is.  False where the kernel can't, or its
 * administrator does not want huge pages. */
bool os_make_huge(void *address, size_t size, void *touch);

/* Where huge pages come on request only: in this range by os_make_huge() alone, and what it was
 * done to stays one mapping with the rest. */
void os_keep_small(void *address, size_t size);

/* Moves the pages of [from, from + size) to [to, to + size) without copying bytes; `from` stays
 * mapped and reads as zero.  False if the kernel can't (then nothing has changed). */
bool os_move_pages(void *from, void *to, size_t size);

/* Maps the range anew, zeroed, as os_commit would leave it: what os_move_pages moved there is a
 * mapping of its own, and this lets it be one with its neighbours again.  False: refused; the
 * memory is mapped as it was, or anew. */
bool os_map_anew(void *address, size_t size);

/* Whether each page of [address, address + size) is resident: sets present[i] to 0 or 1.  (A page
 * that was only ever read counts, though it is the kernel's page of zeros.)  False: not mapped. */
bool os_resident_pages(void *address, size_t size, unsigned char *present);

/* Bytes of [address, address + size) that are resident, for statistics. */
size_t os_resident_bytes(void *address, size_t size);

/* Bytes of the whole process that are resident, as the kernel counts them; 0 if it does not
 * tell. */
size_t os_process_resident_bytes(void);

/* The most bytes of the process that were resident at once, as the kernel counts them; 0 if it
 * does not tell. */
size_t os_peak_resident_bytes(void);

/* Makes committed memory what os_reserve gave: untouchable, with nothing behind it.  False if
 * refused (then nothing is known to have changed). */
bool os_discard(void *address, size_t size);

/* Makes pages untouchable and lets go of what is on them, or touchable again, reading as zero, with
 * no mapping more (Linux 6.13).  False where the kernel can't (then nothing has changed). */
bool os_guard(void *address, size_t size);
bool os_unguard(void *address, size_t size);

/* Makes committed pages untouchable, or touchable again, contents kept; costs up to two mappings.
 * False if refused. */
bool os_protect(void *address, size_t size, bool touchable);

/* Copies `size` bytes from memory that need not be there or readable.  False: not all of it is, or
 * the kernel refuses such calls. */
bool os_read_memory(uintptr_t address, void *copy, size_t size);

/* A mapping of the process, as /proc tells of it. */
struct os_mapping {
    uintptr_t low, high; /* low <= address < high */
    bool readable, writable, executable;
    uint64_t offset;  /* in the file */
    const char *path; /* of the file, or a name such as "[stack]", or ""; cut off at 511 bytes */
};

/* Shows each mapping to `visit`, in ascending order, until it returns false.  True: all that
 * there are or were wanted; false: the kernel does not tell.  Costs a file that is opened and
 * read; async-signal-safe. */
bool os_each_mapping(bool (*visit)(const struct os_mapping *mapping, void *context), void *context);

/* --- files: functions that return int give 0 or the errno of what failed ---------------------- */

enum os_access {
    OS_READ,         /* mapped for reading */
    OS_READ_WRITE,   /* writes reach the file */
    OS_COPY_ON_WRITE /* writes stay in the mapping; the file is opened for reading */
};

enum os_advice { OS_NORMAL, OS_SEQUENTIAL, OS_RANDOM, OS_WILL_NEED, OS_DONE_WITH, OS_HUGE_PAGES };

/* Never waits for the other end of a pipe.  `create`: makes the file if there is none. */
int os_file_open(const char *path, enum os_access access, bool create, int *fd);
int os_file_close(int fd);

/* A file to which text is appended, made if there is none. */
int os_append_open(const char *path, int *fd);

/* What a descriptor is open on, to tell later whether its number was given to something else. */
struct os_file_identity {
    uint64_t device, number;
};

/* EBADF: it is not open. */
int os_file_identity(int fd, struct os_file_identity *identity);

/* Whether it is open, and on that. */
bool os_file_is(int fd, const struct os_file_identity *identity);

/* Whether what is written to the descriptor can arrive: false for a pipe that nobody reads. */
bool os_is_writable(int fd);

/* The path as it is from the root, `path` being meant from the current directory. */
enum { OS_PATH_SIZE = 8192 };
bool os_absolute_path(const char *path, char absolute[OS_PATH_SIZE]);

/* ENODEV for what is not a regular file. */
int os_file_size(int fd, size_t *size);

/* What is added reads as zero.  Where the file system can, there is room on the disk for it, so
 * that a full disk is an error here and no signal later. */
int os_file_resize(int fd, size_t old_size, size_t size);

/* A file without a name, of `size` bytes, that lives in memory and ends with its last use. */
int os_memory_file(size_t size, int *fd);

/* Maps the file from `offset` on over reserved memory.  On failure the memory is reserved still. */
int os_map_file(void *address, size_t size, int fd, size_t offset, enum os_access access);

/* Returns when what was written to a shared mapping is on the disk. */
int os_flush(void *address, size_t size);

int os_advise(void *address, size_t size, enum os_advice advice);

/* --- waiting ---------------------------------------------------------------------------------- */

/* Sleeps while *word == expected; may return early. */
void os_wait(_Atomic(uint32_t) *word, uint32_t expected);
/* The same, for some `ms` milliseconds at most; below 1,000. */
void os_wait_at_most(_Atomic(uint32_t) *word, uint32_t expected, unsigned ms);
/* Wakes one sleeper on *word. */
void os_wake_one(_Atomic(uint32_t) *word);

/* Sleeps for so long, or less. */
void os_pause_ms(unsigned ms);

/* --- threads and processes -------------------------------------------------------------------- */

uint32_t os_thread_id(void);
uint32_t os_process_id(void);

/* Tells the calling thread from all others alive; async-signal-safe.  Unlike the id it costs no
 * call of the kernel and is the same after fork. */
uintptr_t os_thread_handle(void);

/* An address on the first thread's stack that is above all its calls; 0: not known. */
uintptr_t os_first_stack_end(void);

/* Nanoseconds of a monotonic clock with the best resolution there is; some 30 ns. */
uint64_t os_clock_ns(void);

/* Milliseconds of a monotonic clock with coarse resolution; cheap. */
uint64_t os_clock_ms(void);

/* Calls `at_exit(argument)` when the calling thread ends, in each round of destructors of
 * thread-specific data in which it was asked for.  Uses pthread keys: may call malloc, so the
 * caller must be able to serve it. False if no key is to be had. */
bool os_on_thread_exit(void (*at_exit)(void *), void *argument);

/* A place for one pointer of each thread that costs the library no thread-local storage.  All
 * zero is a new one; slots are static and never go away. */
struct os_slot {
    _Atomic(uint32_t) key_plus_one; /* 0: no key yet */
};

/* What the calling thread wrote there last, or NULL. */
void *os_slot_read(const struct os_slot *slot);

/* `at_exit(value)` is called when the thread ends, unless value is NULL by then; it is the same
 * in all calls for one slot.  May call malloc as os_on_thread_exit may.  False if no key is to
 * be had. */
bool os_slot_write(struct os_slot *slot, void (*at_exit)(void *), void *value);

/* Fills in bytes that nobody can foresee, as well as the system can: for seeds. */
void os_random(void *bytes, size_t size);

/* Registers handlers around fork(). */
void os_on_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* The value of an environment variable, or NULL; always NULL in a privileged process
 * (AT_SECURE). */
const char *os_option(const char *name);

#endif
