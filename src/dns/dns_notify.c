/* SPDX-License-Identifier: Apache-2.0
 * Tells secondaries that a zone has changed. */
#include "dns/dns_notify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "wire/dns_message.h"
#include "wire/dns_type.h"

enum { DNS_NOTIFY_OPCODE = 4 };

/* One zone and one secondary. */
struct dns_notify_item {
    uint32_t tries; /* 0: free; else one more than were made */
    uint32_t target;
    uint16_t id;
    struct mono due;
    struct dns_name zone;
};

struct dns_notify {
    struct dns_notify_options options;
    int sockets[2]; /* IPv4, IPv6; -1: none */
    int wake;
    pthread_t thread;
    pthread_mutex_t lock; /* what follows */
    bool stop;
    bool key_given;
    struct dns_tsig_key key;
    struct dns_notify_item items[DNS_NOTIFY_PENDING];
};

static socklen_t dns_notify_size(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static uint32_t dns_notify_family(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? 0 : 1;
}

static void dns_notify_print(const struct sockaddr_storage *address, char text[INET6_ADDRSTRLEN])
{
    const void *bytes = address->ss_family == AF_INET
                            ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                            : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    text[0] = 0;
    inet_ntop(address->ss_family, bytes, text, INET6_ADDRSTRLEN);
}

static void dns_notify_send(struct dns_notify *notify, const struct dns_notify_item *item)
{
    uint8_t message[512];
    struct buf buf;
    const struct sockaddr_storage *target = &notify->options.targets[item->target];
    buf_init(&buf, message, sizeof message);
    buf_u16be(&buf, item->id);
    buf_u16be(&buf, DNS_NOTIFY_OPCODE << 11 | DNS_MESSAGE_AA);
    buf_bytes(&buf, "\0\1\0\0\0\0\0\0", 8);
    buf_bytes(&buf, item->zone.bytes, item->zone.size);
    buf_u16be(&buf, DNS_TYPE_SOA);
    buf_u16be(&buf, DNS_CLASS_IN);
    ASSERT(!buf.overflow && buf.size + DNS_TSIG_MOST <= sizeof message);
    size_t size = buf.size;
    if (notify->key_given) {
        struct dns_tsig tsig;
        dns_tsig_client(&notify->key, (uint64_t)(clock_wall().us / 1000000), &tsig);
        size = dns_tsig_sign(&tsig, message, size);
    }
    /* What cannot be sent now is sent again later. */
    (void)!sendto(notify->sockets[dns_notify_family(target)], message, size, MSG_DONTWAIT,
                  (const struct sockaddr *)target, dns_notify_size(target));
}

static void dns_notify_give_up(struct dns_notify *notify, struct dns_notify_item *item)
{
    char address[INET6_ADDRSTRLEN];
    char zone[1100];
    struct buf buf;
    buf_init(&buf, zone, sizeof zone);
    dns_name_print(&item->zone, &buf);
    dns_notify_print(&notify->options.targets[item->target], address);
    LOG_W("secondary %s did not answer the NOTIFY for zone %s; it will ask by itself", address, buf_string(&buf));
    item->tries = 0;
}

/* Sends what is due. Milliseconds to the next, -1: nothing waits. */
static int dns_notify_turn(struct dns_notify *notify)
{
    const struct mono now = clock_mono();
    int64_t next_ms = -1;
    for (uint32_t i = 0; i < DNS_NOTIFY_PENDING; i++) {
        struct dns_notify_item *item = &notify->items[i];
        if (item->tries == 0) {
            continue;
        }
        int64_t wait_ms = -time_since_ms(now, item->due);
        if (wait_ms <= 0 && item->tries > DNS_NOTIFY_TRIES) {
            dns_notify_give_up(notify, item);
            continue;
        }
        if (wait_ms <= 0) {
            dns_notify_send(notify, item);
            wait_ms = (int64_t)DNS_NOTIFY_FIRST_MS << (item->tries - 1);
            item->due = time_add_ms(now, wait_ms);
            item->tries++;
        }
        next_ms = next_ms < 0 || wait_ms < next_ms ? wait_ms : next_ms;
    }
    return (int)next_ms;
}

/* An answer of any code is one: the secondary has heard it. */
static void dns_notify_receive(struct dns_notify *notify, int fd)
{
    uint8_t message[512];
    struct sockaddr_storage peer = {0};
    socklen_t peer_size = sizeof peer;
    struct cursor cursor;
    const ssize_t got = recvfrom(fd, message, sizeof message, MSG_DONTWAIT, (struct sockaddr *)&peer, &peer_size);
    cursor_init(&cursor, message, got > 0 ? (size_t)got : 0);
    const uint16_t id = cursor_u16be(&cursor);
    const uint16_t flags = cursor_u16be(&cursor);
    if (!cursor_ok(&cursor) ||
        (flags & (DNS_MESSAGE_QR | DNS_MESSAGE_OPCODE)) != (DNS_MESSAGE_QR | DNS_NOTIFY_OPCODE << 11)) {
        return;
    }
    for (uint32_t i = 0; i < DNS_NOTIFY_PENDING; i++) {
        struct dns_notify_item *item = &notify->items[i];
        const struct sockaddr_storage *target = &notify->options.targets[item->target];
        if (item->tries > 1 && item->id == id && target->ss_family == peer.ss_family &&
            memcmp(target, &peer, dns_notify_size(target)) == 0) {
            item->tries = 0;
        }
    }
}

static void *dns_notify_run(void *argument)
{
    struct dns_notify *notify = argument;
    for (;;) {
        pthread_mutex_lock(&notify->lock);
        const bool stop = notify->stop;
        const int wait_ms = dns_notify_turn(notify);
        pthread_mutex_unlock(&notify->lock);
        if (stop) {
            return NULL;
        }
        struct pollfd polls[3] = {{.fd = notify->sockets[0], .events = POLLIN},
                                  {.fd = notify->sockets[1], .events = POLLIN},
                                  {.fd = notify->wake, .events = POLLIN}};
        poll(polls, 3, wait_ms);
        uint64_t count;
        (void)!read(notify->wake, &count, sizeof count);
        pthread_mutex_lock(&notify->lock);
        for (int i = 0; i < 2; i++) {
            if ((polls[i].revents & (POLLIN | POLLERR)) != 0) {
                dns_notify_receive(notify, polls[i].fd);
            }
        }
        pthread_mutex_unlock(&notify->lock);
    }
}

static int dns_notify_socket(const struct sockaddr_storage *source, sa_family_t family)
{
    const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || source->ss_family != family) {
        return fd;
    }
    struct sockaddr_storage bound = *source;
    if (family == AF_INET) {
        ((struct sockaddr_in *)&bound)->sin_port = 0;
    } else {
        ((struct sockaddr_in6 *)&bound)->sin6_port = 0;
    }
    (void)!bind(fd, (const struct sockaddr *)&bound, dns_notify_size(&bound)); /* else from another address of ours */
    return fd;
}

