/* SPDX-License-Identifier: Apache-2.0
 * What runs in a child of the supervisor: one role until it is told to stop. */
#include "bin/serve_role.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bin/serve_dns.h"
#include "bin/serve_proxy.h"
#include "bin/serve_service.h"
#include "bin/verb.h"
#include "control/control.h"
#include "edge/config_file.h"
#include "edge/log.h"
#include "observer/observer.h"
#include "reconcile/digest.h"
#include "reconcile/ledger.h"
#include "web/web.h"

enum {
    SERVE_ROLE_MESSAGE = 64 * 1024,
};

/* Signals are taken by one thread; the others never see them. */
static void serve_role_block(sigset_t *ret_signals)
{
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    sigaddset(ret_signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
}

static int serve_role_exit(enum err err)
{
    return err == ERR_INVALID || err == ERR_NOT_FOUND ? VERB_CONFIG : VERB_FAILED;
}

/* ---- control ---- */

static enum err serve_role_compare(const struct view_address *writer, const struct view_address *standby,
                                   const char *dbname, const char *user, const char *password, int64_t timeout_ms,
                                   bool *ret_consistent, char *detail, size_t size)
{
    const struct sql_login login = {.address = *writer, .dbname = dbname, .user = user, .password = password};
    struct digest_options options = {.writer = login, .standby = login, .timeout_ms = timeout_ms};
    options.standby.address = *standby;
    struct digest digest;
    const enum err err = digest_measure(&options, &digest);
    if (err != ERR_OK || !digest.consistent) {
        snprintf(detail, size, "%s", digest.reason);
    } else {
        char lsn[LSN_TEXT];
        lsn_print(digest.lsn, lsn);
        snprintf(detail, size, "%u tables equal at %s, writes held %lld ms", digest.tables_count, lsn,
                 (long long)(digest.lock_us / 1000));
    }
    *ret_consistent = digest.consistent;
    digest_free(&digest);
    return err;
}

struct serve_role_signals {
    sigset_t signals;
    struct control *control;
};

static void *serve_role_control_signals(void *context)
{
    const struct serve_role_signals *wait = context;
    for (;;) {
        const int number = sigwaitinfo(&wait->signals, NULL);
        if (number == SIGHUP) {
            control_reload(wait->control);
        } else if (number > 0) {
            control_stop(wait->control);
            return NULL;
        }
    }
}

static int serve_role_control(const char *config_path, const char *site)
{
    static struct serve_role_signals wait;
    static char message[SERVE_ROLE_MESSAGE];
    serve_role_block(&wait.signals);
    const struct control_options options = {
        .config_path = config_path, .site = site, .compare = serve_role_compare, .ledger = ledger_ask};
    enum err err = control_new(&options, message, sizeof message, &wait.control);
    if (err != ERR_OK) {
        LOG_E("%s", message);
        return serve_role_exit(err);
    }
    struct web *web = NULL;
    const struct web_options web_options = {.desk = control_desk(wait.control),
                                            .token = control_token(wait.control),
                                            .listen = control_listen(wait.control),
                                            .site = site};
    err = web_start(&web_options, message, sizeof message, &web);
    pthread_t thread;
    if (err != ERR_OK || pthread_create(&thread, NULL, serve_role_control_signals, &wait) != 0) {
        web_stop(web);
        control_free(wait.control);
        return VERB_FAILED;
    }
    pthread_detach(thread);
    LOG_N("controller of site %s, API on %s", site, web_options.listen);
    control_run(wait.control);
    if (control_ended(wait.control)) {
        _exit(VERB_FAILED); /* a life that is over makes room at once: its successor follows within 50 ms */
    }
    web_stop(web);
    control_free(wait.control);
    return VERB_OK;
}

/* ---- observer ---- */

static int serve_role_observer(const char *config_path, const char *site)
{
    static char message[SERVE_ROLE_MESSAGE];
    sigset_t signals;
    serve_role_block(&signals);
    const struct observer_options options = {.config_path = config_path, .site = site};
    struct observer *observer = NULL;
    const enum err err = observer_start(&options, message, sizeof message, &observer);
    if (err != ERR_OK) {
        LOG_E("%s", message);
        return serve_role_exit(err);
    }
    LOG_N("observer of site %s", site);
    int number = 0;
    while (number != SIGTERM && number != SIGINT) {
        number = sigwaitinfo(&signals, NULL);
        if (number == SIGHUP) {
            observer_reload(observer);
        }
    }
    /* Nothing of it must outlive the process, and a long poll would hold an orderly end up for seconds. */
    _exit(VERB_OK);
}

/* ---- dns, proxy, service ---- */

static int serve_role_plane(const char *role, const char *config_path, const char *site)
{
    static char message[SERVE_ROLE_MESSAGE];
    struct buf messages;
    struct config *config = NULL;
    buf_init(&messages, message, sizeof message);
    const enum err err = config_file_load(config_path, &messages, &config);
    if (err != ERR_OK) {
        fputs(buf_string(&messages), stderr);
        return VERB_CONFIG;
    }
    const uint32_t index = config_site_find(config, site);
    int code = VERB_CONFIG;
    if (index != CONFIG_NONE) {
        code = strcmp(role, "dns") == 0     ? serve_dns_run(config, index)
               : strcmp(role, "proxy") == 0 ? serve_proxy_run(config, index, config_path)
                                            : serve_service_run(config, index, config_path);
    } else {
        LOG_E("no site '%s' in %s", site, config_path);
    }
    config_free(config);
    return code;
}

int serve_role_run(const char *role, const char *config_path, const char *site)
{
    char name[64];
    snprintf(name, sizeof name, "%s %s", role, site);
    log_init(name, LOG_INFO);
    if (strcmp(role, "control") == 0) {
        return serve_role_control(config_path, site);
    }
    if (strcmp(role, "observer") == 0) {
        return serve_role_observer(config_path, site);
    }
    if (strcmp(role, "dns") == 0 || strcmp(role, "proxy") == 0 || strcmp(role, "service") == 0) {
        return serve_role_plane(role, config_path, site);
    }
    LOG_E("no role '%s': control, observer, dns, proxy or service", role);
    return VERB_USAGE;
}
