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
    30.778  run 1: CATCH_UP done in 37 ms; target replayed 0/A348, as it was asked
    30.778  run 1: PROMOTE started
    30.795  node taiwan-a is stopped (epoch 1)
    30.832  shop: lease of epoch 2 is held, node tokyo-a
    30.923  node tokyo-a is standby (epoch 2)
    31.228      tokyo-a accepts writes under epoch 2
    31.246  shop: tokyo-a is the writer of epoch 2
    31.246  run 1: PROMOTE done in 468 ms; tokyo-a is writer of epoch 2
    31.246  run 1: PROVE started
    31.286  run 1: PROVE done in 39 ms; a row that carries the new epoch is committed
    31.286  run 1: ROUTE_SQL started
    31.286  view 10: writer of shop is tokyo-a, epoch 2
    31.342  run 1: ROUTE_SQL done in 55 ms; view 10: 3 readers acknowledged, 0 waited for, 0 unreachable
    31.342  run 1: REJOIN started
    31.523  node tokyo-a is writer (epoch 2)
    31.543  node taiwan-a is stopped (epoch 2)
    31.862  node taiwan-b is standby (epoch 2)
    32.040  node taiwan-a is standby (epoch 2)
    32.040  run 1: REJOIN done in 697 ms; taiwan-a follows
    32.040  run 1: SHIFT_25 started
    32.040  view 12: taiwan carries 7500 of 10000 of its share
    32.102  run 1: SHIFT_25 done in 62 ms; view 12: 3 readers acknowledged, 0 waited for, 0 unreachable
    32.102  run 1: SHIFT_50 started
    32.102  view 13: taiwan carries 5000 of 10000 of its share
    32.163  run 1: SHIFT_50 done in 60 ms; view 13: 3 readers acknowledged, 0 waited for, 0 unreachable
    32.163  run 1: SHIFT_75 started
    32.163  view 14: taiwan carries 2500 of 10000 of its share
    32.218  run 1: SHIFT_75 done in 55 ms; view 14: 3 readers acknowledged, 0 waited for, 0 unreachable
    32.218  run 1: SHIFT_ALL started
    32.218  view 15: taiwan carries 0 of 10000 of its share
    32.276  run 1: SHIFT_ALL done in 57 ms; view 15: 3 readers acknowledged, 0 waited for, 0 unreachable
    32.276  run 1: VERIFY started
    33.542  shop: taiwan-a joined the durability set at 0/B159
    33.542  shop: taiwan-b joined the durability set at 0/B02D
    34.536  run 1: VERIFY done in 2259 ms; ; requests/s: source had 7, target 7 then 15
    34.536  run 1: CLOSE started
    34.536  run 1: CLOSE done in 0 ms; 
    34.536  run 1 succeeded after 4534 ms
    50.000  FAULT region-dead tokyo
    51.355  node tokyo-a does not report
    51.968      clients of shop in tokyo get no acknowledgement
    52.033      clients of shop in taiwan get no acknowledgement
    52.540  site tokyo has gone silent
    52.682  error-rate@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    52.682  tokyo: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    53.671  region-connectivity@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    53.671  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    53.671  database-master@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    53.671  tokyo: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    53.671  run 2: failover tokyo -> taiwan
    53.671  run 2: EVIDENCE started
    53.671  run 2: EVIDENCE done in 0 ms; rule 4, 2 of 2 observers see it
    53.671  run 2: VALIDATE started
    53.671  run 2: VALIDATE done in 0 ms; target taiwan is fit
    53.671  run 2: FENCE started
    53.671  run 2: shop: candidate taiwan-a, epoch 3, received 0/120AD
    53.671  view 17: shop has no writer
    53.671  redis-cluster@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    53.671  tokyo: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 3, gate 2
    53.671  order-service@tokyo FAILED: 2 of 2 observers say so; last error: timed out
    53.678  shop: lease of epoch 2 is revoked in favour of, node taiwan-a
    53.678  run 2: shop: tokyo-a is fenced by the end of the lease plus margin
    54.065  run 2: FENCE done in 393 ms; fenced by the end of the lease plus margin
    54.065  run 2: PROMOTE started
    54.065  shop: taiwan-b left the durability set; tier-1 commits no longer wait for it
    54.146  shop: lease of epoch 3 is held, node taiwan-a
    54.290  node taiwan-a is standby (epoch 3)
    54.372      taiwan-a accepts writes under epoch 3
    54.401  shop: taiwan-a is the writer of epoch 3
    54.401  run 2: PROMOTE done in 336 ms; taiwan-a is writer of epoch 3
    54.401  run 2: PROVE started
    54.460  run 2: PROVE done in 58 ms; a row that carries the new epoch is committed
    54.460  run 2: ROUTE_SQL started
    54.460  view 18: writer of shop is taiwan-a, epoch 3
    54.521  run 2: ROUTE_SQL done in 61 ms; view 18: 2 readers acknowledged, 0 waited for, 1 unreachable
    54.521  run 2: ROUTE_BALANCERS started
    54.521  run 2: ROUTE_BALANCERS skipped; no load balancer is configured
    54.521  run 2: ROUTE_DNS started
    54.521  view 19: taiwan carries 10000 of 10000 of its share
    54.521  view 19: tokyo carries 0 of 10000 of its share
    54.524  tokyo: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 3, gate 1
    54.544  node taiwan-a is writer (epoch 3)
    54.549      clients of shop in tokyo are served again after 4595 ms
    54.575  run 2: ROUTE_DNS done in 53 ms; view 19: 2 readers acknowledged, 0 waited for, 1 unreachable
    54.575  run 2: VERIFY started
    54.960  node taiwan-b is standby (epoch 3)
    55.948  run 2: VERIFY done in 1372 ms; ; requests/s: source had 15, target 0 then 8
    55.948  run 2: LEDGER started
    55.948  run 2: shop: tokyo-a ended at 0/11F81; its data directory is kept when it comes home
    55.948  run 2: LEDGER done in 0 ms; 1 ended writers recorded
    55.948  run 2: CLOSE started
    55.948  run 2: CLOSE done in 0 ms; 
    55.948  run 2 succeeded after 2276 ms
    56.508      clients of shop in taiwan are served again after 6522 ms
    56.543  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    90.000  END   region-dead tokyo
    90.027  node tokyo-a is stopped (epoch 2)
    90.323  node tokyo-a is stopped (epoch 3)
    90.518  site tokyo reports again
    91.255  region-connectivity@tokyo PASSED: 1 of 3 observers see it failed
    91.255  tokyo: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 4, gate 1
    91.255  redis-cluster@tokyo PASSED: 1 of 3 observers see it failed
    91.255  order-service@tokyo PASSED: 1 of 3 observers see it failed
    91.255  error-rate@tokyo PASSED: 1 of 3 observers see it failed
    94.202      tokyo-a is a fresh copy of taiwan-a
    94.227  node tokyo-a is standby (epoch 3)
    94.227  shop: a standby follows again; tier-1 commits wait for it
    94.354  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    95.423  shop: tokyo-a joined the durability set at 0/22602
    95.483  database-master@tokyo PASSED: 1 of 3 observers see it failed
    95.483  tokyo: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
