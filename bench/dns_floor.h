/* SPDX-License-Identifier: Apache-2.0
 * The floor that DNS servers are measured against: what the kernel alone costs. */
#pragma once

#include <netinet/in.h>

/* Sends each packet back with one bit set, by recvmmsg and sendmmsg in batches of 32. Returns only when it cannot bind,
 * errno says why. */
void dns_floor_run(const struct sockaddr_in *address);
