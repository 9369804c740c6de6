#!/bin/bash
# The JVM: javac and a program with threads, compression and buffers outside the collected heap.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need javac default-jdk-headless
need java default-jdk-headless

# The launcher itself allocates little; what matters is that libjvm.so is bound as well.
interposed java -Xshare:auto -version

cp "$HERE/input/Workload.java" "$WORK"
mkdir -p "$WORK/plain" "$WORK/preloaded"
cd "$WORK"
plain javac javac -d "$WORK/plain" Workload.java
preloaded javac javac -d "$WORK/preloaded" Workload.java
for class in "$WORK"/plain/*.class; do
    same "$WORK/preloaded/${class##*/}" "$class"
done

# Two collectors and compilers differ in what they take from malloc.
both parallel java -Xmx300m -XX:+UseParallelGC -cp . Workload
preloaded g1 java -Xmx300m -XX:+UseG1GC -XX:NativeMemoryTracking=summary \
    -cp "$WORK/preloaded" Workload
same "$WORK/g1.out" "$WORK/parallel.plain.out"