static void dns_notify_free(struct dns_notify *notify)
{
    for (int i = 0; i < 2; i++) {
        if (notify->sockets[i] >= 0) {
            close(notify->sockets[i]);
        }
    }
    if (notify->wake >= 0) {
        close(notify->wake);
    }
    explicit_bzero(&notify->key, sizeof notify->key);
    free(notify);
}

enum err dns_notify_start(const struct dns_notify_options *options, struct dns_notify **ret_notify)
{
    sigset_t all;
    sigset_t before;
    ASSERT(options->targets_count <= DNS_NOTIFY_TARGETS);
    struct dns_notify *notify = calloc(1, sizeof *notify);
    if (notify == NULL) {
        return ERR_NO_MEMORY;
    }
    notify->options = *options;
    notify->sockets[0] = dns_notify_socket(&options->sources[0], AF_INET);
    notify->sockets[1] = dns_notify_socket(&options->sources[1], AF_INET6); /* -1 where there is no IPv6 */
    notify->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&notify->lock, NULL);
    int failure = notify->wake < 0 || notify->sockets[0] < 0 ? errno : 0;
    if (failure == 0) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        failure = pthread_create(&notify->thread, NULL, dns_notify_run, notify);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (failure != 0) {
        dns_notify_free(notify);
        return err_from_errno(failure);
    }
    *ret_notify = notify;
    return ERR_OK;
}

static void dns_notify_wake(const struct dns_notify *notify)
{
    const uint64_t one = 1;
    (void)!write(notify->wake, &one, sizeof one);
}

/* The item of that zone and target, else a free one, else NULL. */
static struct dns_notify_item *dns_notify_item(struct dns_notify *notify, const struct dns_name *zone, uint32_t target)
{
    struct dns_notify_item *free_item = NULL;
    for (uint32_t i = 0; i < DNS_NOTIFY_PENDING; i++) {
        struct dns_notify_item *item = &notify->items[i];
        if (item->tries == 0) {
            free_item = free_item != NULL ? free_item : item;
        } else if (item->target == target && dns_name_equal(&item->zone, zone)) {
            return item;
        }
    }
    return free_item;
}

void dns_notify_tell(struct dns_notify *notify, const struct dns_name *zone, const struct dns_tsig_key *key)
{
    pthread_mutex_lock(&notify->lock);
    notify->key_given = key != NULL;
    if (key != NULL) {
        notify->key = *key;
    }
    for (uint32_t i = 0; i < notify->options.targets_count; i++) {
        struct dns_notify_item *item = dns_notify_item(notify, zone, i);
        if (item != NULL && getrandom(&item->id, sizeof item->id, 0) == (ssize_t)sizeof item->id) {
            item->tries = 1;
            item->target = i;
            item->due = clock_mono();
            item->zone = *zone;
        }
    }
    pthread_mutex_unlock(&notify->lock);
    dns_notify_wake(notify);
}

void dns_notify_stop(struct dns_notify *notify)
{
    if (notify == NULL) {
        return;
    }
    pthread_mutex_lock(&notify->lock);
    notify->stop = true;
    pthread_mutex_unlock(&notify->lock);
    dns_notify_wake(notify);
    const int failure = pthread_join(notify->thread, NULL);
    ASSERT(failure == 0);
    pthread_mutex_destroy(&notify->lock);
    dns_notify_free(notify);
}
