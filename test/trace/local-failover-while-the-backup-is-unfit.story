    20.000  FAULT cache-down tokyo
    22.904  redis-cluster@tokyo FAILED: 2 of 3 observers say so; last error: connection refused
    22.904  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    30.000  FAULT node-dead taiwan-a
    31.309  node taiwan-a does not report
    31.919      clients of shop in taiwan get no acknowledgement
    32.048      clients of shop in tokyo get no acknowledgement
    32.866  database-master@taiwan FAILED: 2 of 3 observers say so; last error: connection refused
    32.866  taiwan: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    32.866  run 1: failover-local taiwan -> taiwan
    32.866  run 1: EVIDENCE started
    32.866  run 1: EVIDENCE done in 0 ms; rule 4, 2 of 3 observers see it
    32.866  run 1: VALIDATE started
    32.866  run 1: VALIDATE done in 0 ms; target taiwan is fit
    32.866  run 1: FENCE started
    32.866  run 1: shop: candidate taiwan-b, epoch 2, received 0/A21C
    32.866  view 10: shop has no writer
    32.866  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 4, gate 2
    32.875  shop: lease of epoch 1 is revoked in favour of, node taiwan-b
    32.875  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    32.875  run 1: FENCE done in 9 ms; fenced by the end of the lease plus margin
    32.875  run 1: PROMOTE started
    32.965  shop: lease of epoch 2 is held, node taiwan-b
    33.059  node taiwan-b is standby (epoch 2)
    33.109      taiwan-b accepts writes under epoch 2
    33.134  shop: taiwan-b is the writer of epoch 2
    33.134  run 1: PROMOTE done in 258 ms; taiwan-b is writer of epoch 2
    33.134  run 1: PROVE started
    33.195  run 1: PROVE done in 60 ms; a row that carries the new epoch is committed
    33.195  run 1: ROUTE_SQL started
    33.195  view 11: writer of shop is taiwan-b, epoch 2
    33.232      clients of shop in tokyo are served again after 3290 ms
    33.251  run 1: ROUTE_SQL done in 55 ms; view 11: 3 readers acknowledged, 0 waited for, 0 unreachable
    33.251  run 1: VERIFY started
    33.363  node taiwan-b is writer (epoch 2)
    33.371      clients of shop in taiwan are served again after 3455 ms
    33.405  run 1: VERIFY done in 154 ms; ; requests/s: source had 7, target 7 then 8
    33.405  run 1: LEDGER started
    33.405  run 1: shop: taiwan-a ended at 0/A08C; its data directory is kept when it comes home
    33.405  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    33.405  run 1: CLOSE started
    33.405  run 1: CLOSE done in 0 ms; 
    33.405  run 1 succeeded after 538 ms
    33.406  taiwan: MANUAL_REVIEW_REQUIRED, DATABASE_MASTER_FAILURE, confidence HIGH, held by TARGET_UNHEALTHY, rule 4, gate 13
    33.508  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    33.625  node tokyo-a is standby (epoch 2)
    34.538  database-master@taiwan PASSED: 1 of 3 observers see it failed
    34.538  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    35.376  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    60.000  END   node-dead taiwan-a
    60.045  node taiwan-a is stopped (epoch 1)
    60.291  node taiwan-a is stopped (epoch 2)
    65.000  END   cache-down tokyo
    66.615  redis-cluster@tokyo PASSED: 1 of 3 observers see it failed
    66.615  tokyo: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    69.810      taiwan-a is a fresh copy of taiwan-b
    70.043  node taiwan-a is standby (epoch 2)
    70.043  shop: a standby follows again; tier-1 commits wait for it
    71.291  shop: taiwan-a joined the durability set at 0/19ED9
