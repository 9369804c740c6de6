/* expects: -Wanalyzer-malloc-leak */
#include <cairn/str.h>

int work(int argc, char **argv);

int work(int argc, char **argv) {
    char *path = cairn_strcat(argv[0], "/index.html");
    if (path == NULL || argc > 1) {
        return 1;
    }
    cairn_free(path);
    return 0;
}
