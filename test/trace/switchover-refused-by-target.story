    25.000  FAULT promote-refused tokyo-a
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
    30.819  run 1: PROMOTE undone; tokyo-a refused: 
    30.819  run 1: STOP started
    30.819  shop: no node may be promoted: no standby of the target region reports a position
    30.819  run 1: STOP failed: not available now; no standby of the target region reports a position
    30.819  run 1 is being undone: no standby of the target region reports a position
    30.898  shop: lease of epoch 3 is held, node taiwan-a
    30.927  node tokyo-a is standby (epoch 2)
    31.042  node taiwan-a is stopped (epoch 3)
    32.072      clients of shop in taiwan get no acknowledgement
    32.192      clients of shop in tokyo get no acknowledgement
    32.938  database-master@taiwan FAILED: 2 of 3 observers say so; last error: connection refused
    32.938  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 4, gate 2
    33.604      taiwan-a accepts writes under epoch 3
    33.634  run 1: STOP undone; no standby of the target region reports a position
    33.634  run 1: HOLD undone; view 8: 3 readers acknowledged, 0 waited for, 0 unreachable
    33.634  run 1 compensated after 3633 ms
    33.634  view 11: writer of shop is taiwan-a, epoch 3
    33.636  taiwan: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    33.696      clients of shop in taiwan are served again after 3687 ms
    33.775      clients of shop in tokyo are served again after 3653 ms
    33.794  node taiwan-a is writer (epoch 3)
    33.839  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    33.963  node taiwan-b is standby (epoch 3)
    34.227  node tokyo-a is standby (epoch 3)
    34.887  database-master@taiwan PASSED: 1 of 3 observers see it failed
    34.887  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
