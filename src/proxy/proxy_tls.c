/* SPDX-License-Identifier: Apache-2.0
 * TLS on a proxy's connections. */
#include "proxy/proxy_tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/assert.h"

enum {
    PROXY_TLS_STASH = 64 * 1024, /* bytes that were looked at and not taken */
};

struct proxy_tls_context {
    struct proxy_tls_files files;
    bool servers;
    enum proxy_tls_server_mode mode; /* servers */
    pthread_mutex_t lock;
    SSL_CTX *ssl;
};

struct proxy_tls {
    SSL *ssl;
    bool ready;
    bool stuck;
    bool drained; /* the last look at the socket took all that it had */
    bool ended;   /* nothing more comes: `ended_errno` 0 or why */
    int ended_errno;
    uint8_t *stash;
    size_t stash_at;
    size_t stash_size;
};

const char *proxy_tls_server_mode_name(enum proxy_tls_server_mode mode)
{
    static const char *const names[] = {"disable", "prefer", "require", "verify-ca", "verify-full"};
    ASSERT(mode < sizeof names / sizeof names[0]);
    return names[mode];
}

/* ---- certificates ---- */

/* The library's last words, in one line. */
static enum err proxy_tls_error(char message[PROXY_TLS_MESSAGE], const char *what, const char *path)
{
    char reason[128] = "no reason given";
    const unsigned long code = ERR_peek_last_error();
    if (code != 0) {
        const char *text = ERR_reason_error_string(code);
        snprintf(reason, sizeof reason, "%s", text != NULL ? text : "unknown reason");
    }
    ERR_clear_error();
    snprintf(message, PROXY_TLS_MESSAGE, "%s %.100s: %s", what, path, reason);
    return ERR_CERTIFICATE;
}

/* As PostgreSQL: nobody else may read the key; of root's file its group may. */
static enum err proxy_tls_key_file(const char *path, char message[PROXY_TLS_MESSAGE])
{
    struct stat status;
    if (stat(path, &status) != 0) {
        const int number = errno;
        snprintf(message, PROXY_TLS_MESSAGE, "private key %.150s: %s", path, strerror(number));
        return err_from_errno(number);
    }
    const mode_t forbidden = status.st_uid == 0 ? (mode_t)(S_IWGRP | S_IXGRP | S_IRWXO) : (mode_t)(S_IRWXG | S_IRWXO);
    if (!S_ISREG(status.st_mode) || (status.st_mode & forbidden) != 0) {
        snprintf(message, PROXY_TLS_MESSAGE, "private key %.150s: others may read it; chmod 600 it", path);
        return ERR_PERMISSION;
    }
    return ERR_OK;
}

/* ALPN: "postgresql" or nothing; a client that offers other protocols only is not one of PostgreSQL's. */
static int proxy_tls_alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in,
                                 unsigned in_size, void *argument)
{
    static const unsigned char ours[] = "\x0a" PROXY_TLS_ALPN;
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)argument;
    if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void proxy_tls_harden(SSL_CTX *ssl)
{
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_read_ahead(ssl, 1); /* head and body of a record, and the next ones, in one call */
}

