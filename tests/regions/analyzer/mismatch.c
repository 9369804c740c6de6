/* expects: -Wmismatched-dealloc */
#include <stdlib.h>

#include <cairn/cairn.h>

int work(void);

int work(void) {
    void *object = cairn_malloc(100);
    free(object);
    return 0;
}
