/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: verifiers, and the messages of a SCRAM talk, one per line, heard and answered. */
#include <stdint.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "wire/pg_message.h"
#include "wire/pg_scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_hear(const struct span lines[4])
{
    struct pg_scram_talk talk;
    struct pg_scram_verifier verifier;
    struct pg_scram_key key;
    const bool known = pg_scram_verifier_parse(lines[0], &verifier) == ERR_OK;
    if (pg_scram_hear_client_first(&talk, lines[1]) == ERR_OK &&
        pg_scram_hear_server_first(&talk, lines[2]) == ERR_OK &&
        pg_scram_hear_client_final(&talk, lines[3]) == ERR_OK && known &&
        pg_scram_key_find(&talk, &verifier, &key) == ERR_OK) {
        (void)!pg_scram_login_verify(&talk, lines[2], &key);
    }
}

static void fuzz_login(const struct span lines[4])
{
    struct pg_scram_talk talk;
    const struct pg_scram_key key = {.client_key = {7}};
    uint8_t memory[2 * PG_SCRAM_PART];
    struct buf message;
    buf_init(&message, memory, sizeof memory);
    pg_scram_login_first(&talk, "AAAAAAAAAAAAAAAAAAAAAAAA", &message);
    if (pg_scram_login_final(&talk, lines[2], &key, &message) == ERR_OK) {
        ASSERT(!message.overflow);
        (void)!pg_scram_login_verify(&talk, lines[3], &key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor cursor;
    cursor_init(&cursor, data, size);
    struct span lines[4];
    for (size_t i = 0; i < 4; i++) {
        lines[i] = cursor_until(&cursor, '\n');
    }
    fuzz_hear(lines);
    fuzz_login(lines);
    const uint8_t salt[4] = {1, 2, 3, 4};
    char answer[PG_SCRAM_MD5 + 1];
    (void)!pg_scram_md5_answer(lines[0], salt, answer);
    uint32_t code;
    struct span first;
    struct span second;
    (void)!pg_message_authentication_parse(span_of(data, size), &code, &first);
    (void)!pg_message_sasl_initial_parse(span_of(data, size), &first, &second);
    (void)pg_message_mechanism_offered(span_of(data, size), PG_SCRAM_MECHANISM);
    return 0;
}