/* Whom we trust to vouch for clients. A client without a certificate comes in; a wrong one does not. */
static enum err proxy_tls_client_ca(SSL_CTX *ssl, const char *path, char message[PROXY_TLS_MESSAGE])
{
    if (path[0] == '\0') {
        return ERR_OK;
    }
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (names == NULL || SSL_CTX_load_verify_locations(ssl, path, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return proxy_tls_error(message, "client_ca", path);
    }
    SSL_CTX_set_client_CA_list(ssl, names);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return ERR_OK;
}

static enum err proxy_tls_load(const struct proxy_tls_files *files, char message[PROXY_TLS_MESSAGE], SSL_CTX **ret_ssl)
{
    enum err err = proxy_tls_key_file(files->key, message);
    if (err != ERR_OK) {
        return err;
    }
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (ssl == NULL) {
        return ERR_NO_MEMORY;
    }
    proxy_tls_harden(ssl);
    SSL_CTX_set_alpn_select_cb(ssl, proxy_tls_alpn_select, NULL);
    if (SSL_CTX_use_certificate_chain_file(ssl, files->certificate) != 1) {
        err = proxy_tls_error(message, "certificate", files->certificate);
    } else if (SSL_CTX_use_PrivateKey_file(ssl, files->key, SSL_FILETYPE_PEM) != 1) {
        err = proxy_tls_error(message, "private key", files->key);
    } else {
        err = proxy_tls_client_ca(ssl, files->ca, message);
    }
    if (err != ERR_OK) {
        SSL_CTX_free(ssl);
        return err;
    }
    *ret_ssl = ssl;
    return ERR_OK;
}

/* Towards servers. */
static enum err proxy_tls_load_servers(enum proxy_tls_server_mode mode, const char *ca, char message[PROXY_TLS_MESSAGE],
                                       SSL_CTX **ret_ssl)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    if (ssl == NULL) {
        return ERR_NO_MEMORY;
    }
    proxy_tls_harden(ssl);
    if (mode >= PROXY_TLS_SERVER_VERIFY_CA) {
        if (SSL_CTX_load_verify_locations(ssl, ca, NULL) != 1) {
            SSL_CTX_free(ssl);
            return proxy_tls_error(message, "ca", ca);
        }
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    }
    *ret_ssl = ssl;
    return ERR_OK;
}

static enum err proxy_tls_context_load(const struct proxy_tls_context *context, char message[PROXY_TLS_MESSAGE],
                                       SSL_CTX **ret_ssl)
{
    return context->servers ? proxy_tls_load_servers(context->mode, context->files.ca, message, ret_ssl)
                            : proxy_tls_load(&context->files, message, ret_ssl);
}

/* Takes the struct over. */
static enum err proxy_tls_context_begin(struct proxy_tls_context *context, char message[PROXY_TLS_MESSAGE],
                                        struct proxy_tls_context **ret_context)
{
    const enum err err = proxy_tls_context_load(context, message, &context->ssl);
    if (err != ERR_OK) {
        free(context);
        return err;
    }
    pthread_mutex_init(&context->lock, NULL);
    *ret_context = context;
    return ERR_OK;
}

enum err proxy_tls_context_servers_new(enum proxy_tls_server_mode mode, const char *ca, char message[PROXY_TLS_MESSAGE],
                                       struct proxy_tls_context **ret_context)
{
    ASSERT(mode != PROXY_TLS_SERVER_DISABLE);
    message[0] = '\0';
    struct proxy_tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        return ERR_NO_MEMORY;
    }
    context->servers = true;
    context->mode = mode;
    snprintf(context->files.ca, sizeof context->files.ca, "%s", ca);
    return proxy_tls_context_begin(context, message, ret_context);
}

enum proxy_tls_server_mode proxy_tls_context_mode(const struct proxy_tls_context *context)
{
    ASSERT(context->servers);
    return context->mode;
}

enum err proxy_tls_context_new(const struct proxy_tls_files *files, char message[PROXY_TLS_MESSAGE],
                               struct proxy_tls_context **ret_context)
{
    message[0] = '\0';
    struct proxy_tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        return ERR_NO_MEMORY;
    }
    context->files = *files;
    return proxy_tls_context_begin(context, message, ret_context);
}

void proxy_tls_context_free(struct proxy_tls_context *context)
{
    if (context != NULL) {
        SSL_CTX_free(context->ssl);
        pthread_mutex_destroy(&context->lock);
        free(context);
    }
}

enum err proxy_tls_context_reload(struct proxy_tls_context *context, char message[PROXY_TLS_MESSAGE])
{
    message[0] = '\0';
    SSL_CTX *ssl = NULL;
    const enum err err = proxy_tls_context_load(context, message, &ssl);
    if (err != ERR_OK) {
        return err;
    }
    pthread_mutex_lock(&context->lock);
    SSL_CTX *old = context->ssl;
    context->ssl = ssl;
    pthread_mutex_unlock(&context->lock);
    SSL_CTX_free(old); /* connections that use it keep it */
    return ERR_OK;
}

