/* An object that takes some 200 ns to construct. */
#ifndef CAIRN_BENCH_REGIONS_CONNECTION_H
#define CAIRN_BENCH_REGIONS_CONNECTION_H

#include <stdint.h>

enum { CONNECTION_WORDS = 64 };

struct connection {
    uint64_t request;
    uint64_t table[CONNECTION_WORDS];
    char buffer[248];
};

/* Each word waits for a multiplication and two shifts of the one before it. */
static inline void connection_construct(struct connection *connection) {
    uint64_t word = 0x9e3779b97f4a7c15u;
    for (int i = 0; i < CONNECTION_WORDS; i++) {
        word ^= word >> 29;
        word *= 0xbf58476d1ce4e5b9u;
        word += word << 11 | 1;
        word ^= word >> 32;
        word *= 0x94d049bb133111ebu;
        connection->table[i] = word;
    }
    connection->request = 0;
}

#endif
