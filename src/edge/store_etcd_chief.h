/* SPDX-License-Identifier: Apache-2.0
 * Where etcd's own leader stands: every write goes through it, so the loss of its machine stops the store for an
 * election.
 *
 * Who leads the controllers says which members it should be one of (store_prefer); then the lead is handed over,
 * without an election, once a wanted member follows. Nobody's failure is an error: etcd leads where it leads, and it is
 * tried again. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/store_etcd_line.h"

/* What a member says of itself. */
struct store_etcd_chief_member {
    char id[STORE_ETCD_ANSWER_ID];     /* "": it did not answer */
    char leader[STORE_ETCD_ANSWER_ID]; /* whom it follows; "": nobody */
};

struct store_etcd_chief {
    struct store_etcd_line *line;
    bool complained;
};

/* Who leads now and who should take over. False: nothing is to be done: a wanted one leads already, nobody says that it
 * leads, or no wanted one follows the leader. `wanted` has a bit for each member. */
bool store_etcd_chief_choose(const struct store_etcd_chief_member *members, size_t count, uint32_t wanted,
                             size_t *ret_from, size_t *ret_to);

/* Asks all members and hands the lead over if need be. `wanted` 0: does nothing. */
void store_etcd_chief_run(struct store_etcd_chief *chief, uint32_t wanted);
