// Forms of allocating and freeing that do not belong together, of C and of C++.
#include <malloc.h>

#include <new>

#include "misuse.h"

namespace {

// The compiler must not see that the pairs do not match. What follows is the mistake, until
// judge().
void *obtained(void *pointer) {
    EXPECT(pointer != nullptr);
    call_begin();
    return opaque(pointer);
}

constexpr std::align_val_t page{4096};
constexpr std::align_val_t line{64};

void judge(size_t size) {
    call_end();
    judge_sound(size);
}

void malloc_delete(size_t size, long) {
    ::operator delete(obtained(malloc(opaque_size(size))));
    judge(size);
}

void malloc_delete_array(size_t size, long) {
    ::operator delete[](obtained(malloc(opaque_size(size))));
    judge(size);
}

void malloc_delete_sized(size_t size, long times) {
    ::operator delete(obtained(malloc(opaque_size(size))), opaque_size(size * size_t(times)));
    judge(size);
}

void new_free(size_t size, long) {
    free(obtained(::operator new(opaque_size(size))));
    judge(size);
}

void new_array_free(size_t size, long) {
    free(obtained(::operator new[](opaque_size(size))));
    judge(size);
}

void new_realloc(size_t size, long) {
    void *moved = realloc(obtained(::operator new(opaque_size(size))), opaque_size(3 * size));
    free(obtained(moved));
    judge(size);
}

void new_delete_array(size_t size, long) {
    ::operator delete[](obtained(::operator new(opaque_size(size))));
    judge(size);
}

void new_array_delete(size_t size, long) {
    ::operator delete(obtained(::operator new[](opaque_size(size))));
    judge(size);
}

void aligned_new_delete(size_t size, long) {
    ::operator delete(obtained(::operator new(opaque_size(size), page)));
    judge(size);
}

void new_delete_aligned(size_t size, long) {
    ::operator delete(obtained(::operator new(opaque_size(size))), page);
    judge(size);
}

void aligned_new_delete_other_alignment(size_t size, long) {
    ::operator delete(obtained(::operator new(opaque_size(size), page)), line);
    judge(size);
}

void aligned_alloc_delete(size_t size, long) {
    void *object = nullptr;
    EXPECT(posix_memalign(&object, 4096, opaque_size(size)) == 0);
    ::operator delete(obtained(object));
    judge(size);
}

void new_delete_smaller(size_t size, long) {
    ::operator delete(obtained(::operator new(opaque_size(size))), opaque_size(size / 4));
    judge(size);
}

void new_delete_larger(size_t size, long) {
    ::operator delete(obtained(::operator new(opaque_size(size))), opaque_size(size * 4));
    judge(size);
}

void new_array_delete_smaller(size_t size, long) {
    ::operator delete[](obtained(::operator new[](opaque_size(size))), opaque_size(size / 4));
    judge(size);
}

// A derived object through the address of its second base, which has no virtual destructor.
void delete_of_base(size_t size, long) {
    take_neighbours(size);
    ::operator delete(obtained(spans[span_count / 2].start + 16));
    judge(size);
}

// An array of what has a destructor starts with its length; delete frees the first element.
void array_with_length_delete(size_t size, long) {
    char *array = static_cast<char *>(obtained(::operator new[](opaque_size(size + 8))));
    (void)keep_out(array, size);
    ::operator delete(obtained(array + 8));
    judge(size);
}

// And delete[] of a single one frees where the length would be.
void single_delete_array_with_length(size_t size, long) {
    take_neighbours(size);
    ::operator delete[](obtained(spans[span_count / 2].start - 8));
    judge(size);
}

void delete_twice(size_t size, long) {
    take_neighbours(size);
    void *object = obtained(::operator new(opaque_size(size)));
    ::operator delete(opaque(object));
    ::operator delete(opaque(object));
    judge(size);
}

void delete_array_twice(size_t size, long) {
    take_neighbours(size);
    void *object = obtained(::operator new[](opaque_size(size)));
    ::operator delete[](opaque(object));
    ::operator delete[](opaque(object));
    judge(size);
}

void delete_twice_sized(size_t size, long) {
    take_neighbours(size);
    void *object = obtained(::operator new(opaque_size(size)));
    ::operator delete(opaque(object), size);
    ::operator delete(opaque(object), size);
    judge(size);
}

void delete_on_stack(size_t size, long) {
    alignas(64) char memory[256];
    (void)keep_out(memory, sizeof memory);
    ::operator delete(opaque(memory + 64));
    judge(size);
}

const char rule[] = "the object is freed as if the forms matched, and the heap stays sound";

const struct kind kinds[] = {
    {"malloc-delete", malloc_delete, 0, ALL_SIZES, rule},
    {"malloc-delete-array", malloc_delete_array, 0, ALL_SIZES, rule},
    {"malloc-delete-sized-wrong", malloc_delete_sized, 3, ALL_SIZES, rule},
    {"new-free", new_free, 0, ALL_SIZES, rule},
    {"new-array-free", new_array_free, 0, ALL_SIZES, rule},
    {"new-realloc", new_realloc, 0, ALL_SIZES, rule},
    {"new-delete-array", new_delete_array, 0, ALL_SIZES, rule},
    {"new-array-delete", new_array_delete, 0, ALL_SIZES, rule},
    {"aligned-new-delete", aligned_new_delete, 0, ALL_SIZES, rule},
    {"new-aligned-delete", new_delete_aligned, 0, ALL_SIZES, rule},
    {"aligned-new-other-alignment", aligned_new_delete_other_alignment, 0, ALL_SIZES, rule},
    {"posix-memalign-delete", aligned_alloc_delete, 0, ALL_SIZES, rule},
    {"new-sized-delete-of-less", new_delete_smaller, 0, ALL_SIZES, rule},
    {"new-sized-delete-of-more", new_delete_larger, 0, ALL_SIZES, rule},
    {"new-array-sized-delete-of-less", new_array_delete_smaller, 0, ALL_SIZES, rule},
    {"delete-of-second-base", delete_of_base, 0, BUT_8, RULE_SOUND},
    {"array-with-length-delete", array_with_length_delete, 0, ALL_SIZES, RULE_SOUND},
    {"single-delete-array-with-length", single_delete_array_with_length, 0, ALL_SIZES, RULE_SOUND},
    {"delete-twice", delete_twice, 0, ALL_SIZES, RULE_SOUND},
    {"delete-array-twice", delete_array_twice, 0, ALL_SIZES, RULE_SOUND},
    {"sized-delete-twice", delete_twice_sized, 0, ALL_SIZES, RULE_SOUND},
    {"delete-of-stack", delete_on_stack, 0, NO_SIZE, RULE_SOUND},
};

} // namespace

int main(int count, char **arguments) {
    return misuse_main(count, arguments, kinds, sizeof kinds / sizeof *kinds);
}
