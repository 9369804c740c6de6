/* A heap for each plugin, with a limit.
 *
 * The plugins know malloc and nothing else.  The host calls them with their heap in place of its
 * own, so what they allocate is counted against their limit, and goes with them when they are
 * unloaded: what they forgot to free, too. */
#include <cairn/heap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB ((size_t)1024)

/* --- three plugins ---------------------------------------------------------------------------- */

/* Remembers every word that it was ever sent, and frees none. */
static void *leaky_handle(void *state, const char *word) {
    size_t length = strlen(word) + 1;
    char *entry = malloc(sizeof(void *) + length);
    if (entry == NULL) {
        return state;
    }
    memcpy(entry, &state, sizeof(void *));
    memcpy(entry + sizeof(void *), word, length);
    return entry;
}

/* Keeps the words that it was sent in one string, which it doubles. */
struct journal {
    size_t length, room;
    char *text;
};

static void *journal_handle(void *state, const char *word) {
    struct journal *journal = state == NULL ? calloc(1, sizeof *journal) : state;
    size_t length = strlen(word);
    if (journal == NULL) {
        return NULL;
    }
    if (journal->length + length > journal->room) {
        size_t room = 2 * (journal->room + length);
        char *text = realloc(journal->text, room);
        if (text == NULL) {
            return journal; /* goes on with what it has */
        }
        journal->text = text;
        journal->room = room;
    }
    memcpy(journal->text + journal->length, word, length);
    journal->length += length;
    return journal;
}

/* Allocates and frees as it should. */
static void *tidy_handle(void *state, const char *word) {
    char *copy = strdup(word);
    free(copy);
    return state;
}

/* --- the host --------------------------------------------------------------------------------- */

struct plugin {
    const char *name;
    size_t limit;
    void *(*handle)(void *state, const char *word);
    void *state;
    struct cairn_heap *heap;
};

static void load(struct plugin *plugin) {
    const struct cairn_heap_options options = {.name = plugin->name, .limit = plugin->limit};
    plugin->heap = cairn_heap_create(&options);
    if (plugin->heap == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
}

static void call(struct plugin *plugin, const char *word) {
    CAIRN_WITH_HEAP(plugin->heap) { plugin->state = plugin->handle(plugin->state, word); }
}

static void show(const struct plugin *plugin) {
    struct cairn_heap_figures figures = cairn_heap_statistics(plugin->heap);
    printf("%-8s %5zu objects, holds %4zu KiB of %4zu\n", cairn_heap_name(plugin->heap),
           figures.objects, figures.held / KIB, figures.limit / KIB);
}

static void unload(struct plugin *plugin) {
    cairn_heap_destroy(plugin->heap);
    plugin->heap = NULL;
    plugin->state = NULL;
}

int main(void) {
    struct plugin plugins[] = {
        {.name = "leaky", .limit = 1024 * KIB, .handle = leaky_handle},
        {.name = "journal", .limit = 512 * KIB, .handle = journal_handle},
        {.name = "tidy", .limit = 64 * KIB, .handle = tidy_handle},
    };
    enum { PLUGINS = sizeof plugins / sizeof *plugins };
    for (int i = 0; i < PLUGINS; i++) {
        load(&plugins[i]);
    }
    char word[32];
    for (int n = 0; n < 50000; n++) {
        (void)snprintf(word, sizeof word, "event number %d", n);
        for (int i = 0; i < PLUGINS; i++) {
            call(&plugins[i], word);
        }
    }
    for (int i = 0; i < PLUGINS; i++) {
        show(&plugins[i]);
    }
    printf("the leaky one's latest is %s\n",
           cairn_heap_of(plugins[0].state) == plugins[0].heap ? "its heap's" : "somewhere else");
    for (int i = 0; i < PLUGINS; i++) {
        unload(&plugins[i]);
    }
    struct plugin again = {.name = "again", .limit = 64 * KIB, .handle = tidy_handle};
    load(&again);
    call(&again, "event");
    show(&again);
    unload(&again);
    return 0;
}
