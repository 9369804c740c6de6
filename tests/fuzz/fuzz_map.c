/* Mapped memory under a fuzzer: the input's first bytes choose what is mapped and how, the others
 * are operations on it, each mirrored in a model: the bytes that the map must have, and those of
 * the file behind it.  Every operation's error is foretold. */
#include <cairn/map.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "os/os.h"
#include "support/child.h"

enum { HEAD = 4, OPERATION = 4, MOST = 1 << 17 };
enum { MEMORY = 0, RESERVED, RING, OF_FILE, KINDS };
enum { WRITE = 0, READ, RESIZE, ADVISE, FLUSH, CUT, REOPEN, OPERATIONS };

struct bytes {
    size_t size;
    unsigned char at[MOST];
};

struct model {
    struct cairn_map map;
    unsigned kind;
    enum cairn_map_mode mode; /* of a file */
    size_t most;              /* as the file was opened with */
    char path[64];
    int fd;
    struct bytes map_bytes; /* not of a file that is mapped for reading or shared */
    struct bytes file_bytes;
};

static struct model model;

static bool is_shared(void) {
    return model.kind == OF_FILE &&
           (model.mode == CAIRN_MAP_WRITE || model.mode == CAIRN_MAP_CREATE);
}

/* A map of it has them in common with the file. */
static struct bytes *bytes_of_map(void) {
    bool own = model.kind != OF_FILE || model.mode == CAIRN_MAP_PRIVATE;
    return own ? &model.map_bytes : &model.file_bytes;
}

static void require_code(struct cairn_map_error error, int code) {
    REQUIRE(error.code == code && cairn_map_failed(error) == (code != 0));
}

