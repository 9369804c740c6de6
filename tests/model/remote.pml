/* The protocol of remote frees, as src/core/remote.h, heap.c and threads.c have it: who frees
 * into another thread's slab, who drains, merges, releases and makes slabs, and what happens
 * when the owner parks and its slabs are adopted. Every statement is one atomic access; all
 * interleavings are tried.
 *
 * Two chunks. At first each is a slab of heap 0: chunk 0 with three objects in two words, chunk
 * 1 with one object. Freeing threads free them all. Whatever becomes empty may be released, and
 * either chunk, or both as one wide slab, may become a new slab, whose one object another thread
 * frees. Who frees the last object of a full slab condemns it (src/core/reclaim.h), and another
 * thread may reap the list at any time.
 *
 * To leave room for more steps, ONE_THREAD does without the second freeing thread and its two
 * objects, NO_ADOPTION without the heap that adopts, and NO_REAPER without who reaps; and with
 * BOTH_FULL no slab is queued at first.
 *
 * Seeded mistakes, each of which must be found: see the macros at their places and run-spin. */

#define CHUNKS 2
#define WORDS 2
#define HEAPS 2

#define NIL 3    /* no chunk */
#define NOBODY 3 /* no heap: OWNER_NONE */

#ifndef STEPS
#define STEPS 2 /* of each heap's thread */
#endif

/* The descriptors. */
byte owner[CHUNKS];             /* a heap or NOBODY */
bool slab[CHUNKS];              /* kind == CHUNK_SLAB */
bool inner[CHUNKS];             /* of a wide slab, not its head */
byte remote[CHUNKS * WORDS];    /* bits of objects */
byte summary[CHUNKS];           /* bits of words */
byte link[CHUNKS];              /* shared.notified */
byte truth[CHUNKS * WORDS];     /* bits of free objects */
byte handed_out[CHUNKS];
bool is_full[CHUNKS];              /* OWNER_FULL, and in no queue */
bool emptied[CHUNKS];           /* OWNER_EMPTIED */

/* The heaps. */
byte list[HEAPS];               /* heap.notified */
bool parked[HEAPS];
bool draining[HEAPS];
bool locked;                    /* the registry's lock */

/* What only the assertions know. */
bool on_list[CHUNKS];
byte freed, merged;
byte valid[CHUNKS * WORDS];     /* bits that belong to objects */
bool forwarded;                 /* to a parked heap, where it waits until that is looked at next */

byte present = NIL;             /* chunk of the new slab whose object is to be freed */
bool made;                      /* there is one new slab at most */
byte working;                   /* threads that are not done */

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

/* --- step 3 of remote.h, and the loop around it ----------------------------------------------- */

inline push(c, h) {
    do
    :: first = list[h];
       link[c] = first;
       atomic {
           if
           :: list[h] == first ->
              assert(!on_list[c]); /* a slab is on one list, once */
              on_list[c] = true;
              list[h] = c;
              break
           :: else
           fi
       }
    od
}

/* Leaves in `notified` the heap whose list the slab is on now, or NOBODY. */
inline notify(c, words) {
    bits = words;
    notified = NOBODY;
    do
    :: atomic { before = summary[c]; summary[c] = before | bits };
       if
       :: before != 0 -> break
       :: else
       fi;
       notified = owner[c];
       if
       :: notified != NOBODY -> push(c, notified); break
       :: else
       fi;
       atomic { bits = summary[c]; summary[c] = 0 };
       if
       :: bits == 0 || !slab[c] -> break
       :: owner[c] == NOBODY && is_full[c] -> break /* it is being given back */
       :: else
       fi
    od
}

/* --- what the owner does, or who holds the lock while it is parked ---------------------------- */

#define COUNT(bits) (((bits) & 1) + (((bits) >> 1) & 1))

