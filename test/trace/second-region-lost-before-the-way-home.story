    30.000  run 1: switchover taiwan -> tokyo
    30.000  run 1: VALIDATE started
    30.000  run 1: VALIDATE done in 0 ms; target tokyo is fit
    30.000  run 1: CHECKPOINT started
    30.000  operator: switchover -> started
    30.060  run 1: CHECKPOINT done in 60 ms; 
    30.060  run 1: HOLD started
    30.060  run 1: shop: candidate tokyo-a, epoch 2, received 0/A21C
    30.116  run 1: HOLD done in 55 ms; view 8: 3 readers acknowledged, 0 waited for, 0 unreachable
    30.116  run 1: STOP started
    30.740  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    30.740  run 1: STOP done in 624 ms; source stopped cleanly at 0/A348
    30.740  run 1: CATCH_UP started
    30.791  node taiwan-a is stopped (epoch 1)
    30.925  run 1: CATCH_UP done in 185 ms; target replayed 0/A348, source ended at 0/A348
    30.925  run 1: PROMOTE started
    30.980  shop: lease of epoch 2 is held, node tokyo-a
    31.225  node tokyo-a is standby (epoch 2)
    31.375      tokyo-a accepts writes under epoch 2
    31.392  shop: tokyo-a is the writer of epoch 2
    31.392  run 1: PROMOTE done in 466 ms; tokyo-a is writer of epoch 2
    31.392  run 1: PROVE started
    31.429  run 1: PROVE done in 37 ms; a row that carries the new epoch is committed
    31.429  run 1: ROUTE_SQL started
    31.429  view 10: writer of shop is tokyo-a, epoch 2
    31.492  run 1: ROUTE_SQL done in 62 ms; view 10: 3 readers acknowledged, 0 waited for, 0 unreachable
    31.492  run 1: REJOIN started
    31.526  node tokyo-a is writer (epoch 2)
    31.792  node taiwan-a is stopped (epoch 2)
    31.860  node taiwan-b is standby (epoch 2)
    33.059  shop: taiwan-b joined the durability set at 0/AD71
    33.794  node taiwan-a is standby (epoch 2)
    33.794  run 1: REJOIN done in 2300 ms; taiwan-a follows
    33.794  run 1: SHIFT_25 started
    33.794  view 12: taiwan carries 7500 of 10000 of its share
    33.849  run 1: SHIFT_25 done in 55 ms; view 12: 3 readers acknowledged, 0 waited for, 0 unreachable
    33.849  run 1: SHIFT_50 started
    33.849  view 13: taiwan carries 5000 of 10000 of its share
    33.902  run 1: SHIFT_50 done in 53 ms; view 13: 3 readers acknowledged, 0 waited for, 0 unreachable
    33.902  run 1: SHIFT_75 started
    33.902  view 14: taiwan carries 2500 of 10000 of its share
    33.960  run 1: SHIFT_75 done in 57 ms; view 14: 3 readers acknowledged, 0 waited for, 0 unreachable
    33.960  run 1: SHIFT_ALL started
    33.960  view 15: taiwan carries 0 of 10000 of its share
    34.012  run 1: SHIFT_ALL done in 52 ms; view 15: 3 readers acknowledged, 0 waited for, 0 unreachable
    34.012  run 1: VERIFY started
    36.574  run 1: VERIFY done in 2561 ms; ; requests/s: source had 7, target 7 then 14
    36.574  run 1: CLOSE started
    36.574  run 1: CLOSE done in 0 ms; 
    36.574  run 1 succeeded after 6572 ms
    50.000  FAULT region-dead tokyo
    51.364  node tokyo-a does not report
    51.968      clients of shop in tokyo get no acknowledgement
    52.033      clients of shop in taiwan get no acknowledgement
    52.542  site tokyo has gone silent
    52.682  error-rate@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    52.682  tokyo: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    53.672  region-connectivity@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    53.672  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    53.672  database-master@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    53.672  tokyo: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    53.672  run 2: failover tokyo -> taiwan
    53.672  run 2: EVIDENCE started
    53.672  run 2: EVIDENCE done in 0 ms; rule 4, 2 of 2 observers see it
    53.672  run 2: VALIDATE started
    53.672  run 2: VALIDATE done in 0 ms; target taiwan is fit
    53.672  run 2: FENCE started
    53.672  run 2: shop: candidate taiwan-a, epoch 3, received 0/11FE5
    53.672  view 17: shop has no writer
    53.672  redis-cluster@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    53.672  tokyo: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 3, gate 2
    53.672  order-service@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    53.682  shop: lease of epoch 2 is revoked in favour of, node taiwan-a
    53.682  run 2: shop: tokyo-a is fenced by the end of the lease plus margin
    54.064  run 2: FENCE done in 391 ms; fenced by the end of the lease plus margin
    54.064  run 2: PROMOTE started
    54.064  shop: taiwan-b left the durability set; tier-1 commits no longer wait for it
    54.149  shop: lease of epoch 3 is held, node taiwan-a
    54.295  node taiwan-a is standby (epoch 3)
    54.528      taiwan-a accepts writes under epoch 3
    54.552  shop: taiwan-a is the writer of epoch 3
    54.552  run 2: PROMOTE done in 487 ms; taiwan-a is writer of epoch 3
    54.552  run 2: PROVE started
    54.610  run 2: PROVE done in 57 ms; a row that carries the new epoch is committed
    54.610  run 2: ROUTE_SQL started
    54.610  view 18: writer of shop is taiwan-a, epoch 3
    54.667  run 2: ROUTE_SQL done in 57 ms; view 18: 2 readers acknowledged, 0 waited for, 1 unreachable
    54.667  run 2: ROUTE_BALANCERS started
    54.667  run 2: ROUTE_BALANCERS skipped; no load balancer is configured
    54.667  run 2: ROUTE_DNS started
    54.667  view 19: taiwan carries 10000 of 10000 of its share
    54.667  view 19: tokyo carries 0 of 10000 of its share
    54.669  tokyo: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 3, gate 1
    54.718  run 2: ROUTE_DNS done in 51 ms; view 19: 2 readers acknowledged, 0 waited for, 1 unreachable
    54.718  run 2: VERIFY started
    54.792  node taiwan-a is writer (epoch 3)
    54.963  node taiwan-b is standby (epoch 3)
    56.507      clients of shop in taiwan are served again after 6539 ms
    56.634      clients of shop in tokyo are served again after 6697 ms
    56.926  run 2: VERIFY done in 2207 ms; ; requests/s: source had 15, target 0 then 8
    56.926  run 2: LEDGER started
    56.926  run 2: shop: tokyo-a ended at 0/11EB9; its data directory is kept when it comes home
    56.926  run 2: LEDGER done in 0 ms; 1 ended writers recorded
    56.926  run 2: CLOSE started
    56.926  run 2: CLOSE done in 0 ms; 
    56.926  run 2 succeeded after 3253 ms
    90.000  END   region-dead tokyo
    90.023  node tokyo-a is stopped (epoch 2)
    90.326  node tokyo-a is stopped (epoch 3)
    90.519  site tokyo reports again
    91.255  region-connectivity@tokyo PASSED: 1 of 3 observers see it failed
    91.255  tokyo: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 4, gate 1
    91.255  redis-cluster@tokyo PASSED: 1 of 3 observers see it failed
    91.255  order-service@tokyo PASSED: 1 of 3 observers see it failed
    91.255  error-rate@tokyo PASSED: 1 of 3 observers see it failed
    96.073      tokyo-a is a fresh copy of taiwan-a
    96.326  node tokyo-a is standby (epoch 3)
    96.386  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    97.518  database-master@tokyo PASSED: 1 of 3 observers see it failed
    97.518  tokyo: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    97.826  shop: tokyo-a joined the durability set at 0/22DD2
