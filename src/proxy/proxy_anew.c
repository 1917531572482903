/* SPDX-License-Identifier: Apache-2.0
 * What is read again while the proxy runs: certificates, auth file, rules. */
#include "proxy/proxy_anew.h"

#include "edge/log.h"

static void proxy_anew_one(struct proxy_tls_context *tls, const char *which)
{
    char message[PROXY_TLS_MESSAGE];
    if (tls == NULL) {
        return;
    }
    const enum err err = proxy_tls_context_reload(tls, message);
    if (err == ERR_OK) {
        LOG_N("%s: the certificates were read again", which);
    } else {
        LOG_E("%s: %s; the proxy goes on with what it has read before", which,
              message[0] != '\0' ? message : err_text(err));
    }
}

static void proxy_anew_told(enum err err, const char *which, const char *message)
{
    if (err == ERR_OK) {
        LOG_N("%s: it was read again", which);
    } else {
        LOG_E("%s: %s; the proxy goes on with what it has read before", which,
              message[0] != '\0' ? message : err_text(err));
    }
}

static void proxy_anew_rolls(const struct proxy_worker_shared *shared)
{
    char message[PROXY_RULES_MESSAGE];
    if (shared->roster != NULL) {
        proxy_anew_told(proxy_roster_reload(shared->roster, message), "proxy.auth_file", message);
    }
    if (shared->rules != NULL) {
        proxy_anew_told(proxy_rules_reload(shared->rules, message), "proxy.hba_file", message);
    }
}

void proxy_anew_files(struct proxy *proxy)
{
    proxy_anew_one(proxy->shared.tls, "proxy.tls");
    proxy_anew_one(proxy->shared.server_tls, "proxy.server_tls");
    proxy_anew_rolls(&proxy->shared);
}
