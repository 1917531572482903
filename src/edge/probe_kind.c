/* SPDX-License-Identifier: Apache-2.0
 * The kinds of probe, by the names of the configuration. */
#include <string.h>

#include "base/assert.h"
#include "edge/probe.h"

static const char *const probe_kind_names[PROBE_KINDS] = {
    "tcp", "http", "https", "postgres", "redis", "kafka", "dns", "prometheus", "haproxy", "exec", "heartbeat"};

const char *probe_kind_name(enum probe_kind kind)
{
    ASSERT((size_t)kind < PROBE_KINDS);
    return probe_kind_names[kind];
}

enum probe_kind probe_kind_find(const char *name)
{
    for (size_t i = 0; i < PROBE_KINDS; i++) {
        if (strcmp(probe_kind_names[i], name) == 0) {
            return (enum probe_kind)i;
        }
    }
    return PROBE_KINDS;
}
