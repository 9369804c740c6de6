#include "guard/sites.h"

#include <string.h>

#include "base/bits.h"
#include "os/os.h"

enum { SLOTS = 2 * SITES_MAX };

/* text[0, text_bytes) has the files' names, each with its zero byte;  a number n, 0 < n < count, is
 * of site[n], which never changes, and is in the first slot from its hash on that had none. */
static struct table {
    uint32_t count, text_bytes;
    uint32_t slot[SLOTS]; /* a site's number, or 0 */
    struct site site[SITES_MAX];
    char text[SITE_TEXT_BYTES];
} * table; /* NULL: nothing is kept yet, or there was no memory */

static bool make_table(void) {
    table = os_map(round_up(sizeof *table, os_page_size()));
    if (table != NULL) {
        table->count = 1;
    }
    return table != NULL;
}

/* FNV-1a, by Fowler, Noll and Vo. */
static uint32_t hash_of(const char *file, size_t length, uint32_t line) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ line;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)file[i]) * UINT64_C(0x100000001b3);
    }
    return (uint32_t)(hash >> 32);
}

static uint32_t add(const char *file, size_t length, uint32_t line) {
    if (table->count == SITES_MAX || length >= SITE_TEXT_BYTES - table->text_bytes) {
        return 0;
    }
    char *copy = memcpy(table->text + table->text_bytes, file, length + 1);
    table->text_bytes += (uint32_t)length + 1;
    table->site[table->count] = (struct site){copy, line};
    return table->count++;
}

uint32_t sites_keep(const char *file, uint32_t line) {
    if (table == NULL && !make_table()) {
        return 0;
    }
    size_t length = strlen(file);
    uint32_t *slot = &table->slot[hash_of(file, length, line) % SLOTS];
    while (*slot != 0) {
        const struct site *site = &table->site[*slot];
        if (site->line == line && strcmp(site->file, file) == 0) {
            return *slot;
        }
        slot = slot + 1 == table->slot + SLOTS ? table->slot : slot + 1;
    }
    *slot = add(file, length, line);
    return *slot;
}

struct site sites_find(uint32_t id) {
    return id == 0 ? (struct site){0} : table->site[id];
}
