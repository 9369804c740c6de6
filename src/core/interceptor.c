#include "core/interceptor.h"

#include "core/threads.h"

const struct interceptor *interceptor;

void interceptor_set(const struct interceptor *next) {
    interceptor = next;
    threads_retire_heaps();
}
