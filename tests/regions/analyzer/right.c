/* expects nothing: all that is right passes without a word. */
#include <string.h>

#include <cairn/scope.h>
#include <cairn/str.h>
#include <cairn/vec.h>

CAIRN_VEC(numbers, int)

static char *resized(char *object) {
    char *larger = cairn_realloc(object, 200);
    if (larger == NULL) {
        cairn_free(object); /* it failed, so the object is alive */
        return NULL;
    }
    return larger;
}

static char *greeting(const char *name) {
    cairn_autofree char *hello = cairn_strcat("hello, ", name);
    cairn_autofree char *text = cairn_strprintf("%s!", hello == NULL ? "" : hello);
    return cairn_steal(text);
}

int work(int argc, char **argv);

int work(int argc, char **argv) {
    char *object = cairn_malloc(100);
    if (object == NULL) {
        return 1;
    }
    memset(object, 0, 100);
    cairn_autofree char *kept = resized(object);
    cairn_autofree char *text = greeting(argv[0]);
    cairn_auto(cairn_str_destroy) struct cairn_str string = {0};
    cairn_auto(numbers_destroy) struct numbers vec = {0};
    if (!numbers_push(&vec, argc) || !cairn_str_append(&string, text)) {
        return 1;
    }
    return kept == NULL;
}
