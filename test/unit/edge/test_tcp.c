/* SPDX-License-Identifier: Apache-2.0
 * TCP sockets of the planes that relay: whether an address is free. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/tcp.h"

enum { TCP_HOST = 0x7f094d05 /* 127.9.77.5 */ };

static int tcp_listened;

/* In the place of libc's. */
int listen(int fd, int backlog)
{
    tcp_listened++;
    return (int)syscall(SYS_listen, fd, backlog);
}

/* An address on which nobody listens: the kernel has just given its port to us. Connections come from 127.0.0.1, so no
 * other socket gets it meanwhile. */
static struct view_address tcp_somewhere(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(TCP_HOST)};
    socklen_t size = sizeof in;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (const struct sockaddr *)&in, sizeof in) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    close(fd);
    return (struct view_address){.bytes = {127, 9, 77, 5}, .port = ntohs(in.sin_port), .family = 4};
}

static void test_an_address_is_free_or_not(void **state)
{
    (void)state;
    const struct view_address address = tcp_somewhere();
    int fd = -1;
    int other = -1;
    assert_int_equal(tcp_free(&address), ERR_OK);
    assert_int_equal(tcp_listen(&address, &fd), ERR_OK);
    assert_int_equal(tcp_free(&address), ERR_IN_USE);
    assert_int_equal(tcp_listen(&address, &other), ERR_OK); /* the next worker's */
    close(fd);
    assert_int_equal(tcp_free(&address), ERR_IN_USE);
    close(other);
    assert_int_equal(tcp_free(&address), ERR_OK);
}

/* A proxy that starts looks whether its port is free. Had the trial listened, a client that came just then would have
 * been let in, and reset without a word when the trial ended. */
static void test_nobody_can_connect_to_the_trial(void **state)
{
    (void)state;
    const struct view_address address = tcp_somewhere();
    int fd = -1;
    tcp_listened = 0;
    assert_int_equal(tcp_free(&address), ERR_OK);
    assert_int_equal(tcp_listened, 0);
    assert_int_equal(tcp_listen(&address, &fd), ERR_OK);
    assert_int_equal(tcp_listened, 1);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_is_free_or_not),
        cmocka_unit_test(test_nobody_can_connect_to_the_trial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
