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
    32.866  view 9: shop has no writer
    32.866  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 4, gate 2
    32.875  shop: lease of epoch 1 is revoked in favour of, node taiwan-b
    32.875  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    32.875  run 1: FENCE done in 9 ms; fenced by the end of the lease plus margin
    32.875  run 1: PROMOTE started
    32.966  shop: lease of epoch 2 is held, node taiwan-b
    33.059  node taiwan-b is standby (epoch 2)
    33.108      taiwan-b accepts writes under epoch 2
    33.137  shop: taiwan-b is the writer of epoch 2
    33.137  run 1: PROMOTE done in 261 ms; taiwan-b is writer of epoch 2
    33.137  run 1: PROVE started
    33.198  run 1: PROVE done in 61 ms; a row that carries the new epoch is committed
    33.198  run 1: ROUTE_SQL started
    33.198  view 10: writer of shop is taiwan-b, epoch 2
    33.249  run 1: ROUTE_SQL done in 50 ms; view 10: 3 readers acknowledged, 0 waited for, 0 unreachable
    33.249  run 1: VERIFY started
    33.317      clients of shop in tokyo are served again after 3374 ms
    33.364  node taiwan-b is writer (epoch 2)
    33.371      clients of shop in taiwan are served again after 3455 ms
    33.399  run 1: VERIFY done in 150 ms; ; requests/s: source had 7, target 7 then 8
    33.399  run 1: LEDGER started
    33.399  run 1: shop: taiwan-a ended at 0/A08C; its data directory is kept when it comes home
    33.399  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    33.399  run 1: CLOSE started
    33.399  run 1: CLOSE done in 0 ms; 
    33.399  run 1 succeeded after 532 ms
    33.406  taiwan: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, warning LOST_WRITES_POSSIBLE, rule 4, gate 0
    33.508  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    33.627  node tokyo-a is standby (epoch 2)
    34.538  database-master@taiwan PASSED: 1 of 3 observers see it failed
    34.538  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    35.381  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    60.000  END   node-dead taiwan-a
    60.044  node taiwan-a is stopped (epoch 1)
    60.290  node taiwan-a is stopped (epoch 2)
    69.608      taiwan-a is a fresh copy of taiwan-b
    69.793  node taiwan-a is standby (epoch 2)
    69.793  shop: a standby follows again; tier-1 commits wait for it
    71.042  shop: taiwan-a joined the durability set at 0/19CE5
