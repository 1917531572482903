/* SPDX-License-Identifier: Apache-2.0
 * One loaded configuration with all that follows from it: the model, the secrets. Shared by reference count, never
 * changed.
 *
 * A reload makes another one; the old one goes when its last user lets go. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "core/model.h"
#include "edge/config_secret.h"
#include "wire/config.h"

struct setup {
    struct config *config;
    struct model model;
    char token[CONFIG_SECRET_BYTES];
    char caches[LIMITS_SERVICES][CONFIG_SECRET_BYTES];     /* passwords of services; empty: none configured */
    char superuser[LIMITS_DATABASES][CONFIG_SECRET_BYTES]; /* passwords; empty: none configured */
};

/* Reads the file and the secrets. On an error `message` says what is wrong (all problems of the file). */
ERR_CHECK enum err setup_load(const char *path, char *message, size_t size, struct setup **ret_setup);

struct setup *setup_hold(struct setup *setup);
void setup_drop(struct setup *setup);
