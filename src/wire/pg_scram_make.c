/* SPDX-License-Identifier: Apache-2.0
 * A SCRAM-SHA-256 verifier from a password. */
#include "wire/pg_scram_make.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

static bool pg_scram_make_key(const uint8_t salted[PG_SCRAM_KEY], const char *name, uint8_t key[PG_SCRAM_KEY])
{
    unsigned size = 0;
    return HMAC(EVP_sha256(), salted, PG_SCRAM_KEY, (const uint8_t *)name, strlen(name), key, &size) != NULL &&
           size == PG_SCRAM_KEY;
}

enum err pg_scram_make_verifier(const char *password, const uint8_t salt[PG_SCRAM_MAKE_SALT],
                                char ret_text[PG_SCRAM_VERIFIER])
{
    uint8_t salted[PG_SCRAM_KEY];
    uint8_t client_key[PG_SCRAM_KEY];
    uint8_t stored_key[PG_SCRAM_KEY];
    uint8_t server_key[PG_SCRAM_KEY];
    uint8_t salt_text[PG_SCRAM_MAKE_SALT * 2];
    uint8_t stored_text[PG_SCRAM_KEY * 2];
    uint8_t server_text[PG_SCRAM_KEY * 2];
    unsigned size = 0;
    const bool good = PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, PG_SCRAM_MAKE_SALT,
                                        PG_SCRAM_MAKE_ITERATIONS, EVP_sha256(), PG_SCRAM_KEY, salted) == 1 &&
                      pg_scram_make_key(salted, "Client Key", client_key) &&
                      EVP_Digest(client_key, PG_SCRAM_KEY, stored_key, &size, EVP_sha256(), NULL) == 1 &&
                      pg_scram_make_key(salted, "Server Key", server_key);
    if (good) {
        EVP_EncodeBlock(salt_text, salt, PG_SCRAM_MAKE_SALT);
        EVP_EncodeBlock(stored_text, stored_key, PG_SCRAM_KEY);
        EVP_EncodeBlock(server_text, server_key, PG_SCRAM_KEY);
        snprintf(ret_text, PG_SCRAM_VERIFIER, "SCRAM-SHA-256$%d:%s$%s:%s", PG_SCRAM_MAKE_ITERATIONS,
                 (const char *)salt_text, (const char *)stored_text, (const char *)server_text);
    }
    explicit_bzero(salted, sizeof salted);
    explicit_bzero(client_key, sizeof client_key);
    return good ? ERR_OK : ERR_INTERNAL;
}
