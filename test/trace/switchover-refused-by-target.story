    25.000  FAULT promote-refused tokyo-a
    30.000  run 1: switchover taiwan -> tokyo
    30.000  run 1: VALIDATE started
    30.000  run 1: VALIDATE done in 0 ms; target tokyo is fit
    30.000  run 1: CHECKPOINT started
    30.000  operator: switchover -> started
    30.056  run 1: CHECKPOINT done in 56 ms; 
    30.056  run 1: HOLD started
    30.056  run 1: shop: candidate tokyo-a, epoch 2, received 0/A21C
    30.115  run 1: HOLD done in 59 ms; view 7: 3 readers acknowledged, 0 waited for, 0 unreachable
    30.115  run 1: STOP started
    30.330  run 1: STOP done in 214 ms; source stopped cleanly at 0/A348
    30.330  run 1: CATCH_UP started
    30.330  run 1: CATCH_UP done in 0 ms; target replayed 0/A348, source ended at 0/A348
    30.330  run 1: PROMOTE started
    30.346  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    30.371  run 1: PROMOTE undone; tokyo-a refused: 
    30.371  run 1: STOP started
    30.371  shop: no node may be promoted: no standby of the target region reports a position
    30.371  run 1: STOP failed: not available now; no standby of the target region reports a position
    30.371  run 1 is being undone: no standby of the target region reports a position
    30.442  shop: lease of epoch 3 is held, node taiwan-a
    30.539  node taiwan-a is stopped (epoch 3)
    30.626  node tokyo-a is standby (epoch 2)
    32.072      clients of shop in taiwan get no acknowledgement
    32.192      clients of shop in tokyo get no acknowledgement
    32.866  database-master@taiwan FAILED: 2 of 3 observers say so; last error: timed out
    32.866  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 4, gate 2
    34.335      taiwan-a accepts writes under epoch 3
    34.362  run 1: STOP undone; no standby of the target region reports a position
    34.362  run 1: HOLD undone; view 7: 3 readers acknowledged, 0 waited for, 0 unreachable
    34.362  run 1 compensated after 4360 ms
    34.362  view 10: writer of shop is taiwan-a, epoch 3
    34.368  taiwan: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    34.416      clients of shop in tokyo are served again after 4296 ms
    34.501      clients of shop in taiwan are served again after 4490 ms
    34.537  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    34.543  node taiwan-a is writer (epoch 3)
    34.826  node tokyo-a is standby (epoch 3)
    34.862  node taiwan-b is standby (epoch 3)
    35.860  database-master@taiwan PASSED: 1 of 3 observers see it failed
    35.860  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
