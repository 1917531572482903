/* SPDX-License-Identifier: Apache-2.0
 * The commands of the console (proxy_console.h). */
#pragma once

#include "base/span.h"
#include "proxy/proxy_console.h"
#include "proxy/proxy_console_reply.h"

enum { PROXY_CONSOLE_COMMAND_NOTHING = 0 };

/* Carries out one query and appends the answer, without a ReadyForQuery. Not 0: the number of a pause whose end is to
 * be waited for; the answer, with the tag in `ret_tag`, is then still to be given. */
uint32_t proxy_console_command(const struct proxy_console_source *source, struct span text,
                               struct proxy_console_reply *reply, const char **ret_tag);
