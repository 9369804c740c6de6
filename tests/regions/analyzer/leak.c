/* expects: -Wanalyzer-malloc-leak */
#include <string.h>

#include <cairn/cairn.h>

int work(int size);

int work(int size) {
    char *object = cairn_malloc(100);
    if (object == NULL) {
        return 1;
    }
    memset(object, size, 100);
    if (object[size] > 1) {
        return 2;
    }
    cairn_free(object);
    return 0;
}
