/*
 * database: a key-value store in memory.
 *
 * A chained hash table of strings: set, get, append, delete and expire with
 * values from a few bytes to some kilobytes, and a table that is rebuilt as it
 * grows. Entries, keys and values are objects of their own that live for a
 * long time and change their sizes, as in an in-memory database like Redis.
 *
 * database [keys] [operations]
 */
#include "bench_util.h"

struct entry {
    struct entry *next;
    uint64_t hash;
    char *key;
    char *value;
    size_t length;
};

static struct {
    struct entry **bucket;
    size_t buckets, entries;
} store;

static uint64_t hash_key(const char *key) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *key != '\0'; key++) {
        hash = (hash ^ (unsigned char)*key) * 0x100000001b3u;
    }
    return hash ^ (hash >> 32);
}

static void store_resize(size_t buckets) {
    struct entry **bucket = bench_calloc(buckets, sizeof(struct entry *));
    for (size_t b = 0; b < store.buckets; b++) {
        for (struct entry *entry = store.bucket[b], *next; entry != NULL; entry = next) {
            next = entry->next;
            entry->next = bucket[entry->hash % buckets];
            bucket[entry->hash % buckets] = entry;
        }
    }
    free(store.bucket);
    store.bucket = bucket;
    store.buckets = buckets;
}

/* Where the link to the entry of that key is, or the empty link at the chain's end. */
static struct entry **store_find(const char *key, uint64_t hash) {
    struct entry **link = &store.bucket[hash % store.buckets];
    while (*link != NULL && ((*link)->hash != hash || strcmp((*link)->key, key) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

static char *value_make(struct rng *rng, size_t length) {
    return memset(bench_alloc(length), (int)('a' + rng_below(rng, 26)), length);
}

static void store_set(struct rng *rng, const char *key) {
    uint64_t hash = hash_key(key);
    struct entry **link = store_find(key, hash);
    size_t length = rng_size(rng, 8, 2048);
    if (*link == NULL) {
        *link = bench_alloc(sizeof **link);
        **link = (struct entry){NULL, hash, NULL, NULL, 0};
        (*link)->key = strcpy(bench_alloc(strlen(key) + 1), key);
        store.entries++;
    }
    struct entry *entry = *link;
    free(entry->value);
    entry->value = value_make(rng, length);
    entry->length = length;
    if (store.entries > store.buckets) {
        store_resize(store.buckets * 2);
    }
}

static void store_append(struct rng *rng, struct entry *entry) {
    size_t more = rng_between(rng, 4, 100);
    entry->value = bench_realloc(entry->value, entry->length + more);
    memset(entry->value + entry->length, 'x', more);
    entry->length += more;
}

static void store_delete(struct entry **link) {
    struct entry *entry = *link;
    *link = entry->next;
    free(entry->key);
    free(entry->value);
    free(entry);
    store.entries--;
}

/* What a server does for each request besides: parse it, build the reply, drop both. */
static uint64_t answer(const struct entry *entry) {
    size_t length = entry == NULL ? 16 : entry->length + 16;
    char *reply = bench_alloc(length);
    int header = snprintf(reply, 16, "$%zu", length);
    if (entry != NULL) {
        memcpy(reply + header, entry->value, entry->length);
    }
    uint64_t sum = (unsigned char)reply[header / 2] + length;
    free(reply);
    return sum;
}

int main(int argc, char **argv) {
    size_t keys = (size_t)bench_param(argc, argv, 1, 60000);
    long operations = bench_param(argc, argv, 2, 3000000);
    struct rng rng = {17};
    uint64_t checksum = 0;
    store_resize(16);
    for (long i = 0; i < operations; i++) {
        char key[64];
        size_t id = rng_below(&rng, keys);
        snprintf(key, sizeof key, "%.*s:%zu", (int)(id % 24), "session/user/object/cache", id);
        size_t operation = rng_below(&rng, 100);
        struct entry **link = store_find(key, hash_key(key));
        if (operation < 40) {
            store_set(&rng, key);
        } else if (operation < 85 || *link == NULL) {
            checksum += answer(*link);
        } else if (operation < 92) {
            store_append(&rng, *link);
        } else {
            store_delete(link);
        }
    }
    for (size_t b = 0; b < store.buckets; b++) {
        while (store.bucket[b] != NULL) {
            checksum += store.bucket[b]->length;
            store_delete(&store.bucket[b]);
        }
    }
    free(store.bucket);
    return bench_finish(checksum);
}
