/* expects: -Wfree-nonheap-object */
#include <cairn/cairn.h>

int work(void);

int work(void) {
    int object = 1;
    cairn_free(&object);
    return 0;
}
