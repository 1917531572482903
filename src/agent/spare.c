/* SPDX-License-Identifier: Apache-2.0
 * One session with the local server that is kept open. */
#include "agent/spare.h"

#include <poll.h>
#include <string.h>

#include <libpq-fe.h>

#include "agent/node.h"
#include "edge/clock.h"

enum { SPARE_OPEN_MS = 1000 };

/* An idle session has nothing to say but its end. */
static bool spare_good(const struct pgquery *query)
{
    if (query->connection == NULL || PQstatus(query->connection) != CONNECTION_OK ||
        PQtransactionStatus(query->connection) != PQTRANS_IDLE ||
        strcmp(PQdb(query->connection), query->options->dbname) != 0) {
        return false;
    }
    struct pollfd waited = {.fd = PQsocket(query->connection), .events = POLLIN};
    return poll(&waited, 1, 0) == 0;
}

void spare_take(struct node *node, struct pgquery *ret_query)
{
    pgquery_init(ret_query, node->options);
    node_lock(node);
    if (!node->spare.lent) {
        ret_query->spare = true;
        ret_query->connection = node->spare.connection;
        node->spare.connection = NULL;
        node->spare.lent = true;
    }
    node_unlock(node);
    if (ret_query->connection != NULL && !spare_good(ret_query)) {
        pgquery_close(ret_query);
    }
}

void spare_give(struct node *node, struct pgquery *query)
{
    const bool good = spare_good(query);
    node_lock(node);
    node->spare.lent = node->spare.lent && !query->spare;
    if (good && node->spare.connection == NULL && node->state == NODE_RUNNING) {
        node->spare.connection = query->connection;
        query->connection = NULL;
    }
    node_unlock(node);
    query->spare = false;
    pgquery_close(query);
}

void spare_drop(struct node *node)
{
    struct pgquery query;
    spare_take(node, &query);
    pgquery_close(&query);
    spare_give(node, &query);
}

void spare_keep(struct node *node)
{
    struct pgquery query;
    spare_take(node, &query);
    node_lock(node);
    const bool wanted = query.spare && node->state == NODE_RUNNING;
    node_unlock(node);
    if (wanted && query.connection == NULL &&
        pgquery_open(&query, time_add_ms(clock_mono(), SPARE_OPEN_MS)) != ERR_OK) {
        query.connection = NULL; /* told by whoever looks at the server */
    }
    spare_give(node, &query);
}
