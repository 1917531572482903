/* SPDX-License-Identifier: Apache-2.0
 * Every text that the agent reads: PostgreSQL's files and outputs, its own record, the answers of controllers and
 * agents. */
#include <stdint.h>
#include <string.h>

#include "agent/adopt_text.h"
#include "agent/clone.h"
#include "agent/controller.h"
#include "agent/pgconf.h"
#include "agent/pgparse.h"
#include "agent/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_agent_answers(const char *text, size_t size)
{
    struct controller_lease lease;
    struct controller_word word;
    struct controller_grant grant;
    uint64_t number;
    uint64_t other;
    (void)!controller_parse_lease(text, size, &lease);
    (void)!controller_parse_word(text, size, &word);
    (void)!controller_parse_grant(text, size, &grant);
    (void)controller_parse_promised(text, size);
    char line[256] = "";
    memcpy(line, text, size < sizeof line - 1 ? size : sizeof line - 1);
    (void)clone_parse_progress(line, &number, &other);
}

static void fuzz_agent_adoption(struct span text)
{
    static char memory[8192];
    char unit[64];
    uint32_t major;
    struct buf out;
    (void)adopt_text_major(text, &major);
    (void)adopt_text_unit(text, unit, sizeof unit);
    (void)adopt_text_manager(text);
    buf_init(&out, memory, sizeof memory);
    adopt_text_overridden(text, &out);
    (void)buf_string(&out);
    buf_reset(&out);
    pgconf_add_defaults(text, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span text = span_of(data, size);
    struct pgparse_control control;
    struct pgparse_pid pid;
    static struct pgparse_history history;
    struct record record;
    static char memory[4096];
    struct buf filtered;
    (void)!pgparse_control(text, &control);
    (void)!pgparse_pid(text, &pid);
    if (pgparse_history(text, &history) == ERR_OK) {
        (void)pgparse_history_within(&history, &history);
        (void)pgparse_history_holds(&history, 3, (struct lsn){7}, 2, (struct lsn){7});
    }
    (void)!record_parse(text, &record);
    buf_init(&filtered, memory, sizeof memory);
    pgconf_filter_auto(text, &filtered);
    fuzz_agent_adoption(text);
    fuzz_agent_answers((const char *)data, size);
    return 0;
}
