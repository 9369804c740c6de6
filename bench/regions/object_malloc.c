/* The object cache's workloads on malloc, with a construction after each: of the C library, or of
 * what is preloaded. */
#include <stdlib.h>

#include "connection.h"

static void set_up(void) {}
static void tear_down(void) {}

static inline struct connection *take(void) {
    struct connection *connection = malloc(sizeof *connection);
    connection_construct(connection);
    return connection;
}

static inline void give(struct connection *connection) { free(connection); }

#include "object_workloads.h"
