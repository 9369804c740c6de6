/* From a table in one text to a report in another: slices to read, an array to collect, a string
 * that grows to write.
 *
 *     string_builder FILE      a file of lines: name,game,points
 *
 * Slices point into the mapped file, so reading copies nothing and allocates nothing.  Everything
 * is given back where its variable ends.  The string remembers a failure, so that one look at the
 * end does for all that was appended. */
#include <stdio.h>
#include <stdlib.h>

#include <cairn/map.h>
#include <cairn/scope.h>
#include <cairn/str.h>
#include <cairn/vec.h>

struct player {
    struct cairn_slice name;
    long points;
};

CAIRN_VEC(players, struct player)

static struct player *find_or_add(struct players *players, struct cairn_slice name) {
    for (size_t i = 0; i < players->count; i++) {
        if (cairn_slice_equal(players_get(players, i).name, name)) {
            return players_at(players, i);
        }
    }
    struct player fresh = {name, 0};
    return players_push(players, fresh) ? players_at(players, players->count - 1) : NULL;
}

/* False if there is no memory.  Fields that are missing are empty. */
static bool collect(struct players *players, struct cairn_slice text) {
    struct cairn_slice line;
    (void)cairn_slice_cut(&text, '\n', &line); /* the heading */
    while (cairn_slice_cut(&text, '\n', &line)) {
        struct cairn_slice name, game, points;
        if (cairn_slice_trim(line).length == 0) {
            continue;
        }
        (void)cairn_slice_cut(&line, ',', &name);
        (void)cairn_slice_cut(&line, ',', &game);
        (void)cairn_slice_cut(&line, ',', &points);
        struct player *player = find_or_add(players, cairn_slice_trim(name));
        cairn_autofree char *number = cairn_strndup(points.bytes, points.length);
        if (player == NULL || number == NULL) {
            return false;
        }
        player->points += strtol(number, NULL, 10);
    }
    return true;
}

static int by_points(const void *a, const void *b) {
    long left = ((const struct player *)a)->points;
    long right = ((const struct player *)b)->points;
    return (left < right) - (left > right);
}

/* To be freed by cairn_free; NULL without memory. */
static char *report(const struct players *players) {
    cairn_auto(cairn_str_destroy) struct cairn_str text = {0};
    for (size_t i = 0; i < players->count; i++) {
        struct player player = players_get(players, i);
        cairn_str_printf(&text, "%zu. ", i + 1);
        cairn_str_append_slice(&text, player.name);
        for (size_t width = player.name.length; width < 10; width++) {
            cairn_str_append_byte(&text, '.');
        }
        cairn_str_printf(&text, "%3ld\n", player.points);
    }
    cairn_str_printf(&text, "%zu players\n", players->count);
    return cairn_str_take(&text); /* NULL if anything of it has failed */
}

int main(int argc, char **argv) {
    cairn_auto(cairn_map_dispose) struct cairn_map map = {0};
    cairn_auto(players_destroy) struct players players = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: string_builder FILE\n");
        return 2;
    }
    struct cairn_map_error error = cairn_map_file(&map, argv[1], CAIRN_MAP_READ, 0);
    if (cairn_map_failed(error)) {
        char text[200];
        fprintf(stderr, "%s: %s\n", argv[1], cairn_map_explain(error, text, sizeof text));
        return 1;
    }
    struct cairn_slice content = {map.data, map.size};
    cairn_autofree char *text = NULL;
    if (collect(&players, content)) {
        qsort(players.items, players.count, sizeof *players.items, by_points);
        text = report(&players);
    }
    if (text == NULL) {
        fprintf(stderr, "no memory\n");
        return 1;
    }
    fputs(text, stdout);
    return 0;
}
