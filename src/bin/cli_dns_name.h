/* SPDX-License-Identifier: Apache-2.0
 * Which domain name an operator means on the command line. */
#pragma once

#include "wire/config.h"
#include "wire/dns_name.h"

/* A name that lies in a zone of the configuration stands for itself, any other lies below dns.zone; with a dot at its
 * end, or without a configuration, it is taken as it stands. ERR_INVALID: not a domain name. */
enum err cli_dns_name_parse(const struct config *config, const char *text, struct dns_name *ret_name) ERR_CHECK;
