/* SPDX-License-Identifier: Apache-2.0
 * Loading the configuration and saying what is wrong with it. */
#include "bin/cli_load.h"

#include <stdio.h>
#include <stdlib.h>

#include "bin/verb.h"
#include "edge/config_file.h"

int cli_load(const char *path, struct config **ret_config)
{
    char *memory = malloc(CONFIG_MESSAGES);
    if (memory == NULL) {
        fputs("holdfast: out of memory\n", stderr);
        return VERB_FAILED;
    }
    struct buf messages;
    buf_init(&messages, memory, CONFIG_MESSAGES);
    const enum err err = config_file_load(path != NULL ? path : config_file_default(), &messages, ret_config);
    fputs(buf_string(&messages), stderr);
    free(memory);
    return err == ERR_OK ? VERB_OK : VERB_CONFIG;
}
