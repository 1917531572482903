/* SPDX-License-Identifier: Apache-2.0
 * The role `proxy` of a site: a process of its own, started by the supervisor in a child. */
#pragma once

#include <stdint.h>

#include "wire/config.h"

/* Serves until SIGTERM; returns an enum verb_exit. `site` is an index into the configuration, which is read from `path`
 * again on SIGHUP. The view is read from the site's state directory: its shared memory, and its file for a cold start
 * (edge/publish.h, edge/publish_file.h). */
int serve_proxy_run(const struct config *config, uint32_t site, const char *path);
