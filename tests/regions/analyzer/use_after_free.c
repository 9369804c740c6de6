/* expects: -Wuse-after-free */
#include <cairn/str.h>

int work(int argc, char **argv);

int work(int argc, char **argv) {
    char *name = cairn_strdup(argv[0]);
    if (name == NULL) {
        return 1;
    }
    cairn_free(name);
    return name[argc];
}
