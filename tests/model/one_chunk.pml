/* Notifications as in remote.pml, but for one chunk and heaps that end: included by destroy.pml and
 * dissolve.pml, which declare the state and what is done beside merging and draining. */

inline lock_mine() { atomic { !locked -> locked = true } }
inline lock_registry() { atomic { !registry -> registry = true } }

inline require_on_no_list() {
    one = 0;
    do
    :: one < HEAPS -> assert(!list[one]); one++
    :: else -> break
    od;
    one = 0
}

/* Leaves in `notified` the heap whose list it is on now, or NOBODY. */
inline notify() {
    bits = true;
    notified = NOBODY;
    do
    :: atomic { before = summary; summary = summary || bits };
       if
       :: before -> break
       :: else
       fi;
       notified = owner;
       if
       :: notified != NOBODY ->
          d_step { require_on_no_list(); list[notified] = true };
          break
       :: else
       fi;
       atomic { bits = summary; summary = false };
       if
       :: !bits || !slab -> break
       :: else
       fi
    od
}

inline merge() {
    atomic {
        note_merge();
        assert((truth & remote) == 0); /* nothing is freed twice */
        truth = truth | remote;
        remote = 0
    }
}

inline drain(h) {
    atomic { taken = list[h]; list[h] = false };
    if
    :: taken ->
       atomic { bits = summary; summary = false };
       if
       :: owner == h && slab -> merge(); after_drain(h)
       :: else ->
          if
          :: slab && bits -> notify()
          :: else
          fi
       fi
    :: else
    fi
}

inline tell() {
    notify();
    if
    :: notified != NOBODY && parked[notified] ->
       lock_registry();
       which = notified;
       if
       :: parked[which] -> drain(which)
       :: else
       fi;
       which = 0;
       registry = false
    :: else
    fi
}

#define VARIABLES \
    bool taken, bits, before, seen; \
    byte notified = NOBODY, word, which, one
