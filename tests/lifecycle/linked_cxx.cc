/* The same for a C++ program: its operators must be the library's, also where libstdc++.a has some.
 */
#include <malloc.h>

#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/testkit.h"

namespace {

int handler_calls;

void give_up_at_second_call() {
    if (++handler_calls == 2) {
        std::set_new_handler(nullptr);
    }
}

void work() {
    std::map<int, std::string> numbers;
    for (int i = 0; i < 5000; i++) {
        numbers[i * 7919 % 5003] = std::string(static_cast<size_t>(i % 300), 'z');
    }
    for (int i = 0; i < 100; i++) {
        try {
            throw std::runtime_error(numbers[i] + "a text that does not fit into the object");
        } catch (const std::runtime_error &error) {
            EXPECT(strlen(error.what()) >= 40);
        }
    }
}

} /* namespace */

int main() {
    void *p = ::operator new(1000);
    EXPECT(malloc_usable_size(p) == documented_class(1000));
    ::operator delete (p, size_t{1000});
    p = ::operator new (1000, std::align_val_t{1024});
    EXPECT(address(p) % 1024 == 0);
    ::operator delete (p, std::align_val_t{1024});
    std::set_new_handler(give_up_at_second_call);
    bool thrown = false;
    try {
        opaque(::operator new(opaque_size(SIZE_MAX / 2)));
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    EXPECT(thrown && handler_calls == 2);
    EXPECT(opaque(::operator new[](opaque_size(SIZE_MAX / 2), std::nothrow)) == nullptr);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back(work);
    }
    for (auto &thread : threads) {
        thread.join();
    }
    return 0;
}
