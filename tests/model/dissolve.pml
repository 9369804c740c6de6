/* How a shared heap ends while its objects live on, as shared_heap_dissolve() and threads_take_in()
 * have it, on top of the protocol of remote frees (remote.pml). Every statement is one atomic
 * access; all interleavings are tried.
 *
 * One chunk: at first a slab of heap MINE with two objects. Two threads free one each, by the lock
 * if they get it, else counted in and out; who finds that the slab has moved begins again. One
 * thread dissolves the heap: the slab becomes KEEPER's, a parked heap. One more is late to say that
 * it freed into a slab that was there before. MINE may serve again when it has ended. When both
 * objects are free KEEPER may release the slab, and heap NEXT make one there, whose one object
 * another thread frees.
 *
 * What must hold: every free is merged once, whoever's the slab is by then; and none reaches the
 * slab of NEXT but that of its own object.
 *
 * Nobody waits for the frees that are counted in: as long as an object is not free its slab can't
 * be released, and a bit that is set meanwhile is the right one, whoever owns the slab.
 *
 * All at once has too many states for a test, so it is searched without what comes after the slab,
 * and again with that but without the late notification and the second life of MINE.
 *
 * Seeded mistakes, each of which must be found: see the macros at their places and run-spin. */

#define MINE 0
#define KEEPER 1
#define NEXT 2
#define HEAPS 3
#define NOBODY 3

/* The descriptor of the chunk. */
byte owner = MINE;
bool slab = true;
byte remote;                    /* bits of objects */
bool summary;
byte truth;                     /* bits of free objects */

/* The heaps. */
bool list[HEAPS];               /* the one chunk is on it */
bool parked[HEAPS];             /* for those who push on its list */
bool alive = true;              /* MINE */
bool locked;                    /* MINE's lock */
bool registry;                  /* the registry's lock */

/* What only the assertions know. */
bool retired, made;
byte freed, merged;             /* of all objects */
byte working = 6;

/* The hooks of one_chunk.pml. */
inline note_merge() {
    merged = merged + (remote & 1) + (remote >> 1)
}

/* Lock of the heap h, or of the registry, held: an empty slab is released. */
inline after_drain(h) {
    if
    :: truth == 3 && owner == h -> owner = NOBODY; slab = false
    :: else
    fi
}

#include "one_chunk.pml"

/* --- frees into MINE -------------------------------------------------------------------------- */

/* Into a slab of whomever it is. */
inline free_remotely(mask) {
    atomic {
        assert(slab && !made); /* the slab is the one that the bit was meant for */
        word = remote;
        remote = remote | mask
    };
    if
    :: word == 0 -> tell()
    :: else
    fi
}

/* Leaves in `seen` whether it is done; else the slab has moved. */
inline free_with_lock(mask) {
#ifdef LOCK_AND_NO_LOOK
    seen = true;
#else
    seen = owner == MINE && alive;
#endif
    if
    :: seen ->
       assert(owner == MINE);
       truth = truth | mask;
       merged++
    :: else
    fi;
    locked = false
}

/* Likewise.  Counting in and out is for destroy: here nobody looks. */
inline free_without_lock(mask) {
#ifdef LIFE_LAST
    before = owner == MINE;
    seen = alive;
#else
    seen = alive;
    before = owner == MINE;
#endif
    if
    :: before && seen -> free_remotely(mask); seen = true
    :: before && !seen -> seen = true /* taken for one that destroy frees */
    :: else ->
#ifdef MOVED_IS_DONE
       seen = true
#else
       seen = false
#endif
    fi
}

inline free_mine(mask) {
    atomic { freed++ };
    do
    :: owner == MINE ->
       if
       :: atomic { !locked -> locked = true }; free_with_lock(mask)
       :: free_without_lock(mask)
       fi;
       if
       :: seen -> break
       :: else
       fi
    :: owner != MINE -> free_remotely(mask); break
    od;
    working--
}

proctype First() { VARIABLES; free_mine(1) }
proctype Second() { VARIABLES; free_mine(2) }

/* Freed into what was there before MINE's slab, was merged, and only now goes on to say so. */
proctype Late() {
    VARIABLES;
#ifndef NO_LATE
    tell();
#endif
    working--
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Lock held: heap_flush(), then threads_take_in(). */
inline hand_over() {
    drain(MINE);
    after_drain(MINE);
    lock_registry();
    if
    :: owner == MINE ->
       owner = KEEPER;
#ifndef NO_MERGE
       merge();
#endif
       drain(KEEPER);
       after_drain(KEEPER)
    :: else
    fi;
    registry = false
}

proctype Dissolver() {
    VARIABLES;
#ifndef NO_LOCK
    lock_mine();
#endif
#ifdef END_FIRST
    alive = false;
    locked = false;
    lock_mine();
#endif
    hand_over();
    alive = false;
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
    retired = true;
    working--
}

/* --- what comes after ------------------------------------------------------------------------- */

/* MINE serves as another heap. */
proctype Reviver() {
    if
#ifndef NO_REVIVAL
    :: retired ->
       lock_registry();
       parked[MINE] = false;
       registry = false;
       alive = true
#endif
    :: skip
    fi;
    working--
}

proctype Successor() {
    VARIABLES;
    if
#ifndef NO_SUCCESSOR
    :: !slab && owner == NOBODY ->
       slab = true;
       remote = 0;
       truth = 2;
       made = true;
       owner = NEXT;
       drain(NEXT)
#endif
    :: working == 1 /* there is never a chance */
    fi;
    working--
}

proctype Third() {
    VARIABLES;
    if
    :: owner == NEXT ->
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

/* All drain when all is quiet; MINE only if it serves again. */
proctype Judge() {
    VARIABLES;
    working == 0 && (freed == 3 || !made);
    do
    :: list[MINE] && !parked[MINE] -> drain(MINE)
    :: list[KEEPER] -> drain(KEEPER)
    :: list[NEXT] -> drain(NEXT)
    :: timeout -> break
    od;
    assert(freed == merged)
}

init {
    atomic {
        parked[KEEPER] = true;
        run First();
        run Second();
        run Late();
        run Dissolver();
        run Reviver();
        run Successor();
        run Third();
        run Judge()
    }
}
