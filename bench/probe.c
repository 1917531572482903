/* SPDX-License-Identifier: Apache-2.0
 * What a fresh check costs: processor time of this process per HTTP check and per verified HTTPS check (full TLS 1.3
 * handshake, P-256), through the real pool, against servers in processes of their own.
 *
 *   bench-probe [ROUNDS]
 *
 * Prints medians over the rounds, and the ratio to a bare loop of socket calls (and OpenSSL) that does the same by
 * hand. Exit status 1 when a goal is missed: 75 us per HTTP check, 1000 us per HTTPS check. */
#include "edge/probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/assert.h"

enum {
    BENCH_HTTP_SPECS = 100,
    BENCH_HTTP_INTERVAL_MS = 25, /* 4000 checks a second */
    BENCH_HTTPS_SPECS = 20,
    BENCH_HTTPS_INTERVAL_MS = 100, /* 200 checks a second */
    BENCH_ROUND_MS = 1000,
    BENCH_ROUNDS = 7,
    BENCH_ROUNDS_MOST = 101,
    BENCH_BARE = 500, /* turns of the bare loop per round */
};

static const char BENCH_ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"UP\"}";
static const char BENCH_REQUEST[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
static char bench_name[] = "bench.example.test";

struct bench_server {
    pid_t pid;
    struct sockaddr_in in;
    char address[32];
    char certificate[64];
};

/* ---- servers ---- */

static int bench_listen(struct bench_server *server)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    server->in = (struct sockaddr_in){.sin_family = AF_INET};
    ASSERT(fd >= 0 && inet_pton(AF_INET, "127.9.0.1", &server->in.sin_addr) == 1);
    ASSERT(bind(fd, (struct sockaddr *)&server->in, sizeof server->in) == 0 && listen(fd, 1024) == 0);
    socklen_t size = sizeof server->in;
    ASSERT(getsockname(fd, (struct sockaddr *)&server->in, &size) == 0);
    snprintf(server->address, sizeof server->address, "127.9.0.1:%u", ntohs(server->in.sin_port));
    return fd;
}

static void bench_serve_http(int listener)
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[64];
        const int count = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            const int fd = events[i].data.fd;
            char input[1024];
            if (fd == listener) {
                event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
            } else {
                if (recv(fd, input, sizeof input, 0) > 0) {
                    (void)!send(fd, BENCH_ANSWER, sizeof BENCH_ANSWER - 1, MSG_NOSIGNAL);
                }
                close(fd);
            }
        }
    }
}

static void bench_serve_https(int listener, X509 *certificate, EVP_PKEY *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    ASSERT(SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1);
    for (;;) {
        const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        SSL *ssl = SSL_new(context);
        char input[1024];
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1 && SSL_read(ssl, input, sizeof input) > 0) {
            SSL_write(ssl, BENCH_ANSWER, sizeof BENCH_ANSWER - 1);
            SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        close(fd);
    }
}

static void bench_certificate_extension(X509 *certificate, int what, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, what, value);
    ASSERT(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/* Its own issuer: the check trusts exactly this one, and verifies it as any other. */
static X509 *bench_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    char names[64];
    ASSERT(certificate != NULL);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)bench_name, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    snprintf(names, sizeof names, "DNS:%s", bench_name);
    bench_certificate_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    bench_certificate_extension(certificate, NID_subject_alt_name, names);
    ASSERT(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static void bench_child(struct bench_server *server, int listener, X509 *certificate, EVP_PKEY *key)
{
    server->pid = fork();
    ASSERT(server->pid >= 0);
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        if (certificate == NULL) {
            bench_serve_http(listener);
        } else {
            bench_serve_https(listener, certificate, key);
        }
    }
    close(listener);
}

