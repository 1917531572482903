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
    60.000  run 2: failback tokyo -> taiwan
    60.000  run 2: GUARD started
    60.000  run 2: GUARD done in 0 ms; OK: stable 53 s, lag 0 ms
    60.000  run 2: COMPARE started
    60.000  operator: failback -> started
    62.000  operator: approve -> approved
    62.002  run 2: COMPARE done in 2001 ms; 
    62.002  run 2: APPROVAL started
    62.002  run 2: APPROVAL done in 0 ms; OK: stable 55 s, lag 0 ms
    62.002  run 2: CANARY started
    62.002  view 16: taiwan carries 2500 of 10000 of its share
    82.085  run 2: CANARY done in 20076 ms; OK: 45 requests, 0 ppm errors, p95 0 us, lag 0 ms, 20 s held
    82.085  run 2: RAMP started
    82.085  view 17: taiwan carries 5000 of 10000 of its share
    87.148  run 2: RAMP done in 5061 ms; OK: 15 requests, 0 ppm errors, p95 0 us, lag 0 ms, 5 s held
    87.148  run 2: CHECKPOINT started
    87.189  run 2: CHECKPOINT done in 41 ms; 
    87.189  run 2: HOLD started
    87.189  run 2: shop: candidate taiwan-a, epoch 3, received 0/213A5
    87.247  run 2: HOLD done in 57 ms; view 18: 3 readers acknowledged, 0 waited for, 0 unreachable
    87.247  run 2: STOP started
    87.766  shop: lease of epoch 2 is revoked in favour of, node taiwan-a
    87.766  run 2: STOP done in 519 ms; source stopped cleanly at 0/21535
    87.766  run 2: CATCH_UP started
    87.794  run 2: CATCH_UP done in 27 ms; target replayed 0/21535, source ended at 0/21535
    87.794  run 2: PROMOTE started
    87.794  shop: taiwan-b left the durability set; tier-1 commits no longer wait for it
    87.896  shop: lease of epoch 3 is held, node taiwan-a
    87.926  node tokyo-a is stopped (epoch 2)
    88.040  node taiwan-a is standby (epoch 3)
    88.229      taiwan-a accepts writes under epoch 3
    88.255  shop: taiwan-a is the writer of epoch 3
    88.255  run 2: PROMOTE done in 461 ms; taiwan-a is writer of epoch 3
    88.255  run 2: PROVE started
    88.295  node taiwan-a is writer (epoch 3)
    88.313  run 2: PROVE done in 57 ms; a row that carries the new epoch is committed
    88.313  run 2: ROUTE_SQL started
    88.313  view 21: writer of shop is taiwan-a, epoch 3
    88.372  run 2: ROUTE_SQL done in 59 ms; view 21: 3 readers acknowledged, 0 waited for, 0 unreachable
    88.372  run 2: SHIFT_ALL started
    88.372  view 22: taiwan carries 10000 of 10000 of its share
    88.435  run 2: SHIFT_ALL done in 62 ms; view 22: 3 readers acknowledged, 0 waited for, 0 unreachable
    88.435  run 2: VERIFY started
    88.591  run 2: VERIFY done in 155 ms; ; requests/s: source had 16, target 0 then 6
    88.591  run 2: REJOIN started
    88.823  node tokyo-a is stopped (epoch 3)
    88.863  node taiwan-b is standby (epoch 3)
    89.427  node tokyo-a is standby (epoch 3)
    89.427  run 2: REJOIN done in 835 ms; tokyo-a follows
    89.427  run 2: CLOSE started
    89.427  run 2: CLOSE done in 0 ms; 
    89.427  run 2 succeeded after 29418 ms
    90.626  shop: tokyo-a joined the durability set at 0/223AA
