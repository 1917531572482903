/* SPDX-License-Identifier: Apache-2.0
 * What a shop needs, looked at all the time: its region's database, Redis and Kafka.
 *
 * One thread per component asks each 100 ms with a deadline of 300 ms and keeps the last answer; an answer older than
 * 500 ms counts as DOWN, so a stuck probe cannot go on saying UP. "database" is UP when a node of the shop's own region
 * answers, or else the writer through the proxy. Were it the writer alone (which all regions share), the loss of one
 * region would make every region unready, and nowhere would be left to go; were it the local node alone, its rejoining
 * as a standby would take a region out of service that can serve. */
#pragma once

#include <stdbool.h>

struct shop_probe_config {
    const char *database;      /* conninfo of the region's nodes */
    const char *writer;        /* conninfo of the writer, through the proxy */
    const char *redis_address; /* literal */
    int redis_port;
    const char *kafka; /* ADDRESS:PORT, or NULL: no such component */
    const char *topic;
    const char *node; /* names the key that is written to Redis */
};

enum {
    SHOP_PROBE_ERROR = 120,
    SHOP_PROBE_COUNT = 3,
};

struct shop_probe_status {
    const char *name; /* "database", "redis", "kafka" */
    bool used;
    bool up;
    double latency_ms;
    char error[SHOP_PROBE_ERROR]; /* empty when up */
};

/* Starts the threads; they end with the process. `config` is borrowed for ever. */
void shop_probe_start(const struct shop_probe_config *config);

/* Any thread. Gives whether every component in use is up. */
bool shop_probe_read(struct shop_probe_status ret_status[SHOP_PROBE_COUNT]);
