/* The background thread in an ordinary program.
 *
 *   background on     it is there once the program runs, takes no signal, and is there again in the
 *                     child of a fork; what a program leaves unused goes
 *   background off    there is none, and unshare(CLONE_NEWUSER), which wants one thread, works */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "threads.h"

enum { OBJECTS = 4000 };

static volatile sig_atomic_t signals_taken, elsewhere;
static pid_t main_thread;

static void take_signal(int number) {
    (void)number;
    signals_taken++;
    elsewhere += syscall(SYS_gettid) != main_thread;
}

/* Threads of the process, and those of them that are called "cairn". */
struct census {
    unsigned all, ours;
};

static struct census take_census(void) {
    struct census census = {0, 0};
    DIR *folder = opendir("/proc/self/task");
    EXPECT(folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            char path[300], name[16] = "";
            snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
            int fd = open(path, O_RDONLY);
            EXPECT(fd >= 0 && read(fd, name, sizeof name - 1) > 0);
            close(fd);
            census.all++;
            census.ours += strcmp(name, "cairn\n") == 0;
        }
    }
    closedir(folder);
    return census;
}

static void allocate_much(void) {
    static void *objects[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = malloc(10000);
        EXPECT(objects[i] != NULL);
        memset(objects[i], 1, 10000);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        free(objects[i]);
    }
}

static void await(pid_t child) {
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

static void expect_it(void) {
    struct census census = {0, 0};
    for (int i = 0; i < 100 && census.ours == 0; i++) { /* it gives itself its name */
        allocate_much();
        (void)usleep(50000);
        census = take_census();
    }
    EXPECT(census.ours == 1 && census.all == 2);
}

static void signals_do_not_reach_it(void) {
    struct sigaction action = {.sa_handler = take_signal};
    main_thread = (pid_t)syscall(SYS_gettid);
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGUSR1);
    for (int i = 0; i < 100; i++) {
        EXPECT(sigprocmask(SIG_BLOCK, &only, NULL) == 0);
        EXPECT(kill(getpid(), SIGUSR1) == 0); /* of all threads any one may take it */
        EXPECT(sigprocmask(SIG_UNBLOCK, &only, NULL) == 0);
    }
    EXPECT(signals_taken == 100 && elsewhere == 0);
}

/* While it works, too; children end in every way. */
static void forks(void) {
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            /* On a slow machine it may be there again, as counting allocates, and may not have
             * given itself its name yet. */
            struct census census = take_census();
            for (int j = 0; j < 100 && census.all == 2 && census.ours == 0; j++) {
                (void)usleep(10000);
                census = take_census();
            }
            EXPECT(census.all == 1 + census.ours);
            if (i % 10 == 0) {
                expect_it();
            }
            allocate_much();
            if (i % 2 == 0) {
                exit(0);
            }
            _exit(0);
        }
        (void)usleep(10000);
        await(child);
    }
    EXPECT(take_census().ours == 1);
}

static size_t resident(void) { return status_bytes("VmRSS:"); }

static void what_lies_unused_goes(void) {
    static char *kept[OBJECTS];
    for (size_t i = 0; i < OBJECTS; i++) {
        kept[i] = malloc(10000);
        memset(kept[i], 1, 10000);
    }
    size_t full = resident();
    for (size_t i = 0; i < OBJECTS; i++) {
        free(kept[i]);
    }
    size_t least = resident();
    for (int i = 0; i < 80 && resident() + 37 * MIB > full; i++) {
        (void)usleep(100000);
    }
    say(1, "resident: full %zu, freed %zu, some seconds later %zu\n", full, least, resident());
    EXPECT(resident() + 37 * MIB <= full);
}

static int off(void) {
    allocate_much();
    (void)usleep(50000);
    allocate_much();
    struct census census = take_census();
    EXPECT(census.all == 1 && census.ours == 0);
    if (unshare(CLONE_NEWUSER) != 0) {
        EXPECT(errno != EINVAL); /* more than one thread */
        say(1, "user namespaces are not to be had: errno %d\n", errno);
        return TEST_NOT_POSSIBLE;
    }
    return 0;
}

int main(int count, char **arguments) {
    EXPECT(count == 2);
    if (strcmp(arguments[1], "off") == 0) {
        return off();
    }
    EXPECT(take_census().all == 1);
    expect_it();
    signals_do_not_reach_it();
    forks();
    what_lies_unused_goes();
    return 0;
}
