/* Two grades of assertion.
 *
 * CHECK(x)   in every build: a broken invariant of the allocator itself.  Going on would corrupt
 * the
 *            program's data, so the process stops with the place and the expression.
 * DCHECK(x)  in builds with CAIRN_DEBUG only: what is too dear for a release. */
#ifndef CAIRN_BASE_CHECK_H
#define CAIRN_BASE_CHECK_H

#include "base/compiler.h"

/* Writes one line to stderr without allocating and aborts. */
_Noreturn void check_failed(const char *expression, const char *file, int line);

#define CHECK(x) (likely(x) ? (void)0 : check_failed(#x, __FILE__, __LINE__))

#ifdef CAIRN_DEBUG
#define DCHECK(x) CHECK(x)
#else
#define DCHECK(x) ((void)sizeof(!!(x)))
#endif

#endif
