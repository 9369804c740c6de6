/* What both programs do with every container they make. */
#ifndef CAIRN_TESTS_CXX_CONTAINERS_H
#define CAIRN_TESTS_CXX_CONTAINERS_H

#include <algorithm>
#include <numeric>
#include <utility>

#include "support/testkit.h"

enum { ITEMS = 2000 };

/* A sequence of ints: filled, copied, moved, swapped, half of it erased; nothing is lost. */
template <typename Sequence> void use_sequence(Sequence sequence) {
    for (int i = 0; i < ITEMS; i++) {
        sequence.insert(sequence.end(), i);
    }
    Sequence copy(sequence);
    EXPECT(std::equal(copy.begin(), copy.end(), sequence.begin(), sequence.end()));
    Sequence moved(std::move(copy));
    Sequence assigned(sequence.get_allocator());
    assigned = moved;
    EXPECT(std::equal(moved.begin(), moved.end(), assigned.begin(), assigned.end()));
    assigned = std::move(moved);
    EXPECT(std::accumulate(assigned.begin(), assigned.end(), 0) == ITEMS * (ITEMS - 1) / 2);
    sequence.erase(sequence.begin(), std::next(sequence.begin(), ITEMS / 2));
    std::swap(sequence, assigned);
    EXPECT(assigned.size() == ITEMS / 2 && sequence.size() == ITEMS);
    sequence.clear();
    EXPECT(*assigned.begin() == ITEMS / 2);
}

/* A map from ints to ints, likewise. */
template <typename Map> void use_map(Map map) {
    for (int i = 0; i < ITEMS; i++) {
        map[i * 7919 % ITEMS] = i;
    }
    EXPECT(map.size() == ITEMS);
    Map copy(map);
    Map moved(std::move(copy), map.get_allocator());
    for (int i = 0; i < ITEMS; i += 2) {
        EXPECT(moved.erase(i) == 1);
    }
    EXPECT(moved.size() == ITEMS / 2 && moved.find(2) == moved.end() && map.find(2) != map.end());
    std::swap(map, moved);
    EXPECT(moved.size() == ITEMS && map.find(3)->second == moved.find(3)->second);
}

#endif
