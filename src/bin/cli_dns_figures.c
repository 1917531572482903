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

static int cli_dns_figures_print(const struct dns_figures_file *file, const struct buf *buf)
{
    const bool good = fwrite(buf->data, 1, buf->size, stdout) == buf->size && fflush(stdout) == 0;
    dns_figures_close(file);
    free(buf->data);
    return good ? VERB_OK : VERB_FAILED;
}

int cli_dns_figures_stats(const char *path, bool metrics)
{
    const struct dns_figures_file *file = cli_dns_figures_open(path);
    char *text = file != NULL ? malloc(DNS_REPORT_BYTES) : NULL;
    struct buf buf;
    if (text == NULL) {
        dns_figures_close(file);
        return VERB_FAILED;
    }
    buf_init(&buf, text, DNS_REPORT_BYTES);
    (metrics ? dns_report_metrics : dns_report_stats)(file, &buf);
    return cli_dns_figures_print(file, &buf);
}

int cli_dns_figures_top(const char *path, const char *what)
{
    const bool names = what != NULL && strcmp(what, "names") == 0;
    if (what != NULL && !names && strcmp(what, "clients") != 0) {
        fputs("holdfast dns: top knows 'clients' and 'names'\n", stderr);
        return VERB_USAGE;
    }
    const struct dns_figures_file *file = cli_dns_figures_open(path);
    char *text = file != NULL ? malloc(DNS_REPORT_BYTES) : NULL;
    struct buf buf;
    if (text == NULL) {
        dns_figures_close(file);
        return VERB_FAILED;
    }
    buf_init(&buf, text, DNS_REPORT_BYTES);
    dns_report_top(file, !names, CLI_DNS_FIGURES_ROWS, &buf);
    return cli_dns_figures_print(file, &buf);
}
