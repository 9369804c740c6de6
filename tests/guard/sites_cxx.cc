// The same in C++, where std::malloc() is meant too.
#include <string>
#include <vector>

#include "support/testkit.h"

#define CAIRN_CALL_SITES
#include <cairn/debug.h>

#include <cstdlib> // is there already
#include <map>

#include "site_mistakes.h"

static void standard() {
    std::map<int, std::vector<std::string>> strings;
    strings[3].emplace_back(100, 'x');
    void *object = std::malloc(opaque_size(50)); // LINE standard
    std::free(object);                           // LINE freed again
    std::free(opaque(object));
}

int main(int count, char **arguments) {
    const struct {
        const char *name;
        void (*run)();
    } modes[] = {{"double_free", double_free},
                 {"overflow", overflow},
                 {"foreign", foreign},
                 {"all", all},
                 {"standard", standard}};
    for (const auto &mode : modes) {
        if (count == 2 && strcmp(arguments[1], mode.name) == 0) {
            mode.run();
            return 0;
        }
    }
    FAIL("usage: sites_cxx MODE");
}
