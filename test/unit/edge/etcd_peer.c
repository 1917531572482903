/* SPDX-License-Identifier: Apache-2.0
 * Starting, stopping and killing etcd. */
#include "etcd_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "edge/http_client.h"

enum {
    PEER_WAIT_MS = 60000,
    PEER_ARGUMENTS = 48,
    PEER_TEXT = 320,
};

struct peer_member {
    pid_t pid;
    char client[32];
    char peer[32];
};

static const char peer_program[] = "/usr/bin/etcd";
static char peer_directory[] = "/tmp/holdfast-etcd-XXXXXX";
static struct etcd_peer_options peer_options;
static struct peer_member peer_members[ETCD_PEER_MEMBERS];
static bool peer_born; /* the cluster exists: members that start join their data */

__attribute__((noreturn, format(printf, 1, 2))) static void peer_give_up(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "etcd_peer: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    etcd_peer_stop();
    exit(1);
}

bool etcd_peer_installed(void)
{
    return access(peer_program, X_OK) == 0;
}

const char *etcd_peer_file(const char *name)
{
    static char path[PEER_TEXT];
    snprintf(path, sizeof path, "%s/%s", peer_directory, name);
    return path;
}

const char *etcd_peer_endpoint(size_t member)
{
    return peer_members[member].client;
}

/* An address where nobody listens now. */
static void peer_find_address(size_t member, char text[32])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f090001U + (uint32_t)member)};
    socklen_t size = sizeof address;
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, size) != 0 ||
        getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) {
        peer_give_up("no free port: %s", strerror(errno));
    }
    close(descriptor);
    snprintf(text, 32, "127.9.0.%zu:%u", member + 1, (unsigned)ntohs(address.sin_port));
}

void etcd_peer_run(char *const arguments[])
{
    const pid_t pid = fork();
    if (pid == 0) {
        const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    int status = 1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        peer_give_up("%s %s failed", arguments[0], arguments[1]);
    }
}

/* A CA and another one; certificates for the members' addresses, for the client, for one with a CommonName, and one of
 * yesterday. */
static void peer_make_certificates(void)
{
    static const char script[] =
        "set -e; cd \"$0\"\n"
        "key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
        "root() { openssl req -x509 $key -days 30 -keyout $1.key -out $1.pem -subj /CN=$1; }\n"
        "new() { openssl req $key -keyout $1.key -out $1.csr -subj $2\n"
        " openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days ${4:-30} -out $1.pem -extfile "
        "$3; }\n"
        "echo 'subjectAltName=IP:127.9.0.1,IP:127.9.0.2,IP:127.9.0.3' >server.ext\n"
        "echo 'extendedKeyUsage=serverAuth,clientAuth' >>server.ext\n"
        "echo 'extendedKeyUsage=clientAuth' >client.ext\n"
        "root ca; root other\n"
        "new server /CN=server server.ext; new client /O=holdfast client.ext; new named /CN=named client.ext\n"
        "new expired /O=holdfast client.ext -1\n";
    char *const arguments[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script), peer_directory, NULL};
    etcd_peer_run(arguments);
    free(arguments[2]);
}

static void peer_add(char *arguments[PEER_ARGUMENTS], size_t *count, const char *name, const char *value)
{
    arguments[(*count)++] = strdup(name);
    arguments[(*count)++] = strdup(value);
}

static void peer_add_path(char *arguments[PEER_ARGUMENTS], size_t *count, const char *name, const char *file)
{
    peer_add(arguments, count, name, etcd_peer_file(file));
}

static void peer_add_url(char *arguments[PEER_ARGUMENTS], size_t *count, const char *name, bool tls,
                         const char *address)
{
    char url[PEER_TEXT];
    snprintf(url, sizeof url, "%s://%s", tls ? "https" : "http", address);
    peer_add(arguments, count, name, url);
}

static size_t peer_arguments(size_t member, char *arguments[PEER_ARGUMENTS])
{
    const struct peer_member *self = &peer_members[member];
    size_t count = 0;
    char cluster[PEER_TEXT] = "";
    for (size_t i = 0; i < peer_options.members; i++) {
        const size_t used = strlen(cluster);
        snprintf(cluster + used, sizeof cluster - used, "%sm%zu=http://%s", i > 0 ? "," : "", i, peer_members[i].peer);
    }
    arguments[count++] = strdup(peer_program);
    char name[16];
    snprintf(name, sizeof name, "m%zu", member);
    peer_add(arguments, &count, "--name", name);
    peer_add_path(arguments, &count, "--data-dir", name);
    peer_add_url(arguments, &count, "--listen-client-urls", peer_options.tls, self->client);
    peer_add_url(arguments, &count, "--advertise-client-urls", peer_options.tls, self->client);
    peer_add_url(arguments, &count, "--listen-peer-urls", false, self->peer);
    peer_add_url(arguments, &count, "--initial-advertise-peer-urls", false, self->peer);
    peer_add(arguments, &count, "--initial-cluster", cluster);
    peer_add(arguments, &count, "--initial-cluster-state", peer_born ? "existing" : "new");
    peer_add(arguments, &count, "--log-level", "error");
    if (peer_options.tls) {
        peer_add_path(arguments, &count, "--cert-file", "server.pem");
        peer_add_path(arguments, &count, "--key-file", "server.key");
        peer_add_path(arguments, &count, "--trusted-ca-file", "ca.pem");
        arguments[count++] = strdup("--client-cert-auth");
    }
    if (!peer_options.fsync) {
        arguments[count++] = strdup("--unsafe-no-fsync");
    }
    for (size_t i = 0; i < 8 && peer_options.arguments[i] != NULL; i++) {
        arguments[count++] = strdup(peer_options.arguments[i]);
    }
    arguments[count] = NULL;
    return count;
}

