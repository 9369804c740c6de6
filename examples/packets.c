/* Packets between two threads, in memory that the program set aside at its start.
 *
 * One thread receives packets and hands them over in a ring; the other looks at them and gives them
 * back.  All packets lie in one static buffer: nothing is allocated while the program runs, and
 * when the second thread falls behind, the first notices that no packet is free, as a network card
 * would. */
#include <cairn/pool.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { PACKETS = 100000, ROOM = 256 << 10, RING = 128 };

struct packet {
    unsigned number;
    unsigned length;
    unsigned char bytes[1500];
};

CAIRN_POOL(packet_pool, struct packet)

static struct packet_pool packets;
static _Alignas(64) unsigned char room[ROOM];

/* A ring for one sender and one receiver. */
static struct packet *_Atomic ring[RING];

static void send(struct packet *packet) {
    struct packet *_Atomic *place = &ring[packet->number % RING];
    while (atomic_load_explicit(place, memory_order_acquire) != NULL) {
        sched_yield();
    }
    atomic_store_explicit(place, packet, memory_order_release);
}

static struct packet *receive(unsigned number) {
    struct packet *packet;
    while ((packet = atomic_exchange_explicit(&ring[number % RING], NULL, memory_order_acq_rel)) ==
           NULL) {
        sched_yield();
    }
    return packet;
}

static void *read_packets(void *unused) {
    (void)unused;
    for (unsigned number = 0; number < PACKETS; number++) {
        struct packet *packet;
        while ((packet = packet_pool_take(&packets)) == NULL) {
            sched_yield(); /* all are on their way */
        }
        packet->number = number;
        packet->length = 40 + number % 1460;
        for (unsigned i = 0; i < packet->length; i += 64) {
            packet->bytes[i] = (unsigned char)(number + i);
        }
        send(packet);
    }
    return NULL;
}

int main(void) {
    const struct cairn_pool_options options = {.name = "packets", .shared = true};
    if (!packet_pool_init_fixed(&packets, room, sizeof room, &options)) {
        perror("packet_pool_init_fixed");
        return 1;
    }
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_packets, NULL) != 0) {
        fputs("no thread\n", stderr);
        return 1;
    }
    unsigned long long bytes = 0;
    unsigned damaged = 0;
    for (unsigned number = 0; number < PACKETS; number++) {
        struct packet *packet = receive(number);
        damaged += packet->number != number;
        for (unsigned i = 0; i < packet->length; i += 64) {
            damaged += packet->bytes[i] != (unsigned char)(number + i);
        }
        bytes += packet->length;
        packet_pool_give(&packets, packet); /* on another thread than took it */
    }
    pthread_join(reader, NULL);
    printf("%d packets, %llu bytes, %u damaged\n", PACKETS, bytes, damaged);
    printf("packets in use: %zu\n", cairn_pool_statistics(&packets.pool).live);
    printf("memory: %s\n",
           cairn_pool_statistics(&packets.pool).reserved <= sizeof room ? "the buffer" : "more");
    packet_pool_destroy(&packets);
    return 0;
}
