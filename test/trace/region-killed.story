    30.000  FAULT region-dead taiwan
    31.309  node taiwan-a does not report
    31.309  node taiwan-b does not report
    32.048      clients of shop in tokyo get no acknowledgement
    32.072      clients of shop in taiwan get no acknowledgement
    32.707  error-rate@taiwan FAILED: 2 of 3 observers say so; last error: timed out
    32.707  taiwan: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    33.009  site taiwan has gone silent
    33.666  region-connectivity@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    33.666  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    33.666  database-master@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    33.666  taiwan: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    33.666  run 1: failover taiwan -> tokyo
    33.666  run 1: EVIDENCE started
    33.666  run 1: EVIDENCE done in 0 ms; rule 4, 2 of 2 observers see it
    33.666  run 1: VALIDATE started
    33.666  run 1: VALIDATE done in 0 ms; target tokyo is fit
    33.666  run 1: FENCE started
    33.666  run 1: shop: candidate tokyo-a, epoch 2, received 0/A21C
    33.666  view 9: shop has no writer
    33.666  redis-cluster@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    33.666  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 3, gate 2
    33.666  order-service@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    33.676  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    33.676  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    33.676  run 1: FENCE done in 10 ms; fenced by the end of the lease plus margin
    33.676  run 1: PROMOTE started
    33.729  shop: lease of epoch 2 is held, node tokyo-a
    33.791      tokyo-a accepts writes under epoch 2
    33.809  shop: tokyo-a is the writer of epoch 2
    33.809  run 1: PROMOTE done in 132 ms; tokyo-a is writer of epoch 2
    33.809  run 1: PROVE started
    33.849  run 1: PROVE done in 40 ms; a row that carries the new epoch is committed
    33.849  run 1: ROUTE_SQL started
    33.849  view 10: writer of shop is tokyo-a, epoch 2
    33.880      clients of shop in tokyo are served again after 3939 ms
    33.886  run 1: ROUTE_SQL done in 37 ms; view 10: 2 readers acknowledged, 0 waited for, 1 unreachable
    33.886  run 1: ROUTE_BALANCERS started
    33.886  run 1: ROUTE_BALANCERS skipped; no load balancer is configured
    33.886  run 1: ROUTE_DNS started
    33.886  view 11: taiwan carries 0 of 10000 of its share
    33.888  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 3, gate 1
    33.924  run 1: ROUTE_DNS done in 37 ms; view 11: 2 readers acknowledged, 0 waited for, 1 unreachable
    33.924  run 1: VERIFY started
    33.926  node tokyo-a is writer (epoch 2)
    35.927  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    35.981      clients of shop in taiwan are served again after 6048 ms
    36.575  run 1: VERIFY done in 2649 ms; ; requests/s: source had 7, target 8 then 14
    36.575  run 1: LEDGER started
    36.575  run 1: shop: taiwan-a ended at 0/A08C; its data directory is kept when it comes home
    36.575  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    36.575  run 1: CLOSE started
    36.575  run 1: CLOSE done in 0 ms; 
    36.575  run 1 succeeded after 2907 ms
    70.000  END   region-dead taiwan
    70.045  node taiwan-a is stopped (epoch 1)
    70.056  site taiwan reports again
    70.062  node taiwan-b is stopped (epoch 1)
    70.290  node taiwan-a is stopped (epoch 2)
    70.359  node taiwan-b is stopped (epoch 2)
    71.295  region-connectivity@taiwan PASSED: 1 of 3 observers see it failed
    71.295  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 4, gate 1
    71.295  redis-cluster@taiwan PASSED: 1 of 3 observers see it failed
    71.295  order-service@taiwan PASSED: 1 of 3 observers see it failed
    71.295  error-rate@taiwan PASSED: 1 of 3 observers see it failed
    71.861  node taiwan-b is standby (epoch 2)
    71.861  shop: a standby follows again; tier-1 commits wait for it
    72.343  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    73.061  shop: taiwan-b joined the durability set at 0/19F3D
    73.322  database-master@taiwan PASSED: 1 of 3 observers see it failed
    73.322  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    75.961      taiwan-a is a fresh copy of tokyo-a
    76.042  node taiwan-a is standby (epoch 2)
