    60.000  FAULT isolated taiwan
    61.318  node taiwan-a does not report
    62.002      clients of shop in tokyo get no acknowledgement
    62.007      clients of shop in taiwan get no acknowledgement
    62.386  error-rate@taiwan FAILED: 2 of 3 observers say so; last error: timed out
    62.386  taiwan: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    62.893  site taiwan has gone silent
    63.411  region-connectivity@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    63.411  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    63.411  database-master@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    63.411  taiwan: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    63.411  run 1: failover taiwan -> tokyo
    63.411  run 1: EVIDENCE started
    63.411  run 1: EVIDENCE done in 0 ms; rule 4, 2 of 2 observers see it
    63.411  run 1: VALIDATE started
    63.411  run 1: VALIDATE done in 0 ms; target tokyo is fit
    63.411  run 1: FENCE started
    63.411  run 1: shop: candidate tokyo-a, epoch 2, received 0/F6E0
    63.411  view 8: shop has no writer
    63.411  redis-cluster@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    63.411  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 3, gate 2
    63.411  order-service@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    63.417  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    63.417  run 1: shop: taiwan-a is fenced by its durability set: no commit returns without tokyo-a
    63.417  run 1: FENCE done in 6 ms; fenced by its durability set: no commit returns without tokyo-a
    63.417  run 1: PROMOTE started
    63.504  shop: lease of epoch 2 is held, node tokyo-a
    63.654  node tokyo-a is standby (epoch 2)
    63.798      tokyo-a accepts writes under epoch 2
    63.817  shop: tokyo-a is the writer of epoch 2
    63.817  run 1: PROMOTE done in 400 ms; tokyo-a is writer of epoch 2
    63.817  run 1: PROVE started
    63.860  run 1: PROVE done in 42 ms; a row that carries the new epoch is committed
    63.860  run 1: ROUTE_SQL started
    63.860  view 9: writer of shop is tokyo-a, epoch 2
    63.899  run 1: ROUTE_SQL done in 38 ms; view 9: 2 readers acknowledged, 0 waited for, 1 unreachable
    63.899  run 1: ROUTE_BALANCERS started
    63.899  run 1: ROUTE_BALANCERS skipped; no load balancer is configured
    63.899  run 1: ROUTE_DNS started
    63.899  view 10: taiwan carries 0 of 10000 of its share
    63.899  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 3, gate 1
    63.912      clients of shop in tokyo are served again after 3981 ms
    63.938  run 1: ROUTE_DNS done in 39 ms; view 10: 2 readers acknowledged, 0 waited for, 1 unreachable
    63.938  run 1: VERIFY started
    63.954  node tokyo-a is writer (epoch 2)
    65.959  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    90.000  END   isolated taiwan
    90.091  node taiwan-a is stopped (epoch 1)
    90.340  node taiwan-a is stopped (epoch 2)
    90.453      clients of shop in taiwan are served again after 30458 ms
    90.936  site taiwan reports again
    91.255  region-connectivity@taiwan PASSED: 1 of 3 observers see it failed
    91.255  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 4, gate 1
    91.255  redis-cluster@taiwan PASSED: 1 of 3 observers see it failed
    91.255  order-service@taiwan PASSED: 1 of 3 observers see it failed
    91.255  error-rate@taiwan PASSED: 1 of 3 observers see it failed
    92.264  run 1: VERIFY done in 28317 ms; ; requests/s: source had 8, target 8 then 13
    92.264  run 1: LEDGER started
    92.264  run 1: shop: taiwan-a ended at 0/F4EC; its data directory is kept when it comes home
    92.264  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    92.264  run 1: CLOSE started
    92.264  run 1: CLOSE done in 0 ms; 
    92.264  run 1 succeeded after 28845 ms
    92.413      taiwan-a is a fresh copy of tokyo-a
    92.519  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    92.594  node taiwan-a is standby (epoch 2)
    92.594  shop: a standby follows again; tier-1 commits wait for it
    93.533  database-master@taiwan PASSED: 1 of 3 observers see it failed
    93.533  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    93.842  shop: taiwan-a joined the durability set at 0/16315
