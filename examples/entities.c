/* A game's entities in a pool, and how they refer to each other.
 *
 * Ships shoot missiles at each other.  A missile remembers its target for seconds, and meanwhile
 * the target may be gone and another ship may be in its place.  A pointer would lead to that; a
 * handle tells. */
#include <cairn/pool.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { SHIP, MISSILE };

struct entity {
    enum kind kind;
    int position, speed;
    int damage;                 /* of a ship */
    struct cairn_handle target; /* of a missile */
};

/* Declares struct entity_pool and its functions, all of them typed. */
CAIRN_POOL(entity_pool, struct entity)

enum { FRAMES = 60, SHIPS = 8, WRECKED = 2 };

struct game {
    struct entity_pool entities;
    unsigned random;
    int hits, lost_targets, wrecks;
};

static unsigned random_below(struct game *game, unsigned limit) {
    game->random = game->random * 1664525u + 1013904223u;
    return (game->random >> 16) % limit;
}

static struct entity *spawn(struct game *game, enum kind kind, int position, int speed) {
    struct entity *entity = entity_pool_take(&game->entities);
    if (entity == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    *entity = (struct entity){.kind = kind, .position = position, .speed = speed};
    return entity;
}

static void spawn_ship(struct game *game) {
    (void)spawn(game, SHIP, (int)random_below(game, 1000), (int)random_below(game, 11) - 5);
}

/* Any ship but the one that aims; NULL if there is no other. */
static struct entity *choose_target(struct game *game, const struct entity *aiming) {
    struct entity *chosen = NULL;
    unsigned seen = 0;
    struct cairn_pool_cursor cursor = {0};
    for (struct entity *other; (other = entity_pool_next(&game->entities, &cursor)) != NULL;) {
        if (other->kind == SHIP && other != aiming && random_below(game, ++seen) == 0) {
            chosen = other;
        }
    }
    return chosen;
}

static void fly_ship(struct game *game, struct entity *ship) {
    ship->position += ship->speed;
    if (ship->damage >= WRECKED) {
        entity_pool_give(&game->entities, ship);
        game->wrecks++;
        spawn_ship(game); /* most likely in the very memory of the wreck */
        return;
    }
    struct entity *target = random_below(game, 10) == 0 ? choose_target(game, ship) : NULL;
    if (target != NULL) {
        struct entity *missile = spawn(game, MISSILE, ship->position, 40);
        missile->target = entity_pool_handle(&game->entities, target);
    }
}

static void fly_missile(struct game *game, struct entity *missile) {
    struct entity *target = entity_pool_get(&game->entities, missile->target);
    if (target == NULL) {
        game->lost_targets++; /* stale: whatever is there now was not aimed at */
        entity_pool_give(&game->entities, missile);
        return;
    }
    int distance = target->position - missile->position;
    if (abs(distance) <= missile->speed) {
        target->damage++;
        game->hits++;
        entity_pool_give(&game->entities, missile);
    } else {
        missile->position += distance < 0 ? -missile->speed : missile->speed;
    }
}

/* Entities may come and go while the pool is walked. */
static void play_frame(struct game *game) {
    struct cairn_pool_cursor cursor = {0};
    for (struct entity *entity; (entity = entity_pool_next(&game->entities, &cursor)) != NULL;) {
        if (entity->kind == SHIP) {
            fly_ship(game, entity);
        } else {
            fly_missile(game, entity);
        }
    }
}

int main(void) {
    struct game game = {.random = 2024};
    const struct cairn_pool_options options = {.name = "entities", .handles = true};
    if (!entity_pool_init(&game.entities, &options)) {
        perror("entity_pool_init");
        return 1;
    }
    for (int i = 0; i < SHIPS; i++) {
        spawn_ship(&game);
    }
    for (int frame = 0; frame < FRAMES; frame++) {
        play_frame(&game);
    }
    int ships = 0;
    struct cairn_pool_cursor cursor = {0};
    for (struct entity *entity; (entity = entity_pool_next(&game.entities, &cursor)) != NULL;) {
        ships += entity->kind == SHIP;
    }
    printf("after %d frames: %d ships, %d hits, %d wrecks\n", FRAMES, ships, game.hits,
           game.wrecks);
    printf("missiles whose target was gone: %s\n", game.lost_targets > 0 ? "some" : "none");
    entity_pool_destroy(&game.entities);
    return 0;
}
