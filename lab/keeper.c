/* SPDX-License-Identifier: Apache-2.0
 * Parent of every process of the lab: starts them in groups (one per region), kills a group at once, leaves nothing.
 *
 *   lab-keeper root DIR OWNER            the guardian, in the background; ends with process OWNER (0: with nobody)
 *   lab-keeper send DIR root group NAME [net]   a new group: a process of its own that adopts what its services leave
 *                                        behind; with "net" in a network namespace of its own, which ends with it
 *   lab-keeper send DIR root disown|end  outlive the owner | kill everything, remove DIR
 *   lab-keeper send DIR GROUP start NAME USER PROGRAM ARGUMENT...     (USER "-": the caller's; log in DIR/log)
 *   lab-keeper send DIR GROUP kill | signal NAME NUMBER | stop NAME | list
 *
 * Guardian and groups are subreapers: whatever a service forks stays below its group, so "kill" needs no pid files and
 * cannot hit a stranger. If the owner is killed the guardian's pidfd of it fires; if the guardian is killed its groups
 * get SIGTERM and kill what is below them; if a group is killed its services die with it and the guardian ends all. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "edge/clock.h"
#include "keeper_tree.h"

enum {
    KEEPER_MESSAGE = 32768, /* one command or one answer */
    KEEPER_ARGUMENTS = 256,
    KEEPER_SERVICES = 64,
    KEEPER_NAME = 32,
    KEEPER_STOP_MS = 60000,  /* patience with a service that was asked to stop */
    KEEPER_START_MS = 30000, /* with a guardian or group that comes up, on a busy machine */
    KEEPER_LISTEN_S = 5,     /* with a peer that connects and says nothing */
    KEEPER_ANSWER_S = 90,    /* with a keeper: removing everything takes a while */
};

struct keeper_service {
    char name[KEEPER_NAME];
    pid_t pid; /* 0: has ended */
    int status;
};

struct keeper {
    const char *dir;
    char group[KEEPER_NAME]; /* "root": the guardian */
    bool ending;
    int listen_fd;
    int signal_fd;
    int owner_fd; /* -1: no owner */
    size_t services;
    struct keeper_service service[KEEPER_SERVICES];
};

static struct keeper keeper;

static bool keeper_is_root(void)
{
    return strcmp(keeper.group, "root") == 0;
}

static bool keeper_name_ok(const char *name)
{
    const size_t size = strlen(name);
    return size > 0 && size < KEEPER_NAME && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == size;
}

static void keeper_sleep_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static bool keeper_address(const char *dir, const char *group, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    const int size = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s/keeper/%s", dir, group);
    return size > 0 && (size_t)size < sizeof(ret_address->sun_path);
}

static int keeper_connect(const char *dir, const char *group)
{
    struct sockaddr_un address;
    const struct timeval patience = {.tv_sec = KEEPER_ANSWER_S};
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (!keeper_address(dir, group, &address) || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        const int problem = errno;
        (void)close(fd);
        errno = problem;
        return -1;
    }
    return fd;
}

/* Until it listens: its socket's name is there a moment earlier. */
static bool keeper_wait_up(const char *dir, const char *group)
{
    for (int waited = 0; waited < KEEPER_START_MS; waited += 10) {
        const int fd = keeper_connect(dir, group);
        if (fd >= 0) {
            (void)close(fd);
            return true;
        }
        keeper_sleep_ms(10);
    }
    return false;
}

/* ---- services ---------------------------------------------------------------------------------------------------- */

static struct keeper_service *keeper_find(const char *name)
{
    for (size_t i = 0; i < keeper.services; i++) {
        if (strcmp(keeper.service[i].name, name) == 0) {
            return &keeper.service[i];
        }
    }
    return NULL;
}

static void keeper_reap(void)
{
    int status;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        for (size_t i = 0; i < keeper.services; i++) {
            if (keeper.service[i].pid == pid) {
                keeper.service[i].pid = 0;
                keeper.service[i].status = status;
                keeper.ending = keeper.ending || keeper_is_root();
            }
        }
    }
}

static size_t keeper_kill_all(void)
{
    const size_t first = keeper_tree_signal(getpid(), SIGKILL);
    for (size_t left = first; left > 0; left = keeper_tree_signal(getpid(), SIGKILL)) {
        keeper_sleep_ms(2);
        keeper_reap();
    }
    keeper_reap();
    return first;
}

static int keeper_remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    (void)stat;
    (void)kind;
    (void)walk;
    (void)remove(path);
    return 0;
}

