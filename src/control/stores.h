/* SPDX-License-Identifier: Apache-2.0
 * The store that the configuration names. */
#pragma once

#include "edge/store.h"
#include "wire/config.h"

/* Opens it for the controller of `site`. `message` says what is wrong and what to do; errors are those of
 * store_sqlite_open and store_etcd_open. */
ERR_CHECK enum err stores_open(const struct config *config, const char *site, char *message, size_t size,
                               struct store **ret_store);
