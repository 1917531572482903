/* SPDX-License-Identifier: Apache-2.0
 * Sockets that outlive the DNS server. */
#include "bin/serve_socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bin/serve_dns.h"

enum { SERVE_SOCKET_FIRST = 3, SERVE_SOCKET_ABOVE = 3 + DNS_SOCKET_GIVEN };

static enum err serve_socket_one(const struct sockaddr_storage *address, int type, struct dns_socket_given *given,
                                 struct dns_socket_given *sockets)
{
    int fd = dns_socket_take(given, address, type);
    if (fd < 0) {
        const enum err err = dns_socket_open(address, type, &fd);
        if (err != ERR_OK) {
            return err;
        }
    }
    sockets->fds[sockets->count++] = fd;
    return ERR_OK;
}

void serve_socket_open(const struct config *config, uint32_t site, struct dns_socket_given *ret_sockets)
{
    static struct dns_socket_given given;
    const struct config_site *here = &config->sites[site];
    const uint32_t workers = dns_server_cores(config->dns.workers);
    enum err err = ERR_OK;
    ret_sockets->count = 0;
    dns_socket_inherit(&given);
    for (uint32_t i = 0; i < workers * here->dns.listen_count && err == ERR_OK; i++) {
        const struct sockaddr_storage address = serve_dns_address(&here->dns.listen[i % here->dns.listen_count]);
        err = ret_sockets->count + 2 > DNS_SOCKET_GIVEN ? ERR_TOO_LARGE
                                                        : serve_socket_one(&address, SOCK_DGRAM, &given, ret_sockets);
        err = err == ERR_OK ? serve_socket_one(&address, SOCK_STREAM, &given, ret_sockets) : err;
    }
    dns_socket_close(&given);
    if (err != ERR_OK) {
        dns_socket_close(ret_sockets);
    }
}

void serve_socket_hand(const struct dns_socket_given *sockets)
{
    char text[16];
    int high[DNS_SOCKET_GIVEN];
    for (uint32_t i = 0; i < sockets->count; i++) {
        high[i] = fcntl(sockets->fds[i], F_DUPFD_CLOEXEC, SERVE_SOCKET_ABOVE); /* out of the way of the others */
    }
    for (uint32_t i = 0; i < sockets->count; i++) {
        (void)dup2(high[i], SERVE_SOCKET_FIRST + (int)i);
    }
    if (sockets->count > 0) {
        snprintf(text, sizeof text, "%d", (int)getpid());
        setenv("LISTEN_PID", text, 1);
        snprintf(text, sizeof text, "%u", sockets->count);
        setenv("LISTEN_FDS", text, 1);
    }
}
