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
    60.000  run 2: failback tokyo -> taiwan
    60.000  run 2: GUARD started
    60.000  run 2: GUARD done in 0 ms; OK: stable 53 s, lag 0 ms
    60.000  run 2: COMPARE started
    60.000  operator: failback -> started
    62.000  operator: approve -> approved
    62.005  run 2: COMPARE done in 2004 ms; 
    62.005  run 2: APPROVAL started
    62.005  run 2: APPROVAL done in 0 ms; OK: stable 55 s, lag 0 ms
    62.005  run 2: CANARY started
    62.005  view 16: taiwan carries 2500 of 10000 of its share
    82.083  run 2: CANARY done in 20072 ms; OK: 45 requests, 0 ppm errors, p95 0 us, lag 0 ms, 20 s held
    82.083  run 2: RAMP started
    82.083  view 17: taiwan carries 5000 of 10000 of its share
    87.148  run 2: RAMP done in 5062 ms; OK: 15 requests, 0 ppm errors, p95 0 us, lag 0 ms, 5 s held
    87.148  run 2: CHECKPOINT started
    87.188  run 2: CHECKPOINT done in 39 ms; 
    87.188  run 2: HOLD started
    87.188  run 2: shop: candidate taiwan-a, epoch 3, received 0/212DD
    87.250  run 2: HOLD done in 62 ms; view 18: 3 readers acknowledged, 0 waited for, 0 unreachable
    87.250  run 2: STOP started
    87.488  shop: lease of epoch 2 is revoked in favour of, node taiwan-a
    87.488  run 2: STOP done in 237 ms; source stopped cleanly at 0/2146D
    87.488  run 2: CATCH_UP started
    87.541  run 2: CATCH_UP done in 53 ms; target replayed 0/2146D, source ended at 0/2146D
    87.541  run 2: PROMOTE started
    87.541  shop: taiwan-b left the durability set; tier-1 commits no longer wait for it
    87.625  node tokyo-a is stopped (epoch 2)
    87.642  shop: lease of epoch 3 is held, node taiwan-a
    87.793  node taiwan-a is standby (epoch 3)
    87.967      taiwan-a accepts writes under epoch 3
    87.996  shop: taiwan-a is the writer of epoch 3
    87.996  run 2: PROMOTE done in 454 ms; taiwan-a is writer of epoch 3
    87.996  run 2: PROVE started
    88.042  node taiwan-a is writer (epoch 3)
    88.051  run 2: PROVE done in 55 ms; a row that carries the new epoch is committed
    88.051  run 2: ROUTE_SQL started
    88.051  view 21: writer of shop is taiwan-a, epoch 3
    88.107  run 2: ROUTE_SQL done in 55 ms; view 21: 3 readers acknowledged, 0 waited for, 0 unreachable
    88.107  run 2: SHIFT_ALL started
    88.107  view 22: taiwan carries 10000 of 10000 of its share
    88.169  run 2: SHIFT_ALL done in 61 ms; view 22: 3 readers acknowledged, 0 waited for, 0 unreachable
    88.169  run 2: VERIFY started
    88.320  run 2: VERIFY done in 150 ms; ; requests/s: source had 15, target 0 then 5
    88.320  run 2: REJOIN started
    88.527  node tokyo-a is stopped (epoch 3)
    88.559  node taiwan-b is standby (epoch 3)
    90.023  node tokyo-a is standby (epoch 3)
    90.023  run 2: REJOIN done in 1702 ms; tokyo-a follows
    90.023  run 2: CLOSE started
    90.023  run 2: CLOSE done in 0 ms; 
    90.023  run 2 succeeded after 30014 ms
    91.523  shop: tokyo-a joined the durability set at 0/229EA
