/* SPDX-License-Identifier: Apache-2.0
 * New keys of a zone. */
#include "bin/cli_dns_key_make.h"

#include <stdio.h>
#include <string.h>

#include "bin/verb.h"
#include "edge/clock.h"

/* Puts a key into the directory and the rows. A tag that is there already would confuse people and validators. */
static int cli_dns_key_make_add(struct cli_dns_key_call *key, const struct dns_key *fresh, enum dns_keyfile_role role,
                                enum dns_keyfile_state state)
{
    struct dns_keyfile_row row = {.role = role,
                                  .state = state,
                                  .algorithm = (uint8_t)fresh->algorithm,
                                  .tag = fresh->tag,
                                  .since_s = (uint64_t)(clock_wall().us / 1000000)};
    if (key->file.count == DNS_KEYFILE_ROWS) {
        return cli_dns_key_call_fail("the zone has as many keys as it can have", VERB_REFUSED);
    }
    for (uint32_t i = 0; i < key->file.count; i++) {
        if (key->file.rows[i].tag == row.tag) {
            return cli_dns_key_call_fail("the zone has a key with that tag", VERB_REFUSED);
        }
    }
    snprintf(row.file, sizeof row.file, "%s-%u.pem", dns_keyfile_role_text(role), row.tag);
    if (dns_keydir_write_key(key->dnssec->keys, row.file, fresh, key->problem) != ERR_OK) {
        return cli_dns_key_call_fail(key->problem, VERB_FAILED);
    }
    key->file.rows[key->file.count++] = row;
    printf("%s %u (%s) is %s\n", dns_keyfile_role_text(role), row.tag, dns_key_algorithm_name(fresh->algorithm),
           dns_keyfile_state_text(state));
    return VERB_OK;
}

int cli_dns_key_make_one(struct cli_dns_key_call *key, enum dns_key_algorithm algorithm, enum dns_keyfile_role role,
                         enum dns_keyfile_state state)
{
    struct dns_key fresh;
    bool taken = true;
    /* One in thousands has a tag that is there already. */
    for (int i = 0; i < 100 && taken; i++) {
        if (dns_key_generate(algorithm, dns_keydir_flags(role), &fresh) != ERR_OK) {
            return cli_dns_key_call_fail("cannot make a key", VERB_FAILED);
        }
        taken = false;
        for (uint32_t row = 0; row < key->file.count; row++) {
            taken = taken || key->file.rows[row].tag == fresh.tag;
        }
        if (taken) {
            dns_key_fini(&fresh);
        }
    }
    if (taken) {
        return cli_dns_key_call_fail("cannot make a key with a tag of its own", VERB_FAILED);
    }
    const int result = cli_dns_key_make_add(key, &fresh, role, state);
    dns_key_fini(&fresh);
    return result;
}

bool cli_dns_key_make_algorithm(const struct cli_dns_key_call *key, enum dns_key_algorithm *ret_algorithm)
{
    const char *name = key->arguments->algorithm;
    const bool edwards = name != NULL && strcmp(name, "ed25519") == 0;
    *ret_algorithm = edwards ? DNS_KEY_ED25519 : DNS_KEY_ECDSAP256SHA256;
    return name == NULL || edwards || strcmp(name, "ecdsap256sha256") == 0;
}

int cli_dns_key_make_generate(struct cli_dns_key_call *key)
{
    enum dns_key_algorithm algorithm = DNS_KEY_ECDSAP256SHA256;
    if (!cli_dns_key_make_algorithm(key, &algorithm)) {
        return cli_dns_key_call_fail("--algorithm: expected ecdsap256sha256 or ed25519", VERB_USAGE);
    }
    int result = cli_dns_key_call_state(key, true);
    if (result == VERB_OK && key->file.count > 0) {
        return cli_dns_key_call_fail("the zone has keys; expected roll, which replaces one in time", VERB_REFUSED);
    }
    if (result == VERB_OK && key->arguments->split) {
        result = cli_dns_key_make_one(key, algorithm, DNS_KEYFILE_KSK, DNS_KEYFILE_ACTIVE);
        result = result == VERB_OK ? cli_dns_key_make_one(key, algorithm, DNS_KEYFILE_ZSK, DNS_KEYFILE_ACTIVE) : result;
    } else if (result == VERB_OK) {
        result = cli_dns_key_make_one(key, algorithm, DNS_KEYFILE_CSK, DNS_KEYFILE_ACTIVE);
    }
    return result == VERB_OK ? cli_dns_key_call_save(key) : result;
}

int cli_dns_key_make_import(struct cli_dns_key_call *key)
{
    struct dns_key fresh;
    enum dns_keyfile_role role = DNS_KEYFILE_CSK;
    if (key->arguments->file == NULL) {
        return cli_dns_key_call_fail("--file: expected the file with the private key", VERB_USAGE);
    }
    if (!cli_dns_key_call_role(key, &role)) {
        return VERB_USAGE;
    }
    int result = cli_dns_key_call_state(key, true);
    if (result != VERB_OK) {
        return result;
    }
    if (dns_keydir_read(key->arguments->file, dns_keydir_flags(role), key->problem, &fresh) != ERR_OK) {
        return cli_dns_key_call_fail(key->problem, VERB_FAILED);
    }
    result = cli_dns_key_make_add(key, &fresh, role, DNS_KEYFILE_ACTIVE);
    dns_key_fini(&fresh);
    return result == VERB_OK ? cli_dns_key_call_save(key) : result;
}
