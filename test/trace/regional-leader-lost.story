     5.124      taiwan-a accepts writes under epoch 1
     5.292  node taiwan-a is writer (epoch 1)
     5.292  shop: taiwan-a is the writer of epoch 1
     5.292  view 3: writer of shop is taiwan-a, epoch 1
     5.549  node tokyo-c is stopped (epoch 1)
     5.561  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
     5.723  node tokyo-b is stopped (epoch 1)
     5.751  node tokyo-a is stopped (epoch 1)
     6.911  database-master@taiwan PASSED: 1 of 3 observers see it failed
     6.911  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
     6.911  taiwan: all critical checks pass for the first time; it is in service now
     6.911  tokyo: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
     7.202  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
     9.101  tokyo: keeps its clients while tokyo-c is on its way back
    10.064      tokyo-a is a fresh copy of taiwan-a
    10.253  node tokyo-a is standby (epoch 1)
    10.253  shop: a standby follows again; tier-1 commits wait for it
    10.563  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    10.854  shop: tokyo-a leads tokyo: its other nodes stream from it
    11.754  shop: tokyo-a joined the durability set at 0/2A30
    11.911  database-master@tokyo PASSED: 1 of 3 observers see it failed
    11.911  tokyo: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    11.911  tokyo: all critical checks pass for the first time; it is in service now
    12.311      tokyo-c is a fresh copy of taiwan-a
    12.550  node tokyo-c is standby (epoch 1)
    16.810      tokyo-b is a fresh copy of taiwan-a
    17.127  node tokyo-b is standby (epoch 1)
    30.000  FAULT node-dead tokyo-a
    31.295  node tokyo-a does not report
    33.289  shop: tokyo-a left the durability set; tier-1 commits no longer wait for it
    33.289  shop: tokyo-a no longer leads tokyo: it is gone
    33.624  shop: tokyo-b leads tokyo: its other nodes stream from it
    35.210  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
    50.000  END   node-dead tokyo-a
    50.052  node tokyo-a is stopped (epoch 1)
    50.954  node tokyo-a is standby (epoch 1)
    50.954  shop: a standby follows again; tier-1 commits wait for it
    52.152  shop: tokyo-a joined the durability set at 0/1368C
    70.000  FAULT region-dead taiwan
    71.300  node taiwan-a does not report
    71.957      clients of shop in taiwan get no acknowledgement
    71.987      clients of shop in tokyo get no acknowledgement
    72.048  site taiwan has gone silent
    72.375  error-rate@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    72.375  taiwan: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    73.376  region-connectivity@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    73.376  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    73.376  database-master@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    73.376  taiwan: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    73.376  run 1: failover taiwan -> tokyo
    73.376  run 1: EVIDENCE started
    73.376  run 1: EVIDENCE done in 0 ms; rule 4, 2 of 2 observers see it
    73.376  run 1: VALIDATE started
    73.376  run 1: VALIDATE done in 0 ms; target tokyo is fit
    73.376  run 1: FENCE started
    73.376  run 1: shop: candidate tokyo-a, epoch 2, received 0/1AAF4
    73.376  view 16: shop has no writer
    73.376  redis-cluster@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    73.376  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by ALREADY_IN_PROGRESS, rule 3, gate 2
    73.376  order-service@taiwan FAILED: 2 of 2 observers say so; last error: timed out
    73.382  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
    73.382  run 1: shop: taiwan-a is fenced by the end of the lease plus margin
    73.382  run 1: FENCE done in 6 ms; fenced by the end of the lease plus margin
    73.382  run 1: PROMOTE started
    73.453  node tokyo-a is standby (epoch 2)
    73.454  shop: lease of epoch 2 is held, node tokyo-a
    73.580      tokyo-a accepts writes under epoch 2
    73.601  shop: tokyo-a is the writer of epoch 2
    73.601  run 1: PROMOTE done in 218 ms; tokyo-a is writer of epoch 2
    73.601  run 1: PROVE started
    73.638  run 1: PROVE done in 36 ms; a row that carries the new epoch is committed
    73.638  run 1: ROUTE_SQL started
    73.638  view 17: writer of shop is tokyo-a, epoch 2
    73.674  run 1: ROUTE_SQL done in 36 ms; view 17: 2 readers acknowledged, 0 waited for, 1 unreachable
    73.674  run 1: ROUTE_BALANCERS started
    73.674  run 1: ROUTE_BALANCERS skipped; no load balancer is configured
    73.674  run 1: ROUTE_DNS started
    73.674  view 18: taiwan carries 0 of 10000 of its share
    73.676  taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 3, gate 1
    73.719  run 1: ROUTE_DNS done in 44 ms; view 18: 2 readers acknowledged, 0 waited for, 1 unreachable
    73.719  run 1: VERIFY started
    73.753      clients of shop in tokyo are served again after 3809 ms
    73.754  node tokyo-a is writer (epoch 2)
    74.051  node tokyo-c is standby (epoch 2)
    74.124  node tokyo-b is standby (epoch 2)
    75.039      clients of shop in taiwan are served again after 5170 ms
    75.367  run 1: VERIFY done in 1647 ms; ; requests/s: source had 8, target 8 then 13
    75.367  run 1: LEDGER started
    75.367  run 1: shop: taiwan-a ended at 0/1A9C8; its data directory is kept when it comes home
    75.367  run 1: LEDGER done in 0 ms; 1 ended writers recorded
    75.367  run 1: CLOSE started
    75.367  run 1: CLOSE done in 0 ms; 
    75.367  run 1 succeeded after 1990 ms
    75.776  shop: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted
   110.000  END   region-dead taiwan
   110.041  node taiwan-a is stopped (epoch 1)
   110.293  node taiwan-a is stopped (epoch 2)
   110.874  site taiwan reports again
   111.303  region-connectivity@taiwan PASSED: 1 of 3 observers see it failed
   111.303  taiwan: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 4, gate 1
   111.303  redis-cluster@taiwan PASSED: 1 of 3 observers see it failed
   111.303  order-service@taiwan PASSED: 1 of 3 observers see it failed
   111.303  error-rate@taiwan PASSED: 1 of 3 observers see it failed
   121.594      taiwan-a is a fresh copy of tokyo-a
   121.790  node taiwan-a is standby (epoch 2)
   121.790  shop: a standby follows again; tier-1 commits wait for it
   121.992  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
   123.041  shop: taiwan-a joined the durability set at 0/2E3D9
   123.232  database-master@taiwan PASSED: 1 of 3 observers see it failed
   123.232  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
