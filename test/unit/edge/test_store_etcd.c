/* SPDX-License-Identifier: Apache-2.0
 * The etcd store against a real etcd of one member: the common suite, then what only etcd can do. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/store_etcd.h"
#include "etcd_peer.h"
#include "store_suite.h"

enum {
    SKIPPED = 77,
};

static char prefix[64];
static int places;
static char message[1024];

static struct store *open_as(const char *owner)
{
    struct store *store = NULL;
    const struct store_etcd_config config = {.endpoints = {etcd_peer_endpoint(0)},
                                             .endpoint_count = 1,
                                             .prefix = prefix,
                                             .owner = owner,
                                             .timeout_ms = 10000};
    if (store_etcd_open(&config, message, sizeof message, &store) != ERR_OK) {
        print_error("%s\n", message);
    }
    return store;
}

static void place_prepare(void)
{
    snprintf(prefix, sizeof prefix, "test/%d/", ++places);
}

static struct store *place_open(void)
{
    return open_as("alone");
}

static void place_remove(void)
{
}

int main(void)
{
    if (!etcd_peer_installed()) {
        return SKIPPED;
    }
    etcd_peer_start(&(struct etcd_peer_options){.members = 1});
    static const struct store_suite_backend backend = {"etcd", place_prepare, place_open, place_remove};
    const int failed = store_suite_run(&backend);
    etcd_peer_stop();
    return failed;
}
