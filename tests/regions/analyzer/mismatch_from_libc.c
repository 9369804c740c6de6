/* expects: -Wmismatched-dealloc */
#include <stdlib.h>

#include <cairn/cairn.h>

int work(void);

int work(void) {
    void *object = malloc(100);
    cairn_free(object);
    return 0;
}
