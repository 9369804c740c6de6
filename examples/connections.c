/* A server's connections in an object cache.
 *
 * A connection is dear to make ready: a mutex, two buffers, a table.  Most of that does not depend
 * on who is connected, so it is made once and kept: a connection that is over goes back to the
 * cache as it was after its construction, and the next client gets it like that. */
#include <cairn/object_cache.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 10000, AT_ONCE = 50, BUFFER = 4096 };

struct connection {
    pthread_mutex_t lock;
    char *input, *output; /* buffers that outlive the client */
    size_t input_used, output_used;
    char client[32];
};

CAIRN_OBJECT_CACHE(connection_cache, struct connection)

static bool construct(void *object, void *context) {
    (void)context;
    struct connection *connection = object;
    memset(connection, 0, sizeof *connection);
    connection->input = malloc(BUFFER);
    connection->output = malloc(BUFFER);
    if (connection->input == NULL || connection->output == NULL ||
        pthread_mutex_init(&connection->lock, NULL) != 0) {
        free(connection->input);
        free(connection->output);
        return false;
    }
    return true;
}

static void destruct(void *object, void *context) {
    (void)context;
    struct connection *connection = object;
    pthread_mutex_destroy(&connection->lock);
    free(connection->input);
    free(connection->output);
}

static struct connection *open_connection(struct connection_cache *cache, int number) {
    struct connection *connection = connection_cache_take(cache);
    if (connection == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    snprintf(connection->client, sizeof connection->client, "client %d", number);
    return connection;
}

static void serve(struct connection *connection) {
    pthread_mutex_lock(&connection->lock);
    connection->input_used =
        (size_t)snprintf(connection->input, BUFFER, "hello from %s", connection->client);
    memcpy(connection->output, connection->input, connection->input_used);
    connection->output_used = connection->input_used;
    pthread_mutex_unlock(&connection->lock);
}

/* Back to the state after construction; the buffers stay. */
static void close_connection(struct connection_cache *cache, struct connection *connection) {
    connection->input_used = 0;
    connection->output_used = 0;
    connection->client[0] = '\0';
    connection_cache_give(cache, connection);
}

int main(void) {
    const struct cairn_object_cache_options options = {
        .name = "connections", .construct = construct, .destruct = destruct};
    struct connection_cache cache;
    if (!connection_cache_create(&cache, &options)) {
        perror("connection_cache_create");
        return 1;
    }
    struct connection *open[AT_ONCE] = {0};
    size_t echoed = 0;
    for (int number = 0; number < CLIENTS; number++) {
        struct connection **place = &open[number * 7 % AT_ONCE];
        if (*place != NULL) {
            echoed += (*place)->output_used;
            close_connection(&cache, *place);
        }
        *place = open_connection(&cache, number);
        serve(*place);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        close_connection(&cache, open[i]);
    }

    struct cairn_object_cache_figures statistics = cairn_object_cache_statistics(cache.cache);
    printf("%llu connections served, %zu bytes echoed\n", (unsigned long long)statistics.takes,
           echoed);
    printf("constructed: %s\n",
           statistics.constructed <= 2 * AT_ONCE ? "as many as were open at once" : "more");
    (void)cairn_purge(); /* a quiet hour: what is idle goes back */
    statistics = cairn_object_cache_statistics(cache.cache);
    printf("after a purge: %zu idle, %zu slabs\n", statistics.idle, statistics.slabs);
    connection_cache_destroy(&cache);
    return 0;
}
