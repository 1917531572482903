/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: clients whose prepared statements are renamed hear what they would hear from servers of their own. */
#include "prepare_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    model_run(data, size);
    return 0;
}
