/* SPDX-License-Identifier: Apache-2.0
 * What data planes count, on this host and on others: kept to be shown, and never decided by. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/control_state.h"
#include "edge/clock.h"

enum { CONTROL_FIGURE_OLD_MS = 10000 }; /* a site that says nothing more has nothing to say */

/* A copy, malloc'ed. NULL: none, or no memory. */
static struct figure_row *control_figure_copy(const struct figure_row *rows, uint32_t count)
{
    struct figure_row *copy = count > 0 ? malloc(count * sizeof *copy) : NULL;
    if (copy != NULL) {
        memcpy(copy, rows, count * sizeof *copy);
    }
    return copy;
}

enum err control_figure_take(void *context, const char *site_name, const struct figure_row *rows, uint32_t count)
{
    struct control *control = context;
    struct setup *setup = control_setup(control);
    const uint32_t site = model_site_find(&setup->model, site_name);
    setup_drop(setup);
    if (site == LIMITS_NONE) {
        return ERR_NOT_FOUND;
    }
    struct figure_row *copy = control_figure_copy(rows, count);
    pthread_mutex_lock(&control->lock);
    struct control_figures *figures = &control->figures[site];
    struct figure_row *before = figures->rows;
    *figures = (struct control_figures){.at = clock_mono(), .rows = copy, .count = copy != NULL ? count : 0};
    pthread_mutex_unlock(&control->lock);
    free(before);
    return ERR_OK;
}

/* Those of our own host are not told to us by anybody. */
static void control_figure_own(const struct control *control, struct figure_site *ret_figures)
{
    struct figure_row *rows = malloc(FIGURE_SITE * sizeof *rows);
    if (rows != NULL) {
        ret_figures->count = figure_collect(control->born->config->sites[control->site].state_dir, rows);
        ret_figures->rows = rows;
    }
}

static void control_figure_other(struct control *control, uint32_t site, struct figure_site *ret_figures)
{
    pthread_mutex_lock(&control->lock);
    const struct control_figures *figures = &control->figures[site];
    if (time_since_ms(clock_mono(), figures->at) <= CONTROL_FIGURE_OLD_MS) {
        ret_figures->rows = control_figure_copy(figures->rows, figures->count);
        ret_figures->count = ret_figures->rows != NULL ? figures->count : 0;
    }
    pthread_mutex_unlock(&control->lock);
}

uint32_t control_figure_list(void *context, struct figure_site *ret_list)
{
    struct control *control = context;
    struct setup *setup = control_setup(control);
    uint32_t count = 0;
    for (uint32_t site = 0; site < setup->model.sites_count; site++) {
        struct figure_site *figures = &ret_list[count];
        *figures = (struct figure_site){.rows = NULL};
        text_copy(figures->site, sizeof figures->site, setup->model.sites[site].name);
        const uint32_t region = setup->config->sites[site].region;
        if (region != CONFIG_NONE) {
            text_copy(figures->region, sizeof figures->region, setup->config->regions[region].name);
        }
        if (site == control->site) {
            control_figure_own(control, figures);
        } else {
            control_figure_other(control, site, figures);
        }
        count += figures->rows != NULL ? 1 : 0;
    }
    setup_drop(setup);
    return count;
}

void control_figure_close(struct control *control)
{
    for (uint32_t site = 0; site < LIMITS_SITES; site++) {
        free(control->figures[site].rows);
    }
}
