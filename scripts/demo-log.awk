# Writes the log of a made-up shop, one JSON object a line; the same on every machine.
function below(n) {
    seed = (seed * 16807) % 2147483647
    return int(seed / 2147483647 * n)
}

BEGIN {
    seed = 12345
    split("books music tools games", department, " ")
    for (i = 0; i < requests; i++) {
        user = below(20000)
        item = int(below(1000) * below(1000) / 1000)
        printf "{\"time\":%d,\"user\":\"user%05d\",\"path\":\"/%s/item-%04d\",\"status\":%d," \
            "\"bytes\":%d,\"agent\":\"client/%d.%d\"}\n", 1700000000 + 3 * i, user, \
            department[1 + below(4)], item, below(50) ? 200 : 404, 200 + below(60000), below(9), \
            below(30)
    }
}
