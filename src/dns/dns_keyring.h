/* SPDX-License-Identifier: Apache-2.0
 * The keys of one signed zone: which of them are told, and which sign what.
 *
 * state      in DNSKEY  signs                                     in CDS and CDNSKEY
 * published  yes        ksk, csk: the keys                        ksk, csk
 * active     yes        ksk: the keys; zsk: the rest; csk: both   ksk, csk
 * retired    yes        ksk, csk: the keys                        no
 * ahead      no         zsk, csk: the rest                        no
 * behind     no         zsk, csk: the rest                        no
 *
 * "The keys" are the sets DNSKEY, CDS and CDNSKEY of the apex (RFC 7344, 4.1). Each set needs a signature of each
 * algorithm that DNSKEY has (RFC 4035, 2.2), so while an algorithm takes the place of another
 * (dns/dns_roll_algorithm.h) there are two of them, and a retired key that is the last of its algorithm to sign the
 * rest goes on with that. Made once, then only read, by all workers at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/dns_key.h"
#include "wire/dns_keyfile.h"

/* What is asked of the parent (RFC 7344, 8078). */
enum dns_keyring_parent {
    DNS_KEYRING_PUBLISH, /* take these DS */
    DNS_KEYRING_DELETE,  /* take all DS away: the zone is to become unsigned */
    DNS_KEYRING_SILENT,
};

struct dns_keyring_want {
    const char *directory; /* NULL: the zone is unsigned */
    uint32_t ttl_s;        /* of DNSKEY, CDS, CDNSKEY */
    enum dns_keyring_parent parent;
};

struct dns_keyring_key {
    struct dns_key key;
    enum dns_keyfile_role role;
    enum dns_keyfile_state state;
    bool alone;     /* no active key signs the records by its algorithm */
    uint64_t print; /* tells keys apart */
};

struct dns_keyring {
    uint32_t ttl_s;
    enum dns_keyring_parent parent;
    uint32_t changes; /* how often the keys were changed */
    uint32_t count;
    struct dns_keyring_key keys[DNS_KEYFILE_ROWS];
};

/* Reads the directory. On an error `problem` (DNS_KEYDIR_PROBLEM bytes) is a sentence. ERR_INVALID: these keys would
 * not make a zone that validates. */
enum err dns_keyring_load(const struct dns_keyring_want *want, char *problem,
                          struct dns_keyring **ret_keyring) ERR_CHECK;

/* Takes the key over; ERR_TOO_LARGE: there are too many. */
enum err dns_keyring_add(struct dns_keyring *keyring, const struct dns_key *key, enum dns_keyfile_role role,
                         enum dns_keyfile_state state) ERR_CHECK;

/* NULL is fine. */
void dns_keyring_free(struct dns_keyring *keyring);

/* Whether the key signs sets of that type, at the apex or elsewhere. */
bool dns_keyring_signs(const struct dns_keyring_key *key, uint16_t type, bool apex);

/* Whether it is in DNSKEY. */
bool dns_keyring_told(const struct dns_keyring_key *key);

/* Whether its DS should be in the parent. */
bool dns_keyring_announced(const struct dns_keyring_key *key);