inline merge(c, w) {
    atomic {
        assert(slab[c] && !inner[c]);
        bits = remote[c * WORDS + w];
        remote[c * WORDS + w] = 0;
        assert((truth[c * WORDS + w] & bits) == 0); /* no bit is merged twice */
        truth[c * WORDS + w] = truth[c * WORDS + w] | bits;
        handed_out[c] = handed_out[c] - COUNT(bits);
        merged = merged + COUNT(bits)
    }
}

inline release(c) {
    assert(handed_out[c] == 0 && !inner[c] && !emptied[c]);
    owner[c] = NOBODY;
    atomic {
        if
        :: c == 0 && inner[1] -> owner[1] = NOBODY; slab[1] = false; inner[1] = false
        :: else
        fi;
        slab[c] = false
    }
}

/* All bits that belong to no object are set for ever. */
#define VALID(c, w) (valid[(c) * WORDS + (w)])
#define HAS_FREE(c) ((truth[(c) * WORDS] & VALID(c, 0)) != 0 || \
                     (truth[(c) * WORDS + 1] & VALID(c, 1)) != 0)

/* Steps v and vi, by who took the slab off list h. Leaves in `claimed` whether it was possible. */
inline claim(c, h) {
#ifdef CLAIM_WITHOUT_LOOKING
    claimed = emptied[c]
#else
    atomic {
        claimed = (emptied[c] && owner[c] == h);
        if
        :: claimed -> owner[c] = NOBODY; emptied[c] = false
        :: else
        fi
    }
#endif
}

inline settle(c) {
    atomic {
        emptied[c] = false;
        assert(slab[c] && !inner[c] && is_full[c]);
        assert(remote[c * WORDS] == 0 && remote[c * WORDS + 1] == 0);
        assert(!HAS_FREE(c));
        merged = merged + handed_out[c];
        handed_out[c] = 0;
        truth[c * WORDS] = 3;
        truth[c * WORDS + 1] = 3
    }
    is_full[c] = false;
    release(c)
}

inline drain_slab(c, words, h) {
    bits = 0;
    if
#ifndef DRAIN_IGNORES_TAG
    :: emptied[c] ->
       claim(c, h);
       if
       :: claimed -> settle(c)
       :: else
       fi
#endif
    :: else ->
       if
       :: (words & 1) != 0 -> merge(c, 0)
       :: else
       fi;
       if
       :: (words & 2) != 0 -> merge(c, 1)
       :: else
       fi;
       if
       :: is_full[c] && HAS_FREE(c) ->
          atomic { is_full[c] = false; emptied[c] = false } /* one store */
       :: else
       fi;
       if
       :: handed_out[c] == 0 -> release(c)
       :: else
       fi
    fi
}

#ifdef NO_HEAD_CHECK
#define IS_HEAD(c) true
#else
#define IS_HEAD(c) (!inner[c])
#endif

inline drain(h) {
    draining[h] = true;
    atomic { s = list[h]; list[h] = NIL };
    do
    :: s == NIL -> break
    :: else ->
#ifdef LINK_READ_LATE
       atomic { words = summary[s]; summary[s] = 0; on_list[s] = false };
       next = link[s];
#else
       next = link[s];
       atomic { words = summary[s]; summary[s] = 0; on_list[s] = false };
#endif
       is_slab = (slab[s] && IS_HEAD(s)); /* its kind: one load */
       is_slab = (is_slab && owner[s] == h);
       if
       :: is_slab -> drain_slab(s, words, h)
       :: else ->
#ifndef NO_FORWARD
          if
          :: slab[s] && !inner[s] ->
             notify(s, words);
             forwarded = forwarded || (notified != NOBODY && parked[notified])
          :: else
          fi
#endif
       fi;
       s = next
    od;
    draining[h] = false;
    s = NIL; next = NIL; words = 0; bits = 0; before = 0; first = NIL; notified = NOBODY;
    claimed = false; is_slab = false
}

inline drain_hastily(h) { /* a mistake: summary cleared, slab still on the list */
    s = list[h];
    if
    :: s != NIL -> atomic { words = summary[s]; summary[s] = 0 }
    :: else
    fi;
    drain(h)
}

