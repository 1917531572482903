/* SPDX-License-Identifier: Apache-2.0
 * One loaded configuration with all that follows from it. */
#include "control/setup.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/config_file.h"
#include "edge/config_model.h"

struct setup_held {
    struct setup setup;
    atomic_uint users;
};

static struct setup_held *setup_held_of(struct setup *setup)
{
    return (struct setup_held *)(void *)setup; /* first member */
}

struct setup *setup_hold(struct setup *setup)
{
    const unsigned before = atomic_fetch_add(&setup_held_of(setup)->users, 1);
    ASSERT(before > 0);
    return setup;
}

void setup_drop(struct setup *setup)
{
    if (setup == NULL || atomic_fetch_sub(&setup_held_of(setup)->users, 1) > 1) {
        return;
    }
    config_free(setup->config);
    explicit_bzero(setup->token, sizeof setup->token);
    explicit_bzero(setup->superuser, sizeof setup->superuser);
    explicit_bzero(setup->caches, sizeof setup->caches);
    free(setup_held_of(setup));
}

static bool setup_secret_given(const struct config_secret *secret)
{
    return secret->file != NULL || secret->env != NULL;
}

static enum err setup_secrets(struct setup *setup, char *message, size_t size)
{
    const struct config *config = setup->config;
    enum err err = config_secret_read(&config->security.token, setup->token, sizeof setup->token);
    if (err != ERR_OK) {
        snprintf(message, size, "security.token: %s", err_text(err));
        return err;
    }
    for (uint32_t i = 0; i < config->databases_count; i++) {
        const struct config_secret *password = &config->databases[i].superuser.password;
        if (!setup_secret_given(password)) {
            continue;
        }
        err = config_secret_read(password, setup->superuser[i], sizeof setup->superuser[i]);
        if (err != ERR_OK) {
            snprintf(message, size, "databases.%s.superuser.password: %s", config->databases[i].name, err_text(err));
            return err;
        }
    }
    for (uint32_t i = 0; i < config->services_count; i++) {
        const struct config_secret *password = &config->services[i].password;
        if (!setup_secret_given(password)) {
            continue;
        }
        err = config_secret_read(password, setup->caches[i], sizeof setup->caches[i]);
        if (err != ERR_OK) {
            snprintf(message, size, "services.%s.password: %s", config->services[i].name, err_text(err));
            return err;
        }
    }
    return ERR_OK;
}

enum err setup_load(const char *path, char *message, size_t size, struct setup **ret_setup)
{
    struct setup_held *held = calloc(1, sizeof *held);
    if (held == NULL) {
        return ERR_NO_MEMORY;
    }
    atomic_init(&held->users, 1);
    struct setup *setup = &held->setup;
    struct buf messages;
    buf_init(&messages, message, size);
    enum err err = config_file_load(path, &messages, &setup->config);
    if (err == ERR_OK) {
        config_model(setup->config, &setup->model);
        err = setup_secrets(setup, message, size);
    }
    if (err != ERR_OK) {
        setup_drop(setup);
        return err;
    }
    *ret_setup = setup;
    return ERR_OK;
}