static size_t page_end(size_t size) {
    size_t page = os_page_size();
    return (size + page - 1) / page * page;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void set_size(struct bytes *bytes, size_t size) {
    if (size > bytes->size) {
        memset(bytes->at + bytes->size, 0, size - bytes->size);
    }
    bytes->size = size;
}

static void open_file(unsigned mode, size_t most) {
    static const enum cairn_map_mode modes[] = {CAIRN_MAP_READ, CAIRN_MAP_WRITE, CAIRN_MAP_CREATE,
                                                CAIRN_MAP_PRIVATE};
    model.mode = modes[mode % 4];
    model.most = most;
    require_code(cairn_map_file(&model.map, model.path, model.mode, most), 0);
    model.map_bytes = model.file_bytes;
}

static void start_file(const uint8_t *data) {
    size_t size = data[1] * (size_t)256;
    model.fd = memfd_create("fuzzed", MFD_CLOEXEC);
    REQUIRE(model.fd >= 0);
    (void)snprintf(model.path, sizeof model.path, "/proc/self/fd/%d", model.fd);
    set_size(&model.file_bytes, size);
    memset(model.file_bytes.at, 0x5A, size);
    REQUIRE(pwrite(model.fd, model.file_bytes.at, size, 0) == (ssize_t)size);
    open_file(data[2], data[3] * (size_t)512);
}

static void start(const uint8_t *data) {
    size_t size = data[1] * (size_t)256;
    unsigned options = (data[2] & 1) != 0 ? CAIRN_MAP_GUARDED : 0;
    memset(&model, 0, sizeof model);
    model.fd = -1;
    model.kind = data[0] % KINDS;
    switch (model.kind) {
    case MEMORY:
        require_code(cairn_map_memory(&model.map, size, options), size == 0 ? EINVAL : 0);
        break;
    case RESERVED:
        require_code(cairn_map_reserve(&model.map, size, options), size == 0 ? EINVAL : 0);
        break;
    case RING:
        require_code(cairn_map_ring(&model.map, size), size == 0 ? EINVAL : 0);
        break;
    default:
        start_file(data);
    }
    if (model.kind != OF_FILE) {
        set_size(&model.map_bytes, model.kind == RESERVED ? 0 : model.map.size);
    }
    REQUIRE(model.map.size <= model.map.reserved && model.map.size == bytes_of_map()->size);
}

/* --- operations ------------------------------------------------------------------------------- */

struct range {
    size_t offset, size;
};

/* Also such as are not all in the map. */
static struct range range_of(const uint8_t *operation) {
    return (struct range){(size_t)operation[1] * 257, (size_t)operation[2] * operation[3] % 20000};
}

static int code_of_range(struct range range) {
    bool is_inside = range.offset <= model.map.size && range.size <= model.map.size - range.offset;
    return model.map.data == NULL ? EBADF : is_inside ? 0 : ERANGE;
}

static void require_bytes(void) {
    const struct bytes *bytes = bytes_of_map();
    REQUIRE(model.map.size == bytes->size);
    REQUIRE(bytes->size == 0 || memcmp(model.map.data, bytes->at, bytes->size) == 0);
    if (model.kind == RING && model.map.data != NULL) {
        REQUIRE(memcmp(model.map.data + model.map.size, bytes->at, bytes->size) == 0);
    }
}

static void write_bytes(struct range range, unsigned char value) {
    if (code_of_range(range) != 0 || (model.kind == OF_FILE && model.mode == CAIRN_MAP_READ)) {
        return;
    }
    size_t again = model.kind == RING && (value & 1) != 0 ? model.map.size : 0;
    memset(model.map.data + again + range.offset, value, range.size);
    memset(bytes_of_map()->at + range.offset, value, range.size);
}

static void read_bytes(struct range range) {
    static unsigned char to[MOST];
    int code = code_of_range(range);
    require_code(cairn_map_read_guarded(&model.map, range.offset, to, range.size), code);
    REQUIRE(code != 0 || memcmp(to, bytes_of_map()->at + range.offset, range.size) == 0);
    require_bytes();
}

static int code_of_resize(size_t size) {
    if (model.map.data == NULL) {
        return EBADF;
    }
    if (model.kind == RING || (model.kind == OF_FILE && !is_shared())) {
        return EINVAL;
    }
    bool may_move = model.kind == OF_FILE && model.most == 0;
    return size > model.map.reserved && !may_move ? ENOMEM : 0;
}

static void resize(size_t size) {
    int code = code_of_resize(size);
    const char *data = model.map.data;
    bool stays = size <= model.map.reserved;
    require_code(cairn_map_resize(&model.map, size), code);
    if (code == 0) {
        set_size(bytes_of_map(), size);
        REQUIRE(!stays || model.map.data == data);
    }
    require_bytes();
}

/* Whole pages of the range, where the end of the map counts as that of one. */
static void forget(struct range range) {
    size_t page = os_page_size();
    size_t from = page_end(range.offset);
    size_t end = range.offset + range.size;
    end = end < model.map.size ? end / page * page : end;
    struct bytes *bytes = &model.map_bytes;
    if (end <= from || model.kind == RING) {
        return;
    }
    if (model.kind == OF_FILE) {
        memcpy(bytes->at + from, model.file_bytes.at + from, end - from);
    } else {
        memset(bytes->at + from, 0, end - from);
    }
}

static void advise(struct range range, unsigned advice) {
    int code = code_of_range(range);
    code = code == 0 && advice > CAIRN_MAP_DONE_WITH ? EINVAL : code;
    require_code(
        cairn_map_advise(&model.map, range.offset, range.size, (enum cairn_map_advice)advice),
        code);
    if (code == 0 && advice == CAIRN_MAP_DONE_WITH) {
        forget(range);
    }
    require_bytes();
}

static void flush(struct range range) {
    static unsigned char found[MOST];
    require_code(cairn_map_flush(&model.map, range.offset, range.size), code_of_range(range));
    if (model.kind == OF_FILE) {
        const struct bytes *bytes = &model.file_bytes;
        REQUIRE(pread(model.fd, found, MOST, 0) == (ssize_t)bytes->size);
        REQUIRE(memcmp(found, bytes->at, bytes->size) == 0);
    }
}

static void close_map(void) {
    require_code(cairn_map_close(&model.map), 0);
    require_code(cairn_map_close(&model.map), 0);
    REQUIRE(model.map.data == NULL);
    require_code(cairn_map_resize(&model.map, 1), EBADF);
}

static void reopen(const uint8_t *operation) {
    if (model.kind == OF_FILE) {
        close_map();
        open_file(operation[1], operation[2] * (size_t)512);
        require_bytes();
    }
}

/* Somebody else cuts the file short: of pages that are gone, nothing can be read.  (Pages that a
 * private map has of its own go with the file's.) */
static void cut(size_t size, const uint8_t *operation) {
    static unsigned char to[MOST];
    if (model.kind != OF_FILE || size >= model.file_bytes.size) {
        return;
    }
    REQUIRE(ftruncate(model.fd, (off_t)size) == 0);
    size_t whole = model.map.size;
    int code = whole > page_end(size) ? EIO : 0;
    require_code(cairn_map_read_guarded(&model.map, 0, to, whole), code);
    require_code(cairn_map_read_guarded(&model.map, 0, to, size), 0);
    REQUIRE(memcmp(to, bytes_of_map()->at, size) == 0);
    set_size(&model.file_bytes, size);
    reopen(operation);
}

static void run(const uint8_t *operation) {
    struct range range = range_of(operation);
    switch (operation[0] % OPERATIONS) {
    case WRITE:
        write_bytes(range, operation[0] ^ operation[3]);
        break;
    case READ:
        read_bytes(range);
        break;
    case RESIZE:
        resize((range.offset + range.size) % MOST);
        break;
    case ADVISE:
        advise(range, operation[3] % (CAIRN_MAP_DONE_WITH + 2U));
        break;
    case FLUSH:
        flush(range);
        break;
    case CUT:
        cut(range.offset, operation);
        break;
    default:
        reopen(operation);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEAD) {
        return 0;
    }
    start(data);
    for (size_t at = HEAD; at + OPERATION <= size; at += OPERATION) {
        run(data + at);
    }
    require_bytes();
    close_map();
    if (model.fd >= 0) {
        REQUIRE(close(model.fd) == 0);
    }
    return 0;
}
