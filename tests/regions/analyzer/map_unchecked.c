/* expects: -Wunused-result */
#include <cairn/map.h>

void work(void);

void work(void) {
    struct cairn_map map;
    cairn_map_memory(&map, 100, 0);
    map.data[0] = 1;
    cairn_map_dispose(&map);
}
