/* SPDX-License-Identifier: Apache-2.0
 * The process's log: one write(2) per line on standard error. */
#include "edge/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "edge/clock.h"

enum {
    LOG_LINE = 2048,
};

static char log_role[64] = "holdfast";
static enum log_level log_ceiling = LOG_INFO;

void log_init(const char *role, enum log_level level)
{
    snprintf(log_role, sizeof log_role, "%s", role);
    log_ceiling = level;
}

/* A log line is one line: what came from outside must not forge another. */
static void log_flatten(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] < ' ' || data[i] == 0x7f) {
            data[i] = ' ';
        }
    }
}

void log_write(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"};
    if (level > log_ceiling) {
        return;
    }
    char stamp[CLOCK_TEXT];
    clock_print(clock_wall(), stamp);
    uint8_t memory[LOG_LINE];
    struct buf line;
    buf_init(&line, memory, sizeof memory - 1);
    buf_printf(&line, "%s %-7s %s: ", stamp, names[level], log_role);
    char message[LOG_LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message - 256, format, arguments);
    va_end(arguments);
    buf_text(&line, message);
    log_flatten(line.data, line.size);
    line.data[line.size++] = '\n';
    const ssize_t written = write(STDERR_FILENO, line.data, line.size);
    (void)written;
}
