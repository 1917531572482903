    29.000  FAULT store-full 
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
    45.000  END   store-full 
    45.319  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    45.321  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    45.321  run 1: FENCE done in 11651 ms; fenced by the end of the lease plus margin
    45.321  run 1: PROMOTE started
    45.381  shop: lease of epoch 2 is held, node tokyo-a
    45.625  node tokyo-a is standby (epoch 2)
    45.642      tokyo-a accepts writes under epoch 2
    45.660  shop: tokyo-a is the writer of epoch 2
    45.660  run 1: PROMOTE done in 339 ms; tokyo-a is writer of epoch 2
    45.660  run 1: PROVE started
    45.699  run 1: PROVE done in 38 ms; a row that carries the new epoch is committed
    45.699  run 1: ROUTE_SQL started
    45.699  view 10: writer of shop is tokyo-a, epoch 2
    45.738  run 1: ROUTE_SQL done in 38 ms; view 10: 2 readers acknowledged, 0 waited for, 1 unreachable
    45.738  run 1: ROUTE_BALANCERS started
    45.738  run 1: ROUTE_BALANCERS skipped; no load balancer is configured
    45.738  run 1: ROUTE_DNS started
    45.738  view 11: taiwan carries 0 of 10000 of its share
    45.741  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 3, gate 1
    45.778  run 1: ROUTE_DNS done in 40 ms; view 11: 2 readers acknowledged, 0 waited for, 1 unreachable
    45.778  run 1: VERIFY started
    45.821      clients of shop in tokyo are served again after 15881 ms
    45.925  node tokyo-a is writer (epoch 2)
    46.144      clients of shop in taiwan are served again after 16210 ms
    46.505  run 1: VERIFY done in 726 ms; ; requests/s: source had 7, target 8 then 14
    46.505  run 1: LEDGER started
    46.505  run 1: shop: taiwan-a ended at 0/A08C; its data directory is kept when it comes home
    46.505  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    46.505  run 1: CLOSE started
    46.505  run 1: CLOSE done in 0 ms; 
    46.505  run 1 succeeded after 12835 ms
    47.910  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