static bool keeper_become(const char *user)
{
    if (strcmp(user, "-") == 0) {
        return true;
    }
    const struct passwd *entry = getpwnam(user);
    return entry != NULL && initgroups(user, entry->pw_gid) == 0 && setgid(entry->pw_gid) == 0 &&
           setuid(entry->pw_uid) == 0 && setenv("HOME", entry->pw_dir, 1) == 0 && setenv("USER", user, 1) == 0;
}

/* In the child: never returns. Messages go to the service's own log. */
static void keeper_exec(const char *name, const char *user, char *const *arguments)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/log/%s-%s.log", keeper.dir, keeper.group, name);
    const int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) {
        _exit(126);
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setpgid(0, 0);
    if (!keeper_become(user)) {
        (void)fprintf(stderr, "lab-keeper: cannot become user %s\n", user);
        _exit(126);
    }
    /* The tree may lie where that user cannot go (/root), and some programs want to come back to where they began. */
    if (chdir("/") != 0) {
        _exit(126);
    }
    /* After setuid(), which clears it. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)execvp(arguments[0], arguments);
    (void)fprintf(stderr, "lab-keeper: %s: %s\n", arguments[0], strerror(errno));
    _exit(127);
}

static struct keeper_service *keeper_slot(const char *name, struct buf *answer)
{
    struct keeper_service *service = keeper_find(name);
    if (!keeper_name_ok(name)) {
        buf_printf(answer, "error: bad name \"%.40s\"", name);
    } else if (service != NULL && service->pid != 0) {
        buf_printf(answer, "error: %s runs already", name);
    } else if (service != NULL) {
        return service;
    } else if (keeper.services == KEEPER_SERVICES) {
        buf_text(answer, "error: too many services");
    } else {
        service = &keeper.service[keeper.services++];
        *service = (struct keeper_service){0};
        (void)snprintf(service->name, sizeof(service->name), "%s", name);
        return service;
    }
    return NULL;
}

static void keeper_command_start(char *const *arguments, size_t count, struct buf *answer)
{
    if (count < 4) {
        buf_text(answer, "error: start NAME USER PROGRAM ARGUMENT...");
        return;
    }
    struct keeper_service *service = keeper_slot(arguments[1], answer);
    if (service == NULL) {
        return;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        keeper_exec(arguments[1], arguments[2], arguments + 3);
    }
    if (pid < 0) {
        buf_printf(answer, "error: fork: %s", strerror(errno));
        return;
    }
    service->pid = pid;
    buf_printf(answer, "ok %d", (int)pid);
}

static void keeper_command_kill(char *const *arguments, size_t count, struct buf *answer)
{
    (void)arguments;
    (void)count;
    const int64_t at_us = clock_mono().us;
    const size_t killed = keeper_kill_all();
    /* The instant before the first signal: what a recovery time counts from. */
    buf_printf(answer, "ok %lld %zu", (long long)at_us, killed);
}

static void keeper_command_signal(char *const *arguments, size_t count, struct buf *answer)
{
    const struct keeper_service *service = count == 3 ? keeper_find(arguments[1]) : NULL;
    const int number = count == 3 ? (int)strtol(arguments[2], NULL, 10) : 0;
    if (service == NULL || service->pid == 0 || number <= 0) {
        buf_text(answer, "error: signal NAME NUMBER, NAME must run");
    } else if (kill(service->pid, number) != 0) {
        buf_printf(answer, "error: %s", strerror(errno));
    } else {
        buf_text(answer, "ok");
    }
}

static void keeper_command_stop(char *const *arguments, size_t count, struct buf *answer)
{
    const struct keeper_service *service = count == 2 ? keeper_find(arguments[1]) : NULL;
    if (service == NULL) {
        buf_text(answer, "error: no such service");
        return;
    }
    if (service->pid != 0) {
        (void)kill(service->pid, SIGTERM);
    }
    for (long waited = 0; service->pid != 0 && waited < KEEPER_STOP_MS; waited += 10) {
        keeper_sleep_ms(10);
        keeper_reap();
    }
    if (service->pid != 0) {
        (void)kill(service->pid, SIGKILL);
        buf_printf(answer, "error: %s did not stop in %d s and was killed", service->name, KEEPER_STOP_MS / 1000);
        return;
    }
    buf_text(answer, "ok");
}

static void keeper_command_list(char *const *arguments, size_t count, struct buf *answer)
{
    (void)arguments;
    (void)count;
    buf_text(answer, "ok\n");
    for (size_t i = 0; i < keeper.services; i++) {
        const struct keeper_service *service = &keeper.service[i];
        if (service->pid != 0) {
            buf_printf(answer, "%-10s %-18s pid %d\n", keeper.group, service->name, (int)service->pid);
        } else if (WIFSIGNALED(service->status)) {
            buf_printf(answer, "%-10s %-18s killed by signal %d\n", keeper.group, service->name,
                       WTERMSIG(service->status));
        } else {
            buf_printf(answer, "%-10s %-18s exited %d\n", keeper.group, service->name, WEXITSTATUS(service->status));
        }
    }
}

