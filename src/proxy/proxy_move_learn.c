/* SPDX-License-Identifier: Apache-2.0
 * The way to the key with which a session can log in elsewhere: its role's verifier, asked of the vault. */
#include <string.h>

#include "proxy/proxy_ahead.h"
#include "proxy/proxy_move.h"

/* One try. True: there is nothing to wait for. */
static bool proxy_move_learn_once(struct proxy_session_context *context, struct proxy_session *session)
{
    struct proxy_keep *keep = session->keep;
    if (!proxy_learn_wants(&keep->learn) || context->vault == NULL) {
        return true;
    }
    const char *database = context->routes[session->route].database;
    const struct proxy_route_target *target =
        session->server != NULL ? &session->server->target : &context->targets[session->route];
    const struct span user = span_text(keep->user);
    char text[PG_SCRAM_VERIFIER];
    enum err err = proxy_vault_ask(context->vault, database, user, &target->address, PROXY_VAULT_FRESH_MS, text);
    if (err == ERR_OK) {
        err = proxy_learn_verifier(&keep->learn, span_text(text));
        explicit_bzero(text, sizeof text);
        if (err == ERR_AUTH) {
            /* The password was changed since the vault asked; once more, and then it was changed since the log-in. */
            proxy_vault_doubt(context->vault, database, user, 0);
            err = keep->doubted
                      ? ERR_AUTH
                      : proxy_vault_ask(context->vault, database, user, &target->address, PROXY_VAULT_FRESH_MS, text);
            keep->doubted = true;
        } else if (err == ERR_OK) {
            proxy_metrics_add(&context->metrics, PROXY_METRICS_KEYS, 1);
        }
    }
    return err != ERR_UNAVAILABLE;
}

void proxy_move_learn(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->keep == NULL) {
        return;
    }
    if (!proxy_move_learn_once(context, session)) {
        list_remove(&session->learning);
        list_append(&context->learning, &session->learning);
        return;
    }
    proxy_ahead_note(context, session);
}

void proxy_move_learn_all(struct proxy_session_context *context)
{
    for (struct list *link = context->learning.next, *next; link != &context->learning; link = next) {
        next = link->next;
        struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, learning);
        if (proxy_move_learn_once(context, session)) {
            list_remove(link);
            proxy_ahead_note(context, session);
            if (session->pool != NULL && session->state == PROXY_SESSION_ACTIVE) {
                /* It may rest from now on. */
                list_remove(&session->ready);
                list_append(&context->ready, &session->ready);
            }
        }
    }
}
