/* free_aligned_sized of an object that is free. */
#include <dlfcn.h>

#include "death.h"

int main(void) {
    void (*free_aligned_sized_found)(void *, size_t, size_t) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "free_aligned_sized");
    EXPECT(symbol != NULL);
    memcpy(&free_aligned_sized_found, &symbol, sizeof symbol);
    void *p = aligned_alloc(64, 64);
    EXPECT(p != NULL);
    free_aligned_sized_found(p, 64, 64);
    EXPECT_REPORT("free_aligned_sized", p, DOUBLE_FREE, documented_class(64));
    free_aligned_sized_found(p, 64, 64);
    return 0;
}
