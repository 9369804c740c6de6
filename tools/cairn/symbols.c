#include "symbols.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

/* A file that addresses were asked of. */
struct file {
    struct file *next;
    char *path;
    char *build_id; /* that it must have, or "" */
    Dwfl *dwfl;
    Dwfl_Module *module; /* NULL: it is of no use */
};

static struct file *files;
static unsigned trouble;
static bool had_lines;

unsigned symbols_trouble(void) { return trouble; }

bool symbols_had_lines(void) { return had_lines; }

static const Dwfl_Callbacks callbacks = {
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

/* Of the file, as hexadecimal digits; "" if it has none. */
static const char *build_id_of(Dwfl_Module *module) {
    enum { BYTES_MAX = 64 };
    static char digits[2 * BYTES_MAX + 1];
    const unsigned char *bytes;
    GElf_Addr address;
    int size = dwfl_module_build_id(module, &bytes, &address);
    digits[0] = '\0';
    for (int i = 0; i < size && i < BYTES_MAX; i++) {
        snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
    }
    return digits;
}

static void give_up(struct file *file) {
    trouble++;
    file->module = NULL;
}

/* To open anything else might wait for ever. */
static bool is_file(const char *path) {
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

static void open_module(struct file *file) {
    if (!is_file(file->path)) {
        complain("'%s', of which the report has addresses, is no file", file->path);
        give_up(file);
        return;
    }
    if (access(file->path, R_OK) != 0) {
        complain("cannot read '%s', of which the report has addresses: %s", file->path,
                 strerror(errno));
        give_up(file);
        return;
    }
    file->dwfl = dwfl_begin(&callbacks);
    if (file->dwfl != NULL) {
        file->module = dwfl_report_offline(file->dwfl, file->path, file->path, -1);
    }
    if (file->module == NULL || dwfl_report_end(file->dwfl, NULL, NULL) != 0) {
        complain("'%s' is not a program or library: %s", file->path, dwfl_errmsg(-1));
        give_up(file);
        return;
    }
    const char *has = build_id_of(file->module);
    if (file->build_id[0] != '\0' && strcmp(has, file->build_id) != 0) {
        complain("'%s' is another build than the report's: its build-id is %s instead of %s",
                 file->path, has[0] != '\0' ? has : "missing", file->build_id);
        give_up(file);
    }
}

static char *copy(const char *string) {
    char *copied = strdup(string);
    if (copied == NULL) {
        fail(STATUS_FAILED, "out of memory");
    }
    return copied;
}

static struct file *file_at(const char *path, const char *build_id) {
    for (struct file *file = files; file != NULL; file = file->next) {
        if (strcmp(file->path, path) == 0 && strcmp(file->build_id, build_id) == 0) {
            return file;
        }
    }
    struct file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        fail(STATUS_FAILED, "out of memory");
    }
    *file = (struct file){.next = files, .path = copy(path), .build_id = copy(build_id)};
    files = file;
    if (strcmp(path, "[vdso]") != 0) {
        open_module(file);
    }
    return file;
}

static bool is_function(Dwarf_Die *die) {
    int tag = dwarf_tag(die);
    return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram ||
           tag == DW_TAG_entry_point;
}

/* The place of the call, of a function that was inlined there. */
static void call_place(Dwarf_Die *inlined, Dwarf_Files *source_files, struct source *source) {
    Dwarf_Attribute attribute;
    Dwarf_Word number;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) == 0) {
        source->file = dwarf_filesrc(source_files, number, NULL, NULL);
    }
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0) {
        source->line = (int)number;
    }
}

/* Names the functions that scopes belong to, from the inside out; sources[0] has its line. */
static size_t name_scopes(Dwarf_Die *scopes, int count, Dwarf_Files *source_files,
                          struct source *sources) {
    size_t found = 0;
    for (int i = 0; i < count && found < SOURCES_MAX; i++) {
        if (!is_function(&scopes[i])) {
            continue;
        }
        sources[found++].function = dwarf_diename(&scopes[i]);
        if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine) {
            break;
        }
        if (found < SOURCES_MAX) {
            sources[found] = (struct source){0};
            call_place(&scopes[i], source_files, &sources[found]);
        }
    }
    return found;
}

/* What the debug information says about the functions around an address; 0: nothing. */
static size_t functions_around(Dwfl_Module *module, Dwarf_Addr address, struct source *sources) {
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, &bias);
    Dwarf_Die *scopes = NULL;
    Dwarf_Files *source_files = NULL;
    if (unit == NULL || dwarf_getsrcfiles(unit, &source_files, NULL) != 0 ||
        dwarf_getscopes(unit, address - bias, &scopes) <= 0) {
        return 0;
    }
    /* These are the scopes in which names are looked up; what encloses the innermost one in the
     * code are others, if it was inlined. */
    Dwarf_Die innermost;
    size_t found = 0;
    if (dwarf_offdie(dwfl_module_getdwarf(module, &bias), dwarf_dieoffset(&scopes[0]),
                     &innermost) != NULL) {
        free(scopes);
        scopes = NULL;
        int count = dwarf_getscopes_die(&innermost, &scopes);
        found = name_scopes(scopes, count, source_files, sources);
    }
    free(scopes);
    return found;
}

size_t symbols_find(const char *path, const char *build_id, unsigned long offset,
                    struct source sources[SOURCES_MAX]) {
    struct file *file = file_at(path, build_id);
    Dwarf_Addr bias = 0;
    if (file->module == NULL || dwfl_module_getelf(file->module, &bias) == NULL) {
        return 0;
    }
    Dwarf_Addr address = bias + offset - 1; /* in the call, not behind it */
    sources[0] = (struct source){0};
    Dwfl_Line *line = dwfl_module_getsrc(file->module, address);
    if (line != NULL) {
        sources[0].file = dwfl_lineinfo(line, NULL, &sources[0].line, NULL, NULL, NULL);
        had_lines = had_lines || sources[0].file != NULL;
    }
    size_t found = functions_around(file->module, address, sources);
    if (found == 0) {
        sources[0].function = dwfl_module_addrname(file->module, address);
        found = sources[0].function != NULL || sources[0].file != NULL ? 1 : 0;
    }
    return found;
}
