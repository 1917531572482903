/* SPDX-License-Identifier: Apache-2.0
 * Which requests must keep the order of their submission: those that meet in a record or in the journal, one of them
 * writing.
 *
 * Pure functions, any thread. */
#pragma once

#include <stdbool.h>

#include "edge/store.h"

bool store_etcd_order_matters(const struct store_request *earlier, const struct store_request *later);