static void keeper_run(const char *group);

static void keeper_command_group(char *const *arguments, size_t count, struct buf *answer)
{
    const bool net = count == 3 && strcmp(arguments[2], "net") == 0;
    struct keeper_service *service = count == 2 || net ? keeper_slot(arguments[1], answer) : NULL;
    if (service == NULL) {
        return;
    }
    const pid_t guardian = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != guardian || (net && unshare(CLONE_NEWNET) != 0)) {
            _exit(1);
        }
        (void)close(keeper.listen_fd);
        (void)close(keeper.signal_fd);
        if (keeper.owner_fd >= 0) {
            (void)close(keeper.owner_fd);
        }
        keeper_run(arguments[1]);
        _exit(0);
    }
    if (pid < 0) {
        buf_printf(answer, "error: fork: %s", strerror(errno));
        return;
    }
    service->pid = pid;
    if (keeper_wait_up(keeper.dir, arguments[1])) {
        buf_printf(answer, "ok %d", (int)pid);
    } else {
        buf_text(answer, net ? "error: the group did not start (a network namespace is for root)"
                             : "error: the group did not start");
    }
}

static void keeper_command_disown(char *const *arguments, size_t count, struct buf *answer)
{
    (void)arguments;
    (void)count;
    if (keeper.owner_fd >= 0) {
        (void)close(keeper.owner_fd);
        keeper.owner_fd = -1;
    }
    buf_text(answer, "ok");
}

static void keeper_command_end(char *const *arguments, size_t count, struct buf *answer)
{
    (void)arguments;
    (void)count;
    keeper.ending = true;
    const size_t killed = keeper_kill_all();
    (void)nftw(keeper.dir, keeper_remove_one, 32, FTW_DEPTH | FTW_PHYS);
    buf_printf(answer, "ok %zu", killed);
}

struct keeper_command {
    const char *name;
    bool root; /* for the guardian, otherwise for a group */
    void (*run)(char *const *arguments, size_t count, struct buf *answer);
};

static const struct keeper_command keeper_commands[] = {
    {"group", true, keeper_command_group},  {"disown", true, keeper_command_disown},
    {"end", true, keeper_command_end},      {"list", true, keeper_command_list},
    {"start", false, keeper_command_start}, {"kill", false, keeper_command_kill},
    {"stop", false, keeper_command_stop},   {"signal", false, keeper_command_signal},
    {"list", false, keeper_command_list},
};

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

/* `message` holds NUL-terminated words. */
static void keeper_dispatch(char *message, size_t size, struct buf *answer)
{
    char *arguments[KEEPER_ARGUMENTS + 1];
    size_t count = 0;
    if (size == 0 || message[size - 1] != '\0') {
        buf_text(answer, "error: no command");
        return;
    }
    for (char *word = message; word < message + size && count < KEEPER_ARGUMENTS; word += strlen(word) + 1) {
        arguments[count++] = word;
    }
    arguments[count] = NULL;
    for (size_t i = 0; i < sizeof(keeper_commands) / sizeof(keeper_commands[0]); i++) {
        const struct keeper_command *command = &keeper_commands[i];
        if (command->root == keeper_is_root() && strcmp(command->name, arguments[0]) == 0) {
            command->run(arguments, count, answer);
            return;
        }
    }
    buf_printf(answer, "error: unknown command \"%.40s\"", arguments[0]);
}

