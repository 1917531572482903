/* SPDX-License-Identifier: Apache-2.0
 * What the admin console asks of the proxy, and the door through which operators come in (proxy_door.h). */
#pragma once

#include "proxy/proxy_state.h"

/* Opens the console, if one is configured; before the workers start. Logs what goes wrong. */
ERR_CHECK enum err proxy_desk_open(struct proxy *proxy);

/* Who may come in, by their present passwords. Logs what goes wrong. */
ERR_CHECK enum err proxy_desk_operators(const struct proxy_options *options, struct proxy_edition *edition);

/* When no worker is left. */
void proxy_desk_close(struct proxy *proxy);
