    20.000  automation paused by operator: simulated
    20.000  operator: pause -> automation is paused
    30.000  FAULT region-dead taiwan
    31.309  node taiwan-a does not report
    31.309  node taiwan-b does not report
    32.048      clients of shop in tokyo get no acknowledgement
    32.072      clients of shop in taiwan get no acknowledgement
    32.707  error-rate@taiwan FAILED: 2 of 3 observers say so; last error: timed out
    32.707  taiwan: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    32.866  order-service@tokyo FAILED: 2 of 3 observers say so; last error: unexpected status
    32.866  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    33.009  site taiwan has gone silent
    33.666  region-connectivity@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    33.666  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    33.666  database-master@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    33.666  taiwan: MANUAL_REVIEW_REQUIRED, DATABASE_MASTER_FAILURE, confidence HIGH, held by AUTOMATION_PAUSED, rule 4, gate 5
    33.666  redis-cluster@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    33.666  taiwan: MANUAL_REVIEW_REQUIRED, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by AUTOMATION_PAUSED, rule 3, gate 5
    33.666  order-service@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    50.000  run 1: failover taiwan -> tokyo
    50.000  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 3, gate 2
    50.000  run 1: EVIDENCE started
    50.000  run 1: EVIDENCE done in 0 ms; simulated
    50.000  run 1: VALIDATE started
    50.000  run 1: VALIDATE done in 0 ms; target tokyo is fit
    50.000  run 1: FENCE started
    50.000  run 1: shop: candidate tokyo-a, epoch 2, received 0/A21C
    50.000  view 11: shop has no writer
    50.000  operator: failover -> started
    50.006  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    50.006  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    50.006  run 1: FENCE done in 6 ms; fenced by the end of the lease plus margin
    50.006  run 1: PROMOTE started
    50.080  shop: lease of epoch 2 is held, node tokyo-a
    50.127  node tokyo-a is standby (epoch 2)
    50.449      tokyo-a accepts writes under epoch 2
    50.467  shop: tokyo-a is the writer of epoch 2
    50.467  run 1: PROMOTE done in 460 ms; tokyo-a is writer of epoch 2
    50.467  run 1: PROVE started
    50.509  run 1: PROVE done in 42 ms; a row that carries the new epoch is committed
    50.509  run 1: ROUTE_SQL started
    50.509  view 12: writer of shop is tokyo-a, epoch 2
    50.554  run 1: ROUTE_SQL done in 44 ms; view 12: 2 readers acknowledged, 0 waited for, 1 unreachable
    50.554  run 1: ROUTE_BALANCERS started
    50.554  run 1: ROUTE_BALANCERS skipped; no load balancer is configured
    50.554  run 1: ROUTE_DNS started
    50.554  view 13: taiwan carries 0 of 10000 of its share
    50.555  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 3, gate 1
    50.592  run 1: ROUTE_DNS done in 38 ms; view 13: 2 readers acknowledged, 0 waited for, 1 unreachable
    50.592  run 1: VERIFY started
    50.608      clients of shop in tokyo are served again after 20665 ms
    50.726  node tokyo-a is writer (epoch 2)
    51.478  order-service@tokyo PASSED: 1 of 2 observers see it failed
    51.478  tokyo: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    52.364      clients of shop in taiwan are served again after 22431 ms
    52.715  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    53.103  run 1: VERIFY done in 2510 ms; ; requests/s: source had 7, target 8 then 13
    53.103  run 1: LEDGER started
    53.103  run 1: shop: taiwan-a ended at 0/A08C; its data directory is kept when it comes home
    53.103  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    53.103  run 1: CLOSE started
    53.103  run 1: CLOSE done in 0 ms; 
    53.103  run 1 succeeded after 3102 ms
