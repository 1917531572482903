/* SPDX-License-Identifier: Apache-2.0
 * Sums over the workers. Any thread. */
#pragma once

#include "proxy/proxy_state.h"

/* What is counted. */
void proxy_sum_metrics(struct proxy *proxy, struct proxy_metrics_sum *ret_sum);

/* What entries have done. */
void proxy_sum_stat(struct proxy *proxy, struct proxy_stat_sum *ret_sum);
