/* SPDX-License-Identifier: Apache-2.0
 * What runs in a child of the supervisor: one role until it is told to stop. */
#pragma once

/* `role`: "control", "observer", "dns", "proxy" or "service". Returns an enum verb_exit. */
int serve_role_run(const char *role, const char *config_path, const char *site);