/* --- freeing threads -------------------------------------------------------------------------- */

/* What follows step 3. */
inline serve_parked() {
    mine = notified;
    if
    :: mine != NOBODY && parked[mine] ->
#ifndef NO_DRAIN_OF_PARKED
       lock();
       if
       :: parked[mine] -> drain(mine)
       :: else
       fi;
       unlock()
#endif
    :: else
    fi
}

#define OTHERS(c, v, w, mask) (VALID(c, v) & ~(v == (w) -> (mask) : 0))

/* Puts back what was taken of a word. */
inline put_back(c, v, what) {
    if
    :: what != 0 ->
       atomic {
           before = remote[c * WORDS + v];
           remote[c * WORDS + v] = before | what;
           untold = untold | (before == 0 -> 1 << (v) : 0);
           what = 0;
           before = 0
       }
    :: else
    fi
}

/* reclaim_condemn(): steps i to iv. Leaves in `done` whether it was possible. */
inline condemn(c, w, mask) {
    done = false;
    home = owner[c];
    if
    :: is_full[c] && !emptied[c] && remote[c * WORDS] == OTHERS(c, 0, w, mask) &&
       remote[c * WORDS + 1] == OTHERS(c, 1, w, mask) ->
#ifdef TAG_BEFORE_TAKING
       emptied[c] = true;
#endif
#ifndef NO_TAKING
       atomic { taken0 = remote[c * WORDS]; remote[c * WORDS] = 0 };
       atomic { taken1 = remote[c * WORDS + 1]; remote[c * WORDS + 1] = 0 };
#else
       taken0 = OTHERS(c, 0, w, mask); taken1 = OTHERS(c, 1, w, mask);
#endif
       atomic {
           if
           :: taken0 == OTHERS(c, 0, w, mask) && taken1 == OTHERS(c, 1, w, mask) &&
              owner[c] == home && is_full[c] -> /* one compare and exchange */
              emptied[c] = true;
              freed = freed + COUNT(mask);
              done = true;
              taken0 = 0;
              taken1 = 0
           :: else
           fi
       }
       put_back(c, 0, taken0);
       put_back(c, 1, taken1);
       if
       :: untold != 0 -> notify(c, untold); untold = 0; serve_parked()
       :: else
       fi
    :: else
    fi
}

inline remote_free(c, w, mask) {
    do
    :: before = remote[c * WORDS + w];
       assert((before & mask) == 0);
       done = false;
       if
       :: (truth[c * WORDS + w] | before | mask) == 3 ->
          seen = before;
          condemn(c, w, mask);
          before = seen
       :: else
       fi;
       if
       :: done -> break
       :: else
       fi;
       atomic {
           if
           :: remote[c * WORDS + w] == before ->
              remote[c * WORDS + w] = before | mask;
              freed++;
              break
           :: else
           fi
       }
    od;
    if
    :: done || before == 0 ->
#ifdef NO_SUMMARY
       notified = owner[c]; /* a mistake: pushes without having changed the summary */
       if
       :: notified != NOBODY && !on_list[c] -> push(c, notified)
       :: else
       fi;
#else
#ifdef NO_NOTICE_OF_CONDEMNED
       notified = NOBODY;
       if
       :: !done -> notify(c, 1 << w)
       :: else
       fi;
#else
       notify(c, 1 << w);
#endif
#endif
       serve_parked()
    :: else
    fi;
    mine = NOBODY; before = 0; first = NIL; bits = 0; notified = NOBODY;
    home = NOBODY; done = false; seen = 0
}

/* --- reaping ---------------------------------------------------------------------------------- */

/* As push(), of a slab that was on that list. */
inline push_back(c, h) {
    do
    :: first = list[h];
       link[c] = first;
       atomic {
           if
           :: list[h] == first -> list[h] = c; break
           :: else
           fi
       }
    od
}

