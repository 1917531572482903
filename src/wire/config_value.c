/* SPDX-License-Identifier: Apache-2.0
 * The scalars of the configuration: strict parsers without locale, and printers that round-trip. */
#include "wire/config_value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

struct config_value_unit {
    const char *name;
    uint64_t factor;
};

static const struct config_value_unit config_value_durations[] = {
    {"ms", 1000},
    {"s", 1000000},
    {"m", 60 * UINT64_C(1000000)},
    {"h", 3600 * UINT64_C(1000000)},
    {"d", 86400 * UINT64_C(1000000)},
    {NULL, 0},
};

static const struct config_value_unit config_value_sizes[] = {
    {"B", 1}, {"kB", 1024}, {"MB", 1024 * 1024}, {"GB", 1024 * 1024 * 1024}, {NULL, 0},
};

/* Reads digits and moves on; false for none or beyond 18 digits (always fits, with room for a factor check). */
static bool config_value_digits(const char **at, uint64_t *ret_value)
{
    uint64_t value = 0;
    int digits = 0;
    while (**at >= '0' && **at <= '9') {
        if (++digits > 18) {
            return false;
        }
        value = value * 10 + (uint64_t)(**at - '0');
        (*at)++;
    }
    if (digits == 0) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool config_value_integer(const char *text, uint64_t *ret_value)
{
    uint64_t value;
    if (!config_value_digits(&text, &value) || *text != '\0') {
        return false;
    }
    *ret_value = value;
    return true;
}

bool config_value_boolean(const char *text, bool *ret_value)
{
    const bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0) {
        return false;
    }
    *ret_value = yes;
    return true;
}

static bool config_value_united(const char *text, const struct config_value_unit *units, uint64_t *ret_value)
{
    uint64_t value;
    if (!config_value_digits(&text, &value)) {
        return false;
    }
    for (const struct config_value_unit *unit = units; unit->name != NULL; unit++) {
        if (strcmp(text, unit->name) == 0) {
            uint64_t product;
            if (__builtin_mul_overflow(value, unit->factor, &product)) {
                return false;
            }
            *ret_value = product;
            return true;
        }
    }
    return false;
}

/* In the largest unit that divides it. */
static void config_value_united_print(uint64_t value, const struct config_value_unit *units, char *text)
{
    const struct config_value_unit *best = units;
    for (const struct config_value_unit *unit = units; unit->name != NULL; unit++) {
        if (value != 0 && value % unit->factor == 0) {
            best = unit;
        }
    }
    snprintf(text, CONFIG_VALUE_TEXT, "%" PRIu64 "%s", value / best->factor, best->name);
}

bool config_value_duration(const char *text, uint64_t *ret_us)
{
    return config_value_united(text, config_value_durations, ret_us);
}

void config_value_duration_print(uint64_t us, char text[CONFIG_VALUE_TEXT])
{
    ASSERT(us % 1000 == 0);
    config_value_united_print(us, config_value_durations, text);
}

bool config_value_size(const char *text, uint64_t *ret_bytes)
{
    return config_value_united(text, config_value_sizes, ret_bytes);
}

void config_value_size_print(uint64_t bytes, char text[CONFIG_VALUE_TEXT])
{
    config_value_united_print(bytes, config_value_sizes, text);
}

/* A decimal number with at most `places` decimals, as an integer in units of the last place. */
static bool config_value_fixed(const char **at, int places, uint64_t *ret_value)
{
    uint64_t value;
    if (!config_value_digits(at, &value) || value > 1000000) {
        return false;
    }
    const char *fraction = *at + 1;
    if (**at == '.') {
        (*at)++;
    }
    for (int i = 0; i < places; i++) {
        value *= 10;
        if (*at >= fraction && **at >= '0' && **at <= '9') {
            value += (uint64_t)(**at - '0');
            (*at)++;
        }
    }
    if (*at == fraction) {
        return false; /* "1." */
    }
    *ret_value = value;
    return true;
}

