import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/** Work for the JVM that leans on malloc; prints checksums that depend on every byte. */
public class Workload {
    static byte[] text(int seed, int size) {
        Random random = new Random(seed);
        StringBuilder builder = new StringBuilder(size + 20);
        while (builder.length() < size) {
            builder.append("word").append(random.nextInt(400)).append(random.nextBoolean() ? ' ' : '\n');
        }
        return builder.substring(0, size).getBytes(StandardCharsets.US_ASCII);
    }

    /** Compression: zlib's state lies in malloc, some 300 KB for each direction. */
    static long zip(int seed) throws DataFormatException {
        CRC32 sum = new CRC32();
        Random random = new Random(seed);
        for (int round = 0; round < 150; round++) {
            byte[] original = text(seed * 1000 + round, 1000 + random.nextInt(60000));
            Deflater deflater = new Deflater(1 + round % 9, round % 2 == 0);
            deflater.setInput(original);
            deflater.finish();
            byte[] packed = new byte[original.length + 100];
            int length = deflater.deflate(packed);
            Inflater inflater = new Inflater(round % 2 == 0);
            inflater.setInput(packed, 0, length);
            byte[] back = new byte[original.length];
            if (inflater.inflate(back) != back.length || !Arrays.equals(original, back)) {
                throw new IllegalStateException("zip " + seed + " " + round);
            }
            sum.update(packed, 0, length);
            // Some are left to the collector, whose thread then frees what this thread allocated.
            if (round % 3 != 0) {
                deflater.end();
                inflater.end();
            }
        }
        return sum.getValue();
    }

    /** Buffers outside the collected heap, each written all over and checked when it goes. */
    static long buffers(int seed) {
        Random random = new Random(seed);
        ByteBuffer[] held = new ByteBuffer[64];
        CRC32 sum = new CRC32();
        for (int round = 0; round < 12000; round++) {
            int k = random.nextInt(held.length);
            if (held[k] != null) {
                check(held[k]);
                sum.update(held[k].rewind());
            }
            int size = random.nextInt(20) == 0 ? random.nextInt(500000) : 8 + random.nextInt(5000);
            ByteBuffer buffer = ByteBuffer.allocateDirect(size);
            for (int i = 0; i + 8 <= size; i += 8) {
                if (buffer.getLong(i) != 0) throw new IllegalStateException("not zero");
                buffer.putLong(i, (long) round * 31 + i + size);
            }
            buffer.putLong(0, round * 31L + size);
            held[k] = buffer;
        }
        return sum.getValue();
    }

    static void check(ByteBuffer buffer) {
        long first = buffer.getLong(0);
        for (int i = 8; i + 8 <= buffer.capacity(); i += 8) {
            if (buffer.getLong(i) != first + i) throw new IllegalStateException("overwritten at " + i);
        }
    }

    /** One thread makes buffers, another one reads them and lets them go. */
    static long handOver(ExecutorService pool) throws Exception {
        BlockingQueue<ByteBuffer> queue = new ArrayBlockingQueue<>(20);
        Future<Long> consumer = pool.submit(() -> {
            CRC32 sum = new CRC32();
            for (int i = 0; i < 10000; i++) sum.update(queue.take().flip());
            return sum.getValue();
        });
        for (int i = 0; i < 10000; i++) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(100 + i * 13 % 9000);
            while (buffer.hasRemaining()) buffer.put((byte) (i + buffer.position()));
            queue.put(buffer);
        }
        return consumer.get();
    }

    static String collections(int seed) {
        ConcurrentHashMap<String, List<Integer>> map = new ConcurrentHashMap<>();
        IntStream.range(0, 60000).parallel().forEach(i -> map
            .computeIfAbsent("key " + (i * 31L + seed) % 4001, key -> new ArrayList<>())
            .hashCode());
        IntStream.range(0, 60000).forEach(i -> map.get("key " + (i * 31L + seed) % 4001).add(i));
        String all = new TreeMap<>(map).entrySet().stream()
            .map(entry -> entry.getKey() + entry.getValue()).collect(Collectors.joining(","));
        return all.length() + " " + all.hashCode() + " "
            + all.replaceAll("key (\\d)(\\d*)", "$2-$1").toUpperCase().hashCode();
    }

    static long files(int seed) throws Exception {
        Path path = Files.createTempFile(Path.of("."), "data", "");
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            CRC32 sum = new CRC32();
            for (int i = 0; i < 60; i++) channel.write(ByteBuffer.wrap(text(seed + i, 100 + i * 3000)));
            ByteBuffer all = ByteBuffer.allocate((int) channel.size());
            channel.read(all, 0);
            sum.update(all.flip());
            return sum.getValue();
        } finally {
            Files.delete(path);
        }
    }

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<String>> results = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            int seed = i;
            results.add(pool.submit(() -> switch (seed % 4) {
                case 0 -> "zip " + zip(seed);
                case 1 -> "buffers " + buffers(seed);
                case 2 -> "collections " + collections(seed);
                default -> "files " + files(seed) + " " + zip(seed);
            }));
        }
        for (Future<String> result : results) System.out.println(result.get());
        System.out.println("handed over " + handOver(pool));
        pool.shutdown();

        // Threads that live for a moment, each with something to allocate.
        long[] sums = new long[1000];
        for (int start = 0; start < sums.length; start += 20) {
            List<Thread> threads = new ArrayList<>();
            for (int i = start; i < start + 20; i++) {
                int index = i;
                Thread thread = new Thread(() -> {
                    ByteBuffer buffer = ByteBuffer.allocateDirect(1000 + index * 100);
                    for (int k = 0; k < buffer.capacity(); k++) buffer.put(k, (byte) (k * index));
                    CRC32 sum = new CRC32();
                    sum.update(buffer);
                    sums[index] = sum.getValue();
                });
                thread.start();
                threads.add(thread);
            }
            for (Thread thread : threads) thread.join();
        }
        System.out.println("short-lived " + Arrays.hashCode(sums));
    }
}
