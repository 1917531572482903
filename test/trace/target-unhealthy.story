    25.000  FAULT cache-down tokyo
    27.893  redis-cluster@tokyo FAILED: 2 of 3 observers say so; last error: connection refused
    27.893  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    40.000  FAULT region-dead taiwan
    41.312  node taiwan-a does not report
    41.512  node taiwan-b does not report
    41.940      clients of shop in taiwan get no acknowledgement
    42.014      clients of shop in tokyo get no acknowledgement
    42.690  error-rate@taiwan FAILED: 2 of 3 observers say so; last error: timed out
    42.690  taiwan: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    42.894  site taiwan has gone silent
    43.734  region-connectivity@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    43.734  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    43.734  database-master@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    43.734  taiwan: MANUAL_REVIEW_REQUIRED, DATABASE_MASTER_FAILURE, confidence HIGH, held by TARGET_UNHEALTHY, rule 4, gate 13
    43.734  redis-cluster@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    43.734  taiwan: MANUAL_REVIEW_REQUIRED, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by TARGET_UNHEALTHY, rule 3, gate 13
    43.734  order-service@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    55.000  END   cache-down tokyo
    56.145  redis-cluster@tokyo PASSED: 1 of 2 observers see it failed
    56.145  taiwan: AUTOMATIC_FAILOVER, COMPLETE_REGIONAL_FAILURE, confidence HIGH, rule 3, gate 0
    56.145  tokyo: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    56.145  run 1: failover taiwan -> tokyo
    56.145  run 1: EVIDENCE started
    56.145  run 1: EVIDENCE done in 0 ms; rule 3, 2 of 2 observers see it
    56.145  run 1: VALIDATE started
    56.145  run 1: VALIDATE done in 0 ms; target tokyo is fit
    56.145  run 1: FENCE started
    56.145  run 1: shop: candidate tokyo-a, epoch 2, received 0/E484
    56.145  view 12: shop has no writer
    56.145  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 3, gate 2
    56.150  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    56.150  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    56.150  run 1: FENCE done in 4 ms; fenced by the end of the lease plus margin
    56.150  run 1: PROMOTE started
    56.227  shop: lease of epoch 2 is held, node tokyo-a
    56.423  node tokyo-a is standby (epoch 2)
    56.559      tokyo-a accepts writes under epoch 2
    56.579  shop: tokyo-a is the writer of epoch 2
    56.579  run 1: PROMOTE done in 429 ms; tokyo-a is writer of epoch 2
    56.579  run 1: PROVE started
    56.623  run 1: PROVE done in 43 ms; a row that carries the new epoch is committed
    56.623  run 1: ROUTE_SQL started
    56.623  view 13: writer of shop is tokyo-a, epoch 2
    56.663  run 1: ROUTE_SQL done in 40 ms; view 13: 2 readers acknowledged, 0 waited for, 1 unreachable
    56.663  run 1: ROUTE_BALANCERS started
    56.663  run 1: ROUTE_BALANCERS skipped; no load balancer is configured
    56.663  run 1: ROUTE_DNS started
    56.663  view 14: taiwan carries 0 of 10000 of its share
    56.664  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 3, gate 1
    56.699  run 1: ROUTE_DNS done in 36 ms; view 14: 2 readers acknowledged, 0 waited for, 1 unreachable
    56.699  run 1: VERIFY started
    56.725  node tokyo-a is writer (epoch 2)
    56.753      clients of shop in tokyo are served again after 16826 ms
    58.535      clients of shop in taiwan are served again after 18622 ms
    58.706  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    59.189  run 1: VERIFY done in 2489 ms; ; requests/s: source had 8, target 7 then 14
    59.189  run 1: LEDGER started
    59.189  run 1: shop: taiwan-a ended at 0/E358; its data directory is kept when it comes home
    59.189  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    59.189  run 1: CLOSE started
    59.189  run 1: CLOSE done in 0 ms; 
    59.189  run 1 succeeded after 3043 ms
