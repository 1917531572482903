/* SPDX-License-Identifier: Apache-2.0
 * holdfast serve: starts a site's roles, restarts each alone, ends them all together. */
#include "bin/serve.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "bin/cli_option.h"
#include "bin/serve_keep.h"
#include "bin/serve_role.h"
#include "bin/serve_socket.h"
#include "bin/serve_user.h"
#include "bin/verb.h"
#include "edge/clock.h"
#include "edge/config_file.h"
#include "edge/log.h"

enum {
    SERVE_ROLES = 5,
    SERVE_PAUSE_MS = 50,      /* before the first restart */
    SERVE_PAUSE_MAX_MS = 800, /* a role that dies at once again is back within a second all the same */
    SERVE_HEALTHY_MS = 10000, /* having lived this long, it starts with the short pause again */
    SERVE_PATIENCE_MS = 5000, /* between SIGTERM and SIGKILL */
    SERVE_MESSAGE = 64 * 1024,
};

struct serve_child {
    const char *role;
    pid_t pid; /* 0: not running */
    struct mono started;
    struct mono due; /* when to start it */
    int64_t pause_ms;
};

struct serve {
    const char *config_path;
    const char *site;
    const char *user;
    const char *role; /* set in a child: --role */
    struct serve_child children[SERVE_ROLES];
    struct dns_socket_given dns_sockets;
    uint32_t count;
    sigset_t signals;
    bool stopping;
    struct mono stop_at;
};

static void serve_usage(FILE *stream)
{
    fputs("usage: holdfast serve --site SITE [--config FILE] [--user NAME]\n"
          "  starts the roles of the site (sites.SITE.roles) as processes of their own and restarts each alone\n"
          "  --user NAME  when started as root: the user to become (default: holdfast, if there is one)\n"
          "  SIGHUP re-reads configuration and zone; SIGTERM ends all\n"
          "FILE is $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml when not given.\n",
          stream);
}

static void serve_observer_usage(FILE *stream)
{
    fputs("usage: holdfast observer --site SITE [--config FILE]\n"
          "  runs the observer role of the site alone, as the present user: probes, and reports to the controllers\n"
          "FILE is $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml when not given.\n",
          stream);
}

static void serve_child_run(const struct serve *serve, const struct serve_child *child)
{
    sigprocmask(SIG_UNBLOCK, &serve->signals, NULL);
    if (strcmp(child->role, "dns") == 0) {
        serve_socket_hand(&serve->dns_sockets);
    }
    /* The roles must not outlive the supervisor: nobody would restart them, and a second one would find their ports
     * taken. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    char *const argv[] = {(char[]){"holdfast"}, (char[]){"serve"},          (char[]){"--role"},
                          strdup(child->role),  (char[]){"--site"},         strdup(serve->site),
                          (char[]){"--config"}, strdup(serve->config_path), NULL};
    execv("/proc/self/exe", argv);
    _exit(VERB_FAILED);
}

static void serve_start(struct serve *serve, struct serve_child *child)
{
    const pid_t pid = fork();
    if (pid == 0) {
        serve_child_run(serve, child);
    }
    if (pid < 0) {
        LOG_E("%s: %s", child->role, strerror(errno));
        child->due = time_add_ms(clock_mono(), SERVE_PAUSE_MAX_MS);
        return;
    }
    child->pid = pid;
    child->started = clock_mono();
    LOG_N("started %s, pid %d", child->role, (int)pid);
}

static void serve_ended(struct serve *serve, struct serve_child *child, int status)
{
    child->pid = 0;
    const bool lived = time_since_ms(clock_mono(), child->started) > SERVE_HEALTHY_MS;
    child->pause_ms = lived || child->pause_ms == 0 ? SERVE_PAUSE_MS : child->pause_ms * 2;
    if (child->pause_ms > SERVE_PAUSE_MAX_MS) {
        child->pause_ms = SERVE_PAUSE_MAX_MS;
    }
    child->due = time_add_ms(clock_mono(), child->pause_ms);
    if (serve->stopping) {
        return;
    }
    if (WIFSIGNALED(status)) {
        LOG_E("%s was killed by signal %d, starting it again", child->role, WTERMSIG(status));
    } else {
        LOG_E("%s ended with code %d, starting it again", child->role, WEXITSTATUS(status));
    }
}

static void serve_reap(struct serve *serve)
{
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (uint32_t i = 0; i < serve->count; i++) {
            if (serve->children[i].pid == pid) {
                serve_ended(serve, &serve->children[i], status);
            }
        }
    }
}

static void serve_signal(const struct serve *serve, int number)
{
    for (uint32_t i = 0; i < serve->count; i++) {
        if (serve->children[i].pid > 0) {
            kill(serve->children[i].pid, number);
        }
    }
}

static bool serve_any(const struct serve *serve)
{
    for (uint32_t i = 0; i < serve->count; i++) {
        if (serve->children[i].pid > 0) {
            return true;
        }
    }
    return false;
}

static void serve_take(struct serve *serve, const siginfo_t *taken)
{
    /* Ctrl-C comes from the terminal, to the roles as well; a second signal would end their patience with clients. */
    const bool theirs = taken->si_signo == SIGINT && taken->si_code == SI_KERNEL;
    if (taken->si_signo == SIGHUP) {
        serve_signal(serve, SIGHUP);
    } else if (taken->si_signo == SIGTERM || taken->si_signo == SIGINT) {
        serve->stopping = true;
        serve->stop_at = time_add_ms(clock_mono(), SERVE_PATIENCE_MS);
        if (!theirs) {
            serve_signal(serve, SIGTERM);
        }
    }
}

