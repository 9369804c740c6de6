/* expects: -Warray-bounds */
#include <string.h>

#include <cairn/cairn.h>

int work(int argc, char **argv);

int work(int argc, char **argv) {
    (void)argv;
    char *object = cairn_malloc(10);
    if (object != NULL) {
        memset(object, argc, 11);
    }
    int result = object != NULL && object[10];
    cairn_free(object);
    return result;
}
