/* SPDX-License-Identifier: Apache-2.0
 * The domain names of DNS: each zone and each dynamic name is there once, however it is written. */
#pragma once

#include "wire/config_verify.h"

void config_verify_domain(const struct config_verify *verify);
