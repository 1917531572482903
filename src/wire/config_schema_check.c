/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of `checks`. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

#define KIND(name)    (1U << CONFIG_KIND_##name)
#define KINDS_HTTP    (KIND(HTTP) | KIND(HTTPS))
#define KINDS_ADDRESS (KIND(TCP) | KINDS_HTTP | KIND(REDIS) | KIND(KAFKA) | KIND(DNS) | KIND(HEARTBEAT))

static const struct config_schema_choice config_schema_severities[] = {
    {"critical", CONFIG_CRITICAL, "its failure can cause a failover"},
    {"important", CONFIG_IMPORTANT, "its failure is watched"},
    {"informational", CONFIG_INFORMATIONAL, "its failure is shown"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_components[] = {
    {"none", CONFIG_COMPONENT_NONE, "proves no part"}, {"db", CONFIG_COMPONENT_DB, "the database"},
    {"app", CONFIG_COMPONENT_APP, "the application"},  {"cache", CONFIG_COMPONENT_CACHE, "the cache"},
    {"queue", CONFIG_COMPONENT_QUEUE, "the queue"},    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_figures[] = {
    {"none", CONFIG_FIGURE_NONE, "feeds no figure"},
    {"error_rate", CONFIG_FIGURE_ERROR_RATE, "the share of requests that fail"},
    {"p95", CONFIG_FIGURE_P95, "the response time that 95 % of requests stay below"},
    {"pods_down", CONFIG_FIGURE_PODS_DOWN, "the share of a service's instances that are down"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_records[] = {
    {"A", CONFIG_RECORD_A, "IPv4 addresses"},
    {"AAAA", CONFIG_RECORD_AAAA, "IPv6 addresses"},
    {"CNAME", CONFIG_RECORD_CNAME, "aliases"},
    {"TXT", CONFIG_RECORD_TXT, "texts"},
    {"SOA", CONFIG_RECORD_SOA, "the zone's start of authority"},
    {"NS", CONFIG_RECORD_NS, "its name servers"},
    {NULL, 0, NULL}};

const struct config_schema_choice config_schema_kinds[] = {
    {"tcp", CONFIG_KIND_TCP, "a connection is accepted"},
    {"http", CONFIG_KIND_HTTP, "a request is answered as expected"},
    {"https", CONFIG_KIND_HTTPS, "as http, over TLS with a valid certificate"},
    {"postgres", CONFIG_KIND_POSTGRES,
     "the region's node that the view names: a writer where the region holds one, else a "
     "healthy standby; connect, log in, query, role"},
    {"redis", CONFIG_KIND_REDIS, "a key is written and read back"},
    {"kafka", CONFIG_KIND_KAFKA, "a message is produced and acknowledged"},
    {"dns", CONFIG_KIND_DNS, "a name server answers"},
    {"prometheus", CONFIG_KIND_PROMETHEUS, "a figure of a Prometheus server or of a /metrics page is within its limit"},
    {"haproxy", CONFIG_KIND_HAPROXY, "the error rate of a backend is within its limit; feeds error rate and requests"},
    {"exec", CONFIG_KIND_EXEC, "a program ends with 0 (passed), 1 (warning, passed), 2 (failed) or 3 (unknown)"},
    {"heartbeat", CONFIG_KIND_HEARTBEAT, "another Holdfast process answers /healthz"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_target_rows[] = {
    ROW("address", ADDRESS, config_target, address, .required = true, .kinds = KINDS_ADDRESS,
        .prose = "What is probed."),
    ROW("address", SOCKET, config_target, address, .required = true, .kinds = KIND(HAPROXY),
        .prose = "The HAProxy's runtime socket."),
    ROW("url", URL, config_target, url, .required = true, .kinds = KIND(PROMETHEUS),
        .prose = "The Prometheus server (with query), or the page with the metric."),
    ROW("database", REFERENCE, config_target, database, .required = true, .kinds = KIND(POSTGRES),
        .target = CONFIG_SCHEMA_DATABASE, .prose = "The database whose node in this region is probed."),
    ROWS("arguments", LIST, config_target, arguments, .item = CONFIG_SCHEMA_TEXT, .max = 16, .kinds = KIND(EXEC),
         .prose = "Appended to the command."),
    END};
static const struct config_schema_section config_schema_check_target = SECTION(
    "target", config_target, config_schema_target_rows, .key = CONFIG_SCHEMA_REFERENCE, .target = CONFIG_SCHEMA_REGION,
    .key_offset = offsetof(struct config_target, region), .prose = "What a check looks at in one region.");

static const struct config_schema_row config_schema_check_rows[] = {
    ROW("kind", ENUM, config_check, kind, .required = true, .choices = config_schema_kinds, .prose = "What is done."),
    ROW("severity", ENUM, config_check, severity, .required = true, .choices = config_schema_severities,
        .prose = "What its failure means."),
    ROW("layer", INTEGER, config_check, layer, .required = true, .min = 1, .max = 3,
        .prose = "1 infrastructure, 2 service, 3 business figure."),
    ROW("component", ENUM, config_check, component, .fallback = "none", .choices = config_schema_components,
        .prose = "Which part of a region's fitness as a target it proves."),
    ROW("interval", DURATION_MS, config_check, interval_ms, .fallback = "1s", .min = MS(100), .max = HOURS(1),
        .prose = "Time between two probes."),
    ROW("timeout", DURATION_MS, config_check, timeout_ms, .fallback = "800ms", .min = MS(10), .max = MINUTES(5),
        .prose = "A probe without an answer by then has failed."),
    ROW("failure_threshold", INTEGER, config_check, failure_threshold, .fallback = "3", .min = 1, .max = 100,
        .prose = "Failures in a row until the verdict is FAILED."),
    ROW("success_threshold", INTEGER, config_check, success_threshold, .fallback = "2", .min = 1, .max = 100,
        .prose = "Successes in a row until the verdict is PASSED again."),
    ROW("latency_limit", DURATION_US, config_check, latency_limit_us, .min = MS(1), .max = MINUTES(5),
        .prose = "A good answer that took longer is a failure."),
    ROW("path", TEXT, config_check, path, .fallback = "/", .kinds = KINDS_HTTP,
        .prose = "The path of the request, from the slash on."),
    ROW("host", DOMAIN, config_check, host, .kinds = KINDS_HTTP,
        .prose = "The Host header and the TLS server name; the address when not given."),
    ROW("expect_status", INTEGER, config_check, expect_status, .min = 100, .max = 599, .kinds = KINDS_HTTP,
        .prose = "The status of a good answer; any 2xx when not given."),
    ROW("expect_body", TEXT, config_check, expect_body, .kinds = KINDS_HTTP,
        .prose = "Text that the body of a good answer contains."),
    ROW("body_limit", SIZE, config_check, body_limit_bytes, .fallback = "64kB", .min = 1024, .max = 16 * 1024 * 1024,
        .kinds = KINDS_HTTP, .prose = "How much of the body is read."),
    ROW("ca_file", PATH, config_check, ca_file, .kinds = KIND(HTTPS),
        .prose = "Certificates that are trusted instead of the system's."),
    ROW("certificate_min_valid", DURATION_MS, config_check, certificate_min_valid_ms, .min = MINUTES(1),
        .max = DAYS(45), .kinds = KIND(HTTPS), .prose = "A certificate that ends sooner is a failure."),
    ROW("query", TEXT, config_check, query, .max = 1023, .kinds = KIND(POSTGRES),
        .prose = "A further statement that must succeed."),
    ROW("max_lag", DURATION_MS, config_check, max_lag_ms, .min = MS(1), .max = HOURS(24), .kinds = KIND(POSTGRES),
        .prose = "A standby with a greater lag is a failure."),
    ROW("key", TEXT, config_check, key, .max = 128, .kinds = KIND(REDIS),
        .prose = "What the key that is written and read back starts with; the default names site, check and region."),
    ROW("password", SECRET, config_check, password, .kinds = KIND(REDIS),
        .prose = "The server's password, if it has one."),
    ROW("topic", WORD, config_check, topic, .fallback = "holdfast-health", .kinds = KIND(KAFKA),
        .prose = "The topic that is written to."),
    ROW("name", DOMAIN, config_check, dns_name, .required = true, .kinds = KIND(DNS), .prose = "The name asked for."),
    ROW("type", ENUM, config_check, dns_type, .fallback = "A", .choices = config_schema_records, .kinds = KIND(DNS),
        .prose = "The type asked for."),
    ROW("expect", TEXT, config_check, expect, .max = 255, .kinds = KIND(DNS),
        .prose = "A record that a good answer contains, in text form."),
    ROW("figure", ENUM, config_check, figure, .fallback = "none", .choices = config_schema_figures,
        .kinds = KIND(PROMETHEUS), .prose = "Which figure of the region the value is."),
    ROW("query", TEXT, config_check, query, .max = 1023, .kinds = KIND(PROMETHEUS),
        .prose = "An expression for a Prometheus server; its answer is one number. Either query or metric."),
    ROW("metric", TEXT, config_check, metric, .max = 255, .kinds = KIND(PROMETHEUS),
        .prose = "A metric of a plain /metrics page: a histogram or a gauge. Either query or metric."),
    ROW("quantile", SHARE, config_check, quantile_ppm, .fallback = "95%", .min = 10000, .max = 999999,
        .kinds = KIND(PROMETHEUS), .prose = "Of a histogram: the quantile over what was added since the last sample."),
    ROW("backend", WORD, config_check, backend, .required = true, .kinds = KIND(HAPROXY),
        .prose = "The backend that is looked at."),
    ROW("limit", LIMIT, config_check, limit, .kinds = KIND(PROMETHEUS) | KIND(HAPROXY),
        .prose = "A value above it is a failure: a percentage, a duration (for seconds) or a number."),
    ROWS("command", LIST, config_check, command, .item = CONFIG_SCHEMA_TEXT, .required = true, .min = 1, .max = 16,
         .kinds = KIND(EXEC), .prose = "The program by its absolute path, and its arguments; no shell."),
    ROWS("targets", MAP, config_check, targets, .required = true, .min = 1, .max = CONFIG_REGIONS,
         .section = &config_schema_check_target, .prose = "The regions it is run against, and what it looks at there."),
    END};
const struct config_schema_section config_schema_check =
    SECTION("check", config_check, config_schema_check_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "One probe of one thing in each of its regions, from every observer.");
