/* SPDX-License-Identifier: Apache-2.0
 * For tests: publishes views into shared memory, told line by line on standard input, instead of a controller.
 *
 * usage: view_publisher SHM; lines: clear | region NAME STATE | endpoint NAME REGION ADDRESS HEALTHY | network ADDRESS
 * BITS REGION | split HOME SHARE... (HOME a region's number or "default") | ttl SECONDS | service NAME SINGLE EPOCH
 * PRIMARY | target SERVICE REGION ADDRESS PORT HEALTHY | fit REGION YES | database NAME EPOCH WRITER HOLD | node NAME
 * DATABASE REGION ADDRESS PORT ROLE HEALTHY | commit VERSION | save FILE | readers. Numbers are indices, a
 * PRIMARY of "-" is none. Answers each with a line that begins with "ok" or "error". */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/publish.h"
#include "edge/publish_file.h"

static struct view view;
static struct publish_writer writer;

static bool address_of(const char *text, struct view_address *address)
{
    *address = (struct view_address){.family = strchr(text, ':') != NULL ? 6 : 4};
    return inet_pton(address->family == 6 ? AF_INET6 : AF_INET, text, address->bytes) == 1;
}

static uint32_t number(const char *text)
{
    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static bool do_region(char *const *words)
{
    if (view.regions_count == LIMITS_REGIONS) {
        return false;
    }
    struct view_region *region = &view.regions[view.regions_count++];
    snprintf(region->name, sizeof region->name, "%s", words[1]);
    region->state = number(words[2]);
    return true;
}

static bool do_endpoint(char *const *words)
{
    if (view.endpoints_count == LIMITS_ENDPOINTS) {
        return false;
    }
    struct view_endpoint *endpoint = &view.endpoints[view.endpoints_count++];
    snprintf(endpoint->name, sizeof endpoint->name, "%s", words[1]);
    endpoint->region = number(words[2]);
    endpoint->healthy = number(words[4]);
    return address_of(words[3], &endpoint->address);
}

static bool do_network(char *const *words)
{
    if (view.networks_count == LIMITS_NETWORKS) {
        return false;
    }
    struct view_network *network = &view.networks[view.networks_count++];
    network->prefix_bits = number(words[2]);
    network->home = number(words[3]);
    return address_of(words[1], &network->address);
}

static bool do_split(char *const *words)
{
    const uint32_t home = strcmp(words[1], "default") == 0 ? VIEW_HOME_DEFAULT : number(words[1]);
    if (home >= VIEW_HOMES) {
        return false;
    }
    memset(view.split[home], 0, sizeof view.split[home]);
    for (uint32_t i = 0; i < LIMITS_REGIONS && words[2 + i] != NULL; i++) {
        view.split[home][i] = number(words[2 + i]);
    }
    return true;
}

static bool do_service(char *const *words)
{
    if (view.services_count == LIMITS_SERVICES) {
        return false;
    }
    struct view_service *service = &view.services[view.services_count++];
    snprintf(service->name, sizeof service->name, "%s", words[1]);
    service->single = number(words[2]);
    service->epoch = number(words[3]);
    service->primary = strcmp(words[4], "-") == 0 ? LIMITS_NONE : number(words[4]);
    return true;
}

static bool do_target(char *const *words)
{
    if (view.targets_count == LIMITS_TARGETS) {
        return false;
    }
    struct view_target *target = &view.targets[view.targets_count++];
    target->service = number(words[1]);
    target->region = number(words[2]);
    target->healthy = number(words[5]);
    const bool good = address_of(words[3], &target->address);
    target->address.port = (uint16_t)number(words[4]);
    return good;
}

static bool do_fit(char *const *words)
{
    view.regions[number(words[1]) % LIMITS_REGIONS].healthy = number(words[2]);
    return true;
}

static bool do_database(char *const *words)
{
    if (view.databases_count == LIMITS_DATABASES) {
        return false;
    }
    struct view_database *database = &view.databases[view.databases_count++];
    snprintf(database->name, sizeof database->name, "%s", words[1]);
    database->epoch = number(words[2]);
    database->writer = strcmp(words[3], "-") == 0 ? LIMITS_NONE : number(words[3]);
    database->hold = number(words[4]);
    return true;
}

static bool do_node(char *const *words)
{
    if (view.nodes_count == LIMITS_NODES) {
        return false;
    }
    struct view_node *node = &view.nodes[view.nodes_count++];
    snprintf(node->name, sizeof node->name, "%s", words[1]);
    node->database = number(words[2]);
    node->region = number(words[3]);
    const bool good = address_of(words[4], &node->postgres);
    node->postgres.port = (uint16_t)number(words[5]);
    node->role = number(words[6]);
    node->healthy = number(words[7]);
    node->lag_ms = UINT32_MAX;
    node->upstream = LIMITS_NONE;
    return good;
}

static bool do_commit(char *const *words)
{
    view.version = number(words[1]);
    view_seal(&view);
    *publish_writer_draft(&writer) = view;
    return publish_writer_commit(&writer) == ERR_OK;
}

static bool do_readers(void)
{
    struct publish_reader_info list[LIMITS_READERS];
    uint32_t count = 0;
    publish_writer_readers(&writer, list, &count);
    for (uint32_t i = 0; i < count; i++) {
        printf("reader %s %s %" PRIu64 "\n", list[i].name, publish_kind_name(list[i].kind), list[i].version);
    }
    return true;
}

static bool obey(char *const *words, uint32_t count)
{
    const char *word = words[0];
    if (strcmp(word, "clear") == 0) {
        view = (struct view){0};
        return true;
    }
    if (strcmp(word, "readers") == 0) {
        return do_readers();
    }
    if (count < 2) {
        return false;
    }
    if (strcmp(word, "region") == 0 && count == 3) {
        return do_region(words);
    }
    if (strcmp(word, "endpoint") == 0 && count == 5) {
        return do_endpoint(words);
    }
    if (strcmp(word, "network") == 0 && count == 4) {
        return do_network(words);
    }
    if (strcmp(word, "split") == 0) {
        return do_split(words);
    }
    if (strcmp(word, "service") == 0 && count == 5) {
        return do_service(words);
    }
    if (strcmp(word, "target") == 0 && count == 6) {
        return do_target(words);
    }
    if (strcmp(word, "fit") == 0 && count == 3) {
        return do_fit(words);
    }
    if (strcmp(word, "database") == 0 && count == 5) {
        return do_database(words);
    }
    if (strcmp(word, "node") == 0 && count == 8) {
        return do_node(words);
    }
    if (strcmp(word, "ttl") == 0) {
        for (uint32_t i = 0; i < view.regions_count; i++) {
            view.regions[i].ttl_ceiling_s = number(words[1]);
        }
        return true;
    }
    if (strcmp(word, "commit") == 0) {
        return do_commit(words);
    }
    return strcmp(word, "save") == 0 && publish_file_save(words[1], &view) == ERR_OK;
}

int main(int argc, char **argv)
{
    char line[512];
    if (argc != 2 || publish_writer_open(&writer, argv[1]) != ERR_OK) {
        fputs("usage: view_publisher SHM\n", stderr);
        return 1;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *words[16] = {0};
        char *rest = NULL;
        uint32_t count = 0;
        for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < 15;
             word = strtok_r(NULL, " \n", &rest)) {
            words[count++] = word;
        }
        puts(count > 0 && obey(words, count) ? "ok" : "error");
        fflush(stdout);
    }
    publish_writer_close(&writer);
    return 0;
}
