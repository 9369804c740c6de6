/* What operator new needs from a C++ runtime, without being linked with one.
 *
 * The runtime may be there from the start (the program is C++), come later and be visible to nobody
 * but the plugin that needs it (an interpreter's extension), or never.  So everything is looked for
 * at the moment it is needed, which is when memory has run out. */
#ifndef CAIRN_FRONT_CXX_RUNTIME_H
#define CAIRN_FRONT_CXX_RUNTIME_H

#include <stddef.h>

/* std::get_new_handler(); NULL also where there is no runtime. */
void (*cxx_new_handler(void))(void);

/* throw std::bad_alloc(), or, where nothing can be thrown, one line on stderr and abort(). */
_Noreturn void cxx_throw_bad_alloc(size_t size);

/* The runtime's own nothrow forms.  They call the throwing form, which is ours, and turn what it
 * throws into NULL: catching is what C can't do.  NULL if they are not to be had. */
typedef void *(*cxx_nothrow_new)(size_t size, const void *tag);
typedef void *(*cxx_nothrow_new_aligned)(size_t size, size_t alignment, const void *tag);
cxx_nothrow_new cxx_find_nothrow_new(void);
cxx_nothrow_new_aligned cxx_find_nothrow_new_aligned(void);

#endif
