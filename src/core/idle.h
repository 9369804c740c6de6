/* What a thread gives up before it waits: see cairn_thread_idle(). */
#ifndef CAIRN_CORE_IDLE_H
#define CAIRN_CORE_IDLE_H

/* For the calling thread: empties its bins into their slabs, merges what others freed, releases
 * empty slabs, gives the kernel the free pages of the others, and its spare chunks to the block
 * allocator. Nothing if it has not gone to its slabs for objects since the last time, and nobody
 * else has freed any of its own.  (What it frees itself meanwhile still empties slabs, which go at
 * once; free pages in others wait for the next time.) */
void idle(void);

#endif
