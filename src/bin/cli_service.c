/* SPDX-License-Identifier: Apache-2.0
 * TCP services on the status screen. */
#include "bin/cli_service.h"

#include <string.h>

static void cli_service_server(struct cli_text *text, const json_t *server)
{
    const char *role = cli_text_member(server, "role");
    const bool works = cli_text_true(server, "works");
    buf_printf(&text->out, "   %s ", cli_text_member(server, "region"));
    cli_text_print(text, works ? CLI_TEXT_GOOD : CLI_TEXT_BAD, "%s", works ? "works" : "FAILED");
    if (strcmp(role, "stray") == 0) {
        cli_text_print(text, CLI_TEXT_WARN, " (a primary that nobody is sent to)");
    } else if (strcmp(role, "any") != 0 && strcmp(role, "primary") != 0) {
        buf_printf(&text->out, " (%s)", role);
    }
}

/* Who has its clients: all together, in the wide form by site. */
static void cli_service_relays(struct cli_text *text, const json_t *relays)
{
    int64_t connections = 0;
    size_t index = 0;
    const json_t *relay = NULL;
    json_array_foreach(relays, index, relay)
    {
        connections += cli_text_integer(relay, "connections", 0);
        if (text->wide) {
            buf_printf(&text->out, "\n  relay %s   %lld connections, %lld wait, %lld drain",
                       cli_text_member(relay, "site"), (long long)cli_text_integer(relay, "connections", 0),
                       (long long)cli_text_integer(relay, "waiting", 0),
                       (long long)cli_text_integer(relay, "draining", 0));
        }
    }
    if (json_array_size(relays) > 0 && !text->wide) {
        buf_printf(&text->out, "   %lld connections", (long long)connections);
    }
}

static void cli_service_one(struct cli_text *text, const json_t *service)
{
    buf_printf(&text->out, "service %s", cli_text_member(service, "name"));
    if (strcmp(cli_text_member(service, "kind"), "redis") == 0) {
        const char *primary = cli_text_member(service, "primary");
        buf_text(&text->out, "   primary ");
        cli_text_print(text, primary[0] != 0 ? CLI_TEXT_BOLD : CLI_TEXT_BAD, "%s", primary[0] != 0 ? primary : "NONE");
        buf_printf(&text->out, "   epoch %lld", (long long)cli_text_integer(service, "epoch", 0));
        if (cli_text_member(service, "moving")[0] != 0) {
            cli_text_print(text, CLI_TEXT_WARN, "   moving to %s", cli_text_member(service, "moving"));
        }
    }
    size_t index = 0;
    const json_t *server = NULL;
    json_array_foreach(json_object_get(service, "servers"), index, server)
    {
        cli_service_server(text, server);
    }
    cli_service_relays(text, json_object_get(service, "relays"));
    buf_text(&text->out, "\n");
}

void cli_service_draw(struct cli_text *text, const json_t *status)
{
    const json_t *services = json_object_get(status, "services");
    size_t index = 0;
    const json_t *service = NULL;
    if (json_array_size(services) > 0) {
        buf_text(&text->out, "\n");
    }
    json_array_foreach(services, index, service)
    {
        cli_service_one(text, service);
    }
}
