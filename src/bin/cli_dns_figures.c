/* SPDX-License-Identifier: Apache-2.0
 * The DNS server's counters on the screen. */
#include "bin/cli_dns_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bin/cli_view.h"
#include "bin/verb.h"
#include "dns/dns_report.h"
#include "dns/dns_report_json.h"

enum { CLI_DNS_FIGURES_ROWS = 20 };

/* NULL after a message. */
static const struct dns_figures_file *cli_dns_figures_open(const char *path)
{
    const struct dns_figures_file *file = NULL;
    const enum err err = dns_figures_open(path, &file);
    if (err == ERR_NOT_FOUND) {
        fprintf(stderr, "holdfast dns: %s: no DNS server of this release counts there; is it running on this host?\n",
                path);
    } else if (err != ERR_OK) {
        fprintf(stderr, "holdfast dns: %s: %s\n", path, err_text(err));
    }
    return err == ERR_OK ? file : NULL;
}

/* What `tell` makes of the file. */
static int cli_dns_figures_show(const char *path, void (*tell)(const struct dns_figures_file *file, struct buf *buf))
{
    const struct dns_figures_file *file = cli_dns_figures_open(path);
    char *text = file != NULL ? malloc(DNS_REPORT_BYTES) : NULL;
    bool good = text != NULL;
    if (good) {
        struct buf buf;
        buf_init(&buf, text, DNS_REPORT_BYTES);
        tell(file, &buf);
        good = fwrite(buf.data, 1, buf.size, stdout) == buf.size && fflush(stdout) == 0;
    }
    free(text);
    dns_figures_close(file);
    return good ? VERB_OK : VERB_FAILED;
}

/* The same for programs. `top`: NULL, or whom to tell of. */
static int cli_dns_figures_data(const char *path, const struct cli_option *option, const char *top)
{
    const struct dns_figures_file *file = cli_dns_figures_open(path);
    json_t *json = NULL;
    if (file != NULL) {
        json = top == NULL ? dns_report_json_stats(file)
                           : dns_report_json_top(file, strcmp(top, "clients") == 0, CLI_DNS_FIGURES_ROWS);
    }
    const int code = json != NULL ? cli_view_data(option, json) : VERB_FAILED;
    json_decref(json);
    dns_figures_close(file);
    return code;
}

int cli_dns_figures_stats(const char *path, const struct cli_option *option, bool metrics)
{
    if (!metrics && option->format >= CLI_OPTION_JSON) {
        return cli_dns_figures_data(path, option, NULL);
    }
    return cli_dns_figures_show(path, metrics ? dns_report_metrics : dns_report_stats);
}

static void cli_dns_figures_clients(const struct dns_figures_file *file, struct buf *buf)
{
    dns_report_top(file, true, CLI_DNS_FIGURES_ROWS, buf);
}

static void cli_dns_figures_names(const struct dns_figures_file *file, struct buf *buf)
{
    dns_report_top(file, false, CLI_DNS_FIGURES_ROWS, buf);
}

int cli_dns_figures_top(const char *path, const struct cli_option *option, const char *what)
{
    const char *top = what != NULL ? what : "clients";
    const bool clients = strcmp(top, "clients") == 0;
    if (!clients && strcmp(top, "names") != 0) {
        fputs("holdfast dns: top knows 'clients' and 'names'\n", stderr);
        return VERB_USAGE;
    }
    if (option->format >= CLI_OPTION_JSON) {
        return cli_dns_figures_data(path, option, top);
    }
    return cli_dns_figures_show(path, clients ? cli_dns_figures_clients : cli_dns_figures_names);
}
