/* SPDX-License-Identifier: Apache-2.0
 * The DNS server's counters on the screen. */
#include "bin/cli_dns_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bin/verb.h"
#include "dns/dns_report.h"

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

int cli_dns_figures_stats(const char *path, bool metrics)
{
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

int cli_dns_figures_top(const char *path, const char *what)
{
    if (what == NULL || strcmp(what, "clients") == 0) {
        return cli_dns_figures_show(path, cli_dns_figures_clients);
    }
    if (strcmp(what, "names") == 0) {
        return cli_dns_figures_show(path, cli_dns_figures_names);
    }
    fputs("holdfast dns: top knows 'clients' and 'names'\n", stderr);
    return VERB_USAGE;
}
