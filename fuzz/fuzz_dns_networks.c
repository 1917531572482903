/* SPDX-License-Identifier: Apache-2.0
 * Files of networks: what is read is a network, and merged every one of them is found again. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "dns/dns_networks_merge.h"
#include "dns/dns_networks_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fuzz_step(void *context, uint32_t state, const struct dns_networks_entry *entry, uint32_t *ret_state)
{
    (void)context;
    (void)state;
    *ret_state = entry->value;
    return true;
}

static uint16_t fuzz_class(const void *context, uint32_t state)
{
    (void)context;
    return (uint16_t)state;
}

static struct view_address fuzz_address(const struct dns_networks_line *line)
{
    struct view_address address = {.family = (uint16_t)line->family};
    for (uint32_t i = 0; i < 16; i++) {
        address.bytes[i] = (uint8_t)((i < 8 ? line->start.high : line->start.low) >> (56 - 8 * (i % 8)));
    }
    return address;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_networks_merge merge = {.step = fuzz_step, .class = fuzz_class};
    struct dns_networks *networks = NULL;
    struct dns_networks_text text;
    struct dns_networks_line line;
    enum dns_networks_item item;
    dns_networks_text_init(&text, span_of(data, size));
    while ((item = dns_networks_text_next(&text, &line)) == DNS_NETWORKS_LINE) {
        ASSERT(line.bits <= (line.family == 4 ? 32 : 128));
        while (line.rest.size > 0) {
            const struct span word = dns_networks_text_word(&line.rest);
            ASSERT(word.size > 0);
        }
        const struct dns_networks_entry entry = {.start = line.start, .bits = line.bits, .value = line.bits + 1U};
        const enum err err = dns_networks_merge_add(&merge, line.family, &entry);
        ASSERT(err == ERR_OK);
    }
    ASSERT((item == DNS_NETWORKS_BROKEN) == (text.problem != NULL));
    const enum err err = dns_networks_merge(&merge, &networks);
    ASSERT(err == ERR_OK);
    dns_networks_text_init(&text, span_of(data, size));
    while (dns_networks_text_next(&text, &line) == DNS_NETWORKS_LINE) {
        const struct view_address address = fuzz_address(&line);
        const struct dns_networks_found found = dns_networks_find(networks, &address);
        ASSERT(found.class >= line.bits + 1U); /* it, or a smaller one that begins there */
    }
    dns_networks_free(networks);
    dns_networks_merge_fini(&merge);
    return 0;
}
