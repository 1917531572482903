/* SPDX-License-Identifier: Apache-2.0
 * The directory with a zone's private keys and their state file. */
#include "dns/dns_keydir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

static enum err dns_keydir_fail(char *problem, const char *path, enum err err, const char *text)
{
    snprintf(problem, DNS_KEYDIR_PROBLEM, "%.250s: %s", path, text != NULL ? text : err_text(err));
    return err;
}

static enum err dns_keydir_path(const char *directory, const char *file, char *problem, char path[DNS_KEYDIR_PATH])
{
    const int size = snprintf(path, DNS_KEYDIR_PATH, "%s/%s", directory, file);
    return size > 0 && size < DNS_KEYDIR_PATH ? ERR_OK : dns_keydir_fail(problem, directory, ERR_TOO_LARGE, NULL);
}

/* Who could have put something else there. */
static bool dns_keydir_ours(const struct stat *status)
{
    return status->st_uid == geteuid() || status->st_uid == 0 || geteuid() == 0;
}

static enum err dns_keydir_check(const char *directory, char *problem)
{
    struct stat status;
    if (stat(directory, &status) != 0) {
        return dns_keydir_fail(problem, directory, err_from_errno(errno), NULL);
    }
    if (!S_ISDIR(status.st_mode)) {
        return dns_keydir_fail(problem, directory, ERR_INVALID, "not a directory");
    }
    if (!dns_keydir_ours(&status) || (status.st_mode & 022) != 0) {
        return dns_keydir_fail(problem, directory, ERR_PERMISSION,
                               "others than its owner can write there, or the owner is somebody else; expected a "
                               "directory of the server's user with mode 0700");
    }
    return ERR_OK;
}

/* What may not be there of a file's mode, and what to do about it. */
static enum err dns_keydir_mode(int fd, const char *path, bool secret, char *problem)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return dns_keydir_fail(problem, path, err_from_errno(errno), NULL);
    }
    if (!S_ISREG(status.st_mode)) {
        return dns_keydir_fail(problem, path, ERR_INVALID, "not a regular file");
    }
    if (!dns_keydir_ours(&status) || (status.st_mode & (secret ? 077 : 022)) != 0) {
        return dns_keydir_fail(problem, path, ERR_PERMISSION,
                               secret ? "others than the server's user can read this private key, or own it; expected "
                                        "mode 0600 (chmod 600)"
                                      : "others than the server's user can write to it, or own it; expected mode 0600");
    }
    return ERR_OK;
}

static enum err dns_keydir_bytes(int fd, uint8_t *memory, size_t capacity, size_t *ret_size)
{
    size_t size = 0;
    while (size < capacity) {
        const ssize_t got = read(fd, memory + size, capacity - size);
        if (got == 0) {
            *ret_size = size;
            return ERR_OK;
        }
        if (got < 0 && errno != EINTR) {
            return err_from_errno(errno);
        }
        size += got > 0 ? (size_t)got : 0;
    }
    return ERR_TOO_LARGE;
}

static enum err dns_keydir_text(const char *path, bool secret, char *problem, struct buf *memory)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return dns_keydir_fail(problem, path, err_from_errno(errno), NULL);
    }
    enum err err = dns_keydir_mode(fd, path, secret, problem);
    if (err == ERR_OK) {
        err = dns_keydir_bytes(fd, memory->data, memory->capacity, &memory->size);
        if (err != ERR_OK) {
            (void)dns_keydir_fail(problem, path, err, NULL);
        }
    }
    close(fd);
    return err;
}

enum err dns_keydir_state(const char *directory, char *problem, struct dns_keyfile *ret_file)
{
    char path[DNS_KEYDIR_PATH];
    uint8_t text[DNS_KEYFILE_BYTES + 1];
    struct buf memory;
    uint32_t line = 0;
    buf_init(&memory, text, sizeof text);
    enum err err = dns_keydir_check(directory, problem);
    err = err == ERR_OK ? dns_keydir_path(directory, DNS_KEYDIR_STATE, problem, path) : err;
    err = err == ERR_OK ? dns_keydir_text(path, false, problem, &memory) : err;
    if (err != ERR_OK) {
        return err;
    }
    err = dns_keyfile_parse(span_of(memory.data, memory.size), ret_file, &line);
    if (err == ERR_INVALID) {
        snprintf(problem, DNS_KEYDIR_PROBLEM,
                 "%.250s:%u: not the line of a key; expected ROLE ALGORITHM TAG STATE SINCE FILE", path, line);
    } else if (err != ERR_OK) {
        (void)dns_keydir_fail(problem, path, err, NULL);
    }
    return err;
}

