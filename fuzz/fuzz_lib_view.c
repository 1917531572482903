/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: what libholdfast reads of a view, from the shared memory or the file, and what it chooses from it.
 * Whatever lies there, an answer has ended names and indices in range.
 *
 * First byte: bit 0 seals the view (so that what is behind the checksum is reached), bit 1 puts it into a shared memory
 * whose published word is the next eight bytes, else into a file, bit 2 asks for no database, bit 3 begins with a whole
 * view instead of zeroes, bit 7 makes the file longer by a byte. Then pieces to put into the view: offset (2 bytes),
 * size (1), bytes. */
#include <fcntl.h>
#include <holdfast.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "core/view_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64];

static void leave(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/" VIEW_MEMORY_NAME, directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/" VIEW_MEMORY_FILE_NAME, directory);
    unlink(path);
    rmdir(directory);
}

static void enter(void)
{
    if (directory[0] == '\0') {
        snprintf(directory, sizeof directory, "/tmp/holdfast-fuzz-XXXXXX");
        ASSERT(mkdtemp(directory) != NULL);
        atexit(leave);
    }
}

static uint64_t boot(void)
{
    char text[64];
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t size = read(fd, text, sizeof text);
    close(fd);
    return hash_bytes(text, size > 0 ? (size_t)size : 0);
}

static void put(const char *name, off_t at, const void *bytes, size_t size, size_t whole)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT(fd >= 0 && ftruncate(fd, (off_t)whole) == 0);
    ASSERT(pwrite(fd, bytes, size, at) == (ssize_t)size);
    close(fd);
}

static void put_shared(const struct view *view, uint64_t word)
{
    struct {
        uint64_t magic;
        uint32_t format;
        uint32_t view_size;
        uint64_t boot;
    } head = {VIEW_MEMORY_MAGIC, VIEW_MEMORY_FORMAT, sizeof *view, boot()};
    put(VIEW_MEMORY_NAME, (off_t)offsetof(struct view_memory, slots), view, sizeof *view, sizeof(struct view_memory));
    put(VIEW_MEMORY_NAME, (off_t)offsetof(struct view_memory, current), &word, sizeof word, sizeof(struct view_memory));
    put(VIEW_MEMORY_NAME, 0, &head, sizeof head, sizeof(struct view_memory));
}

/* Two regions with a node each, and one database. */
static void begin_whole(struct view *view)
{
    view->version = 5;
    view->regions_count = 2;
    view->databases_count = 1;
    view->nodes_count = 2;
    view->split[0][0] = VIEW_SHARES_WHOLE - 1000;
    view->split[0][1] = 1000;
    memcpy(view->databases[0].name, "main", 5);
    for (uint32_t i = 0; i < 2; i++) {
        memcpy(view->regions[i].name, i == 0 ? "taiwan" : "tokyo\0", 7);
        view->regions[i].healthy = 1;
        view->nodes[i].name[0] = (char)('a' + i);
        view->nodes[i].postgres = (struct view_address){.bytes = {127, 0, 0, 1}, .port = 5432, .family = 4};
        view->nodes[i].region = i;
        view->nodes[i].role = i == 0 ? VIEW_NODE_WRITER : VIEW_NODE_STANDBY;
        view->nodes[i].healthy = 1;
        view->nodes[i].upstream = LIMITS_NONE;
    }
}

static void compose(struct cursor *cursor, struct view *view)
{
    view->magic = VIEW_MAGIC;
    view->format = VIEW_FORMAT;
    view->size = sizeof *view;
    while (cursor_left(cursor) > 0) {
        const size_t at = cursor_u16be(cursor);
        const struct span piece = cursor_span(cursor, cursor_u8(cursor));
        if (cursor_ok(cursor) && at + piece.size <= sizeof *view && piece.size > 0) {
            memcpy((uint8_t *)view + at, piece.data, piece.size);
        }
    }
}

