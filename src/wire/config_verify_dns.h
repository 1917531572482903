/* SPDX-License-Identifier: Apache-2.0
 * The policies of DNS: one kind each, names that exist, no cycles, not too deep. */
#pragma once

#include "wire/config_verify.h"

void config_verify_dns(const struct config_verify *verify);
