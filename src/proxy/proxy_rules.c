/* SPDX-License-Identifier: Apache-2.0
 * The rules of the hba file. */
#include "proxy/proxy_rules.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/proxy_file.h"

struct proxy_rules_list {
    uint8_t *text; /* the rules point into it */
    size_t text_size;
    struct pg_hba_rule *rules;
    size_t count;
    size_t capacity;
};

struct proxy_rules {
    char path[PROXY_RULES_PATH];
    pthread_mutex_t lock;
    struct proxy_rules_list list;
};

static void proxy_rules_list_free(struct proxy_rules_list *list)
{
    proxy_file_free(list->text, list->text_size);
    free(list->rules);
    *list = (struct proxy_rules_list){.text = NULL};
}

static bool proxy_rules_room(struct proxy_rules_list *list)
{
    if (list->count < list->capacity) {
        return true;
    }
    const size_t capacity = list->capacity * 2 + 16;
    struct pg_hba_rule *rules = realloc(list->rules, capacity * sizeof *rules);
    if (rules != NULL) {
        list->rules = rules;
        list->capacity = capacity;
    }
    return rules != NULL;
}

static enum err proxy_rules_parse(const char *path, char message[PROXY_RULES_MESSAGE], struct proxy_rules_list *list)
{
    struct pg_hba hba;
    pg_hba_init(&hba, span_of(list->text, list->text_size));
    for (;;) {
        if (!proxy_rules_room(list)) {
            return ERR_NO_MEMORY;
        }
        const enum err err = pg_hba_next(&hba, &list->rules[list->count]);
        if (err == ERR_NOT_FOUND) {
            return ERR_OK;
        }
        if (err != ERR_OK || list->count == PROXY_RULES_LIMIT) {
            snprintf(message, PROXY_RULES_MESSAGE, "%.120s:%u: %s", path, hba.line,
                     err != ERR_OK ? hba.problem : "too many rules, at most 10000");
            return ERR_INVALID;
        }
        list->count++;
    }
}

static enum err proxy_rules_load(const char *path, char message[PROXY_RULES_MESSAGE], struct proxy_rules_list *list)
{
    *list = (struct proxy_rules_list){.text = NULL};
    enum err err = proxy_file_read(path, &list->text, &list->text_size);
    if (err != ERR_OK) {
        snprintf(message, PROXY_RULES_MESSAGE, "%.150s: %s", path, err_text(err));
        return err;
    }
    err = proxy_rules_parse(path, message, list);
    if (err != ERR_OK) {
        proxy_rules_list_free(list);
    }
    return err;
}

enum err proxy_rules_new(const char *path, char message[PROXY_RULES_MESSAGE], struct proxy_rules **ret_rules)
{
    message[0] = '\0';
    struct proxy_rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL) {
        return ERR_NO_MEMORY;
    }
    snprintf(rules->path, sizeof rules->path, "%s", path);
    const enum err err = proxy_rules_load(path, message, &rules->list);
    if (err != ERR_OK) {
        free(rules);
        return err;
    }
    pthread_mutex_init(&rules->lock, NULL);
    *ret_rules = rules;
    return ERR_OK;
}

void proxy_rules_free(struct proxy_rules *rules)
{
    if (rules != NULL) {
        proxy_rules_list_free(&rules->list);
        pthread_mutex_destroy(&rules->lock);
        free(rules);
    }
}

enum err proxy_rules_reload(struct proxy_rules *rules, char message[PROXY_RULES_MESSAGE])
{
    struct proxy_rules_list list;
    message[0] = '\0';
    const enum err err = proxy_rules_load(rules->path, message, &list);
    if (err != ERR_OK) {
        return err;
    }
    pthread_mutex_lock(&rules->lock);
    struct proxy_rules_list old = rules->list;
    rules->list = list;
    pthread_mutex_unlock(&rules->lock);
    proxy_rules_list_free(&old);
    return ERR_OK;
}

enum err proxy_rules_judge(struct proxy_rules *rules, const struct pg_hba_client *client,
                           struct proxy_rules_verdict *ret_verdict)
{
    enum err err = ERR_NOT_FOUND;
    pthread_mutex_lock(&rules->lock);
    for (size_t i = 0; i < rules->list.count && err != ERR_OK; i++) {
        const struct pg_hba_rule *rule = &rules->list.rules[i];
        if (pg_hba_matches(rule, client)) {
            *ret_verdict = (struct proxy_rules_verdict){
                .line = rule->line, .method = rule->method, .clientcert = rule->clientcert};
            err = ERR_OK;
        }
    }
    pthread_mutex_unlock(&rules->lock);
    return err;
}
