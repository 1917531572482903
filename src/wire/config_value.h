/* SPDX-License-Identifier: Apache-2.0
 * The scalars of the configuration: text to value and back.
 *
 * Every parser answers false for anything but the exact form and leaves its output alone then. Every printer writes the
 * shortest text that parses back to the same value. Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/config.h"

enum {
    CONFIG_VALUE_TEXT = 48, /* bytes that hold any printed number, terminator included */
};

/* Digits only. */
bool config_value_integer(const char *text, uint64_t *ret_value);

/* "true" or "false". */
bool config_value_boolean(const char *text, bool *ret_value);

/* "500ms", "10s", "5m", "1h", "14d", "0s": digits and one unit. */
bool config_value_duration(const char *text, uint64_t *ret_us);
void config_value_duration_print(uint64_t us, char text[CONFIG_VALUE_TEXT]);

/* "2%", "0.25%": at most four decimals, at most 100 %. */
bool config_value_share(const char *text, uint64_t *ret_ppm);
void config_value_share_print(uint64_t ppm, char text[CONFIG_VALUE_TEXT]);

/* "1.5", "3": at most six decimals, below 4,294. */
bool config_value_decimal(const char *text, uint64_t *ret_ppm);
void config_value_decimal_print(uint64_t ppm, char text[CONFIG_VALUE_TEXT]);

/* "512B", "64kB", "64MB", "1GB": powers of 1,024, as PostgreSQL counts. */
bool config_value_size(const char *text, uint64_t *ret_bytes);
void config_value_size_print(uint64_t bytes, char text[CONFIG_VALUE_TEXT]);

/* A share, a duration in seconds or a plain decimal. */
bool config_value_limit(const char *text, struct config_limit *ret_limit);
void config_value_limit_print(struct config_limit limit, char text[CONFIG_VALUE_TEXT]);

/* "127.1.0.80:8080" or "[::1]:53": a literal address with a port from 1 on. `text` is kept, not copied. */
bool config_value_address(const char *text, struct config_address *ret_address);

/* The address without its port and brackets: "127.1.0.80", "::1". Not for unix sockets. */
void config_value_address_host(const struct config_address *address, char text[CONFIG_VALUE_TEXT]);

/* "127.1.0.0/16" or "fd00::/8"; bits behind the prefix must be zero. `text` is kept, not copied. */
bool config_value_network(const char *text, struct config_network *ret_network);

/* The parts of "http://host:port/path" or "https://..." as spans of `text`: no user, no fragment. */
struct config_value_url {
    struct span host;
    struct span path; /* empty when there was none */
    uint16_t port;
    bool tls;
};
bool config_value_url(const char *text, struct config_value_url *ret_url);

/* 1 to 31 of a-z, 0-9 and '-'. */
bool config_value_name(const char *text);

/* A domain name of letters, digits, '-' and '_', at most 253 bytes, labels at most 63; a final dot is allowed. */
bool config_value_domain(const char *text);

/* 1 to 63 of letters, digits, '_', '-' and '.': names of PostgreSQL databases, parameters and environment variables. */
bool config_value_word(const char *text);
