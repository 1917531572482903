/* SPDX-License-Identifier: Apache-2.0
 * What the parts of lab-client share: its settings, and the journal. One thread. */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    CLIENT_HOMES = 4,
    CLIENT_SERVERS = 8,        /* DNS servers */
    CLIENT_PER_HOME = 150,     /* virtual clients; each has a /24 network of its own */
    CLIENT_SQL_PER_HOME = 16,  /* SQL connections */
    CLIENT_DEADLINE_MS = 1000, /* of one attempt, everything included */
    CLIENT_FDS = CLIENT_HOMES * (CLIENT_PER_HOME + CLIENT_SQL_PER_HOME),
};

struct client_home {
    char name[32];
    char prefix[16]; /* "127.1": its clients are 127.1.100.7, 127.1.101.7, ... */
    unsigned clients;
    unsigned sql_connections;
    char proxy_host[32];
    char proxy_port[8];
};

struct client_config {
    const char *name; /* what the HTTP clients look up */
    unsigned port;
    const char *run; /* makes the keys of this run unique */
    unsigned http_rate;
    unsigned sql_rate;
    const char *dbname;
    const char *user;
    size_t homes;
    struct client_home home[CLIENT_HOMES];
    size_t servers;
    struct sockaddr_in server[CLIENT_SERVERS];
    FILE *journal;
};
