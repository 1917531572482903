/* SPDX-License-Identifier: Apache-2.0
 * Geographic databases: any bytes are walked to an end, and what is told are networks and short texts. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "dns/dns_mmdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err fuzz_place(void *context, const struct dns_mmdb_place *place, uint32_t *ret_value)
{
    uint32_t *places = context;
    ASSERT(memchr(place->country, 0, DNS_MMDB_CODE) != NULL);
    ASSERT(memchr(place->continent, 0, DNS_MMDB_CODE) != NULL);
    ASSERT(memchr(place->subdivisions[1], 0, DNS_MMDB_CODE) != NULL);
    *ret_value = (*places)++;
    return ERR_OK;
}

static enum err fuzz_network(void *context, uint32_t family, struct dns_networks_key start, uint32_t bits,
                             uint32_t value)
{
    const uint32_t *places = context;
    ASSERT(value < *places);
    ASSERT(bits <= (family == 4 ? 32 : 128));
    ASSERT(bits >= 64 || (start.low == 0 && (start.high & UINT64_MAX >> bits) == 0));
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t places = 0;
    const char *why;
    const struct dns_mmdb_taker taker = {&places, fuzz_place, fuzz_network};
    const enum err err = dns_mmdb_walk(span_of(data, size), &taker, &why);
    ASSERT(err != ERR_OK || why == NULL);
    return 0;
}
