/* SPDX-License-Identifier: Apache-2.0
 * The effective configuration as YAML: every value that holds, defaults included, in the order of the schema.
 *
 * Canonical: it parses back to the same configuration, and equal configurations give equal text, so its hash names the
 * configuration. Secrets appear as references only, because nothing else is known here. */
#pragma once

#include "base/buf.h"
#include "wire/config.h"

/* CONFIG_SHOW_BYTES hold any configuration; the caller checks `overflow` for less. */
void config_show(const struct config *config, struct buf *ret_text);
