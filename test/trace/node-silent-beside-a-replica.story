    30.000  FAULT node-dead taiwan-a
    31.309  node taiwan-a does not report
    31.919      clients of shop in taiwan get no acknowledgement
    32.048      clients of shop in tokyo get no acknowledgement
    32.347  node taiwan-a: 2 of 3 sites hear no heartbeat any more
    32.347  run 1: failover-local taiwan -> taiwan
    32.347  run 1: EVIDENCE started
    32.347  run 1: EVIDENCE done in 0 ms; no heartbeat of taiwan-a for 2400 ms at 2 of 3 sites, no report for 2556 ms, no renewal for 299
    32.347  run 1: VALIDATE started
    32.347  run 1: VALIDATE done in 0 ms; target taiwan is fit
    32.347  run 1: FENCE started
    32.347  run 1: shop: candidate taiwan-b, epoch 2, received 0/A21C
    32.347  view 9: shop has no writer
    32.358  shop: lease of epoch 1 is revoked in favour of, node taiwan-b
    32.668  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    32.668  run 1: FENCE done in 320 ms; fenced by the end of the lease plus margin
    32.668  run 1: PROMOTE started
    32.759  node taiwan-b is standby (epoch 2)
    32.767  shop: lease of epoch 2 is held, node taiwan-b
    32.839      taiwan-b accepts writes under epoch 2
    32.869  shop: taiwan-b is the writer of epoch 2
    32.869  run 1: PROMOTE done in 200 ms; taiwan-b is writer of epoch 2
    32.869  run 1: PROVE started
    32.930  run 1: PROVE done in 61 ms; a row that carries the new epoch is committed
    32.930  run 1: ROUTE_SQL started
    32.930  view 10: writer of shop is taiwan-b, epoch 2
    32.973      clients of shop in tokyo are served again after 3030 ms
    32.975      clients of shop in taiwan are served again after 3058 ms
    32.990  run 1: ROUTE_SQL done in 59 ms; view 10: 3 readers acknowledged, 0 waited for, 0 unreachable
    32.990  run 1: VERIFY started
    33.060  node taiwan-b is writer (epoch 2)
    33.142  run 1: VERIFY done in 152 ms; ; requests/s: source had 6, target 6 then 8
    33.142  run 1: LEDGER started
    33.142  run 1: shop: taiwan-a ended at 0/A08C; its data directory is kept when it comes home
    33.142  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    33.142  run 1: CLOSE started
    33.142  run 1: CLOSE done in 0 ms; 
    33.142  run 1 succeeded after 794 ms
    33.323  node tokyo-a is standby (epoch 2)
    35.048  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    60.000  END   node-dead taiwan-a
    60.040  node taiwan-a is stopped (epoch 1)
    60.046  node taiwan-a: its heartbeats are heard again
    60.293  node taiwan-a is stopped (epoch 2)
    72.014      taiwan-a is a fresh copy of taiwan-b
    72.045  node taiwan-a is standby (epoch 2)
    72.045  shop: a standby follows again; tier-1 commits wait for it
    73.289  shop: taiwan-a joined the durability set at 0/1AE15
