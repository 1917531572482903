/* SPDX-License-Identifier: Apache-2.0
 * The role `service` of a site: from the configuration to the relay's options. */
#include "bin/serve_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "bin/verb.h"
#include "edge/config_file.h"
#include "edge/figure.h"
#include "edge/latency_watch.h"
#include "edge/log.h"
#include "edge/publish.h"
#include "edge/publish_file.h"
#include "service/service_serve.h"

enum {
    SERVE_SERVICE_MESSAGE = 64 * 1024,
};

_Static_assert((int)CONFIG_SERVICES == (int)LIMITS_SERVICES, "limits agree");

struct serve_service {
    const char *path;
    const char *site;
};

static bool serve_service_listen(const struct config_service *from, uint32_t slot, uint32_t site,
                                 struct service_setup *setup)
{
    for (uint32_t i = 0; i < from->listen_count; i++) {
        for (uint32_t j = 0; j < from->listen[i].addresses_count && from->listen[i].site == site; j++) {
            const struct config_address *address = &from->listen[i].addresses[j];
            if (setup->listeners_count == SERVICE_SETUP_LISTENERS) {
                LOG_E("services listen on more than %d addresses of this site", SERVICE_SETUP_LISTENERS);
                return false;
            }
            struct service_setup_listener *listener = &setup->listeners[setup->listeners_count++];
            listener->slot = slot;
            listener->address.port = address->port;
            listener->address.family = address->family;
            memcpy(listener->address.bytes, address->bytes, sizeof listener->address.bytes);
        }
    }
    return true;
}

/* What this site relays. */
static bool serve_service_setup(const struct config *config, uint32_t site, struct service_setup *ret_setup)
{
    memset(ret_setup, 0, sizeof *ret_setup);
    const uint32_t region = config->sites[site].region;
    text_copy(ret_setup->region, sizeof ret_setup->region, region != CONFIG_NONE ? config->regions[region].name : "");
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->services_count; i++) {
        const struct config_service *from = &config->services[i];
        const uint32_t before = ret_setup->listeners_count;
        if (!serve_service_listen(from, count, site, ret_setup)) {
            return false;
        }
        if (ret_setup->listeners_count == before) {
            continue;
        }
        struct service_setup_service *to = &ret_setup->services[count++];
        text_copy(to->name, sizeof to->name, from->name);
        to->present = true;
        to->cut = from->on_failure == CONFIG_FAILURE_CUT;
        to->max_connections = from->max_connections;
        to->connect_timeout_ms = from->connect_timeout_ms;
        to->connect_wait_ms = from->connect_wait_ms;
        to->idle_timeout_ms = from->idle_timeout_ms;
        to->drain_ms = from->drain_ms;
    }
    return true;
}

static bool serve_service_read(void *context, struct service_setup *ret_setup)
{
    const struct serve_service *serve = context;
    static char message[SERVE_SERVICE_MESSAGE];
    struct buf messages;
    struct config *config = NULL;
    buf_init(&messages, message, sizeof message);
    const enum err err = config_file_load(serve->path, &messages, &config);
    if (err != ERR_OK) {
        LOG_E("%s is wrong, the services stay as they were: %s", serve->path, buf_string(&messages));
        return false;
    }
    const uint32_t site = config_site_find(config, serve->site);
    const bool good = site != CONFIG_NONE && serve_service_setup(config, site, ret_setup);
    if (site == CONFIG_NONE) {
        LOG_E("no site '%s' in %s any more", serve->site, serve->path);
    }
    config_free(config);
    return good;
}

int serve_service_run(const struct config *config, uint32_t site, const char *path)
{
    ASSERT(site < config->sites_count);
    const struct config_site *here = &config->sites[site];
    struct serve_service serve = {.path = path, .site = here->name};
    struct service_options *options = calloc(1, sizeof *options);
    if (options == NULL) {
        return VERB_FAILED;
    }
    int exit_code = VERB_CONFIG;
    snprintf(options->name, sizeof options->name, "%.*s/service", LIMITS_NAME - 9, here->name);
    snprintf(options->view_memory, sizeof options->view_memory, "%.480s/" PUBLISH_NAME, here->state_dir);
    snprintf(options->view_file, sizeof options->view_file, "%.480s/" PUBLISH_FILE_NAME, here->state_dir);
    snprintf(options->figures, sizeof options->figures, "%.480s/" FIGURE_SERVICE_NAME, here->state_dir);
    snprintf(options->latency_file, sizeof options->latency_file, "%.480s/" LATENCY_WATCH_SERVICE, here->state_dir);
    if (serve_service_setup(config, site, &options->setup)) {
        exit_code = service_serve_run(options, serve_service_read, &serve) == ERR_OK ? VERB_OK : VERB_FAILED;
    }
    free(options);
    return exit_code;
}
