/* Modules: the program and its libraries as files, so that an address can be told in a way that
 * holds in another process too.
 *
 * Async-signal-safe, allocates nothing, takes no lock; keeps errno. */
#ifndef CAIRN_TRACE_MODULES_H
#define CAIRN_TRACE_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODULES = 24, MODULE_PATH_SIZE = 512, BUILD_ID_SIZE = 20 };

struct module {
    char path[MODULE_PATH_SIZE]; /* as /proc/PID/maps has it */
    uintptr_t bias; /* its addresses in memory are this much above those in the file's tables */
    uint32_t build_id_size;                /* bytes; 0: it has none, or it could not be read */
    unsigned char build_id[BUILD_ID_SIZE]; /* of the ELF note NT_GNU_BUILD_ID */
};

struct module_table {
    uint32_t count; /* count <= MODULES */
    struct module module[MODULES];
};

/* What an address is: the index of a module in the table, or one of these. */
enum { PLACE_NOWHERE = 0xfe, PLACE_ANONYMOUS = 0xff };

/* Puts into `place` what each of `count` addresses is, and the modules that occur into `table`.
 * PLACE_NOWHERE: no code is there.  PLACE_ANONYMOUS: code of no file, or of a module that the table
 * had no room for, or the kernel does not tell. */
void modules_find(struct module_table *table, const uintptr_t *address, uint8_t *place,
                  size_t count);

/* Whether a module of this path is cairn itself, as a library of its own. */
bool module_is_cairn(const char *path);

#endif