static void config_value_fixed_print(uint64_t value, int places, const char *suffix, char *text)
{
    uint64_t scale = 1;
    for (int i = 0; i < places; i++) {
        scale *= 10;
    }
    uint64_t fraction = value % scale;
    while (fraction != 0 && fraction % 10 == 0) {
        fraction /= 10;
        places--;
    }
    if (fraction == 0) {
        snprintf(text, CONFIG_VALUE_TEXT, "%" PRIu64 "%s", value / scale, suffix);
    } else {
        snprintf(text, CONFIG_VALUE_TEXT, "%" PRIu64 ".%0*" PRIu64 "%s", value / scale, places, fraction, suffix);
    }
}

bool config_value_share(const char *text, uint64_t *ret_ppm)
{
    uint64_t ppm;
    if (!config_value_fixed(&text, 4, &ppm) || strcmp(text, "%") != 0 || ppm > 1000000) {
        return false;
    }
    *ret_ppm = ppm;
    return true;
}

void config_value_share_print(uint64_t ppm, char text[CONFIG_VALUE_TEXT])
{
    config_value_fixed_print(ppm, 4, "%", text);
}

bool config_value_decimal(const char *text, uint64_t *ret_ppm)
{
    uint64_t ppm;
    if (!config_value_fixed(&text, 6, &ppm) || *text != '\0' || ppm > UINT32_MAX) {
        return false;
    }
    *ret_ppm = ppm;
    return true;
}

void config_value_decimal_print(uint64_t ppm, char text[CONFIG_VALUE_TEXT])
{
    config_value_fixed_print(ppm, 6, "", text);
}

bool config_value_limit(const char *text, struct config_limit *ret_limit)
{
    uint64_t ppm;
    enum config_form form;
    if (config_value_share(text, &ppm)) {
        form = CONFIG_FORM_SHARE;
    } else if (config_value_duration(text, &ppm)) {
        form = CONFIG_FORM_DURATION;
    } else if (config_value_decimal(text, &ppm)) {
        form = CONFIG_FORM_DECIMAL;
    } else {
        return false;
    }
    if (ppm > UINT32_MAX) {
        return false;
    }
    *ret_limit = (struct config_limit){.ppm = (uint32_t)ppm, .form = (uint32_t)form};
    return true;
}

void config_value_limit_print(struct config_limit limit, char text[CONFIG_VALUE_TEXT])
{
    if (limit.form == CONFIG_FORM_SHARE) {
        config_value_share_print(limit.ppm, text);
    } else if (limit.form == CONFIG_FORM_DURATION) {
        config_value_duration_print(limit.ppm, text);
    } else {
        config_value_decimal_print(limit.ppm, text);
    }
}

/* The address without port or prefix. */
static bool config_value_literal(struct span text, struct config_address *address)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.size == 0 || text.size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (inet_pton(AF_INET, copy, address->bytes) == 1) {
        address->family = CONFIG_FAMILY_IPV4;
        return true;
    }
    address->family = CONFIG_FAMILY_IPV6;
    return inet_pton(AF_INET6, copy, address->bytes) == 1;
}

static bool config_value_port(const char *text, uint16_t *ret_port)
{
    uint64_t port;
    if (!config_value_integer(text, &port) || port == 0 || port > UINT16_MAX) {
        return false;
    }
    *ret_port = (uint16_t)port;
    return true;
}

bool config_value_address(const char *text, struct config_address *ret_address)
{
    struct config_address address = {.text = text};
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !config_value_port(colon + 1, &address.port)) {
        return false;
    }
    struct span host = span_of(text, (size_t)(colon - text));
    const bool bracketed = host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    if (bracketed) {
        host = span_of(host.data + 1, host.size - 2);
    }
    if (!config_value_literal(host, &address) || bracketed != (address.family == CONFIG_FAMILY_IPV6)) {
        return false;
    }
    *ret_address = address;
    return true;
}

