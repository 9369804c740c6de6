#include "os/kept_stderr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/compiler.h"
#include "os/os.h"

/* The file it is of tells whether it is still that copy, or was closed and the number given to
 * something else. */
static int copy = -1;
static struct os_file_identity file;

RUNS_ONCE void kept_stderr_start(void) {
    enum { OUT_OF_THE_WAY = 200 }; /* programs expect the low numbers in order */
    if (copy >= 0) {
        return;
    }
    int saved = errno;
    copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    if (copy >= 0 && os_file_identity(copy, &file) != 0) {
        copy = -1;
    }
    errno = saved;
}

int kept_stderr(void) { return copy >= 0 && os_file_is(copy, &file) ? copy : STDERR_FILENO; }

int stderr_or_kept(void) {
    struct os_file_identity now;
    return os_file_identity(STDERR_FILENO, &now) == 0 ? STDERR_FILENO : kept_stderr();
}
