/* SPDX-License-Identifier: Apache-2.0
 * Heartbeats as bytes. */
#include "wire/beat.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/cursor.h"

static const uint8_t beat_magic[4] = {'H', 'F', 'B', 1};
static const char beat_purpose[] = "holdfast heartbeat 1 ";

static void beat_hmac(const void *key, size_t key_size, const uint8_t *data, size_t size, uint8_t ret_mac[BEAT_KEY])
{
    unsigned int length = BEAT_KEY;
    ASSERT(key_size <= INT32_MAX);
    ASSERT(HMAC(EVP_sha256(), key, (int)key_size, data, size, ret_mac, &length) != NULL && length == BEAT_KEY);
}

void beat_key_make(struct beat_key *key, const char *token, const char *system)
{
    uint8_t memory[sizeof beat_purpose + 64];
    struct buf label;
    buf_init(&label, memory, sizeof memory);
    buf_text(&label, beat_purpose);
    buf_text(&label, system);
    ASSERT(!label.overflow);
    beat_hmac(token, strlen(token), label.data, label.size, key->bytes);
}

static void beat_u64(struct buf *buf, uint64_t value)
{
    buf_u32be(buf, (uint32_t)(value >> 32));
    buf_u32be(buf, (uint32_t)value);
}

static uint64_t beat_read_u64(struct cursor *cursor)
{
    const uint64_t high = cursor_u32be(cursor);
    return high << 32 | cursor_u32be(cursor);
}

void beat_write(struct buf *buf, const struct beat_key *key, const struct beat *beat)
{
    uint8_t memory[BEAT_BUFFER];
    uint8_t mac[BEAT_KEY];
    char name[BEAT_NAME] = {0};
    const size_t length = strnlen(beat->node, BEAT_NAME);
    struct buf body;
    ASSERT(length > 0 && length < BEAT_NAME);
    memcpy(name, beat->node, length);
    buf_init(&body, memory, sizeof memory);
    buf_bytes(&body, beat_magic, sizeof beat_magic);
    buf_u8(&body, beat->state);
    buf_bytes(&body, (const uint8_t[3]){0}, 3);
    beat_u64(&body, beat->boot);
    beat_u64(&body, beat->started);
    beat_u64(&body, beat->sequence);
    beat_u64(&body, beat->mono_us);
    beat_u64(&body, beat->epoch);
    buf_bytes(&body, name, sizeof name);
    beat_hmac(key->bytes, sizeof key->bytes, body.data, body.size, mac);
    buf_bytes(&body, mac, BEAT_MAC);
    ASSERT(!body.overflow && body.size == BEAT_BYTES);
    buf_bytes(buf, body.data, body.size);
}

/* A name of the configuration's form, and nothing behind it. */
static bool beat_name_good(const char name[BEAT_NAME])
{
    const size_t length = strnlen(name, BEAT_NAME);
    bool good = length > 0 && length < BEAT_NAME;
    for (size_t i = 0; i < BEAT_NAME && good; i++) {
        good = i < length ? name[i] > ' ' && name[i] <= '~' : name[i] == 0;
    }
    return good;
}

enum err beat_read(struct span bytes, const struct beat_key *key, struct beat *ret_beat)
{
    if (bytes.size != BEAT_BYTES || memcmp(bytes.data, beat_magic, sizeof beat_magic) != 0) {
        return ERR_PROTOCOL;
    }
    uint8_t mac[BEAT_KEY];
    beat_hmac(key->bytes, sizeof key->bytes, bytes.data, BEAT_BYTES - BEAT_MAC, mac);
    if (CRYPTO_memcmp(mac, bytes.data + BEAT_BYTES - BEAT_MAC, BEAT_MAC) != 0) {
        return ERR_AUTH;
    }
    struct cursor cursor;
    struct beat beat = {.state = 0};
    cursor_init(&cursor, bytes.data, bytes.size);
    cursor_skip(&cursor, sizeof beat_magic);
    beat.state = cursor_u8(&cursor);
    cursor_skip(&cursor, 3); /* for later versions that an older reader may ignore */
    beat.boot = beat_read_u64(&cursor);
    beat.started = beat_read_u64(&cursor);
    beat.sequence = beat_read_u64(&cursor);
    beat.mono_us = beat_read_u64(&cursor);
    beat.epoch = beat_read_u64(&cursor);
    const struct span name = cursor_span(&cursor, BEAT_NAME);
    ASSERT(cursor_ok(&cursor));
    memcpy(beat.node, name.data, BEAT_NAME);
    if (!beat_name_good(beat.node)) {
        return ERR_PROTOCOL;
    }
    *ret_beat = beat;
    return ERR_OK;
}

enum err beat_life_take(struct beat_life *life, const struct beat *beat)
{
    const bool same = life->any && life->boot == beat->boot;
    if ((same && (beat->sequence <= life->sequence || beat->started != life->started)) ||
        (life->any && !same && beat->started <= life->started)) {
        return ERR_STALE;
    }
    *life = (struct beat_life){.any = true, .boot = beat->boot, .started = beat->started, .sequence = beat->sequence};
    return ERR_OK;
}