inline reap(h) {
#ifndef REAP_WITHOUT_LOCK
    lock();
#endif
    if
    :: !parked[h] ->
#ifdef REAP_LOOKS_FIRST
       must_not = draining[h];
       atomic { s = list[h]; list[h] = NIL };
#else
       atomic { s = list[h]; list[h] = NIL };
#ifndef REAP_WHILE_DRAINING
       must_not = draining[h];
#endif
#endif
       do
       :: s == NIL -> break
       :: else ->
          next = link[s];
          claimed = false;
          if
          :: !must_not -> claim(s, h)
          :: else
          fi;
          if
          :: claimed ->
             atomic { words = summary[s]; summary[s] = 0; on_list[s] = false };
             settle(s)
          :: else -> push_back(s, h)
          fi;
          s = next
       od
    :: else
    fi;
#ifndef REAP_WITHOUT_LOCK
    unlock();
#endif
    s = NIL; next = NIL; words = 0; first = NIL; claimed = false; must_not = false
}

#define VARIABLES                                                                 \
    byte s = NIL, next = NIL, first = NIL, words, bits, before, notified = NOBODY, \
         mine = NOBODY, home = NOBODY, taken0, taken1, untold, seen;               \
    bool done, claimed, must_not, is_slab

/* Frees object `mask` of word w of chunk c, and then another one: which, `who` says. */
proctype Freer(byte who) {
    VARIABLES;
    byte c, w, mask, turn;
    do
    :: turn == 2 -> break
    :: turn < 2 ->
       if
       :: atomic { who == 1 && turn == 0 -> c = 0; w = 0; mask = 1 }
       :: atomic { who == 1 && turn == 1 -> c = 1; w = 0; mask = 1 }
       :: atomic { who == 2 && turn == 0 -> c = 0; w = 0; mask = 2 }
       :: atomic { who == 2 && turn == 1 -> c = 0; w = 1; mask = 1 }
       /* The object of the new slab, if there is ever one. */
       :: atomic { who == 3 && present != NIL -> c = present; w = 0; mask = 1; turn = 1 }
       :: atomic { who == 3 && present == NIL && working == 1 -> turn = 2 } /* nobody makes one */
       fi;
       if
       :: turn < 2 -> remote_free(c, w, mask); turn++
       :: else
       fi
    od;
    working--
}

/* --- threads with a heap ---------------------------------------------------------------------- */

inline make(c, h) {
    made = true;
    slab[c] = true;
    assert(remote[c * WORDS] == 0 && remote[c * WORDS + 1] == 0);
    truth[c * WORDS] = 2;
    truth[c * WORDS + 1] = 3;
    valid[c * WORDS] = 1;
    valid[c * WORDS + 1] = 0;
    handed_out[c] = 1;
    owner[c] = h;
    if
    :: is_full[c] = true
    :: skip
    fi;
    present = c
}

inline make_wide(h) {
    made = true;
    atomic { slab[0] = true; slab[1] = true; inner[1] = true };
    assert(remote[0] == 0 && remote[1] == 0);
    truth[0] = 2;
    truth[1] = 3;
    valid[0] = 1;
    valid[1] = 0;
    handed_out[0] = 1;
    owner[0] = h;
    owner[1] = h;
    if
    :: is_full[0] = true
    :: skip
    fi;
    present = 0
}

/* One that is queued or current: a full one is touched by nobody who does not find it in a list. */
#define OWNS(c, h) (owner[c] == (h) && slab[c] && !inner[c] && !is_full[c])

/* One thing that the thread of heap h may do at any time. */
inline step(h) {
    if
#ifdef HASTY_DRAIN
    :: drain_hastily(h)
#else
    :: drain(h)
#endif
    :: OWNS(0, h) -> merge(0, 0) /* a refill merges without draining */
    :: OWNS(0, h) -> merge(0, 1)
    :: OWNS(1, h) -> merge(1, 0)
    :: OWNS(0, h) && handed_out[0] == 0 -> release(0)
    :: OWNS(1, h) && handed_out[1] == 0 -> release(1)
    :: atomic { !made && !slab[0] && owner[0] == NOBODY -> made = true }; make(0, h)
    :: atomic { !made && !slab[1] && owner[1] == NOBODY -> made = true }; make(1, h)
    :: atomic { !made && !slab[0] && !slab[1] && owner[0] == NOBODY && owner[1] == NOBODY ->
                made = true };
       make_wide(h)
    :: skip
    fi;
    bits = 0
}

