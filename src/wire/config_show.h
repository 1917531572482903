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

/* The same, setting by setting: its path ("proxy.databases.shop.route"), its value as it would be written (empty: not
 * given) and its default (empty: none). Values longer than CONFIG_SHOW_VALUE are cut. */
enum { CONFIG_SHOW_PATH = 128, CONFIG_SHOW_VALUE = 320 };

struct config_show_listener {
    void (*take)(void *owner, const char *path, const char *value, const char *fallback);
    void *owner;
};

void config_show_each(const struct config *config, const struct config_show_listener *listener);
