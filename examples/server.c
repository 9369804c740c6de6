/* A web server with an arena for each request.
 *
 * Whatever a request needs (what was read, its lines, the answer) is taken from one arena, and
 * all of it goes with one reset when the answer is sent: no free can be forgotten on any of the
 * ways through the code, and after the first requests the arena has all the memory that it will
 * need.
 *
 * So that it can be tried, the program is its own visitor: it serves on a port of the loopback
 * interface, sends itself some hundred requests from two threads, checks the answers, and
 * stops. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cairn/arena.h>

enum { REQUEST_MOST = 64 << 10, VISITORS = 2, VISITS = 150 };

static _Noreturn void fail(const char *what) {
    perror(what);
    exit(1);
}

/* --- a request -------------------------------------------------------------------------------- */

struct field {
    const char *name;
    const char *value;
    struct field *next;
};

struct request {
    char *method;
    char *path;
    struct field *fields; /* "Host: localhost" and the like */
};

/* Reads up to the blank line that ends a request's head.  The buffer is the arena's last
 * object, so it grows where it is as long as the arena has room behind it. */
static char *read_head(struct cairn_arena *arena, int connection) {
    size_t capacity = 512;
    size_t length = 0;
    char *head = cairn_arena_allocate(arena, capacity, 1);
    while (head != NULL) {
        ssize_t got = read(connection, head + length, capacity - length - 1);
        if (got <= 0) {
            return NULL;
        }
        length += (size_t)got;
        head[length] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL) {
            return head;
        }
        if (length + 1 == capacity) {
            size_t wanted = capacity * 2;
            head =
                wanted > REQUEST_MOST ? NULL : cairn_arena_resize(arena, head, capacity, wanted, 1);
            capacity = wanted;
        }
    }
    return NULL;
}

/* Cuts the text at the next occurrence of a separator; NULL if there is none. */
static char *cut(char **rest, const char *separator) {
    char *start = *rest;
    char *end = strstr(start, separator);
    if (end == NULL) {
        return NULL;
    }
    *end = '\0';
    *rest = end + strlen(separator);
    return start;
}

static struct request *parse(struct cairn_arena *arena, char *head) {
    struct request *request = cairn_arena_new_zeroed(arena, struct request);
    if (request == NULL) {
        return NULL;
    }
    request->method = cut(&head, " ");
    request->path = request->method == NULL ? NULL : cut(&head, " ");
    if (request->path == NULL || cut(&head, "\r\n") == NULL) {
        return NULL;
    }
    for (char *line; (line = cut(&head, "\r\n")) != NULL && *line != '\0';) {
        struct field *field = cairn_arena_new(arena, struct field);
        if (field == NULL) {
            return NULL;
        }
        field->name = cut(&line, ": ");
        if (field->name == NULL) {
            return NULL;
        }
        field->value = line;
        field->next = request->fields;
        request->fields = field;
    }
    return request;
}

/* --- the answers ------------------------------------------------------------------------------ */

static const char *field_of(const struct request *request, const char *name) {
    for (const struct field *field = request->fields; field != NULL; field = field->next) {
        if (strcasecmp(field->name, name) == 0) {
            return field->value;
        }
    }
    return "somebody";
}

static const char *answer(struct cairn_arena *arena, const struct request *request) {
    const char *body = NULL;
    const char *status = "200 OK";
    int first;
    int second;
    if (request == NULL) {
        status = "400 Bad Request";
        body = "That is not HTTP.\n";
    } else if (strcmp(request->path, "/hello") == 0) {
        body = cairn_arena_printf(arena, "Hello, %s!\n", field_of(request, "User-Agent"));
    } else if (sscanf(request->path, "/add/%d/%d", &first, &second) == 2) {
        body = cairn_arena_printf(arena, "%lld\n", (long long)first + second);
    } else {
        status = "404 Not Found";
        body = cairn_arena_printf(arena, "There is no %s here.\n", request->path);
    }
    return body == NULL ? NULL
                        : cairn_arena_printf(arena, "HTTP/1.0 %s\r\nContent-Length: %zu\r\n\r\n%s",
                                             status, strlen(body), body);
}

