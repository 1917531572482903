/* SPDX-License-Identifier: Apache-2.0
 * Numbers of the DNS with their names. */
#include "wire/dns_type.h"

#include <strings.h>

static const struct {
    const char *name;
    const char *form;
    uint16_t type;
} dns_type_rows[] = {
#define DNS_TYPE_ROW(name, number, form) {#name, form, number},
    DNS_TYPE_TABLE(DNS_TYPE_ROW)
#undef DNS_TYPE_ROW
};

enum { DNS_TYPE_ROWS = sizeof dns_type_rows / sizeof *dns_type_rows };

static bool dns_type_same(struct span text, const char *name, size_t size)
{
    return text.size >= size && strncasecmp((const char *)text.data, name, size) == 0;
}

enum err dns_type_parse(struct span text, uint16_t *ret_type)
{
    for (size_t i = 0; i < DNS_TYPE_ROWS; i++) {
        const size_t size = strlen(dns_type_rows[i].name);
        if (text.size == size && dns_type_same(text, dns_type_rows[i].name, size)) {
            *ret_type = dns_type_rows[i].type;
            return ERR_OK;
        }
    }
    if (!dns_type_same(text, "TYPE", 4) || text.size < 5 || text.size > 9) {
        return ERR_NOT_FOUND;
    }
    uint32_t number = 0;
    for (size_t i = 4; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return ERR_NOT_FOUND;
        }
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (number > UINT16_MAX) {
        return ERR_NOT_FOUND;
    }
    *ret_type = (uint16_t)number;
    return ERR_OK;
}

const char *dns_type_name(uint16_t type)
{
    for (size_t i = 0; i < DNS_TYPE_ROWS; i++) {
        if (dns_type_rows[i].type == type) {
            return dns_type_rows[i].name;
        }
    }
    return NULL;
}

const char *dns_type_form(uint16_t type)
{
    for (size_t i = 0; i < DNS_TYPE_ROWS; i++) {
        if (dns_type_rows[i].type == type) {
            return dns_type_rows[i].form;
        }
    }
    return NULL;
}

const char *dns_type_rcode_name(uint16_t rcode)
{
    static const char *const names[DNS_RCODE_COUNT] = {
#define DNS_TYPE_RCODE(name, number) [number] = #name,
        DNS_RCODE_TABLE(DNS_TYPE_RCODE)
#undef DNS_TYPE_RCODE
    };
    return rcode < DNS_RCODE_COUNT ? names[rcode] : NULL;
}
