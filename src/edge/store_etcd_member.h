/* SPDX-License-Identifier: Apache-2.0
 * The members of the etcd cluster as this process sees them: who answers, who answers fastest, and the token they want.
 *
 * Shared by the store's threads; every function may be called from any of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "edge/store_etcd.h"

enum {
    STORE_ETCD_MEMBER_TOKEN = 4096,
    STORE_ETCD_MEMBER_CHECK = 512,
    STORE_ETCD_MEMBER_ADVICE = 512,
};

struct store_etcd_members;

/* Copies the configuration; ERR_INVALID: not literal addresses, or names that are too long. */
ERR_CHECK enum err store_etcd_member_new(const struct store_etcd_config *config,
                                         struct store_etcd_members **ret_members);
void store_etcd_member_free(struct store_etcd_members *members);

/* The copy; constant. */
const struct store_etcd_config *store_etcd_member_config(const struct store_etcd_members *members);

/* The request of a check: a linearizable read of one small key. Constant. */
const char *store_etcd_member_check_body(const struct store_etcd_members *members);

/* Who is to be asked now. When nobody is known to answer, each in turn; then `ret_up` is false. */
size_t store_etcd_member_choose(struct store_etcd_members *members, bool *ret_up);

/* What was seen of a member. A change is logged. */
void store_etcd_member_mark(struct store_etcd_members *members, size_t member, bool up, const char *why);
bool store_etcd_member_is_up(struct store_etcd_members *members, size_t member);

/* How long its check took: who is much faster than the chosen one takes its place. */
void store_etcd_member_measure(struct store_etcd_members *members, size_t member, int64_t us);

/* The token: `ret_version` names it. Empty: there is none yet. */
void store_etcd_member_token(struct store_etcd_members *members, char token[STORE_ETCD_MEMBER_TOKEN],
                             uint64_t *ret_version);
/* NULL: it is no longer good, unless a newer one than `version` has come already. */
void store_etcd_member_set_token(struct store_etcd_members *members, uint64_t version, const char *token);

/* What to do about it. A member that refuses our certificate does not say why, so the dates of our own files come
 * first. The answer is constant text or `text`. */
const char *store_etcd_member_advice(const struct store_etcd_config *config, enum err err,
                                     char text[static STORE_ETCD_MEMBER_ADVICE]);
