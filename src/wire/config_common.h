/* SPDX-License-Identifier: Apache-2.0
 * What the sections of the configuration are made of: addresses, networks, limits, secrets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum config_family { CONFIG_FAMILY_NONE = 0, CONFIG_FAMILY_UNIX = 1, CONFIG_FAMILY_IPV4 = 4, CONFIG_FAMILY_IPV6 = 6 };

/* IPv4 in the first four bytes, or IPv6; network byte order. A unix socket has only a text, its path. */
struct config_address {
    const char *text; /* as written: "127.1.0.80:8080", "[::1]:53", "/run/haproxy.sock" */
    uint8_t bytes[16];
    uint16_t port;   /* host byte order */
    uint16_t family; /* enum config_family */
};

struct config_network {
    struct config_address address; /* port 0; bits behind the prefix are zero */
    uint32_t prefix_bits;
};

/* http or https; no user, no fragment. */
struct config_url {
    const char *text; /* NULL: not given */
    const char *host; /* name or literal address, without brackets */
    const char *path; /* from the slash on, with the query; "/" when none was written */
    uint16_t port;
    bool tls;
};

/* A limit in millionths: "10%" is 100,000, "500ms" is 500,000 (durations count in seconds), "3" is 3,000,000. 0: none.
 */
struct config_limit {
    uint32_t ppm;
    uint32_t form; /* enum config_form: how it was written */
};
enum config_form { CONFIG_FORM_DECIMAL, CONFIG_FORM_SHARE, CONFIG_FORM_DURATION };

/* Where a secret is, never the secret. Exactly one is set, or none when the secret was not given. */
struct config_secret {
    const char *file;
    const char *env;
};

struct config_account {
    const char *name;
    struct config_secret password;
};

struct config_listen {
    struct config_address *listen;
    uint32_t listen_count;
};
