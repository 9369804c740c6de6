/* expects: -Wanalyzer-double-free */
#include <cairn/cairn.h>

int work(int argc, char **argv);

int work(int argc, char **argv) {
    (void)argv;
    int *object = cairn_calloc(10, sizeof *object);
    if (argc > 1) {
        cairn_free(object);
    }
    cairn_free(object);
    return 0;
}
