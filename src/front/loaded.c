#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "front/loaded.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What the dynamic section of an object says. */
struct symbols {
    uintptr_t base;
    const ElfW(Sym) * table;
    const char *names;
    const uint32_t *hash; /* GNU hash table: header, bloom filter, buckets, chains */
};

static uint32_t hash_of(const char *name) {
    uint32_t hash = 5381;
    for (; *name != '\0'; name++) {
        hash = hash * 33 + (unsigned char)*name;
    }
    return hash;
}

/* glibc has turned the section's distances into addresses, musl leaves them as they are. */
static const void *at(uintptr_t base, uintptr_t distance_or_address) {
    bool is_distance = distance_or_address < base;
    return (const void *)(is_distance ? base + distance_or_address : distance_or_address);
}

static bool read_dynamic(const struct dl_phdr_info *object, struct symbols *symbols) {
    const ElfW(Dyn) *dynamic = NULL;
    *symbols = (struct symbols){.base = object->dlpi_addr};
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type == PT_DYNAMIC) {
            dynamic = (const void *)(symbols->base + object->dlpi_phdr[i].p_vaddr);
        }
    }
    for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
        const void *address = at(symbols->base, dynamic->d_un.d_ptr);
        if (dynamic->d_tag == DT_SYMTAB) {
            symbols->table = address;
        } else if (dynamic->d_tag == DT_STRTAB) {
            symbols->names = address;
        } else if (dynamic->d_tag == DT_GNU_HASH) {
            symbols->hash = address;
        }
    }
    return symbols->table != NULL && symbols->names != NULL && symbols->hash != NULL;
}

/* A chain ends with an entry whose lowest bit is set; the others are those of the hash. */
static void *find(const struct symbols *symbols, const char *name) {
    uint32_t buckets = symbols->hash[0], first = symbols->hash[1], filter_words = symbols->hash[2];
    const uint32_t *bucket = symbols->hash + 4 + filter_words * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *chain = bucket + buckets;
    uint32_t hash = hash_of(name);
    uint32_t i = buckets == 0 ? 0 : bucket[hash % buckets];
    for (bool last = i < first; !last; i++) {
        const ElfW(Sym) *symbol = &symbols->table[i];
        if ((chain[i - first] | 1) == (hash | 1) && symbol->st_shndx != SHN_UNDEF &&
            (symbol->st_info & 0xf) == STT_FUNC &&
            strcmp(symbols->names + symbol->st_name, name) == 0) {
            return (void *)(symbols->base + symbol->st_value);
        }
        last = (chain[i - first] & 1) != 0;
    }
    return NULL;
}

static bool is_this_library(const struct dl_phdr_info *object) {
    uintptr_t here = (uintptr_t)&loaded_function;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD &&
            here - (object->dlpi_addr + segment->p_vaddr) < segment->p_memsz) {
            return true;
        }
    }
    return false;
}

struct search {
    const char *mark, *name;
    void *found;
};

static int look_into(struct dl_phdr_info *object, size_t size, void *argument) {
    (void)size;
    struct search *search = argument;
    struct symbols symbols;
    if (is_this_library(object) || !read_dynamic(object, &symbols) ||
        find(&symbols, search->mark) == NULL) {
        return 0;
    }
    search->found = find(&symbols, search->name);
    return search->found != NULL;
}

void *loaded_function(const char *mark, const char *name) {
    struct search search = {mark, name, NULL};
    (void)dl_iterate_phdr(look_into, &search);
    return search.found;
}
