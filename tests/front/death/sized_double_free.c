/* free_sized of an object that is free. */
#include <dlfcn.h>

#include "death.h"

int main(void) {
    void (*free_sized_found)(void *, size_t) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "free_sized");
    EXPECT(symbol != NULL);
    memcpy(&free_sized_found, &symbol, sizeof symbol);
    void *p = object_of(50);
    free_sized_found(p, 50);
    EXPECT_REPORT("free_sized", p, DOUBLE_FREE, documented_class(50));
    free_sized_found(p, 50);
    return 0;
}
