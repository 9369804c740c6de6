# Reads the table of `cairn run --compare`, then the library's summary; prints one screen of both.
function thousands(n,    text) {
    text = sprintf("%d", n)
    while (match(text, /[0-9][0-9][0-9][0-9](,|$)/))
        text = substr(text, 1, RSTART) "," substr(text, RSTART + 1)
    return text
}

function mib(bytes) {
    return sprintf("%.1f MiB", bytes / 1048576)
}

function need(key) {
    if (!(key in value)) {
        print "demo: the summary has no line '" key "'" > "/dev/stderr"
        failed = 1
        exit 1
    }
    return value[key]
}

function row(name, text, remark) {
    printf "  %-24s %14s   %s\n", name, text, remark
}

FNR == NR {
    if ($0 ~ /^  .*[0-9]$|^ +libc +cairn/)
        table[++rows] = $0
    next
}

/^(class [0-9]+|large): / {
    split($0, part, /: |=| /)
    name[++classes] = part[1] == "large" ? "large" : thousands(part[2]) " B"
    split($0, part, /=/)
    live[classes] = part[2] + 0
    objects[classes] = part[3]
    next
}

/^[a-z_]+: [0-9]+$/ {
    value[substr($1, 1, length($1) - 1)] = $2
}

# The largest classes first; what is left is one line.
function print_classes(most,    i, j, best, shown, rest) {
    for (i = 1; i <= most && i <= classes; i++) {
        best = 0
        for (j = 1; j <= classes; j++)
            if (!(j in shown) && live[j] > 0 && (!best || live[j] > live[best]))
                best = j
        if (!best)
            return
        shown[best]
        printf "  %12s %12s %12s objects   %s\n", name[best], mib(live[best]),
            thousands(objects[best]), substr("##############################", 1,
            int(30 * live[best] / need("live_bytes_at_peak") + 0.5))
    }
    for (j = 1; j <= classes; j++)
        if (!(j in shown))
            rest += live[j]
    printf "  %12s %12s\n", "others", mib(rest)
}

END {
    if (failed)
        exit 1
    if (rows != 5 || classes == 0) {
        print "demo: the table or the summary is not as expected" > "/dev/stderr"
        exit 1
    }
    sub(/ libc/, "glibc", table[1])
    for (i = 1; i <= rows; i++)
        print table[i]
    print ""
    row("live bytes at peak", mib(need("live_bytes_at_peak")), "what the program held")
    row("returned to the system", mib(need("returned_bytes")), "in the course of the run")
    row("for bookkeeping", mib(need("metadata_bytes")), "bitmaps and descriptors")
    print "  by size class at peak:"
    print_classes(6)
}
