#!/usr/bin/env bash
# `make run` shows all that it promises, on one screen of 24 lines and 100 columns.
set -euo pipefail

screen=$("$CAIRN_SOURCE_DIR/scripts/demo")
printf '%s\n' "$screen"
awk 'length($0) > 100 { print "line " NR " is too long"; bad = 1 }
     END { if (NR > 24) { print NR " lines are too many"; bad = 1 } exit bad }' <<<"$screen"
for row in 'wall time +[0-9.]+ +[0-9.]+ s' 'peak RSS +[0-9.]+ +[0-9.]+ MiB' \
    'live bytes at peak +[1-9][0-9.]* MiB' 'returned to the system +[0-9.]+ MiB' \
    '[0-9]+ B +[0-9.]+ MiB +[0-9,]+ objects' 'Next:'; do
    grep -E "$row" <<<"$screen" >/dev/null || {
        echo "missing: $row" >&2
        exit 1
    }
done

# The numbers must belong together: objects of all classes cannot be more than the peak.
awk '/^live_bytes_at_peak: / { peak = $2 }
     /^peak_rss_bytes: / { rss = $2 }
     /^(class|large)/ { split($0, part, /=/); sum += part[2] }
     END { printf "peak %d, classes %d, RSS %d\n", peak, sum, rss
           exit peak <= 0 || sum <= 0 || sum > peak || peak > rss }' \
    "$CAIRN_SOURCE_DIR/build/demo/summary.txt"
