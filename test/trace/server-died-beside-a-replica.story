    30.000  FAULT server-dead taiwan-a
    30.039  node taiwan-a is stopped (epoch 1)
    30.039  run 1: failover-local taiwan -> taiwan
    30.039  run 1: EVIDENCE started
    30.039  run 1: EVIDENCE done in 0 ms; the writer's agent says that its server died
    30.039  run 1: VALIDATE started
    30.039  run 1: VALIDATE done in 0 ms; target taiwan is fit
    30.039  run 1: FENCE started
    30.039  run 1: shop: candidate taiwan-b, epoch 2, received 0/A028
    30.039  view 8: shop has no writer
    30.047  shop: lease of epoch 1 is revoked in favour of, node taiwan-b
    30.099  run 1: shop: taiwan-a is fenced by the agent's word
    30.099  run 1: FENCE done in 59 ms; fenced by the agent's word
    30.099  run 1: PROMOTE started
    30.167  shop: lease of epoch 2 is held, node taiwan-b
    30.293  node taiwan-a is stopped (epoch 2)
    30.360  node taiwan-b is standby (epoch 2)
    30.440      taiwan-b accepts writes under epoch 2
    30.464  shop: taiwan-b is the writer of epoch 2
    30.464  run 1: PROMOTE done in 364 ms; taiwan-b is writer of epoch 2
    30.464  run 1: PROVE started
    30.524  run 1: PROVE done in 60 ms; a row that carries the new epoch is committed
    30.524  run 1: ROUTE_SQL started
    30.524  view 9: writer of shop is taiwan-b, epoch 2
    30.583  run 1: ROUTE_SQL done in 59 ms; view 9: 3 readers acknowledged, 0 waited for, 0 unreachable
    30.583  run 1: VERIFY started
    30.662  node taiwan-b is writer (epoch 2)
    30.734  run 1: VERIFY done in 150 ms; ; requests/s: source had 7, target 7 then 7
    30.734  run 1: LEDGER started
    30.734  run 1: shop: taiwan-a ended at 0/A08C; its data directory is kept when it comes home
    30.734  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    30.734  run 1: CLOSE started
    30.734  run 1: CLOSE done in 0 ms; 
    30.734  run 1 succeeded after 694 ms
    30.926  node tokyo-a is standby (epoch 2)
    32.725  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    60.000  END   server-dead taiwan-a
    67.128      taiwan-a is a fresh copy of taiwan-b
    67.293  node taiwan-a is standby (epoch 2)
    67.293  shop: a standby follows again; tier-1 commits wait for it
    68.545  shop: taiwan-a joined the durability set at 0/19E11
