/* SPDX-License-Identifier: Apache-2.0
 * The agent's side of its fence process (agent/fence_process.h): start it, keep it alive, arm it, ask it for the proof.
 *
 * States of the fence: disarmed (a standby may run), armed until a time (a writer may run until then), closed (nothing
 * may run; anything found is killed). Thread-safe. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/fence_process.h"
#include "base/err.h"
#include "base/time.h"

struct fence {
    struct fence_process_page *page; /* shared with the child; zero until fence_init */
    pthread_mutex_t lock;            /* start and stop of the child */
    pid_t child;
    int pipe_fd; /* our end; its closing is the child's alarm */
    int keep_fd; /* inherited by the child: the lock that keeps a second agent out until the fence is over */
};

/* Maps the page and forks the child. Begins closed, or disarmed when a standby of an earlier life is to be adopted.
 * `lease_us` bounds the age of the beat. `keep_fd`: -1 for none.
 * ERR_NO_MEMORY, ERR_UNAVAILABLE: cannot fork; the caller must not run a writer. */
ERR_CHECK enum err fence_init(struct fence *fence, const char *data, int64_t lease_us, int keep_fd, bool closed);

/* Ends the child (which kills an armed node's PostgreSQL). Accepts a zeroed fence. */
void fence_fini(struct fence *fence);

/* Which directory PostgreSQL runs in; called after it exists, before each start. */
ERR_CHECK enum err fence_aim(struct fence *fence, const char *data);

void fence_beat(struct fence *fence, struct mono now);
/* When they return, no kill of before is under way any more: what starts now lives. */
void fence_arm(struct fence *fence, struct mono fence_at);
void fence_disarm(struct fence *fence);
void fence_close(struct fence *fence);
bool fence_closed(const struct fence *fence, struct mono now);

/* Closes, kills, waits for the proof that none remains. ERR_TIMEOUT: some process is stuck; the fence stays closed and
 * goes on. When the child does not answer, the agent kills by itself. */
ERR_CHECK enum err fence_kill(struct fence *fence, struct mono deadline);

/* Replaces a dead child at once. ERR_UNAVAILABLE: there is none and none can be had: end a writer (fence_kill). */
ERR_CHECK enum err fence_keep(struct fence *fence);

/* How often the child found something to kill, and why last. */
uint32_t fence_fired(const struct fence *fence, enum fence_process_reason *ret_reason);
