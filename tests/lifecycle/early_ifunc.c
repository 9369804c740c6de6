/* malloc from an IFUNC resolver: the dynamic linker calls it while it is still relocating. */
#include <malloc.h>

#include "support/testkit.h"

static void *from_resolver;
static void *large_from_resolver;

static int answer(void) { return 42; }

/* Not static: the program calls it through a relocation that the resolver answers. */
int resolved(void);
int (*resolve(void))(void);

__attribute__((no_stack_protector)) int (*resolve(void))(void) {
    from_resolver = malloc(100);
    large_from_resolver = calloc(3, MIB);
    free(malloc(50));
    return answer;
}

int resolved(void) __attribute__((ifunc("resolve")));

int main(void) {
    EXPECT(resolved() == 42);
    EXPECT(from_resolver != NULL && large_from_resolver != NULL);
    EXPECT(all_zero(large_from_resolver, 3 * MIB));
    EXPECT(malloc_usable_size(from_resolver) >= 100);
    free(from_resolver);
    free(large_from_resolver);
    return 0;
}
