/* SPDX-License-Identifier: Apache-2.0
 * Sums over the workers. */
#include "proxy/proxy_sum.h"

void proxy_sum_metrics(struct proxy *proxy, struct proxy_metrics_sum *ret_sum)
{
    *ret_sum = (struct proxy_metrics_sum){.values = {0}};
    pthread_mutex_lock(&proxy->announce_lock);
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        proxy_worker_metrics(proxy->workers[i], ret_sum);
    }
    pthread_mutex_unlock(&proxy->announce_lock);
}

void proxy_sum_stat(struct proxy *proxy, struct proxy_stat_sum *ret_sum)
{
    *ret_sum = (struct proxy_stat_sum){.values = {{0}}};
    pthread_mutex_lock(&proxy->announce_lock);
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        proxy_worker_stat(proxy->workers[i], ret_sum);
    }
    pthread_mutex_unlock(&proxy->announce_lock);
}
