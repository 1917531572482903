/* SPDX-License-Identifier: Apache-2.0
 * One call of `holdfast dns key`: what stands on the command line, the zone that it is about, and its keys.
 *
 * Functions that return an int return an enum verb_exit, after a message on the standard error when it is not VERB_OK.
 */
#pragma once

#include <stdbool.h>

#include "bin/cli_text.h"
#include "dns/dns_keydir.h"
#include "dns/dns_roll.h"
#include "wire/config.h"
#include "wire/dns_name.h"

/* What stands on the command line. */
struct cli_dns_key_call_arguments {
    const char *verb;
    const char *zone;
    const char *config;
    const char *algorithm;
    const char *role;
    const char *file;
    const char *tag;
    const char *resolver;
    bool split;
    bool ds_seen;
    bool force;
};

/* One call: the zone that it is about, and its keys. */
struct cli_dns_key_call {
    const struct cli_dns_key_call_arguments *arguments;
    const struct config_dns *dns;
    const struct config_dnssec *dnssec;
    const char *zone_file;
    struct dns_name origin;
    struct dns_keyfile file;
    struct dns_roll_times times;
    char problem[DNS_KEYDIR_PROBLEM];
};

/* Says the sentence; returns `result`. */
int cli_dns_key_call_fail(const char *problem, int result);

/* The zone in the configuration. */
int cli_dns_key_call_find(const struct config *config, struct cli_dns_key_call *key);

/* Reads the state file; before the `first` key there may be none. */
int cli_dns_key_call_state(struct cli_dns_key_call *key, bool first);

/* How long each step waits. Reads the zone and its keys as the servers do, so that their faults are told here, too. */
int cli_dns_key_call_times(struct cli_dns_key_call *key);

/* A time of the state file, in UTC. */
const char *cli_dns_key_call_when(uint64_t when_s, char text[CLI_TEXT_SPAN]);

/* Whether a step may be done now, or --force stands there. False after a message. */
bool cli_dns_key_call_due(const struct cli_dns_key_call *key, uint64_t due_s);

/* Writes the state file. */
int cli_dns_key_call_save(struct cli_dns_key_call *key);

/* The role on the command line. False after a message. */
bool cli_dns_key_call_role(const struct cli_dns_key_call *key, enum dns_keyfile_role *ret_role);
