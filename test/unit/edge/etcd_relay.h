/* SPDX-License-Identifier: Apache-2.0
 * Between a store and one member of etcd: a relay on 127.9.0.9 that loses, cuts or delays what passes. */
#pragma once

enum etcd_relay_fault {
    ETCD_RELAY_PASS,
    ETCD_RELAY_DEAF,        /* until the next change: connections are accepted, nothing passes */
    ETCD_RELAY_SWALLOW_ONE, /* the next commit reaches etcd, its answer is lost */
    ETCD_RELAY_CUT_ONE,     /* the next commit reaches etcd, then its connection is cut */
    ETCD_RELAY_HOLD_ONE,    /* the next commit is held back until etcd_relay_release, also when its sender has gone */
};

/* "127.9.0.9:41234" */
const char *etcd_relay_start(const char *member);
void etcd_relay_set(enum etcd_relay_fault fault);

/* Sends on what is held, and waits until etcd has answered it. */
void etcd_relay_release(void);
void etcd_relay_stop(void);
