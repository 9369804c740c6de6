/* The plugin of late_cxx.c. */
#include <new>
#include <string>
#include <vector>

#include "support/testkit.h"

namespace {

int handler_calls;

void give_up_at_second_call() {
    if (++handler_calls == 2) {
        std::set_new_handler(nullptr);
    }
}

} /* namespace */

extern "C" {

int plugin_allocates(void);
int plugin_nothrow_gives_null(void);
int plugin_catches_bad_alloc(void);
int plugin_handler_is_called(void);

int plugin_allocates(void) {
    std::vector<std::string> strings;
    for (int i = 0; i < 1000; i++) {
        strings.push_back(std::string(50, 'a'));
    }
    return strings.size() == 1000;
}

int plugin_nothrow_gives_null(void) {
    return opaque(::operator new(opaque_size(SIZE_MAX / 2), std::nothrow)) == nullptr;
}

int plugin_catches_bad_alloc(void) {
    try {
        opaque(::operator new(opaque_size(SIZE_MAX / 2)));
    } catch (const std::bad_alloc &) {
        return 1;
    }
    return 0;
}

int plugin_handler_is_called(void) {
    std::set_new_handler(give_up_at_second_call);
    return plugin_catches_bad_alloc() == 1 && handler_calls == 2;
}
}