inline park(h) {
    lock();
    drain(h);
#ifdef PARK_AFTER_DRAIN
    drain(h);
    parked[h] = true; /* a mistake: what was pushed in between is seen by nobody */
#else
    parked[h] = true;
    drain(h);
#endif
    unlock()
}

proctype Owner() {
    VARIABLES;
    byte i;
    do
    :: i < STEPS -> step(0); i++
    :: i == STEPS -> break
    od;
    park(0);
    working--
}

/* Takes a slab from the parked heap. */
inline adopt(c) {
    owner[c] = 1;
    if
    :: c == 0 && inner[1] -> owner[1] = 1
    :: else
    fi;
    merge(c, 0);
    merge(c, 1);
    bits = 0
}

proctype Adopter() {
    VARIABLES;
    byte i;
    do
    :: i < STEPS ->
       if
       :: step(1)
       :: lock();
          if
          :: parked[0] ->
             drain(0);
             if
             :: OWNS(0, 0) -> adopt(0)
             :: OWNS(1, 0) -> adopt(1)
             :: else
             fi
          :: else
          fi;
          unlock()
       :: lock(); /* a new thread takes the heap as it is, and ends */
          if
          :: parked[0] ->
             parked[0] = false;
             unlock();
             step(0);
             park(0)
          :: else -> unlock()
          fi
       fi;
       i++
    :: i == STEPS -> break
    od;
    working--
}

/* A thread that frees much reaps heap 0's list. */
proctype Reaper() {
    VARIABLES;
    reap(0);
    working--
}

/* When all is quiet: each heap drains once more, and nothing may be left. */
proctype Judge() {
    VARIABLES;
    byte i;
    working == 0;
    assert(!parked[0] || list[0] == NIL || forwarded); /* nothing waits for the dead */
    do
    :: list[0] != NIL -> drain(0)
    :: list[0] == NIL && list[1] != NIL -> drain(1)
    :: list[0] == NIL && list[1] == NIL -> break
    od;
    assert(summary[0] == 0 && summary[1] == 0);
    assert(!on_list[0] && !on_list[1]);
    assert(remote[0] == 0 && remote[1] == 0 && remote[2] == 0 && remote[3] == 0);
    assert(freed == merged); /* no free is lost */
    assert(!emptied[0] && !emptied[1]) /* nor a condemned slab */
}

init {
    atomic {
        list[0] = NIL;
        list[1] = NIL;
        link[0] = NIL;
        link[1] = NIL;
        owner[0] = 0;
        owner[1] = 0;
        slab[0] = true;
        slab[1] = true;
        truth[2] = 2;
        truth[3] = 3;
        valid[2] = 1;
        is_full[0] = true;
        if
        :: is_full[1] = true
#ifndef BOTH_FULL
        :: skip /* it is queued, and its owner may merge at any refill */
#endif
        fi;
        handed_out[1] = 1;
        working = 3;
#ifdef ONE_THREAD
        truth[0] = 2;
        truth[1] = 3;
        valid[0] = 1;
        handed_out[0] = 1;
#else
        truth[0] = 0;
        truth[1] = 2;
        valid[0] = 3;
        valid[1] = 1;
        handed_out[0] = 3;
        working++;
        run Freer(2);
#endif
#ifndef NO_ADOPTION
        working++;
        run Adopter();
#endif
#ifndef NO_REAPER
        working++;
        run Reaper();
#endif
        run Freer(1);
        run Freer(3);
        run Owner();
        run Judge()
    }
}
