# Reads what the dynamic linker wrote about one process under LD_DEBUG=bindings and prints each
# binding of the malloc family that goes neither to `library` nor to the program's own entry of a
# function that is itself bound to the library. Ends with status 1 if there is any, or if nothing
# was bound to the library. (The C library's reallocarray is no stray: it calls realloc, which is
# bound.)
#
#   PID:	binding file PROGRAM [0] to FILE [0]: normal symbol `malloc' [GLIBC_2.2.5]

BEGIN {
    n = split("malloc calloc realloc free aligned_alloc posix_memalign memalign valloc pvalloc " \
              "malloc_usable_size _Znwm _Znam _ZdlPv _ZdaPv _ZdlPvm _ZdaPvm", names)
    for (i = 1; i <= n; i++)
        family[names[i]] = 1
}

/binding file .* symbol `/ {
    line = $0
    sub(/.*binding file /, "", line)
    symbol = line
    sub(/.* symbol `/, "", symbol)
    sub(/'.*/, "", symbol)
    if (!(symbol in family))
        next
    from = line
    sub(/ \[[0-9]+\] to .*/, "", from)
    to = line
    sub(/^.* \[[0-9]+\] to /, "", to)
    sub(/ \[[0-9]+\]: .*/, "", to)
    if (to == library) {
        bound++
        reached[from, symbol] = 1
    } else if (from != library) {
        strays++
        stray_from[strays] = from
        stray_to[strays] = to
        stray_symbol[strays] = symbol
    }
}

END {
    for (i = 1; i <= strays; i++) {
        if ((stray_to[i], stray_symbol[i]) in reached)
            continue
        # A compiler proper defines the operators of C++ itself, on top of malloc.
        if (stray_symbol[i] ~ /^_Z/ && stray_to[i] !~ /libstdc/ &&
            (stray_to[i], "malloc") in reached)
            continue
        printf "%s: %s is bound to %s\n", stray_from[i], stray_symbol[i], stray_to[i]
        failed = 1
    }
    if (!bound) {
        print "nothing of the malloc family is bound to " library
        failed = 1
    }
    exit failed
}
