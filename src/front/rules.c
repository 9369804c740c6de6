#include "front/rules.h"

#include "base/bits.h"
#include "os/os.h"

const struct called called_realloc = {"realloc", slow_realloc};
const struct called called_reallocarray = {"reallocarray", slow_reallocarray};

void slow_free(void *pointer) { free_slow("free", pointer); }

void slow_realloc(void *pointer) { free_slow("realloc", pointer); }

void slow_reallocarray(void *pointer) { free_slow("reallocarray", pointer); }

#define LARGEST_ALIGNMENT (SIZE_MAX / 2 + 1)

void *rules_realloc(const struct called *called, void *pointer, size_t size) {
    if (pointer == NULL) {
        return fast_allocate(size);
    }
    if (size == 0) {
        fast_free(pointer, called->free_slow);
        return NULL;
    }
    return reallocate(called->name, pointer, size);
}

void *rules_reallocarray(const struct called *called, void *pointer, size_t count, size_t size) {
    size_t bytes;
    return multiply(count, size, &bytes) ? rules_realloc(called, pointer, bytes) : NULL;
}

void *rules_memalign(size_t alignment, size_t size) {
    if (alignment > LARGEST_ALIGNMENT) {
        errno = EINVAL;
        return NULL;
    }
    return allocate_aligned(next_power_of_two(alignment), size);
}

void *rules_aligned_alloc(size_t alignment, size_t size) {
    if (!is_power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return allocate_aligned(alignment, size);
}

int rules_posix_memalign(void **result, size_t alignment, size_t size) {
    if (!is_power_of_two(alignment) || alignment < sizeof(void *)) {
        return EINVAL;
    }
    int saved = errno;
    void *object = allocate_aligned(alignment, size);
    if (object == NULL) {
        errno = saved;
        return ENOMEM;
    }
    *result = object;
    return 0;
}

void *rules_valloc(size_t size) { return allocate_aligned(os_page_size(), size); }

void *rules_pvalloc(size_t size) {
    size_t page = os_page_size();
    if (size > REQUEST_MAX - page) {
        errno = ENOMEM;
        return NULL;
    }
    return allocate_aligned(page, round_up(size, page));
}
