/* SPDX-License-Identifier: Apache-2.0
 * Who may run beside whom. */
#include "edge/store_etcd_order.h"

#include <string.h>

static bool store_etcd_order_appends(const struct store_request *commit)
{
    for (size_t i = 0; i < commit->write_count; i++) {
        if (commit->writes[i].verb == STORE_APPEND) {
            return true;
        }
    }
    return false;
}

/* Whether a commit writes `key`, or with `prefix` something that begins with it. */
static bool store_etcd_order_writes(const struct store_request *commit, const char *key, bool prefix)
{
    const size_t size = strlen(key) + (prefix ? 0 : 1);
    for (size_t i = 0; i < commit->write_count; i++) {
        const struct store_write *write = &commit->writes[i];
        if (write->verb != STORE_APPEND && strncmp(write->key, key, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool store_etcd_order_writes_same(const struct store_request *commit, const struct store_request *other)
{
    for (size_t i = 0; i < other->write_count; i++) {
        if (other->writes[i].verb != STORE_APPEND && store_etcd_order_writes(commit, other->writes[i].key, false)) {
            return true;
        }
    }
    return false;
}

/* Whether `commit` and `other` must keep their order. */
static bool store_etcd_order_touches(const struct store_request *commit, const struct store_request *other)
{
    if (other->ask == STORE_TRIM) {
        return false; /* what is appended is newer */
    }
    if (other->ask == STORE_READ) {
        return store_etcd_order_appends(commit);
    }
    if (other->ask == STORE_COMMIT) {
        return (store_etcd_order_appends(commit) && store_etcd_order_appends(other)) ||
               store_etcd_order_writes_same(commit, other);
    }
    return store_etcd_order_writes(commit, other->key, other->ask != STORE_GET);
}

bool store_etcd_order_matters(const struct store_request *earlier, const struct store_request *later)
{
    return (earlier->ask == STORE_COMMIT && store_etcd_order_touches(earlier, later)) ||
           (later->ask == STORE_COMMIT && store_etcd_order_touches(later, earlier));
}
