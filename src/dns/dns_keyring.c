/* SPDX-License-Identifier: Apache-2.0
 * The keys of one signed zone. */
#include "dns/dns_keyring.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "dns/dns_keydir.h"
#include "wire/dns_type.h"

bool dns_keyring_told(const struct dns_keyring_key *key)
{
    return key->state != DNS_KEYFILE_AHEAD && key->state != DNS_KEYFILE_BEHIND;
}

bool dns_keyring_signs(const struct dns_keyring_key *key, uint16_t type, bool apex)
{
    if (apex && (type == DNS_TYPE_DNSKEY || type == DNS_TYPE_CDS || type == DNS_TYPE_CDNSKEY)) {
        return key->role != DNS_KEYFILE_ZSK && dns_keyring_told(key);
    }
    return key->role != DNS_KEYFILE_KSK && (key->state == DNS_KEYFILE_ACTIVE || !dns_keyring_told(key) ||
                                            (key->state == DNS_KEYFILE_RETIRED && key->alone));
}

bool dns_keyring_announced(const struct dns_keyring_key *key)
{
    return key->role != DNS_KEYFILE_ZSK && (key->state == DNS_KEYFILE_PUBLISHED || key->state == DNS_KEYFILE_ACTIVE);
}

/* Finds who is the last one of an algorithm. */
static void dns_keyring_settle(struct dns_keyring *keyring)
{
    for (uint32_t i = 0; i < keyring->count; i++) {
        struct dns_keyring_key *key = &keyring->keys[i];
        key->alone = true;
        for (uint32_t other = 0; other < keyring->count; other++) {
            const struct dns_keyring_key *active = &keyring->keys[other];
            if (active->key.algorithm == key->key.algorithm && active->role != DNS_KEYFILE_KSK &&
                active->state == DNS_KEYFILE_ACTIVE) {
                key->alone = false;
            }
        }
    }
}

enum err dns_keyring_add(struct dns_keyring *keyring, const struct dns_key *key, enum dns_keyfile_role role,
                         enum dns_keyfile_state state)
{
    if (keyring->count == DNS_KEYFILE_ROWS) {
        return ERR_TOO_LARGE;
    }
    const uint64_t print = hash_bytes(key->data, key->data_size);
    keyring->keys[keyring->count++] =
        (struct dns_keyring_key){.key = *key, .role = role, .state = state, .print = print};
    dns_keyring_settle(keyring);
    return ERR_OK;
}

/* Whether each algorithm that is told signs the keys, and each record (RFC 4035, 2.2). */
static bool dns_keyring_whole(const struct dns_keyring *keyring, enum dns_key_algorithm algorithm)
{
    bool entry = false;
    bool data = false;
    for (uint32_t i = 0; i < keyring->count; i++) {
        const struct dns_keyring_key *key = &keyring->keys[i];
        const bool same = key->key.algorithm == algorithm && dns_keyring_told(key);
        entry = entry || (same && dns_keyring_signs(key, DNS_TYPE_DNSKEY, true));
        data = data || (same && dns_keyring_signs(key, DNS_TYPE_SOA, true));
    }
    return entry && data;
}

/* Whether a validator would find its way from the DS to every record. NULL: it would. */
static const char *dns_keyring_fault(const struct dns_keyring *keyring)
{
    bool entry = false;
    bool data = false;
    bool whole = true;
    for (uint32_t i = 0; i < keyring->count; i++) {
        const struct dns_keyring_key *key = &keyring->keys[i];
        entry = entry || (key->role != DNS_KEYFILE_ZSK && key->state == DNS_KEYFILE_ACTIVE);
        data = data || (dns_keyring_told(key) && dns_keyring_signs(key, DNS_TYPE_SOA, true));
        whole = whole && (!dns_keyring_told(key) || dns_keyring_whole(keyring, key->key.algorithm));
    }
    if (!entry) {
        return "no active key that signs the keys; expected one of role ksk or csk (holdfast dns key generate)";
    }
    if (!data) {
        return "no active key that signs the records; expected one of role zsk or csk (holdfast dns key generate)";
    }
    return whole ? NULL
                 : "an algorithm that signs only a part; expected for each algorithm keys that sign the keys and the "
                   "records (holdfast dns key algorithm)";
}

enum err dns_keyring_load(const struct dns_keyring_want *want, char *problem, struct dns_keyring **ret_keyring)
{
    struct dns_keyfile file;
    struct dns_keyring *keyring = calloc(1, sizeof *keyring);
    if (keyring == NULL) {
        snprintf(problem, DNS_KEYDIR_PROBLEM, "out of memory");
        return ERR_NO_MEMORY;
    }
    keyring->ttl_s = want->ttl_s;
    keyring->parent = want->parent;
    enum err err = dns_keydir_state(want->directory, problem, &file);
    keyring->changes = err == ERR_OK ? file.changes : 0;
    for (uint32_t i = 0; err == ERR_OK && i < file.count; i++) {
        struct dns_key key;
        err = dns_keydir_key(want->directory, &file.rows[i], problem, &key);
        if (err == ERR_OK) {
            err = dns_keyring_add(keyring, &key, file.rows[i].role, file.rows[i].state);
        }
    }
    const char *fault = err == ERR_OK ? dns_keyring_fault(keyring) : NULL;
    if (fault != NULL) {
        snprintf(problem, DNS_KEYDIR_PROBLEM, "%.250s/" DNS_KEYDIR_STATE ": %s", want->directory, fault);
        err = ERR_INVALID;
    }
    if (err != ERR_OK) {
        dns_keyring_free(keyring);
        return err;
    }
    *ret_keyring = keyring;
    return ERR_OK;
}

void dns_keyring_free(struct dns_keyring *keyring)
{
    if (keyring == NULL) {
        return;
    }
    for (uint32_t i = 0; i < keyring->count; i++) {
        dns_key_fini(&keyring->keys[i].key);
    }
    free(keyring);
}