static void send_all(int connection, const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t sent = send(connection, text, left, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        text += sent;
        left -= (size_t)sent;
    }
}

static void serve(int listener, int count) {
    struct cairn_arena arena;
    cairn_arena_init(&arena, "request", NULL);
    size_t reserved_halfway = 0;
    for (int served = 0; served < count; served++) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) {
            fail("accept");
        }
        char *head = read_head(&arena, connection);
        const char *text = answer(&arena, head == NULL ? NULL : parse(&arena, head));
        send_all(connection, text == NULL ? "HTTP/1.0 500 Out of memory\r\n\r\n" : text);
        (void)close(connection);
        cairn_arena_reset(&arena);
        if (served == count / 2) {
            reserved_halfway = cairn_arena_statistics(&arena).reserved;
        }
    }
    struct cairn_arena_figures figures = cairn_arena_statistics(&arena);
    printf("served %d requests; the arena took %s memory in the second half\n", count,
           figures.reserved > reserved_halfway ? "more" : "no");
    cairn_arena_destroy(&arena);
}

/* --- the visitors ----------------------------------------------------------------------------- */

struct visitor {
    pthread_t thread;
    struct sockaddr_in address;
    int satisfied;
};

/* Sends a request and returns the answer, in the visitor's own arena. */
static const char *visit(struct cairn_arena *arena, const struct sockaddr_in *address,
                         const char *text) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0 ||
        connect(connection, (const struct sockaddr *)address, sizeof *address) != 0) {
        fail("connect");
    }
    send_all(connection, text);
    enum { ANSWER_MOST = 4096 };
    char *reply = cairn_arena_allocate_zeroed(arena, ANSWER_MOST, 1);
    size_t length = 0;
    for (ssize_t got = 1; reply != NULL && got > 0 && length + 1 < ANSWER_MOST;) {
        got = read(connection, reply + length, ANSWER_MOST - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    (void)close(connection);
    return reply == NULL ? "" : reply;
}

static bool is_answered(struct cairn_arena *arena, const struct sockaddr_in *address, int i) {
    const char *path = i % 3 == 0 ? "/hello" : i % 3 == 1 ? "/add/%d/5" : "/nowhere/%d";
    const char *wanted = i % 3 == 0   ? "Hello, visitor %d!\n"
                         : i % 3 == 1 ? "\r\n\r\n%d\n"
                                      : "There is no /nowhere/%d here.\n";
    char place[64];
    char expected[64];
    snprintf(place, sizeof place, path, i);
    snprintf(expected, sizeof expected, wanted, i % 3 == 1 ? i + 5 : i);
    const char *text = cairn_arena_printf(
        arena,
        "GET %s HTTP/1.0\r\nHost: localhost\r\nUser-Agent: visitor %d\r\nX-Long: %0*d\r\n\r\n",
        place, i, i % 50 * 40, 0);
    return text != NULL && strstr(visit(arena, address, text), expected) != NULL;
}

static void *visit_often(void *argument) {
    struct visitor *visitor = argument;
    struct cairn_arena arena = {0};
    for (int i = 0; i < VISITS; i++) {
        visitor->satisfied += is_answered(&arena, &visitor->address, i);
        cairn_arena_reset(&arena);
    }
    cairn_arena_destroy(&arena);
    return NULL;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        fail("listen");
    }
    struct visitor visitors[VISITORS];
    for (int i = 0; i < VISITORS; i++) {
        visitors[i] = (struct visitor){.address = address};
        if (pthread_create(&visitors[i].thread, NULL, visit_often, &visitors[i]) != 0) {
            fail("pthread_create");
        }
    }
    serve(listener, VISITORS * VISITS);
    int satisfied = 0;
    for (int i = 0; i < VISITORS; i++) {
        pthread_join(visitors[i].thread, NULL);
        satisfied += visitors[i].satisfied;
    }
    printf("%d of %d answers were right\n", satisfied, VISITORS * VISITS);
    return satisfied == VISITORS * VISITS ? 0 : 1;
}
