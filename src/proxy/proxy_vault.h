/* SPDX-License-Identifier: Apache-2.0
 * The verifiers of roles, asked of their own database as its superuser, for a short time in memory.
 *
 * A verifier (pg_authid.rolpassword) opens nothing by itself; with the log-in that the proxy has heard it gives the key
 * with which the session logs in again elsewhere (wire/pg_scram.h). One thread asks, one role after the other
 * (proxy/proxy_asker.h). At most PROXY_VAULT_ROLES are remembered, each
 * for PROXY_VAULT_FRESH_MS. Nothing of it is logged; what leaves the table is wiped. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "core/view.h"
#include "proxy/proxy_asker.h"
#include "wire/pg_scram.h"

enum {
    PROXY_VAULT_ROLES = 256,
    PROXY_VAULT_FRESH_MS = 60 * 1000,
    PROXY_VAULT_RETRY_MS = 1000, /* after a failure */
    PROXY_VAULT_ASK_MS = 3000,   /* one question, its log-in included */
};

struct proxy_vault;

/* `accounts` outlive the vault. `answered` is called by its thread. ERR_NO_MEMORY and the errors of pthread_create. */
ERR_CHECK enum err proxy_vault_start(const struct proxy_asker_account *accounts, uint32_t count,
                                     void (*answered)(void *caller), void *caller, struct proxy_vault **ret_vault);
void proxy_vault_stop(struct proxy_vault *vault);

/* The verifier of `role` in the cluster `database`; `server` is where to ask; `fresh_ms` is how old the answer may be,
 * at most PROXY_VAULT_FRESH_MS. ERR_UNAVAILABLE: not known yet, `answered` will be called. ERR_NOT_FOUND: there is
 * none, or nobody may ask: the role has no password or none that is valid now, the cluster no account. ERR_UNREACHABLE:
 * the question has failed just now, ask again. ERR_QUEUE_FULL: too many roles wait. ERR_TOO_LARGE: the role's name. Any
 * thread. The caller wipes the text. */
ERR_CHECK enum err proxy_vault_ask(struct proxy_vault *vault, const char *database, struct span role,
                                   const struct view_address *server, int64_t fresh_ms,
                                   char ret_text[PG_SCRAM_VERIFIER]);

/* The verifier did not fit a proof that a server has accepted: it has changed meanwhile, the next question is asked
 * anew. Likewise for one that a client has failed with, if the answer is older than `older_ms`. */
void proxy_vault_doubt(struct proxy_vault *vault, const char *database, struct span role, int64_t older_ms);
