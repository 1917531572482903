/* SPDX-License-Identifier: Apache-2.0
 * What spans several keys inside the checks of a configuration. Part of config_verify.h. */
#pragma once

#include "wire/config_verify.h"

void config_verify_check(const struct config_verify *verify);
