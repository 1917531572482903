/* SPDX-License-Identifier: Apache-2.0
 * The rules of `proxy.hba_file`: which clients may log in at the proxy, and how.
 *
 * Read at the start and on SIGHUP (wire/pg_hba.h). Shared by all workers, any thread. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "wire/pg_hba.h"

enum {
    PROXY_RULES_LIMIT = 10 * 1000,
    PROXY_RULES_PATH = 512,
    PROXY_RULES_MESSAGE = 320, /* one line for people */
};

struct proxy_rules;

/* What the first rule that matches says. */
struct proxy_rules_verdict {
    uint32_t line;
    enum pg_hba_method method;
    enum pg_hba_clientcert clientcert;
};

/* `message` says file, line, and what is wrong. */
ERR_CHECK enum err proxy_rules_new(const char *path, char message[PROXY_RULES_MESSAGE], struct proxy_rules **ret_rules);
void proxy_rules_free(struct proxy_rules *rules); /* NULL is fine */

/* When something is wrong with the file the old rules stay. */
ERR_CHECK enum err proxy_rules_reload(struct proxy_rules *rules, char message[PROXY_RULES_MESSAGE]);

/* ERR_NOT_FOUND: no rule matches, so the client is refused. */
ERR_CHECK enum err proxy_rules_judge(struct proxy_rules *rules, const struct pg_hba_client *client,
                                     struct proxy_rules_verdict *ret_verdict);
