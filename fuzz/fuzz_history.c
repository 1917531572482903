/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a history file, read and judged. */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "check_bank.h"
#include "check_epoch.h"
#include "check_list.h"
#include "check_register.h"
#include "check_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err fuzz_read(struct history *history, const uint8_t *data, size_t size)
{
    enum err err = history_begin(history);
    size_t start = 0;
    for (size_t at = 0; at < size && err == ERR_OK; at++) {
        if (data[at] == '\n') {
            err = history_line(history, span_of(data + start, at - start));
            start = at + 1;
        }
    }
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct history history;
    static struct check_report report;
    history_init(&history);
    check_report_init(&report, &history);
    if (fuzz_read(&history, data, size) == ERR_OK) {
        enum err err = check_set_judge(&history, &report);
        err = err == ERR_OK && history.accounts < 1000 ? check_bank_judge(&history, &report) : err;
        err = err == ERR_OK ? check_register_judge(&history, &report) : err;
        err = err == ERR_OK ? check_epoch_judge(&history, &report) : err;
        err = err == ERR_OK ? check_list_judge(&history, &report) : err;
        ASSERT(err == ERR_OK || err == ERR_INVALID || err == ERR_NO_MEMORY);
        for (size_t i = 0; i < history.ops_count; i++) {
            ASSERT(history.ops[i].micros + history.ops[i].micros_count <= history.micros_count);
        }
    }
    check_report_fini(&report);
    history_fini(&history);
    return 0;
}
