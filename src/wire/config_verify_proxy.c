/* SPDX-License-Identifier: Apache-2.0
 * What spans several keys of `proxy`. */
#include "wire/config_verify_proxy.h"

static void config_verify_proxy_tls(const struct config_verify *verify)
{
    const struct config_proxy_tls *tls = &verify->config->proxy.tls;
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "proxy", "tls");
    if (tls->mode != CONFIG_PROXY_TLS_DISABLE && (tls->certificate == NULL || tls->key == NULL)) {
        config_problem_error(verify->problems, place.line, place.column,
                             "proxy.tls encrypts, but has no %s; expected certificate and key, two PEM files",
                             tls->certificate == NULL ? "certificate" : "key");
    }
}

void config_verify_proxy(const struct config_verify *verify)
{
    config_verify_proxy_tls(verify);
}
