/* The mistakes of sites.c, made once in C and once in C++: the lines are found by their remarks.
 * For a file with the macros of <cairn/debug.h>. */
static void double_free(void) {
    char *object = (char *)opaque(malloc(opaque_size(100))); // LINE allocated
    free(object);                                            // LINE freed
    free(opaque(object));                                    // LINE called
}

static void overflow(void) {
    char *object = (char *)opaque(strdup("twelve bytes")); // LINE copied
    object[13] = 0;                                        /* what no byte of a canary is */
    free(object);                                          // LINE found
}

static void foreign(void) {
    int variable = 0;
    free(opaque(&variable)); // LINE foreign
}

/* What each gives is as the functions of these names do it. */
static void all(void) {
    char *object = (char *)malloc(10);
    EXPECT(object != NULL);
    memcpy(object, "123456789", 10);
    object = (char *)realloc(object, 1000);
    EXPECT(object != NULL && strcmp(object, "123456789") == 0);
    object = (char *)reallocarray(object, 100, 1000);
    EXPECT(object != NULL && strcmp(object, "123456789") == 0);
    char *other = strdup(object);
    EXPECT(other != NULL && strcmp(other, "123456789") == 0);
    free(object);
    object = strndup(other, 4);
    EXPECT(object != NULL && strcmp(object, "1234") == 0);
    free(object);
    object = strndup(other, 100);
    EXPECT(object != NULL && strcmp(object, "123456789") == 0);
    free(object);
    free(other);
    object = (char *)calloc(10, 20);
    EXPECT(object != NULL && all_zero(object, 200));
    EXPECT(realloc(object, 0) == NULL);
    object = (char *)aligned_alloc(4096, 5000);
    EXPECT(address(object) % 4096 == 0);
    free(object);
    free(NULL);
    EXPECT(malloc(opaque_size(SIZE_MAX)) == NULL);
    EXPECT(calloc(opaque_size(SIZE_MAX / 2), 3) == NULL);
    void (*release)(void *) = free;
    release((malloc)(10));
}