struct wall proxy_tls_context_expires(struct proxy_tls_context *context)
{
    struct tm tm = {.tm_year = 0};
    ASSERT(!context->servers);
    pthread_mutex_lock(&context->lock);
    const X509 *certificate = SSL_CTX_get0_certificate(context->ssl);
    const bool known = certificate != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1;
    pthread_mutex_unlock(&context->lock);
    return (struct wall){known ? (int64_t)timegm(&tm) * TIME_US_PER_S : 0};
}

/* ---- a connection ---- */

/* Sees what the library's reads of the socket bring. */
static long proxy_tls_observe(BIO *bio, int operation, const char *memory, size_t size, int number, long argument,
                              int result, size_t *processed)
{
    (void)memory;
    (void)number;
    (void)argument;
    if (operation == (BIO_CB_READ | BIO_CB_RETURN)) {
        struct proxy_tls *tls = (void *)BIO_get_callback_arg(bio);
        tls->drained = result <= 0 || *processed < size;
    }
    return result;
}

static enum err proxy_tls_new(struct proxy_tls_context *context, int fd, struct proxy_tls **ret_tls)
{
    struct proxy_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return ERR_NO_MEMORY;
    }
    pthread_mutex_lock(&context->lock);
    tls->ssl = SSL_new(context->ssl);
    pthread_mutex_unlock(&context->lock);
    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1) {
        proxy_tls_free(tls);
        ERR_clear_error();
        return ERR_NO_MEMORY;
    }
    BIO_set_callback_ex(SSL_get_rbio(tls->ssl), proxy_tls_observe);
    BIO_set_callback_arg(SSL_get_rbio(tls->ssl), (char *)tls);
    *ret_tls = tls;
    return ERR_OK;
}

enum err proxy_tls_accept(struct proxy_tls_context *context, int fd, struct proxy_tls **ret_tls)
{
    ASSERT(!context->servers);
    const enum err err = proxy_tls_new(context, fd, ret_tls);
    if (err == ERR_OK) {
        SSL_set_accept_state((*ret_tls)->ssl);
    }
    return err;
}

enum err proxy_tls_connect(struct proxy_tls_context *context, int fd, const struct view_address *address,
                           struct proxy_tls **ret_tls)
{
    ASSERT(context->servers);
    struct proxy_tls *tls = NULL;
    const enum err err = proxy_tls_new(context, fd, &tls);
    if (err != ERR_OK) {
        return err;
    }
    const size_t size = address->family == 6 ? 16 : 4;
    if (context->mode == PROXY_TLS_SERVER_VERIFY_FULL &&
        X509_VERIFY_PARAM_set1_ip(SSL_get0_param(tls->ssl), address->bytes, size) != 1) {
        proxy_tls_free(tls);
        ERR_clear_error();
        return ERR_NO_MEMORY;
    }
    SSL_set_connect_state(tls->ssl);
    *ret_tls = tls;
    return ERR_OK;
}

void proxy_tls_free(struct proxy_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    SSL_free(tls->ssl);
    if (tls->stash != NULL) {
        explicit_bzero(tls->stash, tls->stash_size);
        free(tls->stash);
    }
    free(tls);
}

static void proxy_tls_why(const struct proxy_tls *tls, char message[PROXY_TLS_MESSAGE])
{
    const long verified = SSL_get_verify_result(tls->ssl);
    const unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (verified != X509_V_OK) {
        snprintf(message, PROXY_TLS_MESSAGE, "the certificate is not accepted: %s",
                 X509_verify_cert_error_string(verified));
    } else {
        snprintf(message, PROXY_TLS_MESSAGE, "%s", reason != NULL ? reason : "the connection was closed");
    }
}

