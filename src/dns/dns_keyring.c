/* SPDX-License-Identifier: Apache-2.0
 * The keys of one signed zone. */
#include "dns/dns_keyring.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "dns/dns_keydir.h"
#include "wire/dns_type.h"

bool dns_keyring_signs(const struct dns_keyring_key *key, uint16_t type, bool apex)
{
    if (apex && (type == DNS_TYPE_DNSKEY || type == DNS_TYPE_CDS || type == DNS_TYPE_CDNSKEY)) {
        return key->role != DNS_KEYFILE_ZSK;
    }
    return key->role != DNS_KEYFILE_KSK && key->state == DNS_KEYFILE_ACTIVE;
}

bool dns_keyring_announced(const struct dns_keyring_key *key)
{
    return key->role != DNS_KEYFILE_ZSK && key->state != DNS_KEYFILE_RETIRED;
}

enum err dns_keyring_add(struct dns_keyring *keyring, const struct dns_key *key, enum dns_keyfile_role role,
                         enum dns_keyfile_state state)
{
    if (keyring->count == DNS_KEYFILE_ROWS) {
        return ERR_TOO_LARGE;
    }
    const uint64_t print = hash_bytes(key->data, key->data_size);
    keyring->keys[keyring->count++] = (struct dns_keyring_key){*key, role, state, print};
    return ERR_OK;
}

/* Whether a validator would find its way from the DS to every record. NULL: it would. */
static const char *dns_keyring_fault(const struct dns_keyring *keyring)
{
    bool entry = false;
    bool data = false;
    for (uint32_t i = 0; i < keyring->count; i++) {
        const struct dns_keyring_key *key = &keyring->keys[i];
        if (key->key.algorithm != keyring->keys[0].key.algorithm) {
            return "keys of two algorithms; expected all of one: a zone changes its algorithm by way of being unsigned";
        }
        entry = entry || (key->role != DNS_KEYFILE_ZSK && key->state == DNS_KEYFILE_ACTIVE);
        data = data || dns_keyring_signs(key, DNS_TYPE_SOA, true);
    }
    if (!entry) {
        return "no active key that signs the keys; expected one of role ksk or csk (holdfast dns key generate)";
    }
    return data ? NULL
                : "no active key that signs the records; expected one of role zsk or csk (holdfast dns key generate)";
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
