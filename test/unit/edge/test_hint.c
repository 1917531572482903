/* SPDX-License-Identifier: Apache-2.0
 * Hints: given when it got worse somewhere, once, and not for what is only told anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "edge/hint.h"
#include "edge/sight.h"

static const struct view_address servers[] = {{.bytes = {127, 1, 0, 1}, .port = 5432, .family = 4},
                                              {.bytes = {127, 2, 0, 1}, .port = 5432, .family = 4}};

static struct feedback told;
static char asked[64]; /* the regions that were hinted at */

static void soon(struct probe_pool *pool, const char *database, const char *region)
{
    assert_null(pool);
    assert_string_equal(database, "shop");
    snprintf(asked + strlen(asked), sizeof asked - strlen(asked), "%s ", region);
}

static void publish(struct publish_writer *writer, uint64_t version, bool swapped)
{
    struct view *view = publish_writer_draft(writer);
    view->version = version;
    view->regions_count = 2;
    view->databases_count = 1;
    view->nodes_count = 2;
    view->split[0][0] = VIEW_SHARES_WHOLE;
    text_copy(view->regions[0].name, LIMITS_NAME, "taiwan");
    text_copy(view->regions[1].name, LIMITS_NAME, "tokyo");
    text_copy(view->databases[0].name, LIMITS_NAME, "shop");
    for (uint32_t i = 0; i < 2; i++) {
        view->nodes[i].postgres = servers[swapped ? 1 - i : i];
        view->nodes[i].region = swapped ? 1 - i : i;
        view->nodes[i].upstream = LIMITS_NONE;
    }
    view_seal(view);
    assert_int_equal(publish_writer_commit(writer), ERR_OK);
}

static const char *look(struct hint *hint, const struct publish_writer *writer, int64_t ms)
{
    asked[0] = '\0';
    (void)hint_look(hint, writer, &told, (struct mono){ms * TIME_US_PER_MS}, soon, NULL);
    return asked;
}

static void what_got_worse_is_looked_at_once(void **state)
{
    (void)state;
    char path[] = "/tmp/holdfast-hint-XXXXXX";
    char file[64];
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/view.shm", path);
    struct publish_writer writer;
    struct publish_reader reader;
    struct hint hint = {.at = {0}};
    assert_int_equal(publish_writer_open(&writer, file), ERR_OK);
    assert_string_equal(look(&hint, &writer, 1000), ""); /* nothing is published */
    publish(&writer, 1, false);
    assert_int_equal(publish_reader_open(&reader, file, PUBLISH_PROXY, "proxy"), ERR_OK);
    publish_sight_set(&reader, &servers[0], &(struct publish_sight){.failures = 3});
    assert_string_equal(look(&hint, &writer, 2000), ""); /* of before */
    publish_sight_set(&reader, &servers[0], &(struct publish_sight){.connections = 9, .failures = 3});
    assert_string_equal(look(&hint, &writer, 3000), ""); /* connections are good */
    publish_sight_set(&reader, &servers[0], &(struct publish_sight){.failures = 4});
    assert_string_equal(look(&hint, &writer, 3050), ""); /* too soon */
    assert_string_equal(look(&hint, &writer, 4000), "taiwan ");
    assert_string_equal(look(&hint, &writer, 5000), "");
    publish_sight_set(&reader, &servers[1], &(struct publish_sight){.wrong = 1});
    assert_string_equal(look(&hint, &writer, 6000), "tokyo ");
    publish(&writer, 2, true);
    assert_string_equal(look(&hint, &writer, 7000), ""); /* the same servers in another order */
    publish_reader_close(&reader);
    assert_string_equal(look(&hint, &writer, 8000), ""); /* less is not worse */
    publish_writer_close(&writer);
    static const char *const names[] = {"view.shm", "view.shm.lock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        unlink(file);
    }
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_got_worse_is_looked_at_once)};
    return cmocka_run_group_tests_name("hint", tests, NULL, NULL);
}
