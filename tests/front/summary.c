// CAIRN_SUMMARY: what is written at exit, where, and what happens when it can't be.
//
// Runs itself: with an argument it is the program that a summary is written of.
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/testkit.h"

enum { OBJECTS = 200000, OBJECT_SIZE = 96 };
static const size_t large_size = 10 * MIB;

static void *objects[OBJECTS];

// Takes a known amount, gives back most of it, and does what the letter says.
static int be_the_program(char how) {
    if (how == 'd' && chdir("/") != 0) {
        return 2;
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = malloc(OBJECT_SIZE);
        memset(objects[i], 1, OBJECT_SIZE);
    }
    void *large = malloc(large_size);
    free(opaque(large));
    for (size_t i = 1; i < OBJECTS; i++) {
        free(objects[i]);
    }
    if (how == 'c') {
        fclose(stderr);
    }
    return 5;
}

// Runs the program; its stderr goes into text.
static void run(const char *self, const char *option, const char *how, char *text, size_t size) {
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        setenv("CAIRN_SUMMARY", option, 1);
        execl(self, self, how, (char *)NULL);
        _exit(3);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n = 1; n > 0 && used<size - 1; used += n> 0 ? (size_t)n : 0) {
        n = read(ends[0], text + used, size - 1 - used);
    }
    text[used] = '\0';
    close(ends[0]);
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

static size_t number_after(const char *text, const char *key) {
    const char *at = strstr(text, key);
    if (at == NULL) {
        FAIL("no '%s' in: %s", key, text);
    }
    return (size_t)strtoull(at + strlen(key), NULL, 10);
}

static void check_one(const char *text) {
    size_t small = (size_t)OBJECTS * OBJECT_SIZE;
    EXPECT(strncmp(text, "cairn summary of pid ", 21) == 0);
    EXPECT(strstr(text, " (front_summary)\n") != NULL);
    size_t peak = number_after(text, "\nlive_bytes_at_peak: ");
    EXPECT(peak >= small + large_size && peak <= small + large_size + 2 * MIB);
    EXPECT(number_after(text, "\npeak_rss_bytes: ") >= small);
    EXPECT(number_after(text, "\nreturned_bytes: ") <= 100 * MIB);
    EXPECT(number_after(text, "\nmapped_bytes: ") >= small);
    EXPECT(number_after(text, "\nmetadata_bytes: ") >= 4 * KIB);
    EXPECT(number_after(text, "\nlive_bytes_at_exit: ") <= 1 * MIB);
    EXPECT(number_after(text, "\nclass 96: live_bytes_at_peak=") >= small);
    EXPECT(number_after(text, "\nlarge: live_bytes_at_peak=") >= large_size);
    const char *last = strstr(text, "\nlarge: ");
    EXPECT(strstr(last, " objects=1\n") != NULL);
}

static void read_file(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    EXPECT(fd >= 0);
    ssize_t n = read(fd, text, size - 1);
    EXPECT(n >= 0);
    text[n] = '\0';
    close(fd);
}

int main(int count, char **arguments) {
    static char text[32 * 1024];
    char folder[] = "/tmp/cairn-summary-XXXXXX";
    char self[4096] = "";
    if (count > 1) {
        return be_the_program(arguments[1][0]);
    }
    EXPECT(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    EXPECT(mkdtemp(folder) != NULL && chdir(folder) == 0);

    run(self, "stderr", "-", text, sizeof text);
    check_one(text);
    run(self, "stderr", "close", text, sizeof text);
    check_one(text);

    // A relative path means the directory at start; each run adds to the file.
    run(self, "out.txt", "dir", text, sizeof text);
    EXPECT(text[0] == '\0');
    read_file("out.txt", text, sizeof text);
    check_one(text);
    size_t length = strlen(text);
    run(self, "out.txt", "-", text, sizeof text);
    read_file("out.txt", text, sizeof text);
    EXPECT(strlen(text) > length);
    check_one(text + length);

    run(self, "missing/out.txt", "-", text, sizeof text);
    EXPECT(strncmp(text, "cairn: cannot write the summary to ", 35) == 0);
    EXPECT(strstr(text, "/missing/out.txt: No such file or directory\n") != NULL);
    EXPECT(strchr(text, '\n')[1] == '\0');

    run(self, "", "-", text, sizeof text);
    EXPECT(text[0] == '\0');
    EXPECT(unlink("out.txt") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
    return 0;
}
