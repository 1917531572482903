/* SPDX-License-Identifier: Apache-2.0
 * Real etcd members for tests: on 127.9.0.x, in a temporary directory, gone when the test is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    ETCD_PEER_MEMBERS = 3,
};

struct etcd_peer_options {
    size_t members;           /* 1 to ETCD_PEER_MEMBERS */
    bool fsync;               /* as in production; without it tests are faster */
    bool tls;                 /* https with client certificates; the files are etcd_peer_file("ca.pem"), ... */
    const char *arguments[8]; /* further ones; ends at the first NULL */
};

/* Whether etcd is installed. */
bool etcd_peer_installed(void);

/* Starts all members, waits until the first one leads or follows. Ends the test program when it cannot. */
void etcd_peer_start(const struct etcd_peer_options *options);

/* Kills all members, removes everything. */
void etcd_peer_stop(void);

/* "127.9.0.1:41234" */
const char *etcd_peer_endpoint(size_t member);

void etcd_peer_signal(size_t member, int number);
/* SIGKILL, and waits for its end. */
void etcd_peer_kill(size_t member);
/* Starts a killed one again with its data. */
void etcd_peer_restart(size_t member);

/* Another value for options.arguments[index] when members are started again. */
void etcd_peer_change(size_t index, const char *argument);

/* Which member leads, as the first one that answers says; ETCD_PEER_MEMBERS: nobody does. */
size_t etcd_peer_leader(void);

/* POST to /v3/PATH of a member (plain HTTP only): whether the status was 200. */
bool etcd_peer_post(size_t member, const char *path, const char *body);

/* Runs a program without input and output until it ends; ends the test program when it fails. */
void etcd_peer_run(char *const arguments[]);

/* A path inside the temporary directory; the text is good until the next call. */
const char *etcd_peer_file(const char *name);
