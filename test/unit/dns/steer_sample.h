/* SPDX-License-Identifier: Apache-2.0
 * Configurations with policies, for the DNS tests: three regions and the endpoint web. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/dns_steer_load.h"

#define STEER_SAMPLE_HEAD                                                                                              \
    "name: shop\nsecurity: { token: { env: T } }\nstore: { path: /var/lib/h.db }\n"                                    \
    "regions:\n"                                                                                                       \
    "  taiwan: { backup: [tokyo], endpoints: { web: [\"192.0.0.1:80\"] } }\n"                                          \
    "  tokyo: { backup: [osaka], endpoints: { web: [\"192.1.0.1:80\"] } }\n"                                           \
    "  osaka: { backup: [tokyo], endpoints: { web: [\"192.2.0.1:80\"] } }\n"                                           \
    "sites:\n"                                                                                                         \
    "  taiwan: { region: taiwan, roles: [observer, dns], dns: { listen: [\"10.1.0.53:53\"] } }\n"                      \
    "  tokyo: { region: tokyo, roles: [observer] }\n"                                                                  \
    "  osaka: { region: osaka, roles: [control], api: { listen: \"10.3.0.1:7080\" } }\n"                               \
    "checks: { a: { kind: tcp, severity: critical, layer: 1, targets: { taiwan: { address: \"10.1.0.80:80\" }, "       \
    "tokyo: { address: \"10.2.0.80:80\" }, osaka: { address: \"10.3.0.80:80\" } } } }\n"                               \
    "dns:\n  zone: example.test\n  zone_file: /etc/zone\n"

static inline struct config *steer_sample_config(const char *dns)
{
    static char text[65536];
    static char memory[CONFIG_MESSAGES];
    struct buf messages;
    struct config *config = NULL;
    snprintf(text, sizeof text, "%s%s", STEER_SAMPLE_HEAD, dns);
    buf_init(&messages, memory, sizeof memory);
    if (config_parse("t.yaml", span_text(text), &messages, &config) != ERR_OK) {
        fprintf(stderr, "%s\n", buf_string(&messages));
        return NULL;
    }
    return config;
}

/* A file in a fresh place; its path. */
static inline const char *steer_sample_file(const void *data, size_t size)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/holdfast-steer-XXXXXX");
    const int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
    return path;
}
