/* SPDX-License-Identifier: Apache-2.0
 * A log-in without a session: with what was learnt from one (proxy_learn.h).
 *
 * The server was opened by proxy_server_open(), and its start-up packet is in server->startup. Nothing is dropped here:
 * whoever asked for the log-in decides what becomes of the server. Belongs to the worker's thread. */
#pragma once

#include "proxy/proxy_session.h"

enum proxy_login {
    PROXY_LOGIN_COMING, /* go on with the next event */
    PROXY_LOGIN_DONE,   /* the server is ready for statements; what it reported is in `server` */
    PROXY_LOGIN_FAILED, /* the failure says why; drop the server */
};

struct proxy_login_failure {
    struct span why; /* for the log; may be the server's words: good as long as `server` is */
    bool refused;    /* this way to log in will be refused again */
};

/* Something has happened at the server's end. */
enum proxy_login proxy_login_step(struct proxy_session_context *context, struct proxy_server *server,
                                  struct proxy_learn *learn, struct proxy_login_failure *ret_failure);
