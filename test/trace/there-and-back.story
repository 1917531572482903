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
    30.376  shop: lease of epoch 2 is held, node tokyo-a
    30.509      tokyo-a accepts writes under epoch 2
    30.530  shop: tokyo-a is the writer of epoch 2
    30.530  run 1: PROMOTE done in 199 ms; tokyo-a is writer of epoch 2
    30.530  run 1: PROVE started
    30.543  node taiwan-a is stopped (epoch 1)
    30.571  run 1: PROVE done in 41 ms; a row that carries the new epoch is committed
    30.571  run 1: ROUTE_SQL started
    30.571  view 9: writer of shop is tokyo-a, epoch 2
    30.623  node tokyo-a is writer (epoch 2)
    30.629  run 1: ROUTE_SQL done in 57 ms; view 9: 3 readers acknowledged, 0 waited for, 0 unreachable
    30.629  run 1: SHIFT_25 started
    30.629  view 11: taiwan carries 7500 of 10000 of its share
    30.688  run 1: SHIFT_25 done in 59 ms; view 11: 3 readers acknowledged, 0 waited for, 0 unreachable
    30.688  run 1: SHIFT_50 started
    30.688  view 12: taiwan carries 5000 of 10000 of its share
    30.742  run 1: SHIFT_50 done in 54 ms; view 12: 3 readers acknowledged, 0 waited for, 0 unreachable
    30.742  run 1: SHIFT_75 started
    30.742  view 13: taiwan carries 2500 of 10000 of its share
    30.808  run 1: SHIFT_75 done in 65 ms; view 13: 3 readers acknowledged, 0 waited for, 0 unreachable
    30.808  run 1: SHIFT_ALL started
    30.808  view 14: taiwan carries 0 of 10000 of its share
    30.866  run 1: SHIFT_ALL done in 57 ms; view 14: 3 readers acknowledged, 0 waited for, 0 unreachable
    30.866  run 1: VERIFY started
    30.962  node taiwan-b is standby (epoch 2)
    31.045  node taiwan-a is stopped (epoch 2)
    31.260  shop: taiwan-b joined the durability set at 0/A731
    31.541  node taiwan-a is standby (epoch 2)
    31.792  shop: taiwan-a joined the durability set at 0/AAB5
    32.463  run 1: VERIFY done in 1597 ms; ; requests/s: source had 9, target 8 then 14
    32.463  run 1: CLOSE started
    32.463  run 1: CLOSE done in 0 ms; 
    32.463  run 1 succeeded after 2463 ms
    60.000  run 2: failback tokyo -> taiwan
    60.000  run 2: GUARD started
    60.000  run 2: GUARD done in 0 ms; OK: stable 53 s, lag 0 ms
    60.000  run 2: COMPARE started
    60.000  operator: failback -> started
    62.000  operator: approve -> approved
    62.004  run 2: COMPARE done in 2003 ms; 
    62.004  run 2: APPROVAL started
    62.004  run 2: APPROVAL done in 0 ms; OK: stable 55 s, lag 0 ms
    62.004  run 2: CANARY started
    62.004  view 16: taiwan carries 2500 of 10000 of its share
    82.082  run 2: CANARY done in 20072 ms; OK: 45 requests, 0 ppm errors, p95 0 us, lag 0 ms, 20 s held
    82.082  run 2: RAMP started
    82.082  view 17: taiwan carries 5000 of 10000 of its share
    87.148  run 2: RAMP done in 5064 ms; OK: 15 requests, 0 ppm errors, p95 0 us, lag 0 ms, 5 s held
    87.148  run 2: CHECKPOINT started
    87.188  run 2: CHECKPOINT done in 40 ms; 
    87.188  run 2: HOLD started
    87.188  run 2: shop: candidate taiwan-a, epoch 3, received 0/21855
    87.247  run 2: HOLD done in 58 ms; view 18: 3 readers acknowledged, 0 waited for, 0 unreachable
    87.247  run 2: STOP started
    87.484  run 2: STOP done in 236 ms; source stopped cleanly at 0/219E5
    87.484  run 2: CATCH_UP started
    87.527  shop: lease of epoch 2 is revoked in favour of, node taiwan-a
    87.543  run 2: CATCH_UP done in 59 ms; target replayed 0/219E5, source ended at 0/219E5
    87.543  run 2: PROMOTE started
    87.543  shop: taiwan-b left the durability set; tier-1 commits no longer wait for it
    87.623  node tokyo-a is stopped (epoch 2)
    87.648  shop: lease of epoch 3 is held, node taiwan-a
    87.793  node taiwan-a is standby (epoch 3)
    87.979      taiwan-a accepts writes under epoch 3
    88.009  shop: taiwan-a is the writer of epoch 3
    88.009  run 2: PROMOTE done in 465 ms; taiwan-a is writer of epoch 3
    88.009  run 2: PROVE started
    88.045  node taiwan-a is writer (epoch 3)
    88.075  run 2: PROVE done in 65 ms; a row that carries the new epoch is committed
    88.075  run 2: ROUTE_SQL started
    88.075  view 21: writer of shop is taiwan-a, epoch 3
    88.131  run 2: ROUTE_SQL done in 55 ms; view 21: 3 readers acknowledged, 0 waited for, 0 unreachable
    88.131  run 2: SHIFT_ALL started
    88.131  view 22: taiwan carries 10000 of 10000 of its share
    88.187  run 2: SHIFT_ALL done in 56 ms; view 22: 3 readers acknowledged, 0 waited for, 0 unreachable
    88.187  run 2: VERIFY started
    88.340  run 2: VERIFY done in 153 ms; ; requests/s: source had 16, target 0 then 5
    88.340  run 2: CLOSE started
    88.340  run 2: CLOSE done in 0 ms; 
    88.340  run 2 succeeded after 28332 ms
    88.527  node tokyo-a is stopped (epoch 3)
    88.560  node taiwan-b is standby (epoch 3)
    89.424  node tokyo-a is standby (epoch 3)
    89.504  shop: tokyo-a joined the durability set at 0/2221A
