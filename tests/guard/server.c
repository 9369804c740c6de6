/* A small server with a mistake: it writes the line of its log from a request that it has freed.
 * Nothing shows, as the memory is there still; sampled guards find it.
 *
 *   server [RUNS [REQUESTS]]
 *
 * Keys and values over TCP, a thread for each connection.  Each run is a process of its own, which
 * clients ask until it has answered so many requests or died of the report; the program says how
 * many runs found the mistake and after how many requests, and fails if none did.  Runs under the
 * library with CAIRN_GUARD_RATE=1000. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "support/testkit.h"

enum { CLIENTS = 2, BUCKETS = 512, LINE = 512, KEYS = 2000 };

/* --- the server ------------------------------------------------------------------------------- */

struct entry {
    struct entry *next;
    char *key, *value;
};

struct request {
    char *verb, *key, *value;
    const char *status;
};

static struct entry *table[BUCKETS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(size_t) *answered; /* shared with the parent */
static _Atomic(size_t) logged_bytes;

static char *copy_of(const char *text) {
    char *copy = malloc(strlen(text) + 1);
    EXPECT(copy != NULL);
    return strcpy(copy, text);
}

static struct entry **place_of(const char *key) {
    unsigned hash = 5381;
    for (const char *at = key; *at != '\0'; at++) {
        hash = hash * 33 + (unsigned char)*at;
    }
    struct entry **place = &table[hash % BUCKETS];
    while (*place != NULL && strcmp((*place)->key, key) != 0) {
        place = &(*place)->next;
    }
    return place;
}

static void set(const struct request *request) {
    struct entry **place = place_of(request->key);
    if (*place == NULL) {
        *place = calloc(1, sizeof **place);
        (*place)->key = copy_of(request->key);
    }
    free((*place)->value);
    (*place)->value = copy_of(request->value);
}

static void delete (const struct request *request) {
    struct entry **place = place_of(request->key);
    struct entry *entry = *place;
    if (entry != NULL) {
        *place = entry->next;
        free(entry->key);
        free(entry->value);
        free(entry);
    }
}

/* The answer, for the caller to free. */
static char *execute(struct request *request) {
    char *answer = malloc(LINE);
    pthread_mutex_lock(&table_lock);
    request->status = "ok";
    (void)strcpy(answer, "ok\n");
    if (strcmp(request->verb, "set") == 0) {
        set(request);
    } else if (strcmp(request->verb, "del") == 0) {
        delete (request);
    } else {
        struct entry *entry = *place_of(request->key);
        (void)snprintf(answer, LINE, "%s\n", entry != NULL ? entry->value : "-");
    }
    pthread_mutex_unlock(&table_lock);
    return answer;
}

static struct request *parse(const char *line) {
    char verb[LINE] = "", key[LINE] = "", value[LINE] = "";
    (void)sscanf(line, "%511s %511s %511s", verb, key, value);
    struct request *request = malloc(sizeof *request);
    EXPECT(request != NULL);
    *request = (struct request){copy_of(verb), copy_of(key), copy_of(value), NULL};
    return request;
}

static void release(struct request *request) {
    free(request->verb);
    free(request->key);
    free(request->value);
    free(request);
}

/* What an access log would get. */
static void log_access(const struct request *request) {
    const struct request *read = opaque((void *)(uintptr_t)request);
    logged_bytes += strlen(read->status);
}

static void serve_line(int fd, const char *line) {
    struct request *request = parse(line);
    char *answer = execute(request);
    size_t length = strlen(answer);
    EXPECT(write(fd, answer, length) == (ssize_t)length);
    free(answer);
    release(request);
    log_access(request); /* the mistake */
    ++*answered;
}

static void *serve(void *argument) {
    FILE *connection = fdopen((int)(intptr_t)argument, "r");
    char line[LINE];
    while (fgets(line, sizeof line, connection) != NULL) {
        serve_line(fileno(connection), line);
    }
    (void)fclose(connection);
    return NULL;
}

static _Noreturn void be_server(int listener) {
    static const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        EXPECT(fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0);
        pthread_detach(thread);
    }
}

/* --- its clients ------------------------------------------------------------------------------ */

static struct sockaddr_in server_address;
static size_t requests_of_client;

static bool ask(int fd, const char *line) {
    char answer[LINE];
    size_t length = strlen(line);
    return send(fd, line, length, MSG_NOSIGNAL) == (ssize_t)length &&
           recv(fd, answer, sizeof answer, 0) > 0;
}

static void *be_client(void *argument) {
    static const char *const verbs[] = {"set", "get", "get", "del"};
    uint64_t random = (uintptr_t)argument + 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bool alive = connect(fd, (struct sockaddr *)&server_address, sizeof server_address) == 0;
    for (size_t i = 0; alive && i < requests_of_client; i++) {
        char line[LINE];
        unsigned long key = random_next(&random) % KEYS;
        (void)snprintf(line, sizeof line, "%s key-%lu value-%*lu\n",
                       verbs[random_next(&random) % 4], key, (int)(key % 200), key);
        alive = ask(fd, line);
    }
    close(fd);
    return NULL;
}

static int listen_somewhere(void) {
    socklen_t size = sizeof server_address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    server_address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    EXPECT(bind(listener, (struct sockaddr *)&server_address, size) == 0);
    EXPECT(getsockname(listener, (struct sockaddr *)&server_address, &size) == 0);
    EXPECT(listen(listener, CLIENTS) == 0);
    return listener;
}

/* How many requests were answered when the report came; `requests` and more: none came. */
static size_t run(size_t requests, char *report, size_t report_size) {
    int err[2];
    int listener = listen_somewhere();
    EXPECT(pipe(err) == 0);
    *answered = 0;
    pid_t server = fork();
    if (server == 0) {
        dup2(err[1], 2);
        be_server(listener);
    }
    close(err[1]);
    close(listener);
    pthread_t clients[CLIENTS];
    requests_of_client = requests / CLIENTS;
    for (uintptr_t i = 0; i < CLIENTS; i++) {
        EXPECT(pthread_create(&clients[i], NULL, be_client, (void *)i) == 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i], NULL);
    }
    kill(server, SIGKILL);
    ssize_t n = read(err[0], report, report_size - 1);
    report[n > 0 ? n : 0] = '\0';
    close(err[0]);
    waitpid(server, NULL, 0);
    return *answered;
}

int main(int count, char **arguments) {
    size_t runs = count > 1 ? strtoul(arguments[1], NULL, 10) : 3;
    size_t requests = count > 2 ? strtoul(arguments[2], NULL, 10) : 10000;
    answered = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(answered != MAP_FAILED);
    size_t found = 0, sum = 0;
    for (size_t i = 0; i < runs; i++) {
        static char report[8192];
        size_t after = run(requests, report, sizeof report);
        bool is_it =
            strstr(report, "read after free of an object of 32 bytes, at offset 24 ") != NULL;
        EXPECT(is_it || report[0] == '\0');
        found += is_it;
        sum += is_it ? after : 0;
        if (i == 0) {
            say(1, "%s", report);
        }
    }
    say(1, "found in %zu of %zu runs of %zu requests, after %zu on average\n", found, runs,
        requests, found == 0 ? 0 : sum / found);
    return found == 0;
}