static int serve_loop(struct serve *serve)
{
    const struct timespec beat = {.tv_nsec = 50 * 1000000};
    while (!serve->stopping || serve_any(serve)) {
        for (uint32_t i = 0; i < serve->count && !serve->stopping; i++) {
            if (serve->children[i].pid == 0 && time_reached(clock_mono(), serve->children[i].due)) {
                serve_start(serve, &serve->children[i]);
            }
        }
        siginfo_t taken;
        const int number = sigtimedwait(&serve->signals, &taken, &beat);
        serve_reap(serve);
        if (number > 0) {
            serve_take(serve, &taken);
        }
        if (serve->stopping && time_reached(clock_mono(), serve->stop_at)) {
            serve_signal(serve, SIGKILL);
        }
    }
    return VERB_OK;
}

/* ---- start ---- */

static bool serve_arguments(int argc, char **argv, struct serve *serve)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"site", required_argument, NULL, 's'},
                                            {"user", required_argument, NULL, 'u'},
                                            {"role", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    serve->config_path = config_file_default();
    int option = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:s:u:", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            serve->config_path = optarg;
            break;
        case 's':
            serve->site = optarg;
            break;
        case 'u':
            serve->user = optarg;
            break;
        case 'r':
            serve->role = optarg;
            break;
        default:
            return false;
        }
    }
    return optind == argc && serve->site != NULL;
}

static int serve_site(struct serve *serve, const struct config *config)
{
    static const struct {
        uint32_t role;
        const char *name;
    } roles[SERVE_ROLES] = {{CONFIG_ROLE_CONTROL, "control"},
                            {CONFIG_ROLE_OBSERVER, "observer"},
                            {CONFIG_ROLE_DNS, "dns"},
                            {CONFIG_ROLE_PROXY, "proxy"},
                            {CONFIG_ROLE_SERVICE, "service"}};
    const uint32_t index = config_site_find(config, serve->site);
    if (index == CONFIG_NONE) {
        LOG_E("no site '%s' in %s", serve->site, serve->config_path);
        return VERB_CONFIG;
    }
    const struct config_site *site = &config->sites[index];
    for (uint32_t i = 0; i < SERVE_ROLES; i++) {
        /* A controller observes by itself, and the view of the host has one writer. */
        const bool doubled = roles[i].role == CONFIG_ROLE_OBSERVER && (site->roles & CONFIG_ROLE_CONTROL) != 0;
        if ((site->roles & roles[i].role) != 0 && !doubled) {
            serve->children[serve->count++] = (struct serve_child){.role = roles[i].name};
        }
    }
    if (mkdir(site->state_dir, 0750) != 0 && errno != EEXIST) {
        LOG_E("%s: %s; create it for this user", site->state_dir, strerror(errno));
        return VERB_FAILED;
    }
    if ((site->roles & CONFIG_ROLE_DNS) != 0) {
        serve_socket_open(config, index, &serve->dns_sockets);
        serve_keep(&serve->dns_sockets);
    }
    return VERB_OK;
}

static int serve_privileges(const struct serve *serve)
{
    const enum err err = serve_user_become(serve->user != NULL ? serve->user : "holdfast");
    if (err == ERR_NOT_FOUND && serve->user == NULL) {
        LOG_W("running as root: there is no user 'holdfast'; create it, or name another with --user");
        return VERB_OK;
    }
    if (err != ERR_OK) {
        LOG_E("cannot become user %s: %s", serve->user != NULL ? serve->user : "holdfast", err_text(err));
        return VERB_FAILED;
    }
    return VERB_OK;
}

static int serve_prepare(struct serve *serve)
{
    static char message[SERVE_MESSAGE];
    struct buf messages;
    struct config *config = NULL;
    buf_init(&messages, message, sizeof message);
    const enum err err = config_file_load(serve->config_path, &messages, &config);
    if (messages.size > 0) {
        fputs(buf_string(&messages), stderr);
    }
    if (err != ERR_OK) {
        return VERB_CONFIG;
    }
    int code = serve_privileges(serve);
    code = code != VERB_OK ? code : serve_site(serve, config);
    config_free(config);
    return code;
}

int serve_main(int argc, char **argv)
{
    static struct serve serve;
    if (cli_option_asks_help(argc, argv)) {
        serve_usage(stdout);
        return VERB_OK;
    }
    if (!serve_arguments(argc, argv, &serve)) {
        serve_usage(stderr);
        return VERB_USAGE;
    }
    if (serve.role != NULL) {
        return serve_role_run(serve.role, serve.config_path, serve.site);
    }
    log_init("serve", LOG_INFO);
    const int code = serve_prepare(&serve);
    if (code != VERB_OK) {
        return code;
    }
    sigemptyset(&serve.signals);
    sigaddset(&serve.signals, SIGTERM);
    sigaddset(&serve.signals, SIGINT);
    sigaddset(&serve.signals, SIGHUP);
    sigaddset(&serve.signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &serve.signals, NULL);
    return serve_loop(&serve);
}

int serve_observer_main(int argc, char **argv)
{
    static struct serve serve;
    if (cli_option_asks_help(argc, argv)) {
        serve_observer_usage(stdout);
        return VERB_OK;
    }
    if (!serve_arguments(argc, argv, &serve)) {
        serve_observer_usage(stderr);
        return VERB_USAGE;
    }
    return serve_role_run("observer", serve.config_path, serve.site);
}
