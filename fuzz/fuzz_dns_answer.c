/* SPDX-License-Identifier: Apache-2.0
 * Whole answers from arbitrary packets, of a zone without signatures and of a signed one: never beyond the limit,
 * always a message that can be read back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../test/unit/dns/zone_sample.h"
#include "base/assert.h"
#include "dns/dns_answer.h"
#include "dns/dns_zone_sign.h"
#include "wire/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *message, size_t size)
{
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, message, size);
    cursor_skip(&cursor, 2);
    ASSERT((cursor_u16be(&cursor) & DNS_MESSAGE_QR) != 0);
    const uint32_t questions = cursor_u16be(&cursor);
    uint32_t records = cursor_u16be(&cursor);
    records += cursor_u16be(&cursor);
    records += cursor_u16be(&cursor);
    for (uint32_t i = 0; i < questions; i++) {
        dns_name_read(&cursor, &name);
        cursor_skip(&cursor, 4);
    }
    for (uint32_t i = 0; i < records; i++) {
        dns_name_read(&cursor, &name);
        cursor_skip(&cursor, 8);
        const uint16_t length = cursor_u16be(&cursor);
        cursor_skip(&cursor, length);
    }
    ASSERT(cursor_ok(&cursor) && cursor_left(&cursor) == 0);
}

static void sign_zone(struct dns_zone *zone)
{
    char problem[DNS_ZONE_PROBLEM];
    struct dns_key key;
    struct dns_keyring *keyring = calloc(1, sizeof *keyring);
    ASSERT(keyring != NULL);
    keyring->ttl_s = 300;
    enum err err = dns_key_generate(DNS_KEY_ED25519, DNS_KEY_ZONE | DNS_KEY_ENTRY, &key);
    ASSERT(err == ERR_OK);
    err = dns_keyring_add(keyring, &key, DNS_KEYFILE_CSK, DNS_KEYFILE_ACTIVE);
    err = err == ERR_OK ? dns_zone_sign(zone, keyring, problem) : err;
    ASSERT(err == ERR_OK);
}

static struct dns_catalog *make_catalog(bool secure)
{
    struct dns_zone *zone = sample_zone();
    struct dns_catalog *catalog = dns_catalog_new();
    ASSERT(zone != NULL && catalog != NULL);
    if (secure) {
        sign_zone(zone);
    }
    enum err err = dns_catalog_add(catalog, zone);
    err = err == ERR_OK ? dns_catalog_index(catalog) : err;
    ASSERT(err == ERR_OK);
    catalog->settings = (struct dns_catalog_settings){.cookies = {1, {"0123456789abcde"}},
                                                      .cookie_required = true,
                                                      .identity = "site",
                                                      .version = "none",
                                                      .keys_count = 1,
                                                      .transfer_count = 1};
    const enum err keyed = dns_tsig_key_parse("key.test", "hmac-sha256", span_text("c2VjcmV0IG9mIHRoZSB0ZXN0"),
                                              &catalog->settings.keys[0]);
    ASSERT(keyed == ERR_OK);
    catalog->settings.transfer[0].address.family = 4; /* prefix 0: everybody */
    return catalog;
}

/* Bit 0: over TCP; bit 1: the signed zone. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dns_catalog *catalogs[2];
    static struct dns_sign *sign;
    static struct view view;
    static struct dns_policy policy;
    static uint8_t message[4096];
    static struct dns_transfer transfer;
    static uint8_t whole[65535];
    if (sign == NULL) {
        catalogs[0] = make_catalog(false);
        catalogs[1] = make_catalog(true);
        sign = dns_sign_new();
        ASSERT(sign != NULL);
        sample_view(&view);
        dns_policy_prepare(&policy, &view, catalogs[0]->dynamic, catalogs[0]->dynamic_count);
    }
    if (size > 1472) {
        return 0;
    }
    for (int way = 0; way < 4; way++) {
        const bool tcp = way % 2 != 0;
        struct dns_answer_source source = {catalogs[way / 2], &policy, 0, 1700000000, sign};
        struct dns_answer_result result = {.transfer = false};
        const struct view_address client = {.family = 4, .bytes = {10, 2, 3, 4}};
        memcpy(message, data, size);
        const struct dns_answer_packet packet = {
            message, size, tcp ? sizeof message : 1472, client, tcp ? &transfer : NULL, 300};
        const size_t answer = dns_answer_build(&source, &packet, &result);
        ASSERT(answer == 0 || answer >= DNS_MESSAGE_HEADER);
        ASSERT(tcp || answer <= DNS_MESSAGE_UDP_MAX);
        if (answer > 0) {
            check(message, answer);
        }
        for (size_t more = 1; result.transfer && more > 0;) {
            more = dns_transfer_next(&transfer, whole);
            if (more > 0) {
                check(whole, more);
            }
        }
    }
    return 0;
}