static void bench_start(struct bench_server *http, struct bench_server *https)
{
    bench_child(http, bench_listen(http), NULL, NULL);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = bench_certificate(key);
    snprintf(https->certificate, sizeof https->certificate, "/tmp/holdfast-bench-XXXXXX");
    FILE *file = fdopen(mkostemp(https->certificate, O_CLOEXEC), "w");
    ASSERT(file != NULL && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
    bench_child(https, bench_listen(https), certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void bench_end(struct bench_server *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    if (server->certificate[0] != 0) {
        unlink(server->certificate);
    }
}

/* ---- measuring ---- */

static double bench_cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int bench_order(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double bench_median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, bench_order);
    return values[count / 2];
}

static atomic_uint bench_done;
static atomic_uint bench_failed;

static void bench_sink(void *context, const struct probe_result *result)
{
    (void)context;
    if (!result->ok && atomic_fetch_add(&bench_failed, 1) == 0) {
        fprintf(stderr, "bench-probe: %s\n", result->message);
    }
    atomic_fetch_add(&bench_done, 1);
}

static double bench_pool(const struct bench_server *server, int rounds)
{
    const bool tls = server->certificate[0] != 0;
    const uint32_t count = tls ? BENCH_HTTPS_SPECS : BENCH_HTTP_SPECS;
    struct probe_spec *specs = calloc(count, sizeof *specs);
    ASSERT(specs != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct probe_spec *spec = &specs[i];
        spec->kind = tls ? PROBE_HTTPS : PROBE_HTTP;
        spec->interval_ms = tls ? BENCH_HTTPS_INTERVAL_MS : BENCH_HTTP_INTERVAL_MS;
        spec->timeout_ms = 5000;
        snprintf(spec->check, sizeof spec->check, "check-%u", i);
        snprintf(spec->address, sizeof spec->address, "%s", server->address);
        snprintf(spec->host, sizeof spec->host, "%s", bench_name);
        snprintf(spec->ca_file, sizeof spec->ca_file, "%s", server->certificate);
        snprintf(spec->expect_body, sizeof spec->expect_body, "\"status\":\"UP\"");
        spec->certificate_min_valid_s = 60;
    }
    struct probe_pool *pool = NULL;
    const struct probe_pool_options options = {.site = "bench", .threads = 1, .sink = bench_sink};
    ASSERT(probe_pool_new(&options, &pool) == ERR_OK && probe_pool_set(pool, specs, count) == ERR_OK);
    usleep(BENCH_ROUND_MS * 500);
    double values[BENCH_ROUNDS_MOST];
    for (int i = 0; i < rounds; i++) {
        const double before_us = bench_cpu_us();
        const uint32_t before = atomic_load(&bench_done);
        usleep(BENCH_ROUND_MS * 1000);
        const uint32_t done = atomic_load(&bench_done) - before;
        values[i] = (bench_cpu_us() - before_us) / (done > 0 ? done : 1);
    }
    probe_pool_free(pool);
    free(specs);
    return bench_median(values, rounds);
}

static void bench_bare_once(const struct bench_server *server, SSL_CTX *context)
{
    char input[1024];
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(connect(fd, (const struct sockaddr *)&server->in, sizeof server->in) == 0);
    if (context == NULL) {
        ASSERT(send(fd, BENCH_REQUEST, sizeof BENCH_REQUEST - 1, 0) > 0);
        ASSERT(recv(fd, input, sizeof input, 0) > 0);
    } else {
        SSL *ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        SSL_set_tlsext_host_name(ssl, bench_name);
        SSL_set1_host(ssl, bench_name);
        ASSERT(SSL_connect(ssl) == 1);
        ASSERT(SSL_write(ssl, BENCH_REQUEST, sizeof BENCH_REQUEST - 1) > 0);
        ASSERT(SSL_read(ssl, input, sizeof input) > 0);
        SSL_free(ssl);
    }
    close(fd);
}

static double bench_bare(const struct bench_server *server, int rounds)
{
    SSL_CTX *context = NULL;
    if (server->certificate[0] != 0) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        ASSERT(SSL_CTX_load_verify_locations(context, server->certificate, NULL) == 1);
    }
    double values[BENCH_ROUNDS_MOST];
    for (int i = 0; i < rounds; i++) {
        const double before_us = bench_cpu_us();
        for (int turn = 0; turn < BENCH_BARE; turn++) {
            bench_bare_once(server, context);
        }
        values[i] = (bench_cpu_us() - before_us) / BENCH_BARE;
    }
    SSL_CTX_free(context);
    return bench_median(values, rounds);
}

static bool bench_report(const char *name, const struct bench_server *server, int rounds, double goal_us)
{
    const double bare_us = bench_bare(server, rounds);
    const double pool_us = bench_pool(server, rounds);
    const bool good = pool_us <= goal_us;
    printf("%-6s %7.1f us CPU per fresh check (goal %.0f: %s), bare loop %7.1f us, ratio %.2f\n", name, pool_us,
           goal_us, good ? "met" : "MISSED", bare_us, pool_us / bare_us);
    fflush(stdout);
    return good;
}

int main(int count, char **arguments)
{
    const long wanted = count > 1 ? strtol(arguments[1], NULL, 10) : BENCH_ROUNDS;
    const int rounds = wanted < 1 || wanted > BENCH_ROUNDS_MOST ? BENCH_ROUNDS : (int)wanted;
    struct bench_server http = {.pid = 0};
    struct bench_server https = {.pid = 0};
    signal(SIGPIPE, SIG_IGN);
    bench_start(&http, &https);
    bool good = bench_report("http", &http, rounds, 75);
    good = bench_report("https", &https, rounds, 1000) && good;
    bench_end(&http);
    bench_end(&https);
    const uint32_t failed = atomic_load(&bench_failed);
    if (failed > 0) {
        printf("%u of %u checks failed: the figures mean nothing\n", failed, atomic_load(&bench_done));
    }
    return good && failed == 0 ? 0 : 1;
}
