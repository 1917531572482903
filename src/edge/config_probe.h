/* SPDX-License-Identifier: Apache-2.0
 * From the configuration's checks to what an observer probes. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/view.h"
#include "edge/probe.h"
#include "wire/config.h"

/* One spec per check and region, in the order of the model's probes; `id` is that index. Reads the secrets that checks
 * need: wipe the specs after use. Errors of config_secret_read; ERR_TOO_LARGE: more than `capacity`, or a text too long
 * for a spec. */
ERR_CHECK enum err config_probe_specs(const struct config *config, uint32_t site, struct probe_spec *ret_specs,
                                      uint32_t capacity, uint32_t *ret_count);

/* Which server a postgres check of a region must find: the writer where the region holds the view's, else a healthy
 * standby, else any node of the region. False: the region has no node of this database, or the view is none. */
bool config_probe_resolve(const struct view *view, const char *database, const char *region,
                          struct probe_pg_target *ret_target);
