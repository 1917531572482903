/* SPDX-License-Identifier: Apache-2.0
 * The section store: what its keys need of each other. */
#pragma once

#include "wire/config_verify.h"

void config_verify_store(const struct config_verify *verify);