enum err proxy_tls_handshake(struct proxy_tls *tls, char message[PROXY_TLS_MESSAGE])
{
    message[0] = '\0';
    ASSERT(!tls->ready);
    ERR_clear_error();
    const int done = SSL_do_handshake(tls->ssl);
    if (done == 1) {
        tls->ready = true;
        return ERR_OK;
    }
    const int error = SSL_get_error(tls->ssl, done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return ERR_UNAVAILABLE;
    }
    proxy_tls_why(tls, message);
    const bool certificate = SSL_get_verify_result(tls->ssl) != X509_V_OK;
    ERR_clear_error();
    return certificate ? ERR_CERTIFICATE : error == SSL_ERROR_SSL ? ERR_TLS : ERR_CLOSED;
}

bool proxy_tls_ready(const struct proxy_tls *tls)
{
    return tls->ready;
}

/* What came of a call that gave no bytes. */
static ssize_t proxy_tls_outcome(struct proxy_tls *tls, int error)
{
    const int number = errno;
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }
    tls->ended = true;
    tls->ended_errno = error == SSL_ERROR_ZERO_RETURN              ? 0
                       : error == SSL_ERROR_SYSCALL && number != 0 ? number
                                                                   : ECONNRESET;
    errno = tls->ended_errno;
    return tls->ended_errno == 0 ? 0 : -1;
}

static ssize_t proxy_tls_read(struct proxy_tls *tls, void *memory, size_t size)
{
    if (tls->ended) {
        errno = tls->ended_errno;
        return tls->ended_errno == 0 ? 0 : -1;
    }
    size_t got = 0;
    errno = 0;
    ERR_clear_error();
    if (SSL_read_ex(tls->ssl, memory, size, &got) == 1) {
        return (ssize_t)got;
    }
    return proxy_tls_outcome(tls, SSL_get_error(tls->ssl, 0));
}

/* A record at a time goes into the stash, so that a message can be looked at that is spread over several. */
static ssize_t proxy_tls_peek(struct proxy_tls *tls, void *memory, size_t size)
{
    const size_t limit = size < PROXY_TLS_STASH ? size : PROXY_TLS_STASH;
    if (tls->stash == NULL) {
        tls->stash = malloc(PROXY_TLS_STASH);
        tls->stash_at = 0;
        tls->stash_size = 0;
        if (tls->stash == NULL) {
            errno = ENOMEM;
            return -1;
        }
    }
    memmove(tls->stash, tls->stash + tls->stash_at, tls->stash_size - tls->stash_at);
    tls->stash_size -= tls->stash_at;
    tls->stash_at = 0;
    ssize_t got = 1;
    while (tls->stash_size < limit && got > 0) {
        got = proxy_tls_read(tls, tls->stash + tls->stash_size, limit - tls->stash_size);
        tls->stash_size += got > 0 ? (size_t)got : 0;
    }
    if (tls->stash_size == 0) {
        const int number = errno;
        free(tls->stash);
        tls->stash = NULL;
        errno = number;
        return got;
    }
    const size_t count = tls->stash_size < size ? tls->stash_size : size;
    memcpy(memory, tls->stash, count);
    return (ssize_t)count;
}

ssize_t proxy_tls_recv(struct proxy_tls *tls, void *memory, size_t size, bool peek)
{
    if (peek) {
        return proxy_tls_peek(tls, memory, size);
    }
    if (tls->stash == NULL) {
        return proxy_tls_read(tls, memory, size);
    }
    const size_t left = tls->stash_size - tls->stash_at;
    const size_t count = left < size ? left : size;
    ASSERT(left > 0);
    memcpy(memory, tls->stash + tls->stash_at, count);
    tls->stash_at += count;
    if (tls->stash_at == tls->stash_size) {
        explicit_bzero(tls->stash, tls->stash_size);
        free(tls->stash);
        tls->stash = NULL;
    }
    return (ssize_t)count;
}

