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
    33.672  FAULT control-dead 
    33.672  the controller dies
    37.672  END   control-dead 
    37.672  the controller starts
    37.692  taiwan: MANUAL_REVIEW_REQUIRED, INSUFFICIENT_EVIDENCE, confidence LOW, rule 2, gate 0
    37.692  tokyo: MANUAL_REVIEW_REQUIRED, INSUFFICIENT_EVIDENCE, confidence LOW, rule 2, gate 0
    37.692  run 1: FENCE started
    37.692  view 10: shop has no writer
    37.698  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    37.826  node tokyo-a is standby (epoch 1)
    37.852  site witness reports again
    37.852  region-connectivity@tokyo PASSED: 0 of 1 observers see it failed
    37.852  tokyo: MONITOR, INSUFFICIENT_EVIDENCE, confidence LOW, rule 12, gate 0
    37.852  database-master@tokyo PASSED: 0 of 1 observers see it failed
    37.852  redis-cluster@tokyo PASSED: 0 of 1 observers see it failed
    37.852  order-service@tokyo PASSED: 0 of 1 observers see it failed
    37.852  tokyo: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    37.852  error-rate@tokyo PASSED: 0 of 1 observers see it failed
    38.323  site tokyo reports again
    39.345  error-rate@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    40.381  region-connectivity@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    40.381  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    40.381  database-master@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    40.381  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 4, gate 2
    40.381  redis-cluster@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    40.381  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 3, gate 2
    40.381  order-service@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    41.019  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    41.019  run 1: FENCE done in 3325 ms; fenced by the end of the lease plus margin
    41.019  run 1: PROMOTE started
    41.079  shop: lease of epoch 2 is held, node tokyo-a
    41.127  node tokyo-a is standby (epoch 2)
    41.260      tokyo-a accepts writes under epoch 2
    41.280  shop: tokyo-a is the writer of epoch 2
    41.280  run 1: PROMOTE done in 261 ms; tokyo-a is writer of epoch 2
    41.280  run 1: PROVE started
    41.320  run 1: PROVE done in 40 ms; a row that carries the new epoch is committed
    41.320  run 1: ROUTE_SQL started
    41.320  view 13: writer of shop is tokyo-a, epoch 2
    41.362  run 1: ROUTE_SQL done in 42 ms; view 13: 2 readers acknowledged, 0 waited for, 1 unreachable
    41.362  run 1: ROUTE_BALANCERS started
    41.362  run 1: ROUTE_BALANCERS skipped; no load balancer is configured
    41.362  run 1: ROUTE_DNS started
    41.362  view 14: taiwan carries 0 of 10000 of its share
    41.368  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 3, gate 1
    41.394      clients of shop in tokyo are served again after 11452 ms
    41.408  run 1: ROUTE_DNS done in 45 ms; view 14: 2 readers acknowledged, 0 waited for, 1 unreachable
    41.408  run 1: VERIFY started
    41.426  node tokyo-a is writer (epoch 2)
    42.095      clients of shop in taiwan are served again after 12162 ms
    42.558  run 1: VERIFY done in 1149 ms; ; requests/s: source had 7, target 8 then 12
    42.558  run 1: LEDGER started
    42.558  run 1: shop: taiwan-a ended at 0/0; its data directory is kept when it comes home
    42.558  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    42.558  run 1: CLOSE started
    42.558  run 1: CLOSE done in 0 ms; 
    42.558  run 1 succeeded after 8889 ms
    43.459  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
