/* expects: -Wanalyzer-possible-null-dereference */
#include <cairn/cairn.h>

int work(void);

int work(void) {
    int *object = cairn_malloc(sizeof *object);
    *object = 1;
    cairn_free(object);
    return 0;
}