bool proxy_tls_more(const struct proxy_tls *tls)
{
    return tls->stash != NULL || tls->ended || !tls->drained || SSL_has_pending(tls->ssl) == 1;
}

/* One record at most. */
static ssize_t proxy_tls_write(struct proxy_tls *tls, const uint8_t *data, size_t size)
{
    size_t sent = 0;
    if (tls->ended && tls->ended_errno != 0) {
        errno = tls->ended_errno; /* the library must not be called again after an error */
        return -1;
    }
    errno = 0;
    ERR_clear_error();
    if (SSL_write_ex(tls->ssl, data, size, &sent) == 1) {
        tls->stuck = false;
        return (ssize_t)sent;
    }
    const ssize_t outcome = proxy_tls_outcome(tls, SSL_get_error(tls->ssl, 0));
    tls->stuck = outcome < 0 && errno == EAGAIN;
    if (outcome == 0) {
        errno = EPIPE;
    }
    return -1;
}

/* As the kernel does it: fewer bytes than wanted means that no more fit now. */
ssize_t proxy_tls_send(struct proxy_tls *tls, const void *data, size_t size)
{
    const uint8_t *from = data;
    size_t done = 0;
    while (done < size) {
        const ssize_t sent = proxy_tls_write(tls, from + done, size - done);
        if (sent < 0) {
            break;
        }
        done += (size_t)sent;
    }
    return done > 0 || size == 0 ? (ssize_t)done : -1;
}

bool proxy_tls_stuck(const struct proxy_tls *tls)
{
    return tls->stuck;
}

void proxy_tls_shutdown(struct proxy_tls *tls)
{
    if (tls->ready && !tls->stuck && !(tls->ended && tls->ended_errno != 0)) {
        (void)SSL_shutdown(tls->ssl);
        ERR_clear_error();
    }
}

/* ---- once it is ready ---- */

bool proxy_tls_alpn(const struct proxy_tls *tls)
{
    const unsigned char *name = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls->ssl, &name, &size);
    return size > 0 && span_is(span_of(name, size), PROXY_TLS_ALPN);
}

void proxy_tls_describe(const struct proxy_tls *tls, char text[PROXY_TLS_MESSAGE])
{
    snprintf(text, PROXY_TLS_MESSAGE, "%s %s", SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl));
}

const char *proxy_tls_server_name(const struct proxy_tls *tls)
{
    const char *name = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
    return name != NULL ? name : "";
}

struct span proxy_tls_binding(const struct proxy_tls *tls, uint8_t memory[PG_SCRAM_SERVE_BINDING])
{
    X509 *certificate = SSL_get_certificate(tls->ssl);
    int digest = NID_undef;
    unsigned size = 0;
    if (certificate == NULL || X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) != 1 ||
        digest == NID_undef) {
        return span_of(NULL, 0);
    }
    /* RFC 5929, section 4.1: MD5 and SHA-1 become SHA-256. */
    const bool old = digest == NID_md5 || digest == NID_sha1;
    const EVP_MD *method = old ? EVP_sha256() : EVP_get_digestbynid(digest);
    if (method == NULL || EVP_MD_get_size(method) > PG_SCRAM_SERVE_BINDING ||
        X509_digest(certificate, method, memory, &size) != 1) {
        ERR_clear_error();
        return span_of(NULL, 0);
    }
    return span_of(memory, size);
}

bool proxy_tls_peer(const struct proxy_tls *tls, char name[PROXY_TLS_NAME])
{
    X509 *certificate = SSL_get1_peer_certificate(tls->ssl);
    name[0] = '\0';
    if (certificate == NULL) {
        return false;
    }
    const bool good = SSL_get_verify_result(tls->ssl) == X509_V_OK;
    const int size =
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, PROXY_TLS_NAME);
    /* A name that is cut, or that has a zero inside, is nobody's. */
    if (size < 0 || size >= PROXY_TLS_NAME - 1 || strlen(name) != (size_t)size) {
        name[0] = '\0';
    }
    X509_free(certificate);
    return good;
}
