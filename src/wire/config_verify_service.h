/* SPDX-License-Identifier: Apache-2.0
 * What spans several keys of the TCP services of a configuration. Part of config_verify.h. */
#pragma once

#include "wire/config_verify.h"

void config_verify_service(const struct config_verify *verify);
