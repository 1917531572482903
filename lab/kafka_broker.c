/* SPDX-License-Identifier: Apache-2.0
 * A Kafka cluster of one broker for lab and tests: librdkafka's mock cluster, on an address of our choice.
 *
 *   lab-kafka ADDRESS:PORT
 *
 * Prints the address once it listens, on standard output; then obeys lines of standard input: "down", "up", "rtt MS"
 * (delay of each answer), "error N" (the next N produce requests fail with NOT_ENOUGH_REPLICAS), "quit". Without
 * standard input it runs until it is killed. Messages live in memory only; there is no TLS and no SASL.
 *
 * The mock cluster always listens on 127.0.0.1 and a random port, and librdkafka 2.0.2 offers no setting for that. It
 * takes the address that it then advertises from getsockname(2), so replacing bind(2) in this program moves both:
 * clients learn the address they connected to, there is no forwarder, and killing this process takes the whole cluster
 * away. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/assert.h"
#include "edge/address.h"
#include "edge/log.h"

static struct address kafka_broker_address;

/* Takes the place of bind(2) for the libraries of this process, too. Everything here that binds to 127.0.0.1 and any
 * port is the mock broker. (The name is given to the assembler, because glibc declares bind with a union of its own.)
 */
int kafka_broker_bind(int fd, const struct sockaddr *address, socklen_t size) __asm__("bind");

int kafka_broker_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    static int (*next)(int, const struct sockaddr *, socklen_t);
    if (next == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "bind");
        ASSERT(symbol != NULL);
        memcpy(&next, &symbol, sizeof next);
    }
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        if (in.sin_port == 0 && in.sin_addr.s_addr == htonl(INADDR_LOOPBACK)) {
            const int on = 1;
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
            return next(fd, (const struct sockaddr *)&kafka_broker_address.storage, kafka_broker_address.size);
        }
    }
    return next(fd, address, size);
}

static void kafka_broker_log(const rd_kafka_t *handle, int level, const char *facility, const char *words)
{
    (void)handle;
    log_write(level <= 4 ? LOG_INFO : LOG_DEBUG, "%s %s", facility, words);
}

static bool kafka_broker_number(const char *text, long most, long *ret_number)
{
    char *end = NULL;
    const long number = strtol(text, &end, 10);
    if (end == text || *end != 0 || number < 0 || number > most) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* False: quit. */
static bool kafka_broker_obey(rd_kafka_mock_cluster_t *cluster, const char *line)
{
    long number = 0;
    if (strcmp(line, "quit") == 0) {
        return false;
    }
    if (strcmp(line, "down") == 0) {
        rd_kafka_mock_broker_set_down(cluster, 1);
    } else if (strcmp(line, "up") == 0) {
        rd_kafka_mock_broker_set_up(cluster, 1);
    } else if (strncmp(line, "rtt ", 4) == 0 && kafka_broker_number(line + 4, 600000, &number)) {
        rd_kafka_mock_broker_set_rtt(cluster, 1, (int)number);
    } else if (strncmp(line, "error ", 6) == 0 && kafka_broker_number(line + 6, 1000, &number)) {
        for (long i = 0; i < number; i++) {
            rd_kafka_mock_push_request_errors(cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
        }
    } else {
        fprintf(stderr, "unknown: %s (down, up, rtt MS, error N, quit)\n", line);
        return true;
    }
    printf("ok\n");
    fflush(stdout);
    return true;
}

static void kafka_broker_serve(rd_kafka_mock_cluster_t *cluster)
{
    char line[128];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = 0;
        if (!kafka_broker_obey(cluster, line)) {
            return;
        }
    }
    for (;;) {
        pause();
    }
}

static rd_kafka_t *kafka_broker_handle(void)
{
    char error[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, kafka_broker_log);
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (handle == NULL) {
        fprintf(stderr, "lab-kafka: %s\n", error);
        rd_kafka_conf_destroy(conf);
    }
    return handle;
}

int main(int count, char **arguments)
{
    if (count != 2 || address_parse(arguments[1], &kafka_broker_address) != ERR_OK ||
        kafka_broker_address.storage.ss_family != AF_INET) {
        fprintf(stderr, "usage: lab-kafka ADDRESS:PORT   (IPv4)\n");
        return 2;
    }
    log_init("kafka-broker", LOG_NOTICE);
    signal(SIGPIPE, SIG_IGN);
    rd_kafka_t *handle = kafka_broker_handle();
    if (handle == NULL) {
        return 1;
    }
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(handle, 1);
    if (cluster == NULL) {
        fprintf(stderr, "lab-kafka: cannot listen on %s\n", arguments[1]);
        rd_kafka_destroy(handle);
        return 1;
    }
    printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    kafka_broker_serve(cluster);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(handle);
    return 0;
}
