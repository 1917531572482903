/* SPDX-License-Identifier: Apache-2.0
 * The schema: the root, and the sections of a few rows. */
#include "wire/config_schema.h"

#include "wire/config_schema_row.h"

static const struct config_schema_row config_schema_security_rows[] = {
    ROW("token", SECRET, config_security, token, .required = true,
        .prose = "The token that every change and every call between processes carries."),
    END};
static const struct config_schema_section config_schema_security =
    SECTION("security", config_security, config_schema_security_rows, .prose = "Who may change anything.");

static const struct config_schema_row config_schema_webhook_rows[] = {
    ROW("url", URL, config_webhook, url, .required = true, .prose = "Where messages are posted."),
    ROW("secret", SECRET, config_webhook, secret,
        .prose = "The key of the signature (HMAC-SHA-256) that each message carries."),
    END};
static const struct config_schema_section config_schema_webhook =
    SECTION("webhook", config_webhook, config_schema_webhook_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "A receiver of notifications.");

static const struct config_schema_row config_schema_notify_rows[] = {
    ROW("spool", INTEGER, config_notify, spool, .fallback = "10000", .min = 1, .max = 1000000,
        .prose = "Messages kept while receivers are away; the oldest go first."),
    ROWS("webhooks", MAP, config_notify, webhooks, .max = 16, .section = &config_schema_webhook,
         .prose = "Receivers by name."),
    ROWS("on_call", LIST, config_notify, on_call, .item = CONFIG_SCHEMA_TEXT, .max = 32,
         .prose = "Who is on call; named in each message."),
    END};
static const struct config_schema_section config_schema_notify =
    SECTION("notify", config_notify, config_schema_notify_rows, .prose = "Who is told.");

static const struct config_schema_row config_schema_rows[] = {
    ROW("name", NAME, config, name, .required = true, .prose = "The service's name; in every notification and metric."),
    ROW("security", SECTION, config, security, .required = true, .section = &config_schema_security,
        .prose = "Who may change anything."),
    ROW("store", SECTION, config, store, .section = &config_schema_store,
        .prose = "Where the controller keeps its journal."),
    ROWS("regions", MAP, config, regions, .required = true, .min = 1, .max = CONFIG_REGIONS,
         .section = &config_schema_region, .prose = "The places that carry the service."),
    ROWS("sites", MAP, config, sites, .required = true, .min = 1, .max = CONFIG_SITES, .section = &config_schema_site,
         .prose = "The places where Holdfast runs; no region may hold half of them, so two regions need a witness."),
    ROWS("databases", MAP, config, databases, .max = CONFIG_DATABASES, .section = &config_schema_database,
         .prose = "PostgreSQL clusters."),
    ROWS("checks", MAP, config, checks, .required = true, .min = 1, .max = CONFIG_CHECKS,
         .section = &config_schema_check, .prose = "What is watched."),
    ROW("dns", SECTION, config, dns, .section = &config_schema_dns,
        .prose = "Authoritative names; required by the role dns."),
    ROW("proxy", SECTION, config, proxy, .section = &config_schema_proxy,
        .prose = "Where SQL sessions go; required by the role proxy."),
    ROWS("services", MAP, config, services, .max = CONFIG_SERVICES, .section = &config_schema_service,
         .prose = "TCP services that are relayed; required by the role service."),
    ROW("policy", SECTION, config, policy, .section = &config_schema_policy, .prose = "How decisions are made."),
    ROW("failback", SECTION, config, failback, .section = &config_schema_failback, .prose = "How traffic comes home."),
    ROW("notify", SECTION, config, notify, .section = &config_schema_notify, .prose = "Who is told."),
    END};
const struct config_schema_section config_schema_root =
    SECTION("configuration", config, config_schema_rows, .prose = "One file for every process of every site.");
