/* SPDX-License-Identifier: Apache-2.0
 * Who of the etcd cluster answers. */
#include "edge/store_etcd_member.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/address.h"
#include "edge/certificate.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/store_etcd_meaning.h"
#include "edge/store_etcd_name.h"
#include "edge/store_etcd_text.h"

enum {
    STORE_ETCD_MEMBER_MEMORY = 64 * 1024,
    STORE_ETCD_MEMBER_FASTER = 2,       /* times, and */
    STORE_ETCD_MEMBER_FASTER_US = 3000, /* by so much: then another member is preferred */
    STORE_ETCD_MEMBER_SMOOTH = 4,
};

struct store_etcd_member {
    bool known; /* something was seen of it */
    bool up;
    int64_t latency_us; /* smoothed; 0: not measured */
};

struct store_etcd_members {
    struct arena memory; /* of `config` */
    struct store_etcd_config config;
    char check[STORE_ETCD_MEMBER_CHECK];
    pthread_mutex_t mutex; /* guards what follows */
    struct store_etcd_member members[STORE_ETCD_MEMBERS];
    size_t preferred;
    size_t turn;
    char token[STORE_ETCD_MEMBER_TOKEN];
    uint64_t token_version;
};

static bool store_etcd_member_copy(struct arena *arena, const char **text)
{
    if (*text != NULL) {
        *text = arena_text(arena, *text);
        return *text != NULL;
    }
    return true;
}

static bool store_etcd_member_copy_config(struct store_etcd_members *members, const struct store_etcd_config *config)
{
    struct arena *arena = &members->memory;
    struct store_etcd_config *copy = &members->config;
    *copy = *config;
    bool copied = true;
    for (size_t i = 0; i < copy->endpoint_count; i++) {
        copied = copied && store_etcd_member_copy(arena, &copy->endpoints[i]);
    }
    return copied && store_etcd_member_copy(arena, &copy->prefix) && store_etcd_member_copy(arena, &copy->owner) &&
           store_etcd_member_copy(arena, &copy->ca) && store_etcd_member_copy(arena, &copy->certificate) &&
           store_etcd_member_copy(arena, &copy->key) && store_etcd_member_copy(arena, &copy->server_name) &&
           store_etcd_member_copy(arena, &copy->user) && store_etcd_member_copy(arena, &copy->password.file) &&
           store_etcd_member_copy(arena, &copy->password.env);
}

