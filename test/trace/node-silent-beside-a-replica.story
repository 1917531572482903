    30.000  FAULT node-dead taiwan-a
    31.309  node taiwan-a does not report
    31.919      clients of shop in taiwan get no acknowledgement
    32.048      clients of shop in tokyo get no acknowledgement
    32.348  node taiwan-a: 2 of 3 sites hear no heartbeat any more
    32.348  run 1: failover-local taiwan -> taiwan
    32.348  run 1: EVIDENCE started
    32.348  run 1: EVIDENCE done in 0 ms; no heartbeat of taiwan-a for 2400 ms at 2 of 3 sites, no report for 2552 ms, no renewal for 299
    32.348  run 1: VALIDATE started
    32.348  run 1: VALIDATE done in 0 ms; target taiwan is fit
    32.348  run 1: FENCE started
    32.348  run 1: shop: candidate taiwan-b, epoch 2, received 0/A21C
    32.348  view 9: shop has no writer
    32.358  shop: lease of epoch 1 is revoked in favour of, node taiwan-b
    32.662  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    32.662  run 1: FENCE done in 313 ms; fenced by the end of the lease plus margin
    32.662  run 1: PROMOTE started
    32.763  node taiwan-b is standby (epoch 2)
    32.765  shop: lease of epoch 2 is held, node taiwan-b
    33.010      taiwan-b accepts writes under epoch 2
    33.036  shop: taiwan-b is the writer of epoch 2
    33.036  run 1: PROMOTE done in 374 ms; taiwan-b is writer of epoch 2
    33.036  run 1: PROVE started
    33.059  node taiwan-b is writer (epoch 2)
    33.094  run 1: PROVE done in 57 ms; a row that carries the new epoch is committed
    33.094  run 1: ROUTE_SQL started
    33.094  view 11: writer of shop is taiwan-b, epoch 2
    33.156  run 1: ROUTE_SQL done in 62 ms; view 11: 3 readers acknowledged, 0 waited for, 0 unreachable
    33.156  run 1: VERIFY started
    33.221      clients of shop in taiwan are served again after 3307 ms
    33.234      clients of shop in tokyo are served again after 3290 ms
    33.310  run 1: VERIFY done in 153 ms; ; requests/s: source had 6, target 6 then 8
    33.310  run 1: LEDGER started
    33.310  run 1: shop: taiwan-a ended at 0/A08C; its data directory is kept when it comes home
    33.310  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    33.310  run 1: CLOSE started
    33.310  run 1: CLOSE done in 0 ms; 
    33.310  run 1 succeeded after 961 ms
    33.625  node tokyo-a is standby (epoch 2)
    35.101  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    60.000  END   node-dead taiwan-a
    60.040  node taiwan-a is stopped (epoch 1)
    60.050  node taiwan-a: its heartbeats are heard again
    60.293  node taiwan-a is stopped (epoch 2)
    71.493      taiwan-a is a fresh copy of taiwan-b
    71.540  node taiwan-a is standby (epoch 2)
    71.540  shop: a standby follows again; tier-1 commits wait for it
    72.795  shop: taiwan-a joined the durability set at 0/1A89D
