/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of `regions` and `sites`. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

static const struct config_schema_choice config_schema_roles[] = {
    {"control", CONFIG_ROLE_CONTROL, "decides and acts, keeps the store, serves the API; observes as well"},
    {"observer", CONFIG_ROLE_OBSERVER, "runs the checks and reports to the controller"},
    {"dns", CONFIG_ROLE_DNS, "answers DNS"},
    {"proxy", CONFIG_ROLE_PROXY, "relays SQL sessions"},
    {"service", CONFIG_ROLE_SERVICE, "relays other TCP services"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_endpoint_rows[] = {
    ROWS("addresses", LIST, config_endpoint, addresses, .item = CONFIG_SCHEMA_ADDRESS, .required = true, .min = 1,
         .max = CONFIG_ENDPOINTS,
         .prose = "Addresses that DNS answers for this endpoint, and that are verified after a shift."),
    END};
static const struct config_schema_section config_schema_endpoint =
    SECTION("endpoint", config_endpoint, config_schema_endpoint_rows, .bare = true, .key = CONFIG_SCHEMA_NAME,
            .prose = "A named set of addresses of a region.");

static const struct config_schema_row config_schema_load_balancer_rows[] = {
    ROW("haproxy", SOCKET, config_load_balancer, haproxy, .required = true,
        .prose = "Its runtime socket: `stats socket ... level admin`."),
    ROW("backend", WORD, config_load_balancer, backend, .required = true,
        .prose = "The backend whose servers get the weights."),
    END};
static const struct config_schema_section config_schema_load_balancer =
    SECTION("load_balancer", config_load_balancer, config_schema_load_balancer_rows,
            .prose = "An HAProxy whose weights follow the split.");

static const struct config_schema_row config_schema_region_rows[] = {
    ROWS("backup", LIST, config_region, backup, .item = CONFIG_SCHEMA_REFERENCE, .max = CONFIG_REGIONS,
         .target = CONFIG_SCHEMA_REGION,
         .prose = "Where its traffic may go, in the order in which a target is looked for."),
    ROW("capacity", DECIMAL, config_region, capacity_ppm, .fallback = "1", .min = 0, .max = UINT64_C(1000000000),
        .prose = "Its capacity divided by the whole service's present demand."),
    ROW("weight", INTEGER, config_region, weight, .fallback = "100", .min = 0, .max = 10000,
        .prose =
            "Its share, relative to the other regions' weights, of the clients without a home region in steady state."),
    ROWS("clients", LIST, config_region, clients, .item = CONFIG_SCHEMA_NETWORK, .max = CONFIG_NETWORKS,
         .prose = "Networks whose home region this is; the longest prefix wins."),
    ROWS("endpoints", MAP, config_region, endpoints, .max = CONFIG_ENDPOINTS, .section = &config_schema_endpoint,
         .prose = "Named sets of addresses, which dns.names refer to."),
    ROW("load_balancer", SECTION, config_region, load_balancer, .section = &config_schema_load_balancer,
        .prose = "An HAProxy whose weights follow the split."),
    END};
const struct config_schema_section config_schema_region =
    SECTION("region", config_region, config_schema_region_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "A place that can carry the whole service.");

static const struct config_schema_row config_schema_api_rows[] = {
    ROW("listen", ADDRESS, config_api, listen, .required = true,
        .prose = "Where the controller's API listens; agents and observers call it here."),
    END};
static const struct config_schema_section config_schema_api =
    SECTION("api", config_api, config_schema_api_rows, .prose = "The controller's API.");

static const struct config_schema_row config_schema_listen_rows[] = {
    ROWS("listen", LIST, config_listen, listen, .item = CONFIG_SCHEMA_ADDRESS, .required = true, .min = 1, .max = 8,
         .prose = "Where it listens."),
    END};
static const struct config_schema_section config_schema_listen =
    SECTION("listen", config_listen, config_schema_listen_rows, .prose = "Where a role listens.");

static const struct config_schema_row config_schema_site_rows[] = {
    ROW("region", REFERENCE, config_site, region, .target = CONFIG_SCHEMA_REGION,
        .prose = "The region it stands in; without one it is a witness."),
    ROW("roles", FLAGS, config_site, roles, .required = true, .choices = config_schema_roles,
        .prose = "What runs there."),
    ROW("state_dir", PATH, config_site, state_dir, .fallback = "/var/lib/holdfast",
        .prose = "The directory for the last view and other state of this site's processes."),
    ROW("etcd", ADDRESS, config_site, etcd,
        .prose = "The etcd member that stands there, as in store.endpoints: the controllers keep etcd's leader out of "
                 "the region "
                 "of the writer."),
    ROW("api", SECTION, config_site, api, .section = &config_schema_api,
        .prose = "The controller's API; required with the role control."),
    ROW("beats", ADDRESS, config_site, beats,
        .prose =
            "Where it listens for the agents' heartbeats, UDP; not given: the address of its api, when it has one. "
            "A site with neither has no word about a writer's silence."),
    ROW("dns", SECTION, config_site, dns, .section = &config_schema_listen,
        .prose = "Where DNS listens, UDP and TCP; required with the role dns."),
    ROW("dns_metrics", ADDRESS, config_site, dns_metrics,
        .prose = "Where the DNS server's own metrics are served over HTTP (/metrics); on a private address."),
    ROW("proxy", SECTION, config_site, proxy, .section = &config_schema_listen,
        .prose = "Where the SQL proxy listens; required with the role proxy."),
    ROW("feedback", BOOLEAN, config_site, feedback, .fallback = "false",
        .prose =
            "Whether applications with libholdfast on this host may tell its controller or observer how their calls "
            "went; shown, and checks are made at once where it gets worse."),
    END};
const struct config_schema_section config_schema_site =
    SECTION("site", config_site, config_schema_site_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "A place where Holdfast runs: an observer and a vote.");
