/* Names of the allocator's mappings, as /proc/PID/maps shows them (Linux 5.17, where it is built
 * with CONFIG_ANON_VMA_NAME): [anon:cairn heap] and [anon:cairn tables].
 *
 * Coarse on purpose: the kernel keeps mappings of different names apart, and all that lie side by
 * side here have the same. */
#ifndef CAIRN_CORE_MAPPING_NAMES_H
#define CAIRN_CORE_MAPPING_NAMES_H

#include <stddef.h>

/* Nothing before mapping_names_start().  Thread-safe, takes no lock. */
void mapping_name_heap(void *address, size_t size);
void mapping_name_tables(void *address, size_t size);

/* From now on mappings are named, and those that are there already. */
void mapping_names_start(void);

#endif
