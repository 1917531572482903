/* SPDX-License-Identifier: Apache-2.0
 * Taking over a new view: what is chosen from, what is known of the regions, who is told. */
#include <string.h>

#include "base/assert.h"
#include "holdfast_context.h"

enum { HOLDFAST_TRIES = 8 };

typedef uint64_t __attribute__((may_alias)) holdfast_part;

/* Word by word, because somebody may be reading; who reads what is half written notices by `started`. */
static void holdfast_plan_hand_over(struct holdfast *holdfast, const struct holdfast_plan *plan)
{
    const uint64_t number = atomic_load_explicit(&holdfast->published, memory_order_relaxed) + 1;
    holdfast_part *to = (holdfast_part *)&holdfast->plans[number % HOLDFAST_PLANS];
    const holdfast_part *from = (const holdfast_part *)plan;
    atomic_store_explicit(&holdfast->started, number, memory_order_relaxed);
    for (size_t i = 0; i < sizeof *plan / sizeof *to; i++) {
        __atomic_store_n(to + i, from[i], __ATOMIC_RELEASE);
    }
    atomic_store_explicit(&holdfast->published, number, memory_order_release);
}

static void holdfast_tell(const struct holdfast *holdfast, enum holdfast_news_kind kind,
                          const struct holdfast_plan *plan)
{
    if (holdfast->state.publish == NULL) {
        return;
    }
    const struct holdfast_news news = {
        .kind = kind,
        .region = kind == HOLDFAST_NEWS_WRITER ? plan->writer_region : HOLDFAST_NONE,
        .node = kind == HOLDFAST_NEWS_WRITER ? plan->writer : HOLDFAST_NONE,
        .epoch = plan->epoch,
        .version = plan->version,
        .at_us = holdfast->state.clock_us(holdfast->state.clock_context),
    };
    holdfast->state.publish(holdfast->state.publish_context, &news);
}

/* An index that stands for another region than before begins anew. */
static void holdfast_adopt_regions(struct holdfast *holdfast)
{
    const struct view *before = &holdfast->view;
    const struct view *after = &holdfast->draft;
    for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
        const bool there = i < after->regions_count;
        const struct view_region *region = &after->regions[i];
        const bool renamed = there && strcmp(before->regions[i].name, region->name) != 0;
        const bool down = !there || region->healthy == 0 || region->state == VIEW_REGION_DOWN;
        if (renamed && before->regions[i].name[0] != '\0') {
            holdfast_breaker_reset(holdfast->breakers[i]);
        }
        holdfast_state_view(&holdfast->state, i, down, renamed);
    }
}

static void holdfast_adopt(struct holdfast *holdfast, enum holdfast_source source)
{
    struct holdfast_plan plan;
    const uint64_t number = atomic_load_explicit(&holdfast->published, memory_order_relaxed);
    const struct holdfast_plan *before = &holdfast->plans[number % HOLDFAST_PLANS];
    holdfast_plan_make(&holdfast->draft, &holdfast->wish, &plan);
    const bool moved = plan.nodes_needed != 0 &&
                       (number == 0 || plan.epoch != before->epoch || plan.writer != before->writer ||
                        (plan.writer != LIMITS_NONE &&
                         strcmp(holdfast->view.nodes[plan.writer].name, holdfast->draft.nodes[plan.writer].name) != 0));
    holdfast_adopt_regions(holdfast);
    holdfast_note_view(&holdfast->note, &holdfast->view, &holdfast->draft, holdfast_state_now_ms(&holdfast->state));
    holdfast_plan_hand_over(holdfast, &plan);
    holdfast->view = holdfast->draft;
    holdfast->source = source;
    holdfast->metrics.views++;
    holdfast->metrics.version = plan.version;
    holdfast->metrics.source = (uint64_t)source;
    holdfast_tell(holdfast, HOLDFAST_NEWS_VIEW, &plan);
    if (moved) {
        holdfast_tell(holdfast, HOLDFAST_NEWS_WRITER, &plan);
    }
}

void holdfast_look(struct holdfast *holdfast)
{
    for (int i = 0; i < HOLDFAST_TRIES; i++) {
        const uint64_t word = holdfast_attach_word(&holdfast->attach);
        if (word == 0 || word == atomic_load_explicit(&holdfast->seen, memory_order_relaxed)) {
            return;
        }
        const enum holdfast_error error = holdfast_attach_take(&holdfast->attach, word, &holdfast->draft);
        if (error == HOLDFAST_NO_VIEW) {
            holdfast->metrics.moved++;
            continue;
        }
        if (error == HOLDFAST_OK) {
            holdfast_adopt(holdfast, HOLDFAST_SOURCE_SHARED);
        } else {
            holdfast->metrics.refused++;
        }
        atomic_store_explicit(&holdfast->seen, word, memory_order_release);
        return;
    }
}

void holdfast_look_file(struct holdfast *holdfast)
{
    if (holdfast->source == HOLDFAST_SOURCE_SHARED) {
        return;
    }
    const enum holdfast_error error = holdfast_attach_load(&holdfast->attach, &holdfast->draft);
    if (error == HOLDFAST_OK) {
        holdfast_adopt(holdfast, HOLDFAST_SOURCE_FILE);
    } else if (error == HOLDFAST_UNSUPPORTED) {
        holdfast->metrics.refused++;
    }
}