uint16_t dns_keydir_flags(enum dns_keyfile_role role)
{
    return role == DNS_KEYFILE_ZSK ? DNS_KEY_ZONE : DNS_KEY_ZONE | DNS_KEY_ENTRY;
}

enum err dns_keydir_read(const char *path, uint16_t flags, char *problem, struct dns_key *ret_key)
{
    uint8_t text[DNS_KEY_TEXT];
    struct buf memory;
    buf_init(&memory, text, sizeof text);
    enum err err = dns_keydir_text(path, true, problem, &memory);
    if (err == ERR_OK) {
        err = dns_key_read(span_of(memory.data, memory.size), flags, ret_key);
        if (err != ERR_OK) {
            (void)dns_keydir_fail(problem, path, err,
                                  err == ERR_UNSUPPORTED
                                      ? "a key of another algorithm; expected ECDSA P-256 (13) or Ed25519 (15)"
                                      : "not a private key; expected PEM (PKCS#8, without a password) or BIND's "
                                        "Private-key-format");
        }
    }
    explicit_bzero(text, sizeof text);
    return err;
}

enum err dns_keydir_key(const char *directory, const struct dns_keyfile_row *row, char *problem,
                        struct dns_key *ret_key)
{
    char path[DNS_KEYDIR_PATH];
    struct dns_key key;
    enum err err = dns_keydir_path(directory, row->file, problem, path);
    err = err == ERR_OK ? dns_keydir_read(path, dns_keydir_flags(row->role), problem, &key) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (key.tag != row->tag || (uint32_t)key.algorithm != row->algorithm) {
        snprintf(problem, DNS_KEYDIR_PROBLEM,
                 "%.250s: key %u of algorithm %u, but the state file says key %u of algorithm %u", path, key.tag,
                 (unsigned)key.algorithm, row->tag, row->algorithm);
        dns_key_fini(&key);
        return ERR_CONFLICT;
    }
    *ret_key = key;
    return ERR_OK;
}

/* ---- writing ---- */

static bool dns_keydir_put(int fd, const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const ssize_t put = write(fd, data + at, size - at);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        at += put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* A new file that is the directory owner's, on the disk when this returns. */
static enum err dns_keydir_create(const char *directory, const char *path, struct span text, char *problem)
{
    struct stat owner;
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return dns_keydir_fail(problem, path, err_from_errno(errno), NULL);
    }
    const bool good = stat(directory, &owner) == 0 && (geteuid() != 0 || fchown(fd, owner.st_uid, owner.st_gid) == 0) &&
                      dns_keydir_put(fd, text.data, text.size) && fsync(fd) == 0;
    const int number = errno;
    close(fd);
    if (!good) {
        (void)unlink(path);
        return dns_keydir_fail(problem, path, err_from_errno(number), NULL);
    }
    return ERR_OK;
}

static void dns_keydir_settle(const char *directory)
{
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

enum err dns_keydir_write_key(const char *directory, const char *file, const struct dns_key *key, char *problem)
{
    char path[DNS_KEYDIR_PATH];
    uint8_t text[DNS_KEY_TEXT];
    struct buf memory;
    buf_init(&memory, text, sizeof text);
    enum err err = dns_keydir_check(directory, problem);
    err = err == ERR_OK ? dns_keydir_path(directory, file, problem, path) : err;
    if (err == ERR_OK) {
        err = dns_key_write(key, &memory);
        err = err == ERR_OK ? dns_keydir_create(directory, path, span_of(memory.data, memory.size), problem)
                            : dns_keydir_fail(problem, path, err, NULL);
    }
    explicit_bzero(text, sizeof text);
    dns_keydir_settle(directory);
    return err;
}

enum err dns_keydir_write_state(const char *directory, const struct dns_keyfile *file, char *problem)
{
    char path[DNS_KEYDIR_PATH];
    char fresh[DNS_KEYDIR_PATH];
    uint8_t text[DNS_KEYFILE_BYTES];
    struct buf memory;
    buf_init(&memory, text, sizeof text);
    dns_keyfile_write(file, &memory);
    ASSERT(!memory.overflow);
    enum err err = dns_keydir_check(directory, problem);
    err = err == ERR_OK ? dns_keydir_path(directory, DNS_KEYDIR_STATE, problem, path) : err;
    err = err == ERR_OK ? dns_keydir_path(directory, DNS_KEYDIR_STATE ".new", problem, fresh) : err;
    if (err != ERR_OK) {
        return err;
    }
    (void)unlink(fresh); /* of one that was interrupted */
    err = dns_keydir_create(directory, fresh, span_of(memory.data, memory.size), problem);
    if (err == ERR_OK && rename(fresh, path) != 0) {
        err = dns_keydir_fail(problem, path, err_from_errno(errno), NULL);
    }
    dns_keydir_settle(directory);
    return err;
}
