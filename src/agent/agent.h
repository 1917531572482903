/* SPDX-License-Identifier: Apache-2.0
 * The agent process: its threads and its end.
 *
 *   main      beats, watches the fence process and the server, notices the right's end   (never blocks)
 *   renew     keeps the right alive                                                      (agent/renew.h)
 *   keep      restores the role: starts, follows, clones                                 (agent/keep.h)
 *   look      looks at the server                                                        (agent/report.h)
 *   report    tells the controllers                                                      (agent/report.h)
 *   pulse     heartbeats, by a clock of its own                                          (agent/pulse.h)
 *   HTTP      commands                                                                   (agent/command.h)
 *
 * SIGHUP: the server's parameters are read anew. SIGTERM and SIGINT: the server is stopped cleanly, then the agent
 * ends. SIGKILL: the fence process ends a writer; a standby goes on and is adopted by the next agent. */
#pragma once

#include "agent/agent_options.h"
#include "base/err.h"

/* Becomes the user that PostgreSQL runs as, when started as root. ERR_NOT_FOUND: no such user; ERR_PERMISSION. */
ERR_CHECK enum err agent_drop_root(const struct agent_options *options);

/* Runs until told to end. Errors of the start are logged. */
ERR_CHECK enum err agent_run(const struct agent_options *options);
