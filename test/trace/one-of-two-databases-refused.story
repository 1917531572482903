    25.000  FAULT promote-refused tokyo-s
    30.000  run 1: failover taiwan -> tokyo
    30.000  run 1: EVIDENCE started
    30.000  run 1: EVIDENCE done in 0 ms; simulated
    30.000  run 1: VALIDATE started
    30.000  run 1: VALIDATE done in 0 ms; target tokyo is fit
    30.000  run 1: FENCE started
    30.000  run 1: shop: candidate tokyo-a, epoch 2, received 0/9E34
    30.000  run 1: stock: candidate tokyo-s, epoch 2, received 0/A280
    30.000  view 11: shop has no writer
    30.000  view 11: stock has no writer
    30.000  operator: failover -> started
    30.004  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    30.005  stock: lease of epoch 1 is revoked in favour of, node tokyo-s
    30.058  run 1: stock: taiwan-s is fenced by the agent's word
    30.058  run 1: shop: taiwan-a is fenced by the agent's word
    30.058  run 1: FENCE done in 58 ms; fenced by the agent's word
    30.058  run 1: PROMOTE started
    30.061  node taiwan-s is stopped (epoch 2)
    30.101  run 1: PROMOTE undone; tokyo-s refused: 
    30.101  run 1: FENCE started
    30.101  stock: no node may be promoted: no standby of the target region reports a position
    30.101  run 1: FENCE failed: not available now; no standby of the target region reports a position
    30.101  run 1 is being undone: no standby of the target region reports a position
    30.131  shop: lease of epoch 2 is held, node tokyo-a
    30.213  stock: lease of epoch 3 is held, node taiwan-s
    30.230      tokyo-a accepts writes under epoch 2
    30.285  node tokyo-s is standby (epoch 2)
    30.285  view 13: stock has no writer
    30.294  node taiwan-a is stopped (epoch 2)
    30.306  node taiwan-s is stopped (epoch 3)
    30.325  node tokyo-a is writer (epoch 2)
    30.325  shop: tokyo-a is the writer of epoch 2
    30.325  view 15: writer of shop is tokyo-a, epoch 2
    30.664  node taiwan-b is standby (epoch 2)
    31.861  shop: taiwan-b joined the durability set at 0/A9EC
    32.060      clients of stock in taiwan get no acknowledgement
    32.072      clients of stock in tokyo get no acknowledgement
    32.866  database-master@taiwan FAILED: 2 of 3 observers say so; last error: connection refused
    32.866  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 4, gate 2
    32.927      taiwan-s accepts writes under epoch 3
    32.955  run 1: FENCE undone; no standby of the target region reports a position
    32.955  run 1: shop: taiwan-a ended at 0/A028; its data directory is kept when it comes home
    32.955  run 1 failed after 2954 ms
    32.955  view 17: writer of stock is taiwan-s, epoch 3
    32.960  taiwan: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    33.056  node taiwan-s is writer (epoch 3)
    33.064      clients of stock in taiwan are served again after 3076 ms
    33.085      clients of stock in tokyo are served again after 3111 ms
    33.284  node tokyo-s is standby (epoch 3)
    33.509  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    34.838  database-master@taiwan PASSED: 1 of 3 observers see it failed
    34.838  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    37.872      taiwan-a is a fresh copy of tokyo-a
    38.044  node taiwan-a is standby (epoch 2)
