/* A C program loads a plugin in C++, and with it libstdc++, only now and only for the plugin, as an
 * interpreter does with its extensions. When new fails in the plugin, the plugin can still catch
 * it.
 *
 *   late_cxx PLUGIN */
#include <dlfcn.h>

#include "support/testkit.h"

static int call(void *plugin, const char *name) {
    int (*function)(void) = NULL;
    void *symbol = dlsym(plugin, name);
    if (symbol == NULL) {
        FAIL("the plugin has no %s", name);
    }
    memcpy(&function, &symbol, sizeof symbol);
    return function();
}

int main(int count, char **arguments) {
    EXPECT(count == 2);
    EXPECT(dlsym(RTLD_DEFAULT, "_ZSt15get_new_handlerv") == NULL);
    void *plugin = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL) {
        FAIL("%s", dlerror());
    }
    EXPECT(call(plugin, "plugin_allocates") == 1);
    EXPECT(call(plugin, "plugin_nothrow_gives_null") == 1);
    EXPECT(call(plugin, "plugin_catches_bad_alloc") == 1);
    EXPECT(call(plugin, "plugin_handler_is_called") == 1);
    return 0;
}
