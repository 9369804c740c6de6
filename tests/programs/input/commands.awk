# Prints commands for redis: every type of value, in its compact and in its large form.
BEGIN {
    long = sprintf("%2000s", ""); gsub(/ /, "x", long)
    for (i = 0; i < 20000; i++) {
        print "SET key:" i " value:" i * 7919 ":" substr(long, 1, i % 1500 + 1)
        if (i % 3 == 0) print "APPEND key:" i " " substr(long, 1, i % 700 + 1)
        if (i % 5 == 0) print "SETRANGE key:" i " " i % 3000 " patch"
        print "HSET hash:" i % 300 " field:" i " " substr(long, 1, i % 90 + 1)
        print "ZADD zset:" i % 200 " " (i * 31) % 1009 " member:" i
        print "RPUSH list:" i % 150 " " substr(long, 1, i % 200) i
        print "SADD set:" i % 250 " " i * i
        print "SADD texts:" i % 250 " text" i
        print "XADD stream:" i % 50 " " i + 1 "-1 field value" i
        if (i % 4 == 0) print "DEL key:" int(i / 2)
        if (i % 6 == 0) print "LPOP list:" (i * 7) % 150
        if (i % 7 == 0) print "HDEL hash:" (i * 3) % 300 " field:" i - 300
        if (i % 9 == 0) print "SETBIT bits:" i % 40 " " i * 5 " 1"
        if (i % 50 == 0) print "COPY hash:" i % 300 " copy:" i
        if (i % 500 == 0) print "SORT texts:" i % 250 " ALPHA STORE sorted:" i
    }
    print "ZUNIONSTORE union 3 zset:1 zset:2 zset:3"
    print "PFADD estimate a b c d e f"
}
