/* SPDX-License-Identifier: Apache-2.0
 * What a node must remember over restarts of its agent. */
#include "agent/record.h"

#include <stdio.h>
#include <string.h>

#include "agent/file.h"
#include "base/cursor.h"

enum {
    RECORD_BYTES = 4096,
    RECORD_PATH = 1024,
};

static const char *const record_roles[] = {"none", "writer", "standby"};

static bool record_number(struct span text, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || number > UINT64_MAX / 10 - 1) {
            return false;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret_number = number;
    return text.size > 0;
}

static bool record_text(struct span value, char *text, size_t size)
{
    if (value.size >= size || (value.size > 0 && memchr(value.data, '\0', value.size) != NULL)) {
        return false;
    }
    memset(text, 0, size);
    if (value.size > 0) {
        memcpy(text, value.data, value.size);
    }
    return true;
}

static bool record_role_of(struct span value, enum record_role *ret_role)
{
    for (size_t i = 0; i < sizeof record_roles / sizeof record_roles[0]; i++) {
        if (span_is(value, record_roles[i])) {
            *ret_role = (enum record_role)i;
            return true;
        }
    }
    return false;
}

/* Keys of later versions are unknown here, and look like these all the same: anything else is damage. */
static bool record_key(struct span key)
{
    for (size_t i = 0; i < key.size; i++) {
        if ((key.data[i] < 'a' || key.data[i] > 'z') && key.data[i] != '_') {
            return false;
        }
    }
    return key.size > 0;
}

static bool record_line(struct span key, struct span value, struct record *record)
{
    const struct {
        const char *key;
        uint64_t *number;
    } numbers[] = {
        {"epoch", &record->epoch},
        {"ordered", &record->ordered},
        {"refused", &record->refused},
        {"halted", &record->halted},
        {"data_epoch", &record->data_epoch},
        {"homed", &record->homed},
        {"owes", &record->owes},
        {"durability_epoch", &record->durability_epoch},
        {"durability_order", &record->durability_order},
        {"order", &record->order},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (span_is(key, numbers[i].key)) {
            return record_number(value, numbers[i].number);
        }
    }
    if (span_is(key, "role")) {
        return record_role_of(value, &record->role);
    }
    if (span_is(key, "upstream")) {
        return record_text(value, record->upstream, sizeof record->upstream);
    }
    if (span_is(key, "leader")) {
        return record_text(value, record->leader, sizeof record->leader);
    }
    if (span_is(key, "durability")) {
        record->durability_told = true;
        return record_text(value, record->durability, sizeof record->durability);
    }
    return true;
}

enum err record_parse(struct span text, struct record *ret_record)
{
    struct record record = {0};
    struct cursor cursor;
    cursor_init(&cursor, text.data, text.size);
    while (cursor_left(&cursor) > 0) {
        const struct span line = cursor_until(&cursor, '\n');
        if (!cursor_ok(&cursor)) {
            return ERR_INVALID;
        }
        const uint8_t *blank = line.size > 0 ? memchr(line.data, ' ', line.size) : NULL;
        if (blank == NULL) {
            return ERR_INVALID;
        }
        const size_t key = (size_t)(blank - line.data);
        if (!record_key(span_of(line.data, key)) ||
            !record_line(span_of(line.data, key), span_of(blank + 1, line.size - key - 1), &record)) {
            return ERR_INVALID;
        }
    }
    if (record.ordered > record.epoch) {
        return ERR_INVALID;
    }
    *ret_record = record;
    return ERR_OK;
}

bool record_require(struct record *record, uint64_t epoch, uint64_t order, const char *text)
{
    if (epoch < record->durability_epoch || (epoch == record->durability_epoch && order < record->durability_order)) {
        return false;
    }
    record->durability_epoch = epoch;
    record->durability_order = order;
    snprintf(record->durability, sizeof record->durability, "%s", text);
    record->durability_told = true;
    return true;
}

enum err record_load(const char *folder, struct record *ret_record)
{
    char path[RECORD_PATH];
    char memory[RECORD_BYTES];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    if (snprintf(path, sizeof path, "%s/record", folder) >= (int)sizeof path) {
        return ERR_TOO_LARGE;
    }
    const enum err err = file_read(path, &buf);
    return err == ERR_OK ? record_parse(span_of(buf.data, buf.size), ret_record) : err;
}

enum err record_save(const char *folder, const struct record *record)
{
    char path[RECORD_PATH];
    char memory[RECORD_BYTES];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    if (snprintf(path, sizeof path, "%s/record", folder) >= (int)sizeof path) {
        return ERR_TOO_LARGE;
    }
    buf_printf(&buf, "epoch %llu\nordered %llu\nrefused %llu\nhalted %llu\ndata_epoch %llu\n",
               (unsigned long long)record->epoch, (unsigned long long)record->ordered,
               (unsigned long long)record->refused, (unsigned long long)record->halted,
               (unsigned long long)record->data_epoch);
    buf_printf(&buf, "homed %llu\nowes %llu\n", (unsigned long long)record->homed, (unsigned long long)record->owes);
    buf_printf(&buf, "durability_epoch %llu\ndurability_order %llu\n", (unsigned long long)record->durability_epoch,
               (unsigned long long)record->durability_order);
    buf_printf(&buf, "role %s\nupstream %s\n", record_roles[record->role], record->upstream);
    if (record->order > 0) {
        buf_printf(&buf, "leader %s\norder %llu\n", record->leader, (unsigned long long)record->order);
    }
    if (record->durability_told) {
        buf_printf(&buf, "durability %s\n", record->durability);
    }
    return buf.overflow ? ERR_TOO_LARGE : file_replace(path, buf.data, buf.size, 0600);
}
