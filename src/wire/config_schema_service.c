/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of TCP services. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

static const struct config_schema_choice config_schema_service_failures[] = {
    {"cut", CONFIG_FAILURE_CUT, "at once, as soon as there is another region to go to"},
    {"leave", CONFIG_FAILURE_LEAVE, "not at all: they end by themselves"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_service_kinds[] = {
    {"tcp", CONFIG_SERVICE_TCP, "any server takes any client"},
    {"redis", CONFIG_SERVICE_REDIS,
     "Redis with one primary, which alone takes clients; the controller promotes a replica when it is lost"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_service_listen_rows[] = {
    ROWS("addresses", LIST, config_service_listen, addresses, .item = CONFIG_SCHEMA_ADDRESS, .required = true, .min = 1,
         .max = 8, .prose = "Where the relay of this site listens."),
    END};
static const struct config_schema_section config_schema_service_listen =
    SECTION("service_listen", config_service_listen, config_schema_service_listen_rows, .bare = true,
            .key = CONFIG_SCHEMA_REFERENCE, .target = CONFIG_SCHEMA_SITE,
            .key_offset = offsetof(struct config_service_listen, site), .prose = "Where one site relays a service.");

static const struct config_schema_row config_schema_service_target_rows[] = {
    ROWS("addresses", LIST, config_service_target, addresses, .item = CONFIG_SCHEMA_ADDRESS, .required = true, .min = 1,
         .max = CONFIG_TARGETS, .prose = "The service's addresses in this region."),
    END};
static const struct config_schema_section config_schema_service_target = SECTION(
    "service_target", config_service_target, config_schema_service_target_rows, .bare = true,
    .key = CONFIG_SCHEMA_REFERENCE, .target = CONFIG_SCHEMA_REGION,
    .key_offset = offsetof(struct config_service_target, region), .prose = "A service's servers in one region.");

static const struct config_schema_row config_schema_service_rows[] = {
    ROW("kind", ENUM, config_service, kind, .fallback = "tcp", .choices = config_schema_service_kinds,
        .prose = "What it is."),
    ROWS("listen", MAP, config_service, listen, .required = true, .min = 1, .max = CONFIG_SITES,
         .section = &config_schema_service_listen, .prose = "Where it is relayed: per site with the role service."),
    ROWS("targets", MAP, config_service, targets, .required = true, .min = 1, .max = CONFIG_REGIONS,
         .section = &config_schema_service_target,
         .prose = "Its servers per region. Clients go where the split sends them: home first, the next region when it "
                  "fails. Among the addresses of a region the one with the fewest connections is taken."),
    ROW("check", REFERENCE, config_service, check, .target = CONFIG_SCHEMA_CHECK,
        .prose = "The check that says whether the service works in a region; without it only a failure of the whole "
                 "region moves its clients."),
    ROW("on_failure", ENUM, config_service, on_failure, .fallback = "cut", .choices = config_schema_service_failures,
        .prose = "What becomes of the connections to a region where it has failed."),
    ROW("drain", DURATION_MS, config_service, drain_ms, .fallback = "30s", .min = 0, .max = HOURS(24),
        .prose =
            "How long a connection may go on to a region that gets no clients from there any more; then it is cut."),
    ROW("max_connections", INTEGER, config_service, max_connections, .fallback = "1000", .min = 1, .max = 30000,
        .prose = "Connections at a time, for each relay; more are closed at once."),
    ROW("connect_timeout", DURATION_MS, config_service, connect_timeout_ms, .fallback = "1s", .min = MS(10),
        .max = MINUTES(1), .prose = "So long one server is waited for, then the next is tried."),
    ROW("connect_wait", DURATION_MS, config_service, connect_wait_ms, .fallback = "10s", .min = MS(10),
        .max = MINUTES(10), .prose = "So long a client is kept waiting for a server, then it is closed."),
    ROW("idle_timeout", DURATION_MS, config_service, idle_timeout_ms, .fallback = "0s", .min = 0, .max = DAYS(7),
        .prose = "A connection without a byte in either direction for so long is closed; 0s: never."),
    ROW("initial_primary", REFERENCE, config_service, initial_primary, .target = CONFIG_SCHEMA_REGION,
        .prose = "Of redis: the region whose server is the primary at the very first start."),
    ROW("password", SECRET, config_service, password,
        .prose = "Of redis: with which the controller logs in; the servers need it as masterauth, too."),
    END};
const struct config_schema_section config_schema_service =
    SECTION("service", config_service, config_schema_service_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "A TCP service that is relayed to where it works.");