void etcd_peer_restart(size_t member)
{
    char *arguments[PEER_ARGUMENTS];
    const size_t count = peer_arguments(member, arguments);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char name[32];
        snprintf(name, sizeof name, "m%zu.log", member);
        const int log = open(etcd_peer_file(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        /* etcd takes variables that begin with ETCD_ for flags. */
        char *const environment[] = {NULL};
        if (getppid() == parent) {
            execve(peer_program, arguments, environment);
        }
        _exit(127);
    }
    for (size_t i = 0; i < count; i++) {
        free(arguments[i]);
    }
    if (pid < 0) {
        peer_give_up("fork: %s", strerror(errno));
    }
    peer_members[member].pid = pid;
}

void etcd_peer_change(size_t index, const char *argument)
{
    peer_options.arguments[index] = argument;
}

bool etcd_peer_post(size_t member, const char *path, const char *body)
{
    char whole[PEER_TEXT];
    snprintf(whole, sizeof whole, "/v3/%s", path);
    const struct http_client_request request = {.address = peer_members[member].client,
                                                .path = whole,
                                                .body = body,
                                                .body_size = strlen(body),
                                                .timeout_ms = 5000};
    struct http_client_response response = {0};
    const bool done = http_client_call(&request, &response) == ERR_OK && response.status == 200;
    http_client_response_fini(&response);
    return done;
}

static void peer_sleep(void)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    nanosleep(&pause, NULL);
}

static bool peer_listens(size_t member)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f090001U + (uint32_t)member)};
    address.sin_port = htons((uint16_t)strtoul(strchr(peer_members[member].client, ':') + 1, NULL, 10));
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool listens = descriptor >= 0 && connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
    close(descriptor);
    return listens;
}

static void peer_wait(void)
{
    for (int waited = 0; waited < PEER_WAIT_MS; waited += 20) {
        size_t ready = 0;
        for (size_t i = 0; i < peer_options.members; i++) {
            const bool serves =
                peer_options.tls ? peer_listens(i) : etcd_peer_post(i, "kv/range", "{\"key\":\"AA==\"}");
            ready += serves ? 1 : 0;
            if (waitpid(peer_members[i].pid, NULL, WNOHANG) > 0) {
                peer_members[i].pid = 0;
                peer_give_up("member %zu ended", i);
            }
        }
        if (ready == peer_options.members) {
            return;
        }
        peer_sleep();
    }
    peer_give_up("the members did not start");
}

void etcd_peer_start(const struct etcd_peer_options *options)
{
    peer_options = *options;
    peer_born = false;
    memcpy(peer_directory + sizeof peer_directory - 7, "XXXXXX", 6);
    if (mkdtemp(peer_directory) == NULL) {
        peer_give_up("mkdtemp: %s", strerror(errno));
    }
    if (options->tls) {
        peer_make_certificates();
    }
    for (size_t i = 0; i < options->members; i++) {
        peer_find_address(i, peer_members[i].client);
        peer_find_address(i, peer_members[i].peer);
    }
    for (size_t i = 0; i < options->members; i++) {
        etcd_peer_restart(i);
    }
    peer_wait();
    peer_born = true;
}

void etcd_peer_signal(size_t member, int number)
{
    if (peer_members[member].pid > 0) {
        kill(peer_members[member].pid, number);
    }
}

void etcd_peer_kill(size_t member)
{
    if (peer_members[member].pid > 0) {
        kill(peer_members[member].pid, SIGKILL);
        waitpid(peer_members[member].pid, NULL, 0);
        peer_members[member].pid = 0;
    }
}

void etcd_peer_stop(void)
{
    for (size_t i = 0; i < ETCD_PEER_MEMBERS; i++) {
        etcd_peer_kill(i);
    }
    char *const arguments[] = {(char[]){"rm"}, (char[]){"-rf"}, peer_directory, NULL};
    if (strstr(peer_directory, "XXXXXX") == NULL) {
        const pid_t pid = fork();
        if (pid == 0) {
            execvp(arguments[0], arguments);
            _exit(127);
        }
        waitpid(pid, NULL, 0);
    }
}

static unsigned long long peer_number(const char *body, const char *name)
{
    const char *found = strstr(body, name);
    return found != NULL ? strtoull(found + strlen(name), NULL, 10) : 0;
}

size_t etcd_peer_leader(void)
{
    size_t leader = ETCD_PEER_MEMBERS;
    for (size_t i = 0; i < peer_options.members && leader == ETCD_PEER_MEMBERS; i++) {
        const struct http_client_request request = {.address = peer_members[i].client,
                                                    .path = "/v3/maintenance/status",
                                                    .body = "{}",
                                                    .body_size = 2,
                                                    .timeout_ms = 1000};
        struct http_client_response response = {0};
        if (peer_members[i].pid > 0 && http_client_call(&request, &response) == ERR_OK && response.status == 200 &&
            peer_number(response.body, "\"leader\":\"") == peer_number(response.body, "\"member_id\":\"")) {
            leader = i;
        }
        http_client_response_fini(&response);
    }
    return leader;
}
