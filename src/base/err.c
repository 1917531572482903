/* SPDX-License-Identifier: Apache-2.0
 * The world's mistakes as values: the table behind base/err.h. */
#include "base/err.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct err_row {
    const char *name;
    const char *text;
    bool retry;
};

static const struct err_row err_rows[ERR_COUNT] = {
#define ERR_ROW(name, text, retry) {#name, text, retry},
    ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

static const struct err_row *err_row(enum err err)
{
    return (size_t)err < ERR_COUNT ? &err_rows[err] : &err_rows[ERR_INTERNAL];
}

const char *err_text(enum err err)
{
    return err_row(err)->text;
}

const char *err_name(enum err err)
{
    return err_row(err)->name;
}

bool err_retry(enum err err)
{
    return err_row(err)->retry;
}

enum err err_from_name(const char *name)
{
    for (size_t i = 0; i < ERR_COUNT; i++) {
        if (strcmp(err_rows[i].name, name) == 0) {
            return (enum err)i;
        }
    }
    return ERR_INTERNAL;
}

static const struct {
    int number;
    enum err err;
} err_numbers[] = {
    {0, ERR_OK},
    {EINVAL, ERR_INVALID},
    {ENOMEM, ERR_NO_MEMORY},
    {ENOENT, ERR_NOT_FOUND},
    {EEXIST, ERR_EXISTS},
    {ECONNREFUSED, ERR_REFUSED},
    {ECONNRESET, ERR_RESET},
    {EPIPE, ERR_CLOSED},
    {ETIMEDOUT, ERR_TIMEOUT},
    {EHOSTUNREACH, ERR_UNREACHABLE},
    {ENETUNREACH, ERR_UNREACHABLE},
    {EACCES, ERR_PERMISSION},
    {EPERM, ERR_PERMISSION},
    {ENOSPC, ERR_DISK_FULL},
    {EDQUOT, ERR_DISK_FULL},
    {EADDRINUSE, ERR_IN_USE},
    {EADDRNOTAVAIL, ERR_UNREACHABLE},
    {ECANCELED, ERR_CANCELLED},
};

enum err err_from_errno(int number)
{
    for (size_t i = 0; i < sizeof err_numbers / sizeof err_numbers[0]; i++) {
        if (err_numbers[i].number == number) {
            return err_numbers[i].err;
        }
    }
    return ERR_IO;
}
