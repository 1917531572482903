/* SPDX-License-Identifier: Apache-2.0
 * The directory with a zone's private keys and their state file (wire/dns_keyfile.h).
 *
 * Private keys are read only when nobody but their owner can: regular files, mode 0600 or less, owned by who reads or
 * by root. Problems are sentences that begin with the file's name; they never hold a part of its content. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "wire/dns_key.h"
#include "wire/dns_keyfile.h"

#define DNS_KEYDIR_STATE "state"

enum { DNS_KEYDIR_PROBLEM = 512, DNS_KEYDIR_PATH = 4096 };

/* The state file. ERR_NOT_FOUND: the directory, or the file in it, does not exist; ERR_PERMISSION: others can write to
 * one of them; ERR_INVALID, ERR_TOO_LARGE. */
enum err dns_keydir_state(const char *directory, char *problem, struct dns_keyfile *ret_file) ERR_CHECK;

/* The key of a row. ERR_CONFLICT: it is another one than the row says; ERR_PERMISSION: others can read it; what
 * dns_key_read and the system say. */
enum err dns_keydir_key(const char *directory, const struct dns_keyfile_row *row, char *problem,
                        struct dns_key *ret_key) ERR_CHECK;

/* A private key from any file, under the same conditions. */
enum err dns_keydir_read(const char *path, uint16_t flags, char *problem, struct dns_key *ret_key) ERR_CHECK;

/* Writes a new private key; ERR_EXISTS when there is such a file. Root gives it to the directory's owner. */
enum err dns_keydir_write_key(const char *directory, const char *file, const struct dns_key *key,
                              char *problem) ERR_CHECK;

/* Replaces the state file, whole or not at all. */
enum err dns_keydir_write_state(const char *directory, const struct dns_keyfile *file, char *problem) ERR_CHECK;

/* The flags of a role's DNSKEY. */
uint16_t dns_keydir_flags(enum dns_keyfile_role role);