static void keeper_serve(void)
{
    static char message[KEEPER_MESSAGE];
    static char reply[KEEPER_MESSAGE];
    const int fd = accept4(keeper.listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    const struct timeval patience = {.tv_sec = KEEPER_LISTEN_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const ssize_t size = recv(fd, message, sizeof(message), 0);
    if (size >= 0) {
        struct buf answer;
        buf_init(&answer, reply, sizeof(reply));
        keeper_dispatch(message, (size_t)size, &answer);
        (void)send(fd, reply, answer.size, MSG_NOSIGNAL);
    }
    (void)close(fd);
}

static bool keeper_listen(void)
{
    struct sockaddr_un address;
    if (!keeper_address(keeper.dir, keeper.group, &address)) {
        return false;
    }
    (void)unlink(address.sun_path);
    keeper.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return keeper.listen_fd >= 0 && bind(keeper.listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
           listen(keeper.listen_fd, 16) == 0;
}

static bool keeper_watch_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_SETMASK, &set, NULL);
    keeper.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return keeper.signal_fd >= 0;
}

static void keeper_take_signals(void)
{
    struct signalfd_siginfo info;
    while (read(keeper.signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD) {
            keeper.ending = true;
        }
    }
    keeper_reap();
}

/* Serves until told to end; then nothing below this process is left. */
static void keeper_run(const char *group)
{
    keeper.services = 0;
    (void)snprintf(keeper.group, sizeof(keeper.group), "%s", group);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (!keeper_watch_signals() || !keeper_listen()) {
        (void)fprintf(stderr, "lab-keeper: %s/keeper/%s: %s\n", keeper.dir, group, strerror(errno));
        _exit(1);
    }
    while (!keeper.ending) {
        struct pollfd fds[] = {
            {.fd = keeper.signal_fd, .events = POLLIN},
            {.fd = keeper.listen_fd, .events = POLLIN},
            {.fd = keeper_is_root() ? keeper.owner_fd : -1, .events = POLLIN},
        };
        if (poll(fds, 3, -1) < 0) {
            continue;
        }
        if (fds[0].revents != 0) {
            keeper_take_signals();
        }
        if (fds[2].revents != 0) {
            keeper.ending = true;
        }
        if (!keeper.ending && fds[1].revents != 0) {
            keeper_serve();
        }
    }
    (void)keeper_kill_all();
    if (keeper_is_root()) {
        (void)nftw(keeper.dir, keeper_remove_one, 32, FTW_DEPTH | FTW_PHYS);
    }
}

static bool keeper_make_dirs(void)
{
    static const char *const parts[] = {"", "/keeper", "/log"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s%s", keeper.dir, parts[i]);
        /* /log: services of another user write there as well. */
        if (mkdir(path, 0755) != 0 || chmod(path, i == 2 ? 01777 : 0755) != 0) {
            (void)fprintf(stderr, "lab-keeper: %s: %s\n", path, strerror(errno));
            return false;
        }
    }
    return true;
}

/* Starts the guardian in the background; returns when it answers. */
static int keeper_root(const char *dir, pid_t owner)
{
    keeper.dir = dir;
    keeper.owner_fd = -1;
    if (owner > 0) {
        keeper.owner_fd = (int)syscall(SYS_pidfd_open, owner, 0);
        if (keeper.owner_fd < 0) {
            (void)fprintf(stderr, "lab-keeper: no process %d to belong to\n", (int)owner);
            return 1;
        }
        (void)fcntl(keeper.owner_fd, F_SETFD, FD_CLOEXEC);
    }
    if (dir[0] != '/' || !keeper_make_dirs()) {
        return 1;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        (void)setsid();
        const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        ASSERT(null >= 0);
        (void)dup2(null, 0);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        keeper_run("root");
        _exit(0);
    }
    struct sockaddr_un address;
    if (pid < 0 || !keeper_address(dir, "root", &address)) {
        (void)fprintf(stderr, "lab-keeper: cannot start in %s\n", dir);
        return 1;
    }
    if (keeper_wait_up(dir, "root")) {
        return 0;
    }
    (void)fprintf(stderr, "lab-keeper: the guardian did not start\n");
    return 1;
}

static int keeper_send(const char *dir, const char *group, char *const *words, int count)
{
    static char message[KEEPER_MESSAGE];
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        const size_t length = strlen(words[i]) + 1;
        if (size + length > sizeof(message)) {
            (void)fprintf(stderr, "lab-keeper: command too long\n");
            return 2;
        }
        memcpy(message + size, words[i], length);
        size += length;
    }
    const int fd = keeper_connect(dir, group);
    if (fd < 0) {
        (void)fprintf(stderr, "lab-keeper: no lab in %s (%s): %s\n", dir, group, strerror(errno));
        return 1;
    }
    if (send(fd, message, size, MSG_NOSIGNAL) != (ssize_t)size) {
        (void)fprintf(stderr, "lab-keeper: %s\n", strerror(errno));
        return 1;
    }
    const ssize_t got = recv(fd, message, sizeof(message) - 1, 0);
    if (got < 2) {
        (void)fprintf(stderr, "lab-keeper: no answer from %s\n", group);
        return 1;
    }
    message[got] = '\0';
    const bool good = strncmp(message, "ok", 2) == 0;
    (void)fprintf(good ? stdout : stderr, "%s\n", good ? message + 2 + strspn(message + 2, " \n") : message);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "root") == 0) {
        return keeper_root(argv[2], (pid_t)strtol(argv[3], NULL, 10));
    }
    if (argc >= 5 && strcmp(argv[1], "send") == 0) {
        return keeper_send(argv[2], argv[3], argv + 4, argc - 4);
    }
    (void)fprintf(stderr, "usage: lab-keeper root DIR OWNER-PID | lab-keeper send DIR GROUP COMMAND ARGUMENT...\n");
    return 2;
}
