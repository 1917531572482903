    40.000  FAULT disk-slow tokyo-a
    54.351  shop: sessions wait: even tokyo-a is more than max_lag (300 ms) behind
    54.652  shop: sessions no longer wait for max_lag (300 ms): the standby has caught up
    60.000  END   disk-slow tokyo-a
    70.000  FAULT node-dead tokyo-a
    71.521  node tokyo-a does not report
    72.343  database-master@tokyo FAILED: 2 of 3 observers say so; last error: connection refused
    72.343  tokyo: AUTOMATIC_FAILOVER, DATABASE_MASTER_FAILURE, confidence HIGH, rule 4, gate 0
    72.343  run 1: failover tokyo -> taiwan
    72.343  run 1: EVIDENCE started
    72.343  run 1: EVIDENCE done in 0 ms; rule 4, 2 of 3 observers see it
    72.343  run 1: VALIDATE started
    72.343  run 1: VALIDATE done in 0 ms; target taiwan is fit
    72.343  run 1: ROUTE_BALANCERS started
    72.343  run 1: ROUTE_BALANCERS skipped; no load balancer is configured
    72.343  run 1: ROUTE_DNS started
    72.343  view 10: tokyo carries 0 of 10000 of its share
    72.343  tokyo: MONITOR, DATABASE_MASTER_FAILURE, confidence HIGH, held by REGION_NOT_ACTIVE, rule 4, gate 1
    72.398  run 1: ROUTE_DNS done in 55 ms; view 10: 3 readers acknowledged, 0 waited for, 0 unreachable
    72.398  run 1: VERIFY started
    73.618  run 1: VERIFY done in 1219 ms; ; requests/s: source had 8, target 7 then 13
    73.618  run 1: CLOSE started
    73.618  run 1: CLOSE done in 0 ms; 
    73.618  run 1 succeeded after 1275 ms
    83.626  shop: no standby streams: max_lag (300 ms) cannot be kept, sessions do not wait
