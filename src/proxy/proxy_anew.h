/* SPDX-License-Identifier: Apache-2.0
 * What is read again while the proxy runs: the configuration's entries, console users and regions; certificates, auth
 * file, rules. The process's first thread only. */
#pragma once

#include "proxy/proxy_state.h"

/* Takes what options say of entries, console users and regions, for new sessions and old ones (proxy_edition.h), and
 * their settings to show; says in the log what takes a restart. When something is wrong all stays as it is. Errors:
 * those of the users' passwords, ERR_LIMIT (proxy_entries.h), ERR_NO_MEMORY; all are in the log. */
ERR_CHECK enum err proxy_anew_edition(struct proxy *proxy, const struct proxy_options *options);

/* New connections see the new ones. When something is wrong with one, the proxy goes on with what it has, and the log
 * says so. */
void proxy_anew_files(struct proxy *proxy);
