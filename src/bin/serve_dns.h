/* SPDX-License-Identifier: Apache-2.0
 * The process role `dns`: from the configuration to a running DNS server (dns/dns_server.h).
 *
 * Signals: SIGHUP reads the zone files and the secret of the cookies again (a broken one changes nothing and is told in
 * the log), SIGUSR1 writes the counters to the log, SIGTERM and SIGINT end the process after its present batches. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "dns/dns_server.h"
#include "wire/config.h"

/* Texts that the options point to. */
struct serve_dns_paths {
    char view[4096];
    char file[4096];
    char figures[4096];
    char measured[4096];
};

struct sockaddr_storage serve_dns_address(const struct config_address *address);

/* The server's options for a site. ERR_NOT_FOUND: the configuration has no `dns` or the site does not listen.
 * ERR_INVALID: a name or number does not fit; `problem` (DNS_ZONE_PROBLEM bytes) says which. */
enum err serve_dns_options(const struct config *config, uint32_t site, struct serve_dns_paths *paths, char *problem,
                           struct dns_server_options *ret_options) ERR_CHECK;

/* Where a zone's keys are, as its configuration says. */
struct dns_keyring_want serve_dns_keyring(const struct config_dnssec *dnssec);

/* Serves until it is told to stop. The log is set up and no other thread runs yet; the caller did fork(2) and keeps
 * nothing open that this process should not have. Returns an enum verb_exit. */
int serve_dns_run(const struct config *config, uint32_t site);
