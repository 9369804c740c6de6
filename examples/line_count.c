/* wc, over mapped files: lines, words and bytes of each file, and of all.
 *
 *     line_count FILE...
 *
 * The file is one array, so counting is one loop over it: no buffer, no short reads, no line that
 * is cut in two.  Somebody may cut the file short while it is read; the guarded call makes an
 * error of what would end the program by SIGBUS. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <cairn/map.h>

struct count {
    size_t lines;
    size_t words;
    size_t bytes;
};

struct job {
    const struct cairn_map *map;
    struct count count;
};

static void count(void *argument) {
    struct job *job = argument;
    const char *text = job->map->data;
    bool in_word = false;
    job->count.bytes = job->map->size;
    for (size_t i = 0; i < job->map->size; i++) {
        bool blank = isspace((unsigned char)text[i]);
        job->count.lines += text[i] == '\n';
        job->count.words += in_word && blank;
        in_word = !blank;
    }
    job->count.words += in_word;
}

static struct cairn_map_error count_file(const char *path, struct count *result) {
    struct cairn_map map;
    struct cairn_map_error error = cairn_map_file(&map, path, CAIRN_MAP_READ, 0);
    if (cairn_map_failed(error)) {
        return error;
    }
    (void)cairn_map_advise(&map, 0, map.size, CAIRN_MAP_SEQUENTIAL); /* only advice */
    struct job job = {.map = &map};
    error = cairn_map_call_guarded(&map, count, &job);
    *result = job.count;
    (void)cairn_map_close(&map); /* nothing was written */
    return error;
}

static void print(const struct count *count, const char *name) {
    printf("%7zu %7zu %7zu %s\n", count->lines, count->words, count->bytes, name);
}

int main(int argc, char **argv) {
    struct count total = {0};
    int status = 0;
    for (int i = 1; i < argc; i++) {
        struct count count;
        char text[200];
        struct cairn_map_error error = count_file(argv[i], &count);
        if (cairn_map_failed(error)) {
            printf("%s: %s\n", argv[i], cairn_map_explain(error, text, sizeof text));
            status = 1;
            continue;
        }
        print(&count, argv[i]);
        total.lines += count.lines;
        total.words += count.words;
        total.bytes += count.bytes;
    }
    print(&total, "in all");
    return status;
}
