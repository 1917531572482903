/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of `dns.policies`. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

/* ---- geolocation ---- */

static const struct config_schema_row config_schema_dns_area_rows[] = {
    ROWS("networks", LIST, config_dns_area, networks, .item = CONFIG_SCHEMA_NETWORK, .max = 1024,
         .prose = "Networks of the area."),
    ROW("file", PATH, config_dns_area, file,
        .prose = "More of them, one a line; read again on SIGHUP and when another file takes its place."),
    ROW("to", NAME, config_dns_area, to, .required = true, .prose = "The region or policy of its clients."), END};
static const struct config_schema_section config_schema_dns_area =
    SECTION("dns_area", config_dns_area, config_schema_dns_area_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "An area that is a list of networks.");

static const struct config_schema_row config_schema_dns_code_rows[] = {
    ROW("to", NAME, config_dns_code, to, .required = true, .prose = "The region or policy of its clients."), END};
static const struct config_schema_section config_schema_dns_code =
    SECTION("dns_code", config_dns_code, config_schema_dns_code_rows, .key = CONFIG_SCHEMA_WORD, .bare = true,
            .prose = "An area with a code, and the region or policy of its clients.");

static const struct config_schema_row config_schema_dns_geolocation_rows[] = {
    ROWS("networks", MAP, config_dns_geolocation, networks, .max = 31, .section = &config_schema_dns_area,
         .prose = "Areas that are lists of networks; of several that hold a client the smallest network wins."),
    ROWS("subdivisions", MAP, config_dns_geolocation, subdivisions, .max = 512, .section = &config_schema_dns_code,
         .prose = "Parts of countries by their ISO 3166-2 codes: US-CA."),
    ROWS("countries", MAP, config_dns_geolocation, countries, .max = 256, .section = &config_schema_dns_code,
         .prose = "Countries by their ISO 3166 codes: TW."),
    ROWS("continents", MAP, config_dns_geolocation, continents, .max = 7, .section = &config_schema_dns_code,
         .prose = "AF, AN, AS, EU, NA, OC or SA."),
    ROW("default", NAME, config_dns_geolocation, otherwise, .required = true,
        .prose = "The region or policy of all other clients, and when all areas of a client are dead."),
    END};
static const struct config_schema_section config_schema_dns_geolocation =
    SECTION("dns_geolocation", config_dns_geolocation, config_schema_dns_geolocation_rows,
            .prose = "By where a client is: the smallest area that holds it and can answer.");

/* ---- latency ---- */

static const struct config_schema_row config_schema_dns_time_rows[] = {
    ROW("ms", INTEGER, config_dns_time, ms, .required = true, .min = 0, .max = 60000, .prose = "Milliseconds."), END};
static const struct config_schema_section config_schema_dns_time =
    SECTION("dns_time", config_dns_time, config_schema_dns_time_rows, .key = CONFIG_SCHEMA_NAME, .bare = true,
            .prose = "How far a region or policy is, in milliseconds.");

static const struct config_schema_row config_schema_dns_latency_row_rows[] = {
    ROWS("networks", LIST, config_dns_latency_row, networks, .item = CONFIG_SCHEMA_NETWORK, .min = 1, .max = 1024,
         .required = true, .prose = "The networks that were measured."),
    ROWS("times", MAP, config_dns_latency_row, times, .min = 1, .max = 31, .section = &config_schema_dns_time,
         .required = true, .prose = "Milliseconds to each region or policy."),
    END};
static const struct config_schema_section config_schema_dns_latency_row =
    SECTION("dns_latency_row", config_dns_latency_row, config_schema_dns_latency_row_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "How far the regions are from these networks.");

static const struct config_schema_row config_schema_dns_latency_rows[] = {
    ROWS("networks", MAP, config_dns_latency, networks, .max = 512, .section = &config_schema_dns_latency_row,
         .prose = "Measured networks."),
    ROWS("measured", LIST, config_dns_latency, measured, .item = CONFIG_SCHEMA_NAME, .max = 8,
         .prose =
             "Regions that are compared by what their proxies have measured for a client's network, too, where there "
             "is such a time (holdfast latency); it counts before a configured one. At least two."),
    ROW("file", PATH, config_dns_latency, file,
        .prose = "More of them, one a line with its times: 192.0.2.0/24 taiwan=12 tokyo=41. Read again on SIGHUP and "
                 "when another file takes its place, so that whatever measures can feed it."),
    ROW("default", NAME, config_dns_latency, otherwise, .required = true,
        .prose = "The region or policy of clients that nobody measured, and when all of a row are dead."),
    END};
static const struct config_schema_section config_schema_dns_latency =
    SECTION("dns_latency", config_dns_latency, config_schema_dns_latency_rows,
            .prose = "By measured times: the nearest that can answer.");

/* ---- the policy ---- */

static const struct config_schema_row config_schema_dns_weight_rows[] = {
    ROW("weight", INTEGER, config_dns_weight, weight, .required = true, .min = 0, .max = 1000000,
        .prose = "Its part of the sum."),
    END};
static const struct config_schema_section config_schema_dns_weight =
    SECTION("dns_weight", config_dns_weight, config_schema_dns_weight_rows, .key = CONFIG_SCHEMA_NAME, .bare = true,
            .prose = "The weight of a region or policy.");

static const struct config_schema_row config_schema_dns_policy_rows[] = {
    ROW("geolocation", SECTION, config_dns_policy, geolocation, .section = &config_schema_dns_geolocation,
        .prose = "By where a client is: the smallest area that holds it and can answer."),
    ROW("latency", SECTION, config_dns_policy, latency, .section = &config_schema_dns_latency,
        .prose = "By measured times: the nearest that can answer."),
    ROWS("weighted", MAP, config_dns_policy, weighted, .max = 32, .section = &config_schema_dns_weight,
         .prose = "In proportion to weights; a client network keeps its choice. Weight 0: only when all others are "
                  "dead."),
    ROWS("failover", LIST, config_dns_policy, failover, .item = CONFIG_SCHEMA_NAME, .max = 32,
         .prose = "The first of these regions or policies that can answer."),
    ROWS("multivalue", LIST, config_dns_policy, multivalue, .item = CONFIG_SCHEMA_NAME, .max = 32,
         .prose = "Up to 8 healthy addresses of all of these regions or policies."),
    ROW("fallback", NAME, config_dns_policy, fallback,
        .prose = "The region or policy when everything above is dead; without one the policy that led here tries its "
                 "next."),
    END};
const struct config_schema_section config_schema_dns_policy =
    SECTION("dns_policy", config_dns_policy, config_schema_dns_policy_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "A policy: exactly one of geolocation, latency, weighted, failover and multivalue.");
