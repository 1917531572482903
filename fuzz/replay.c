/* SPDX-License-Identifier: Apache-2.0
 * Feeds every file named on the command line, and every file in the directories named there, to a fuzz target: the
 * corpus as a unit test, with any compiler. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    REPLAY_LIMIT = 1 << 20, /* bytes of one input */
    REPLAY_PATH = 4096,
};

static unsigned replay_count;

static int replay_file(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        return 1;
    }
    uint8_t *data = malloc(REPLAY_LIMIT);
    if (data == NULL) {
        close(fd);
        return 1;
    }
    size_t size = 0;
    ssize_t got;
    while (size < REPLAY_LIMIT && (got = read(fd, data + size, REPLAY_LIMIT - size)) > 0) {
        size += (size_t)got;
    }
    close(fd);
    /* An exact copy, so that the address sanitizer sees a read past the end. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact != NULL) {
        for (size_t i = 0; i < size; i++) {
            exact[i] = data[i];
        }
        (void)LLVMFuzzerTestOneInput(exact, size);
        replay_count++;
    }
    free(exact);
    free(data);
    return 0;
}

static int replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        perror(path);
        return 1;
    }
    int failed = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char file[REPLAY_PATH];
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        failed |= replay_file(file);
    }
    closedir(directory);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) != 0) {
            perror(argv[i]);
            failed = 1;
        } else {
            failed |= S_ISDIR(status.st_mode) ? replay_directory(argv[i]) : replay_file(argv[i]);
        }
    }
    printf("%u inputs\n", replay_count);
    return failed != 0 || replay_count == 0 ? 1 : 0;
}