static enum err store_etcd_member_verify(const struct store_etcd_config *config)
{
    const size_t prefix = strlen(config->prefix);
    if (config->endpoint_count == 0 || config->endpoint_count > STORE_ETCD_MEMBERS || config->timeout_ms == 0 ||
        prefix == 0 || prefix >= STORE_ETCD_NAME_PREFIX || config->prefix[prefix - 1] != '/' ||
        config->owner[0] == '\0' || strlen(config->owner) >= STORE_ETCD_NAME_OWNER) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < config->endpoint_count; i++) {
        struct address address;
        if (address_parse(config->endpoints[i], &address) != ERR_OK || address_port(&address) == 0) {
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

enum err store_etcd_member_new(const struct store_etcd_config *config, struct store_etcd_members **ret_members)
{
    const enum err err = store_etcd_member_verify(config);
    if (err != ERR_OK) {
        return err;
    }
    struct store_etcd_members *members = calloc(1, sizeof *members);
    if (members == NULL) {
        return ERR_NO_MEMORY;
    }
    arena_init(&members->memory, STORE_ETCD_MEMBER_MEMORY);
    if (!store_etcd_member_copy_config(members, config)) {
        arena_fini(&members->memory);
        free(members);
        return ERR_NO_MEMORY;
    }
    pthread_mutex_init(&members->mutex, NULL);
    struct buf buf;
    buf_init(&buf, members->check, sizeof members->check);
    const struct store_etcd_name name = store_etcd_name_meta(config->prefix, "format");
    store_etcd_text_range(&buf, &(struct store_etcd_text_range){.first = &name});
    ASSERT(!buf.overflow);
    *ret_members = members;
    return ERR_OK;
}

void store_etcd_member_free(struct store_etcd_members *members)
{
    if (members != NULL) {
        pthread_mutex_destroy(&members->mutex);
        explicit_bzero(members->token, sizeof members->token);
        arena_fini(&members->memory);
        free(members);
    }
}

const struct store_etcd_config *store_etcd_member_config(const struct store_etcd_members *members)
{
    return &members->config;
}

const char *store_etcd_member_check_body(const struct store_etcd_members *members)
{
    return members->check;
}

size_t store_etcd_member_choose(struct store_etcd_members *members, bool *ret_up)
{
    const size_t count = members->config.endpoint_count;
    pthread_mutex_lock(&members->mutex);
    size_t chosen = members->preferred;
    for (size_t i = 0; i < count && !members->members[chosen].up; i++) {
        chosen = (chosen + 1) % count;
    }
    *ret_up = members->members[chosen].up;
    if (*ret_up) {
        members->preferred = chosen;
    } else {
        chosen = members->turn++ % count;
    }
    pthread_mutex_unlock(&members->mutex);
    return chosen;
}

void store_etcd_member_mark(struct store_etcd_members *members, size_t member, bool up, const char *why)
{
    ASSERT(member < members->config.endpoint_count);
    pthread_mutex_lock(&members->mutex);
    struct store_etcd_member *seen = &members->members[member];
    const bool changed = !seen->known || seen->up != up;
    seen->known = true;
    seen->up = up;
    pthread_mutex_unlock(&members->mutex);
    if (changed && up) {
        LOG_N("store: etcd member %s answers", members->config.endpoints[member]);
    } else if (changed) {
        LOG_W("store: etcd member %s is not asked until it answers again: %s", members->config.endpoints[member], why);
    }
}

bool store_etcd_member_is_up(struct store_etcd_members *members, size_t member)
{
    pthread_mutex_lock(&members->mutex);
    const bool up = members->members[member].up;
    pthread_mutex_unlock(&members->mutex);
    return up;
}

void store_etcd_member_measure(struct store_etcd_members *members, size_t member, int64_t us)
{
    pthread_mutex_lock(&members->mutex);
    int64_t *latency = &members->members[member].latency_us;
    *latency = *latency == 0 ? us : *latency + (us - *latency) / STORE_ETCD_MEMBER_SMOOTH;
    const int64_t mine = *latency;
    const int64_t present = members->members[members->preferred].latency_us;
    if (members->members[member].up && mine * STORE_ETCD_MEMBER_FASTER < present &&
        mine + STORE_ETCD_MEMBER_FASTER_US < present) {
        members->preferred = member;
    }
    pthread_mutex_unlock(&members->mutex);
}

void store_etcd_member_token(struct store_etcd_members *members, char token[STORE_ETCD_MEMBER_TOKEN],
                             uint64_t *ret_version)
{
    pthread_mutex_lock(&members->mutex);
    memcpy(token, members->token, STORE_ETCD_MEMBER_TOKEN);
    *ret_version = members->token_version;
    pthread_mutex_unlock(&members->mutex);
}

void store_etcd_member_set_token(struct store_etcd_members *members, uint64_t version, const char *token)
{
    pthread_mutex_lock(&members->mutex);
    if (version == members->token_version) {
        text_copy(members->token, sizeof members->token, token != NULL ? token : "");
        members->token_version++;
    }
    pthread_mutex_unlock(&members->mutex);
}

const char *store_etcd_member_advice(const struct store_etcd_config *config, enum err err,
                                     char text[static STORE_ETCD_MEMBER_ADVICE])
{
    const char *const files[] = {config->certificate, config->ca};
    for (size_t i = 0; i < sizeof files / sizeof files[0] && (err == ERR_CERTIFICATE || err == ERR_TLS); i++) {
        if (files[i] != NULL &&
            certificate_check(files[i], clock_wall(), text, STORE_ETCD_MEMBER_ADVICE) == ERR_CERTIFICATE) {
            return text;
        }
    }
    return store_etcd_meaning_advice(err);
}
