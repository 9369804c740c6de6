/* How a shared heap ends while others free into it, as src/core/shared_heap.h has it, on top of the
 * protocol of remote frees (remote.pml). Every statement is one atomic access; all interleavings
 * are tried.
 *
 * One chunk: at first a slab of heap MINE with two objects. Two threads free one each, by the lock
 * if they get it, else counted in and out. One thread destroys the heap. One more is late to say
 * that it freed into a slab that was there before, of another heap. When the chunk is free, heap
 * OTHER may make a slab of it, whose one object another thread frees.
 *
 * What must hold: no free of an object of MINE writes into a slab of OTHER; and no free of an
 * object of OTHER is lost, whatever late notification went to whichever list.
 *
 * Seeded mistakes, each of which must be found: see the macros at their places and run-spin. */

#define MINE 0
#define OTHER 1
#define HEAPS 2
#define NOBODY 3

/* The descriptor of the chunk. */
byte owner = MINE;
bool slab = true;
byte remote;                    /* bits of objects */
bool summary;
byte truth;                     /* bits of free objects */

/* The heaps. */
bool list[HEAPS];               /* the one chunk is on it */
bool parked[HEAPS];             /* it has ended, for those who push on its list */
bool alive = true;              /* MINE */
byte in_flight;
bool locked;                    /* MINE's lock */
bool registry;                  /* the registry's lock */

/* What only the assertions know. */
bool made;
byte freed, merged;             /* of OTHER's object */
byte working = 5;

/* The hooks of one_chunk.pml. */
inline note_merge() {
    if
    :: owner == OTHER -> merged = merged + (remote & 1)
    :: else
    fi
}
inline after_drain(h) { skip }

#include "one_chunk.pml"

/* --- frees into MINE -------------------------------------------------------------------------- */

inline free_with_lock(mask) {
#ifdef LOCK_AND_NO_LOOK
    assert(owner == MINE);
    truth = truth | mask;
#else
    if
    :: owner == MINE && alive ->
       assert(owner == MINE);
       truth = truth | mask
    :: else
    fi;
#endif
    locked = false
}

inline free_without_lock(mask) {
#ifdef COUNT_LATE
    seen = alive;
    in_flight++;
#else
    in_flight++;
    seen = alive;
#endif
#ifdef NO_LOOK_AT_LIFE
    seen = true;
#endif
    if
    :: seen && owner == MINE ->
#ifdef OUT_TOO_EARLY
       in_flight--;
#endif
       atomic {
           assert(owner == MINE); /* the bit is one of the slab that it was meant for */
           word = remote;
           remote = remote | mask
       };
       if
       :: word == 0 -> tell()
       :: else
       fi;
#ifdef OUT_TOO_EARLY
       in_flight++
#endif
    :: else /* destroy frees it, or has */
    fi;
    in_flight--
}

inline free_mine(mask) {
    if
    :: owner == MINE ->
       if
       :: atomic { !locked -> locked = true }; free_with_lock(mask)
       :: free_without_lock(mask)
       fi
    :: else /* reported as released, or as an object of OTHER's that it is not */
    fi;
    working--
}

proctype First() { VARIABLES; free_mine(1) }
proctype Second() { VARIABLES; free_mine(2) }

/* Freed into what was there before MINE's slab, was merged, and only now goes on to say so. */
proctype Late() {
    VARIABLES;
    tell();
    working--
}

/* --- the end ---------------------------------------------------------------------------------- */

proctype Destroyer() {
    VARIABLES;
    if
    :: lock_mine(); drain(MINE); locked = false /* something was allocated before */
    :: skip
    fi;
#ifdef WAIT_FIRST
    in_flight == 0;
#endif
    lock_mine();
    alive = false;
    locked = false;
#ifndef WAIT_FIRST
#ifndef NO_WAIT
    in_flight == 0;
#endif
#endif
    lock_mine();
    drain(MINE);
    merge(); /* a double free shows here */
    owner = NOBODY;
    slab = false;
    locked = false;
    lock_registry();
#ifdef PARK_LAST
    drain(MINE);
    parked[MINE] = true;
#else
    parked[MINE] = true;
#ifndef NO_PASSING_ON
    drain(MINE);
#endif
#endif
    registry = false;
    working--
}

/* --- what comes after ------------------------------------------------------------------------- */

proctype Successor() {
    VARIABLES;
    if
    :: !slab && owner == NOBODY ->
       slab = true;
       remote = 0;
       truth = 2;
       made = true;
       owner = OTHER;
       drain(OTHER)
    :: working == 1 /* there is never a chance */
    fi;
    working--
}

proctype Third() {
    VARIABLES;
    if
    :: owner == OTHER ->
       atomic {
           assert((remote & 1) == 0 && (truth & 1) == 0);
           word = remote;
           remote = remote | 1;
           freed++
       };
       if
       :: word == 0 -> tell()
       :: else
       fi
    :: working == 0 && !made
    fi
}

/* OTHER drains when all is quiet. */
proctype Judge() {
    VARIABLES;
    working == 0 && (freed == 1 || !made);
    do
    :: list[OTHER] -> drain(OTHER)
    :: timeout -> break
    od;
    assert(freed == merged)
}

init {
    atomic {
        run First();
        run Second();
        run Late();
        run Destroyer();
        run Successor();
        run Third();
        run Judge()
    }
}
