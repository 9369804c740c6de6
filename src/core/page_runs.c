#include "core/page_runs.h"

#include <string.h>

#include "os/os.h"

enum { AT_ONCE = 64 };

void page_runs_each(void *address, size_t size,
                    void (*visit)(void *run, size_t bytes, bool is_resident, void *argument),
                    void *argument) {
    size_t page = os_page_size();
    char *at = address, *end = at + size;
    while (at < end) {
        unsigned char present[AT_ONCE];
        size_t left = (size_t)(end - at) / page, count = left < AT_ONCE ? left : AT_ONCE;
        if (!os_resident_pages(at, count * page, present)) {
            memset(present, 1, sizeof present);
        }
        for (size_t from = 0, to = 0; from < count; from = to) {
            while (to < count && present[to] == present[from]) {
                to++;
            }
            visit(at + from * page, (to - from) * page, present[from] != 0, argument);
        }
        at += count * page;
    }
}
