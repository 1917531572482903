/* SPDX-License-Identifier: Apache-2.0
 * What spans several keys of `proxy`: encryption and who asks for passwords. */
#pragma once

#include "wire/config_verify.h"

void config_verify_proxy(const struct config_verify *verify);
