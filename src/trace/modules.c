#include "trace/modules.h"

#include <elf.h>
#include <string.h>

#include "base/bits.h"
#include "os/os.h"

/* Only modules of the process's own word size are in it. */
typedef Elf64_Ehdr elf_header;
typedef Elf64_Phdr elf_segment;
typedef Elf64_Nhdr elf_note;

/* What is under way while mappings go by. */
struct finder {
    struct module_table *table;
    const uintptr_t *address;
    uint8_t *place;
    size_t count;
    char path[MODULE_PATH_SIZE]; /* the file whose mappings go by */
    uintptr_t base;              /* where it begins; 0: its beginning is not mapped */
    uint8_t current;             /* its place in the table, or PLACE_ANONYMOUS while it has none */
};

/* The notes of a segment, one behind the other, each part padded to four bytes. */
static bool read_build_id(struct module *module, uintptr_t notes, size_t size) {
    enum { ALIGNMENT = 4, NAME_SIZE = 4 };
    for (size_t at = 0; at + sizeof(elf_note) <= size;) {
        elf_note note;
        char name[NAME_SIZE];
        if (!os_read_memory(notes + at, &note, sizeof note)) {
            return false;
        }
        uintptr_t name_at = notes + at + sizeof note;
        uintptr_t id_at = name_at + round_up(note.n_namesz, ALIGNMENT);
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == NAME_SIZE &&
            note.n_descsz <= BUILD_ID_SIZE && os_read_memory(name_at, name, NAME_SIZE) &&
            memcmp(name, "GNU", NAME_SIZE) == 0 &&
            os_read_memory(id_at, module->build_id, note.n_descsz)) {
            module->build_id_size = note.n_descsz;
            return true;
        }
        at += sizeof note + round_up(note.n_namesz, ALIGNMENT) + round_up(note.n_descsz, ALIGNMENT);
    }
    return false;
}

/* The bias follows from the first loaded segment, which begins where the file does. */
static void read_headers(struct module *module, uintptr_t base) {
    enum { SEGMENTS_MAX = 64, NOTES_MAX = 1 << 16 };
    elf_header header;
    module->bias = base;
    if (!os_read_memory(base, &header, sizeof header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phnum > SEGMENTS_MAX ||
        header.e_phentsize != sizeof(elf_segment)) {
        return;
    }
    bool has_bias = false;
    bool has_id = false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        elf_segment segment;
        if (!os_read_memory(base + header.e_phoff + i * sizeof segment, &segment, sizeof segment)) {
            return;
        }
        if (segment.p_type == PT_LOAD && !has_bias) {
            module->bias = base - round_down(segment.p_vaddr, os_page_size());
            has_bias = true;
        }
        if (segment.p_type == PT_NOTE && has_bias && !has_id && segment.p_memsz < NOTES_MAX) {
            has_id = read_build_id(module, module->bias + segment.p_vaddr, segment.p_memsz);
        }
    }
}

/* The place of the current file, which gets one now if it has none. */
static uint8_t place_of_current(struct finder *finder) {
    struct module_table *table = finder->table;
    if (finder->path[0] == '\0' || finder->base == 0) {
        return PLACE_ANONYMOUS;
    }
    if (finder->current == PLACE_ANONYMOUS && table->count < MODULES) {
        struct module *module = &table->module[table->count];
        finder->current = (uint8_t)table->count++;
        memcpy(module->path, finder->path, MODULE_PATH_SIZE);
        module->build_id_size = 0;
        read_headers(module, finder->base);
    }
    return finder->current;
}

/* A file that is mapped again from its beginning is another module. */
static void note_file(struct finder *finder, const struct os_mapping *mapping) {
    bool has_file = mapping->path[0] == '/' || strcmp(mapping->path, "[vdso]") == 0;
    bool same = has_file && strcmp(mapping->path, finder->path) == 0 && mapping->offset != 0;
    if (same || !has_file) {
        return; /* behind a module's data lies zeroed memory without a name, which is its own */
    }
    strncpy(finder->path, mapping->path, MODULE_PATH_SIZE - 1);
    finder->base = mapping->offset == 0 ? mapping->low : 0;
    finder->current = PLACE_ANONYMOUS;
}

static bool look_at_mapping(const struct os_mapping *mapping, void *context) {
    struct finder *finder = context;
    note_file(finder, mapping);
    bool has_path = mapping->path[0] != '\0' && strcmp(mapping->path, finder->path) == 0;
    for (size_t i = 0; mapping->executable && i < finder->count; i++) {
        uintptr_t address = finder->address[i];
        if (mapping->low <= address && address < mapping->high) {
            finder->place[i] = has_path ? place_of_current(finder) : PLACE_ANONYMOUS;
        }
    }
    return true;
}

void modules_find(struct module_table *table, const uintptr_t *address, uint8_t *place,
                  size_t count) {
    struct finder finder = {.table = table, .address = address, .place = place, .count = count};
    table->count = 0;
    memset(place, PLACE_NOWHERE, count);
    if (!os_each_mapping(look_at_mapping, &finder)) {
        memset(place, PLACE_ANONYMOUS, count);
    }
}

bool module_is_cairn(const char *path) {
    const char *slash = strrchr(path, '/');
    return strncmp(slash == NULL ? path : slash + 1, "libcairn", 8) == 0;
}
