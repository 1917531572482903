/* SPDX-License-Identifier: Apache-2.0
 * A key pair that signs a zone (RFC 4034, 6605, 8080): ECDSA P-256 with SHA-256, and Ed25519.
 *
 * Read from PEM (PKCS#8, as `openssl genpkey` writes it) or from BIND's Private-key-format. Text with a private key is
 * wiped by who holds it; nothing here logs or prints one. Signing takes any thread, and allocates inside OpenSSL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/dns_name.h"

enum {
    DNS_KEY_DATA = 4 + 64,  /* record data of DNSKEY */
    DNS_KEY_SIGNATURE = 64, /* of both algorithms */
    DNS_KEY_DIGEST = 32,    /* SHA-256, in DS */
    DNS_KEY_DS = 4 + DNS_KEY_DIGEST,
    DNS_KEY_TEXT = 4096, /* of a file with a private key */
};

enum dns_key_algorithm { DNS_KEY_ECDSAP256SHA256 = 13, DNS_KEY_ED25519 = 15 };

/* Flags of DNSKEY. */
enum { DNS_KEY_ZONE = 0x0100, DNS_KEY_ENTRY = 0x0001 };

struct evp_pkey_st;

struct dns_key {
    struct evp_pkey_st *pair;
    enum dns_key_algorithm algorithm;
    uint16_t tag;
    uint8_t data_size;
    uint8_t data[DNS_KEY_DATA + 1]; /* flags, protocol 3, algorithm, public key */
};

/* The private key in `text` with the flags that its DNSKEY gets. ERR_INVALID: neither of the two formats, encrypted, or
 * damaged; ERR_UNSUPPORTED: another algorithm. */
enum err dns_key_read(struct span text, uint16_t flags, struct dns_key *ret_key) ERR_CHECK;

/* A new one. ERR_INTERNAL: OpenSSL cannot. */
enum err dns_key_generate(enum dns_key_algorithm algorithm, uint16_t flags, struct dns_key *ret_key) ERR_CHECK;

/* Appends the private key as PEM; the caller wipes the buffer. */
enum err dns_key_write(const struct dns_key *key, struct buf *buf) ERR_CHECK;

void dns_key_fini(struct dns_key *key);

/* RFC 4034, appendix B, for the record data of a DNSKEY. */
uint16_t dns_key_tag(struct span data);

/* The record data of DS, and of CDS, with digest type 2 (RFC 4509). */
void dns_key_ds(const struct dns_key *key, const struct dns_name *owner, uint8_t ret_data[DNS_KEY_DS]);

/* ERR_INTERNAL: OpenSSL cannot. */
enum err dns_key_sign(const struct dns_key *key, struct span bytes, uint8_t ret_signature[DNS_KEY_SIGNATURE]) ERR_CHECK;

/* "ECDSAP256SHA256", "ED25519". */
const char *dns_key_algorithm_name(enum dns_key_algorithm algorithm);