void config_value_address_host(const struct config_address *address, char text[CONFIG_VALUE_TEXT])
{
    ASSERT(address->family == CONFIG_FAMILY_IPV4 || address->family == CONFIG_FAMILY_IPV6);
    const int family = address->family == CONFIG_FAMILY_IPV4 ? AF_INET : AF_INET6;
    const char *printed = inet_ntop(family, address->bytes, text, CONFIG_VALUE_TEXT);
    ASSERT(printed != NULL);
}

bool config_value_network(const char *text, struct config_network *ret_network)
{
    struct config_network network = {.address.text = text};
    const char *slash = strchr(text, '/');
    uint64_t bits;
    if (slash == NULL || !config_value_integer(slash + 1, &bits) ||
        !config_value_literal(span_of(text, (size_t)(slash - text)), &network.address)) {
        return false;
    }
    const uint32_t whole = network.address.family == CONFIG_FAMILY_IPV4 ? 32 : 128;
    if (bits > whole) {
        return false;
    }
    for (uint32_t bit = (uint32_t)bits; bit < whole; bit++) {
        if ((network.address.bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) {
            return false;
        }
    }
    network.prefix_bits = (uint32_t)bits;
    *ret_network = network;
    return true;
}

static bool config_value_host(struct span host, bool bracketed)
{
    struct config_address address = {.text = NULL};
    if (bracketed) {
        return config_value_literal(host, &address) && address.family == CONFIG_FAMILY_IPV6;
    }
    char copy[256];
    if (host.size == 0 || host.size >= sizeof copy) {
        return false;
    }
    memcpy(copy, host.data, host.size);
    copy[host.size] = '\0';
    return config_value_domain(copy);
}

/* RFC 3986, without user and fragment. */
bool config_value_url(const char *text, struct config_value_url *ret_url)
{
    struct config_value_url url = {.tls = strncmp(text, "https://", 8) == 0};
    if (!url.tls && strncmp(text, "http://", 7) != 0) {
        return false;
    }
    url.port = url.tls ? 443 : 80;
    const char *start = text + (url.tls ? 8 : 7);
    const size_t authority = strcspn(start, "/?");
    url.path = span_text(start + authority);
    for (const char *c = start; *c != '\0'; c++) {
        if (*c <= ' ' || *c == 0x7f || *c == '#' || *c == '@' || *c == '"' || *c == '\\') {
            return false;
        }
    }
    const bool bracketed = *start == '[';
    const size_t size = bracketed ? strcspn(start, "]") : strcspn(start, ":/?");
    url.host = bracketed ? span_of(start + 1, size > 0 ? size - 1 : 0) : span_of(start, size);
    const char *rest = start + size + (bracketed ? 1 : 0);
    if (size + (bracketed ? 1 : 0) > authority || !config_value_host(url.host, bracketed)) {
        return false;
    }
    char port[8];
    const size_t left = authority - (size_t)(rest - start);
    if (left > 0) {
        if (*rest != ':' || left >= sizeof port) {
            return false;
        }
        memcpy(port, rest + 1, left - 1);
        port[left - 1] = '\0';
        if (!config_value_port(port, &url.port)) {
            return false;
        }
    }
    *ret_url = url;
    return true;
}

static bool config_value_of(const char *text, size_t longest, const char *extra, bool upper)
{
    size_t size = 0;
    for (; text[size] != '\0'; size++) {
        const char c = text[size];
        const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (upper && c >= 'A' && c <= 'Z') ||
                          strchr(extra, c) != NULL;
        if (!good || size == longest) {
            return false;
        }
    }
    return size > 0;
}

bool config_value_name(const char *text)
{
    return config_value_of(text, CONFIG_NAME - 1, "-", false);
}

bool config_value_word(const char *text)
{
    return config_value_of(text, 63, "_-.", true);
}

bool config_value_domain(const char *text)
{
    if (!config_value_of(text, 253, "-_.", true)) {
        return false;
    }
    size_t label = 0;
    for (const char *c = text; *c != '\0'; c++) {
        label = *c == '.' ? 0 : label + 1;
        if (label > 63 || (*c == '.' && (c == text || c[-1] == '.'))) {
            return false;
        }
    }
    return true;
}
