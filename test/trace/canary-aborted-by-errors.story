    50.000  END   region-dead taiwan
    50.040  node taiwan-a is stopped (epoch 1)
    50.059  node taiwan-b is stopped (epoch 1)
    50.290  node taiwan-a is stopped (epoch 2)
    50.361  node taiwan-b is stopped (epoch 2)
    50.836  site taiwan reports again
    51.073  region-connectivity@taiwan PASSED: 1 of 3 observers see it failed
    51.073  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 4, gate 1
    51.073  redis-cluster@taiwan PASSED: 1 of 3 observers see it failed
    51.073  order-service@taiwan PASSED: 1 of 3 observers see it failed
    51.073  error-rate@taiwan PASSED: 1 of 3 observers see it failed
    52.116  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    52.163  node taiwan-b is standby (epoch 2)
    52.163  shop: a standby follows again; tier-1 commits wait for it
    53.103  database-master@taiwan PASSED: 1 of 3 observers see it failed
    53.103  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    53.659  shop: taiwan-b joined the durability set at 0/11F81
    59.036      taiwan-a is a fresh copy of tokyo-a
    59.295  node taiwan-a is standby (epoch 2)
    80.000  run 2: failback tokyo -> taiwan
    80.000  run 2: GUARD started
    80.000  run 2: GUARD done in 0 ms; OK: stable 26 s, lag 100 ms
    80.000  run 2: COMPARE started
    80.000  operator: failback -> started
    82.002  run 2: COMPARE done in 2002 ms; 
    82.002  run 2: APPROVAL started
    82.002  run 2 waits for a person: waiting for `holdfast approve 2`
    84.000  run 2: APPROVAL done in 1996 ms; OK: stable 30 s, lag 0 ms
    84.000  run 2: CANARY started
    84.000  view 16: taiwan carries 2500 of 10000 of its share
    84.000  operator: approve -> approved
    87.000  FAULT errors taiwan
    87.472  taiwan: MANUAL_REVIEW_REQUIRED, PARTIAL_DEGRADATION, confidence MEDIUM, rule 9, gate 0
    88.466  error-rate@taiwan FAILED: 2 of 3 observers say so; last error: connection refused
    92.521  run 2: CANARY failed: not available now; ERROR_RATE: 14 requests, 214357 ppm errors, p95 0 us, lag 100 ms, 8 s held
    92.521  run 2 is being undone: ERROR_RATE: 14 requests, 214357 ppm errors, p95 0 us, lag 100 ms, 8 s held
    92.521  view 17: taiwan carries 0 of 10000 of its share
    92.521  run 2: CANARY undone; ERROR_RATE: 14 requests, 214357 ppm errors, p95 0 us, lag 100 ms, 8 s held
    92.521  run 2 compensated after 12517 ms
