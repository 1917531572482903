/* SPDX-License-Identifier: Apache-2.0
 * What is read again while the proxy runs: certificates, auth file, rules. */
#pragma once

#include "proxy/proxy_state.h"

/* New connections see the new ones. When something is wrong with one, the proxy goes on with what it has, and the log
 * says so. */
void proxy_anew_files(struct proxy *proxy);
