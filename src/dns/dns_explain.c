/* SPDX-License-Identifier: Apache-2.0
 * Why a client gets the answer it gets. */
#include "dns/dns_explain.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "dns/dns_explain_policy.h"
#include "dns/dns_policy.h"

enum err dns_explain_address(const char *text, struct view_address *ret_address)
{
    struct view_address address = {.family = strchr(text, ':') != NULL ? 6 : 4};
    if (inet_pton(address.family == 6 ? AF_INET6 : AF_INET, text, address.bytes) != 1) {
        return ERR_INVALID;
    }
    *ret_address = address;
    return ERR_OK;
}

static void dns_explain_print(struct buf *buf, const struct view_address *address)
{
    char text[INET6_ADDRSTRLEN] = "?";
    inet_ntop(address->family == 6 ? AF_INET6 : AF_INET, address->bytes, text, sizeof text);
    buf_text(buf, text);
}

static const char *dns_explain_region(const struct view *view, uint32_t region)
{
    return region < view->regions_count ? view->regions[region].name : "default";
}

static void dns_explain_home(const struct view *view, const struct dns_policy_choice *choice, struct buf *buf)
{
    buf_printf(buf, "home      %s", dns_explain_region(view, choice->home));
    if (choice->steered) {
        buf_text(buf,
                 choice->home == VIEW_HOME_DEFAULT ? ": the view knows no such region\n" : ": the policy's choice\n");
    } else {
        buf_text(buf, choice->home == VIEW_HOME_DEFAULT ? ": no client network of the view holds this address\n"
                                                        : ": the longest client network that holds this address\n");
    }
    buf_text(buf, "split     ");
    if (choice->row != choice->home) {
        buf_text(buf, "(the home's row is empty, the default row counts) ");
    }
    for (uint32_t region = 0; region < view->regions_count; region++) {
        const uint32_t share = view->split[choice->row][region];
        buf_printf(buf, "%s%s %u.%02u%%", region > 0 ? ", " : "", view->regions[region].name, share / 100, share % 100);
    }
    buf_text(buf, "\n");
}

static void dns_explain_draw(const struct view *view, const struct dns_policy_choice *choice,
                             const struct view_address *client, struct buf *buf)
{
    const uint32_t sticky_bits = client->family == 4 ? DNS_POLICY_BITS_4 : DNS_POLICY_BITS_6;
    if (choice->point != LIMITS_NONE) {
        buf_printf(buf, "point     %u of 10000: fixed for this name and the client's /%u network\n", choice->point,
                   sticky_bits);
    }
    buf_printf(buf, "region    %s: ", dns_explain_region(view, choice->region));
    if (choice->last_standing) {
        buf_text(buf, "no region of the row has a healthy endpoint; the last-standing answer is all it has\n");
    } else if (choice->region != choice->drawn) {
        buf_printf(buf, "drawn was %s, which has no healthy endpoint of this name\n",
                   dns_explain_region(view, choice->drawn));
    } else if (choice->point == LIMITS_NONE) {
        buf_text(buf, "the only one with a share\n");
    } else {
        buf_text(buf, "its share holds the point\n");
    }
}

static void dns_explain_endpoints(const struct dns_policy *policy, uint32_t index,
                                  const struct dns_policy_choice *choice, struct buf *buf)
{
    for (uint32_t family = 0; family < 2; family++) {
        const uint8_t *order;
        const uint32_t count = dns_policy_endpoints(policy, index, choice, family, &order);
        const struct dns_policy_run *run = &policy->plans[index].runs[choice->region][family];
        buf_printf(buf, "%-9s ", family == 0 ? "A" : "AAAA");
        for (uint32_t i = 0; i < run->all; i++) {
            const struct view_endpoint *endpoint = &policy->view->endpoints[order[i]];
            buf_text(buf, i > 0 ? ", " : "");
            dns_explain_print(buf, &endpoint->address);
            if (i >= run->healthy) {
                buf_text(buf, i < count ? " (unhealthy)" : " (unhealthy, left out)");
            }
        }
        buf_text(buf, run->all == 0 ? "none\n" : "\n");
    }
}

/* The addresses of a multivalue answer. */
static void dns_explain_values(const struct dns_policy *policy, const struct dns_policy_choice *choice, struct buf *buf)
{
    for (uint32_t family = 0; family < 2; family++) {
        buf_printf(buf, "%-9s ", family == 0 ? "A" : "AAAA");
        for (uint32_t i = 0; i < choice->values_count[family]; i++) {
            const struct view_endpoint *endpoint = &policy->view->endpoints[choice->values[family][i]];
            buf_text(buf, i > 0 ? ", " : "");
            dns_explain_print(buf, &endpoint->address);
            buf_printf(buf, " (%s%s)", dns_explain_region(policy->view, endpoint->region),
                       endpoint->healthy != 0 ? "" : ", unhealthy");
        }
        buf_text(buf, choice->values_count[family] == 0 ? "none\n" : "\n");
    }
}

/* Home and split, region, addresses: from the home that the choice has. */
static void dns_explain_rest(const struct dns_explain_question *question, const struct dns_policy *policy,
                             const struct dns_policy_choice *choice, struct buf *buf)
{
    const struct dns_zone_dynamic *name = &question->names[question->index];
    if (choice->steered && choice->pick.policy != DNS_STEER_NONE) {
        dns_explain_values(policy, choice, buf);
    } else {
        dns_explain_home(question->view, choice, buf);
        dns_explain_draw(question->view, choice, &question->client, buf);
        dns_explain_endpoints(policy, question->index, choice, buf);
    }
    buf_printf(buf, "ttl       %u s%s\n", choice->ttl_s,
               choice->ttl_s < name->ttl_s ? " (lowered: a probe of the region failed, or a run moves its clients)"
                                           : "");
    buf_printf(buf, "scope     /%u: all clients of that prefix get the same %s\n", choice->scope_bits,
               choice->steered ? "treatment" : "region");
}

void dns_explain(const struct dns_explain_question *question, struct buf *buf)
{
    const uint32_t index = question->index;
    ASSERT(index < question->names_count);
    buf_text(buf, "name      ");
    dns_name_print(&question->names[index].name, buf);
    buf_printf(buf, " = endpoint %s\nclient    ", question->names[index].endpoint);
    dns_explain_print(buf, &question->client);
    buf_text(buf, "\n");
    if (question->view == NULL) {
        buf_text(buf, "answer    SERVFAIL: no view has been published yet\n");
        return;
    }
    buf_printf(buf, "view      version %llu\n", (unsigned long long)question->view->version);
    struct dns_policy *policy = calloc(1, sizeof *policy);
    if (policy == NULL) {
        buf_text(buf, "out of memory\n");
        return;
    }
    dns_policy_prepare(policy, question->view, question->names, question->names_count);
    dns_policy_steer(policy, question->steer);
    if (policy->plans[index].count == 0) {
        buf_text(buf, "answer    SERVFAIL: the view has no endpoint of that name\n");
    } else {
        struct dns_policy_choice choice;
        dns_policy_choose(policy, index, &question->client, &choice);
        if (choice.steered) {
            dns_explain_policy(question, policy, &choice, buf);
        }
        dns_explain_rest(question, policy, &choice, buf);
    }
    free(policy);
}