static void check(const struct holdfast_view *view)
{
    ASSERT(view->regions_count <= HOLDFAST_REGIONS && view->databases_count <= HOLDFAST_DATABASES);
    ASSERT(view->nodes_count <= HOLDFAST_NODES && view->endpoints_count <= HOLDFAST_ENDPOINTS);
    ASSERT(view->own_region == HOLDFAST_NONE || view->own_region < view->regions_count);
    for (uint32_t i = 0; i < view->regions_count; i++) {
        ASSERT(memchr(view->regions[i].name, 0, HOLDFAST_NAME) != NULL);
    }
    for (uint32_t i = 0; i < view->databases_count; i++) {
        ASSERT(view->databases[i].writer == HOLDFAST_NONE || view->databases[i].writer < view->nodes_count);
        ASSERT(memchr(view->databases[i].name, 0, HOLDFAST_NAME) != NULL);
    }
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        ASSERT(view->nodes[i].region < view->regions_count && view->nodes[i].database < view->databases_count);
        ASSERT(memchr(view->nodes[i].address, 0, HOLDFAST_ADDRESS) != NULL);
    }
    for (uint32_t i = 0; i < view->endpoints_count; i++) {
        ASSERT(view->endpoints[i].region < view->regions_count);
    }
    ASSERT(view->services_count <= HOLDFAST_SERVICES && view->servers_count <= HOLDFAST_SERVERS);
    for (uint32_t i = 0; i < view->services_count; i++) {
        ASSERT(memchr(view->services[i].name, 0, HOLDFAST_NAME) != NULL);
        ASSERT(view->services[i].primary == HOLDFAST_NONE || view->services[i].primary < view->servers_count);
    }
    for (uint32_t i = 0; i < view->servers_count; i++) {
        ASSERT(view->servers[i].service < view->services_count && view->servers[i].region < view->regions_count);
    }
}

static int is_writer(const struct holdfast_view *view, uint32_t node)
{
    int found = 0;
    for (uint32_t i = 0; i < view->databases_count; i++) {
        found = found || view->databases[i].writer == node;
    }
    return found;
}

static void check_choices(struct holdfast *holdfast, const struct holdfast_view *view)
{
    for (uint32_t key = 0; key < 12; key++) {
        const enum holdfast_intent intent = (enum holdfast_intent)(key % 3);
        struct holdfast_target target;
        enum holdfast_error error = key < 3 ? holdfast_choose(holdfast, intent, &target)
                                            : holdfast_choose_key(holdfast, intent, &key, sizeof key, &target);
        for (uint32_t i = 0; error == HOLDFAST_OK; i++) {
            ASSERT(i <= HOLDFAST_REGIONS && target.region < view->regions_count);
            ASSERT(target.node == HOLDFAST_NONE || view->nodes[target.node].region == target.region);
            ASSERT(intent != HOLDFAST_WRITE || is_writer(view, target.node));
            error = holdfast_choose_next(holdfast, intent, &target);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct view view;
    struct cursor cursor;
    cursor_init(&cursor, data, size);
    const uint8_t mode = cursor_u8(&cursor);
    const uint64_t word = (uint64_t)cursor_u32be(&cursor) << 32 | cursor_u32be(&cursor);
    memset(&view, 0, sizeof view);
    if ((mode & 8) != 0) {
        begin_whole(&view);
    }
    compose(&cursor, &view);
    if ((mode & 1) != 0) {
        view_seal(&view);
    }
    enter();
    if ((mode & 2) != 0) {
        put_shared(&view, word);
    } else {
        put(VIEW_MEMORY_FILE_NAME, 0, &view, sizeof view, sizeof view + (mode >> 7));
    }
    struct holdfast_options options;
    struct holdfast *holdfast;
    static struct holdfast_view answer;
    holdfast_options_default(&options);
    options.state_dir = directory;
    options.region = "taiwan";
    options.database = (mode & 4) != 0 ? NULL : "main";
    ASSERT(holdfast_open(&options, &holdfast) == HOLDFAST_OK);
    if (holdfast_view_read(holdfast, &answer, sizeof answer) == HOLDFAST_OK) {
        check(&answer);
        check_choices(holdfast, &answer);
    }
    holdfast_close(holdfast);
    leave();
    directory[0] = '\0';
    return 0;
}
