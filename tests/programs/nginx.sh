#!/bin/bash
# nginx under wrk: no error and no other answer than 200, and what it serves is what the files hold.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need nginx nginx-light
need wrk wrk
need curl curl

mkdir -p "$WORK/site" "$WORK/temporary"
chmod 777 "$WORK/temporary"
printf 'small\n' >"$WORK/site/small.txt"
seq 20000 >"$WORK/site/numbers.txt"
seq -f 'line %.0f' 1000000000000 7919 1001500000000 >"$WORK/site/large.txt"
for ((i = 0; i < 60; i++)); do
    printf '<p>part %d</p><!--# include virtual="/small.txt" -->\n' $i
    printf '<!--# set var="v%d" value="a value" --><!--# echo var="v%d" -->\n' $i $i
done >"$WORK/site/parts.shtml"

# Without sendfile the bodies pass through nginx's own buffers; compression and server-side includes
# use memory by the megabyte. One process more works as a proxy in front of that.
configuration() {
    cat <<END
daemon off;
worker_processes 3;
error_log stderr warn;
pid $WORK/nginx.pid;
events { worker_connections 512; }
http {
    types { text/plain txt; text/html shtml html; }
    access_log off;
    sendfile off;
    output_buffers 4 64k;
    client_body_temp_path $WORK/temporary/body;
    proxy_temp_path $WORK/temporary/proxy;
    fastcgi_temp_path $WORK/temporary/fastcgi;
    uwsgi_temp_path $WORK/temporary/uwsgi;
    scgi_temp_path $WORK/temporary/scgi;
    proxy_cache_path $WORK/temporary/cache keys_zone=cache:1m max_size=20m;
    gzip_types text/plain;
    server {
        listen 127.0.0.1:$port;
        root $WORK/site;
        ssi on;
        location /zipped/ { alias $WORK/site/; gzip on; gzip_comp_level 5; }
        location /proxied/ { proxy_pass http://127.0.0.1:$port/; proxy_buffers 16 8k; }
        location /cached/ { proxy_pass http://127.0.0.1:$port/; proxy_cache cache; }
        location ~ ^/changed/(?<name>[a-z]+)/(.*)$ {
            rewrite ^/changed/[a-z]+/(.*)$ /\$1?name=\$name break;
            add_header X-Name \$name\$request_id;
        }
    }
}
END
}

loads() { curl -sS -f -o /dev/null "http://127.0.0.1:$port/small.txt"; }

# fetched PATH FILE [OPTION...]: the body is the file's.
fetched() {
    local path=$1 file=$2
    shift 2
    curl -sS -f "$@" -o "$WORK/body" "http://127.0.0.1:$port$path" 2>"$WORK/curl" ||
        fail "curl cannot get $path" "$WORK/curl"
    same "$WORK/body" "$file"
}

# under_load PATH SECONDS [OPTION...]: by wrk, which runs under the library too.
under_load() {
    preloaded wrk wrk -t 2 -c 40 -d "$2" --timeout 30 "${@:3}" "http://127.0.0.1:$port$1"
    if grep -E 'Socket errors|Non-2xx' "$WORK/wrk.out" >"$WORK/errors"; then
        fail "errors under load: $1" "$WORK/wrk.out"
    fi
    awk '/requests in/ { n = $1 } END { exit !(n >= 50) }' "$WORK/wrk.out" ||
        fail "next to nothing was served: $1" "$WORK/wrk.out"
}

bodies() {
    fetched /large.txt "$WORK/site/large.txt"
    fetched /zipped/large.txt "$WORK/site/large.txt" --compressed
    fetched /proxied/large.txt "$WORK/site/large.txt"
    fetched /cached/numbers.txt "$WORK/site/numbers.txt"
    fetched /changed/abc/numbers.txt "$WORK/site/numbers.txt"
    fetched /parts.shtml "$WORK/parts.expected"
}

interposed nginx -v
interposed sh -c 'wrk --version || true'

port=$(free_port)
configuration >"$WORK/nginx.conf"
for ((i = 0; i < 60; i++)); do
    printf '<p>part %d</p>' $i
    cat "$WORK/site/small.txt"
    printf '\na value\n'
done >"$WORK/parts.expected"

start_server nginx env LD_PRELOAD="$LIBRARY" nginx -p "$WORK" -c "$WORK/nginx.conf"
await loads
mapped "$server" 4

bodies
under_load /small.txt 2
under_load /numbers.txt 2
under_load /zipped/numbers.txt 2
under_load /proxied/numbers.txt 2
under_load /parts.shtml 2
under_load /cached/numbers.txt 2
# New workers take over from old ones in the middle of the load, and again. Old ones close the
# connections that they keep alive, so here none is.
for _ in 1 2 3; do sleep 0.8; kill -HUP "$server"; done &
reloads=$!
under_load /changed/abc/small.txt 3 -H 'Connection: close'
wait $reloads
mapped "$server" 4
bodies

if grep -E '\[(alert|emerg|crit|error)\]|exited on signal' "$WORK/nginx.log" >"$WORK/errors"; then
    fail "nginx wrote errors" "$WORK/errors"
fi
kill -QUIT "$server"
ended "$server" nginx
