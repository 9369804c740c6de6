#include "regions/poison.h"

bool poison_under_valgrind;

RUNS_ONCE void poison_start(void) {
    if (valgrind_request(VALGRIND_RUNNING_ON_VALGRIND, 0, 0) != 0) {
        poison_under_valgrind = true;
    }
}
