/* SPDX-License-Identifier: Apache-2.0
 * What the console shows: one table for each word behind SHOW. */
#pragma once

#include "proxy/proxy_console.h"
#include "proxy/proxy_console_reply.h"

enum proxy_console_show_what {
    PROXY_CONSOLE_SHOW_CLIENTS,
    PROXY_CONSOLE_SHOW_SERVERS,
    PROXY_CONSOLE_SHOW_DATABASES,
    PROXY_CONSOLE_SHOW_POOLS,
    PROXY_CONSOLE_SHOW_STATS,
    PROXY_CONSOLE_SHOW_COUNTERS,
    PROXY_CONSOLE_SHOW_CONFIG,
    PROXY_CONSOLE_SHOW_VERSION,
};

/* Appends columns and rows. */
void proxy_console_show(const struct proxy_console_source *source, enum proxy_console_show_what what,
                        struct proxy_console_reply *reply);
