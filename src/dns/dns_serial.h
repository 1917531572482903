/* SPDX-License-Identifier: Apache-2.0
 * Whether secondaries will notice that a zone has changed: they look at its serial and at nothing else (RFC 1996). */
#pragma once

#include "dns/dns_zone.h"

/* What to tell the operator when `fresh` takes the place of `old`: its records changed and its serial did not, or the
 * serial went back (RFC 1982). NULL: nothing. */
const char *dns_serial_problem(const struct dns_zone *old, const struct dns_zone *fresh);
