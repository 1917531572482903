    30.000  run 1: switchover-local taiwan -> taiwan
    30.000  run 1: VALIDATE started
    30.000  run 1: VALIDATE done in 0 ms; target taiwan is fit
    30.000  run 1: CHECKPOINT started
    30.000  operator: switchover -> started
    30.059  run 1: CHECKPOINT done in 59 ms; 
    30.059  run 1: HOLD started
    30.059  run 1: shop: candidate taiwan-b, epoch 2, received 0/A028
    30.114  run 1: HOLD done in 55 ms; view 8: 3 readers acknowledged, 0 waited for, 0 unreachable
    30.114  run 1: STOP started
    30.968  shop: lease of epoch 1 is revoked in favour of, node taiwan-b
    30.968  run 1: STOP done in 853 ms; source stopped cleanly at 0/A348
    30.968  run 1: CATCH_UP started
    30.968  run 1: CATCH_UP done in 0 ms; target replayed 0/A348, source ended at 0/A348
    30.968  run 1: PROMOTE started
    31.042  node taiwan-a is stopped (epoch 1)
    31.067  shop: lease of epoch 2 is held, node taiwan-b
    31.249      taiwan-b accepts writes under epoch 2
    31.261  node taiwan-b is standby (epoch 2)
    31.279  shop: taiwan-b is the writer of epoch 2
    31.279  run 1: PROMOTE done in 310 ms; taiwan-b is writer of epoch 2
    31.279  run 1: PROVE started
    31.338  run 1: PROVE done in 59 ms; a row that carries the new epoch is committed
    31.338  run 1: ROUTE_SQL started
    31.338  view 10: writer of shop is taiwan-b, epoch 2
    31.396  run 1: ROUTE_SQL done in 57 ms; view 10: 3 readers acknowledged, 0 waited for, 0 unreachable
    31.396  run 1: REJOIN started
    31.563  node taiwan-b is writer (epoch 2)
    31.795  node taiwan-a is stopped (epoch 2)
    31.827  node tokyo-a is standby (epoch 2)
    33.041  node taiwan-a is standby (epoch 2)
    33.041  run 1: REJOIN done in 1644 ms; taiwan-a follows
    33.041  run 1: CLOSE started
    33.041  run 1: CLOSE done in 0 ms; 
    33.041  run 1 succeeded after 3040 ms
    34.294  shop: taiwan-a joined the durability set at 0/B66D
