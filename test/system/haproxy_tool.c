/* SPDX-License-Identifier: Apache-2.0
 * For system tests: the traffic mover's calls on a HAProxy, one per run.
 *
 *   haproxy-tool ADDRESS show BACKEND | backend BACKEND PERCENT | weight BACKEND SERVER PERCENT | state BACKEND SERVER
 * STATE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/haproxy.h"

static enum err haproxy_tool_show(struct haproxy_target *target, const char *backend)
{
    struct haproxy_stat stat;
    const enum err err = haproxy_show(target, backend, &stat);
    for (uint32_t i = 0; err == ERR_OK && i < stat.servers_count; i++) {
        printf("%s %u\n", stat.servers[i].name, stat.servers[i].weight);
    }
    return err;
}

static enum err haproxy_tool_run(struct haproxy_target *target, int count, char **words)
{
    if (count == 2 && strcmp(words[0], "show") == 0) {
        return haproxy_tool_show(target, words[1]);
    }
    if (count == 3 && strcmp(words[0], "backend") == 0) {
        return haproxy_set_backend(target, words[1], (uint32_t)strtoul(words[2], NULL, 10));
    }
    if (count == 4 && strcmp(words[0], "weight") == 0) {
        const struct haproxy_weight weight = {words[2], (uint32_t)strtoul(words[3], NULL, 10)};
        return haproxy_set_weights(target, words[1], &weight, 1);
    }
    if (count == 4 && strcmp(words[0], "state") == 0) {
        const enum haproxy_state state = strcmp(words[3], "drain") == 0 ? HAPROXY_DRAIN : HAPROXY_READY;
        return haproxy_set_state(target, words[1], words[2], state);
    }
    snprintf(target->message, sizeof target->message, "what is %s?", words[0]);
    return ERR_INVALID;
}

int main(int count, char **arguments)
{
    if (count < 3) {
        return 2;
    }
    struct haproxy_target target = {.address = arguments[1], .timeout_ms = 5000};
    const enum err err = haproxy_tool_run(&target, count - 2, arguments + 2);
    if (err != ERR_OK) {
        printf("%s %s\n", err_name(err), target.message);
    }
    return err == ERR_OK ? 0 : 1;
}
