/* expects: -Wunused-result */
#include <cairn/str.h>

int work(int argc, char **argv);

int work(int argc, char **argv) {
    (void)argc;
    cairn_strdup(argv[0]);
    return 0;
}
