/* SPDX-License-Identifier: Apache-2.0
 * The errors of etcd, one table. */
#include "edge/store_etcd_meaning.h"

#include <stddef.h>
#include <string.h>

/* Codes of gRPC. */
enum {
    STORE_ETCD_MEANING_ARGUMENT = 3,
    STORE_ETCD_MEANING_PERMISSION = 7,
    STORE_ETCD_MEANING_EXHAUSTED = 8,
    STORE_ETCD_MEANING_PRECONDITION = 9,
    STORE_ETCD_MEANING_RANGE = 11,
    STORE_ETCD_MEANING_UNAVAILABLE = 14,
    STORE_ETCD_MEANING_UNAUTHENTICATED = 16,
};

struct store_etcd_meaning_row {
    int64_t code;
    const char *part; /* of the message; "": any */
    enum err err;
    bool again;
    bool elsewhere;
    bool token;
};

/* Only what etcd says before it proposes anything, or instead of applying it (api/v3rpc/rpctypes/error.go). What is
 * missing here is unknown: "request timed out", "leader changed", a server that stops. */
static const struct store_etcd_meaning_row store_etcd_meaning_rows[] = {
    {STORE_ETCD_MEANING_UNAVAILABLE, "no leader", ERR_UNAVAILABLE, true, true, false},
    {STORE_ETCD_MEANING_EXHAUSTED, "too many requests", ERR_UNAVAILABLE, true, false, false},
    {STORE_ETCD_MEANING_EXHAUSTED, "larger than max", ERR_TOO_LARGE, false, false, false},
    {STORE_ETCD_MEANING_ARGUMENT, "request is too large", ERR_TOO_LARGE, false, false, false},
    {STORE_ETCD_MEANING_ARGUMENT, "too many operations", ERR_TOO_LARGE, false, false, false},
    {STORE_ETCD_MEANING_ARGUMENT, "user name is empty", ERR_AUTH, true, false, true},
    {STORE_ETCD_MEANING_ARGUMENT, "revision of auth store is old", ERR_AUTH, true, false, true},
    {STORE_ETCD_MEANING_ARGUMENT, "authentication failed", ERR_AUTH, false, false, false},
    {STORE_ETCD_MEANING_UNAUTHENTICATED, "", ERR_AUTH, true, false, true},
    {STORE_ETCD_MEANING_PERMISSION, "", ERR_PERMISSION, false, false, false},
    {STORE_ETCD_MEANING_PRECONDITION, "authentication is not enabled", ERR_UNSUPPORTED, false, false, false},
    {STORE_ETCD_MEANING_RANGE, "compacted", ERR_STALE, false, false, false},
};

struct store_etcd_meaning store_etcd_meaning_of(int64_t code, const char *message)
{
    if (code == 0) {
        return (struct store_etcd_meaning){.outcome = STORE_ETCD_ANSWERED};
    }
    for (size_t i = 0; i < sizeof store_etcd_meaning_rows / sizeof store_etcd_meaning_rows[0]; i++) {
        const struct store_etcd_meaning_row *row = &store_etcd_meaning_rows[i];
        if (row->code == code && strstr(message, row->part) != NULL) {
            return (struct store_etcd_meaning){.outcome = STORE_ETCD_REFUSED,
                                               .err = row->err,
                                               .again = row->again,
                                               .elsewhere = row->elsewhere,
                                               .token = row->token};
        }
    }
    if (code == STORE_ETCD_MEANING_EXHAUSTED && strstr(message, "database space exceeded") != NULL) {
        /* etcd says so before it proposes anything, but also after it has applied the one transaction that raised the
         * alarm (quotaApplierV3.Txn in server/etcdserver/apply). */
        return (struct store_etcd_meaning){.outcome = STORE_ETCD_UNKNOWN, .err = ERR_DISK_FULL};
    }
    return (struct store_etcd_meaning){
        .outcome = STORE_ETCD_UNKNOWN, .err = ERR_UNAVAILABLE, .again = true, .elsewhere = true};
}

const char *store_etcd_meaning_advice(enum err err)
{
    switch ((unsigned)err) {
    case ERR_AUTH:
        return "set store.user and store.password as `etcdctl user list` and the user's role have them";
    case ERR_PERMISSION:
        return "grant the user of store.user readwrite on the prefix (etcdctl role grant-permission --prefix)";
    case ERR_DISK_FULL:
        return "nothing is lost: etcdctl compact, then etcdctl defrag on each member, then etcdctl alarm disarm; or "
               "raise --quota-backend-bytes";
    case ERR_CERTIFICATE:
    case ERR_TLS:
        return "look at store.tls: the CA must have signed the members' certificates, and they must be valid for "
               "their addresses or for tls.server_name; a member may also want tls.certificate and tls.key";
    case ERR_CLOSED:
    case ERR_PROTOCOL:
        return "that is not etcd's client address, or it speaks TLS and store.tls is missing, or the other way round";
    case ERR_UNSUPPORTED:
        return "the prefix is used by another program or a newer version of holdfast: choose another store.prefix";
    case ERR_TOO_LARGE:
        return "larger than etcd takes: look at its --max-request-bytes and --max-txn-ops";
    default:
        return "start the members, and check store.endpoints and the network between";
    }
}
