/* SPDX-License-Identifier: Apache-2.0
 * A socket loop without DNS. */
#include "dns_floor.h"

#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_FLOOR_BATCH = 32, DNS_FLOOR_PACKET = 1500 };

static void dns_floor_turn(int fd)
{
    static uint8_t memory[DNS_FLOOR_BATCH][DNS_FLOOR_PACKET];
    static struct sockaddr_storage peers[DNS_FLOOR_BATCH];
    struct mmsghdr heads[DNS_FLOOR_BATCH];
    struct iovec parts[DNS_FLOOR_BATCH];
    for (int i = 0; i < DNS_FLOOR_BATCH; i++) {
        parts[i] = (struct iovec){memory[i], DNS_FLOOR_PACKET};
        heads[i].msg_hdr = (struct msghdr){&peers[i], sizeof peers[i], &parts[i], 1, NULL, 0, 0};
    }
    const int got = recvmmsg(fd, heads, DNS_FLOOR_BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < got; i++) {
        memory[i][2] |= 0x80;
        parts[i].iov_len = heads[i].msg_len;
    }
    for (int at = 0; at < got;) {
        const int sent = sendmmsg(fd, heads + at, (unsigned)(got - at), 0);
        at += sent > 0 ? sent : 1;
    }
}

void dns_floor_run(const struct sockaddr_in *address)
{
    const int one = 1;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0) {
        for (;;) {
            dns_floor_turn(fd);
        }
    }
    close(fd);
}
