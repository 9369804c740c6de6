/* glibc's statistics and tuning, for the names that share them.  Only where the C library is glibc.
 */
#ifndef CAIRN_FRONT_GLIBC_H
#define CAIRN_FRONT_GLIBC_H

#include <malloc.h>

struct mallinfo2 glibc_mallinfo2(void);
struct mallinfo glibc_mallinfo(void);
int glibc_mallopt(int parameter, int value);

#endif
