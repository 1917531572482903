    75.000  FAULT app-down taiwan
    75.062  taiwan: answers that lead there live 2 s: a probe failed
    75.600  END   app-down taiwan
   106.431  taiwan: answers that lead there live as long as before
   130.000  run 1: switchover taiwan -> tokyo
   130.000  run 1: LOWER_TTL started
   130.000  taiwan: answers that lead there live 2 s: a run moves its clients
   130.000  tokyo: answers that lead there live 2 s: a run moves its clients
   130.000  operator: switchover -> started
   142.063  run 1: LOWER_TTL done in 12060 ms; answers live 2 s
   142.063  run 1: VALIDATE started
   142.063  run 1: VALIDATE done in 0 ms; target tokyo is fit
   142.063  run 1: CHECKPOINT started
   142.121  run 1: CHECKPOINT done in 57 ms; 
   142.121  run 1: HOLD started
   142.121  run 1: shop: candidate tokyo-a, epoch 2, received 0/376B8
   142.174  run 1: HOLD done in 53 ms; view 21: 3 readers acknowledged, 0 waited for, 0 unreachable
   142.174  run 1: STOP started
   142.465  shop: lease of epoch 1 is revoked in favour of, node tokyo-a
   142.465  run 1: STOP done in 291 ms; source stopped cleanly at 0/37848
   142.465  run 1: CATCH_UP started
   142.507  run 1: CATCH_UP done in 41 ms; target replayed 0/37848, as it was asked
   142.507  run 1: PROMOTE started
   142.540  node taiwan-a is stopped (epoch 1)
   142.582  shop: lease of epoch 2 is held, node tokyo-a
   142.825  node tokyo-a is standby (epoch 2)
   142.852      tokyo-a accepts writes under epoch 2
   142.872  shop: tokyo-a is the writer of epoch 2
   142.872  run 1: PROMOTE done in 364 ms; tokyo-a is writer of epoch 2
   142.872  run 1: PROVE started
   142.910  run 1: PROVE done in 38 ms; a row that carries the new epoch is committed
   142.910  run 1: ROUTE_SQL started
   142.910  view 23: writer of shop is tokyo-a, epoch 2
   142.973  run 1: ROUTE_SQL done in 62 ms; view 23: 3 readers acknowledged, 0 waited for, 0 unreachable
   142.973  run 1: REJOIN started
   143.123  node tokyo-a is writer (epoch 2)
   143.293  node taiwan-a is stopped (epoch 2)
   143.461  node taiwan-b is standby (epoch 2)
   144.662  shop: taiwan-b joined the durability set at 0/38339
   145.040  node taiwan-a is standby (epoch 2)
   145.040  run 1: REJOIN done in 2066 ms; taiwan-a follows
   145.040  run 1: SHIFT_25 started
   145.040  view 25: taiwan carries 7500 of 10000 of its share
   145.098  run 1: SHIFT_25 done in 57 ms; view 25: 3 readers acknowledged, 0 waited for, 0 unreachable
   145.098  run 1: SHIFT_50 started
   145.098  view 26: taiwan carries 5000 of 10000 of its share
   145.156  run 1: SHIFT_50 done in 58 ms; view 26: 3 readers acknowledged, 0 waited for, 0 unreachable
   145.156  run 1: SHIFT_75 started
   145.156  view 27: taiwan carries 2500 of 10000 of its share
   145.213  run 1: SHIFT_75 done in 57 ms; view 27: 3 readers acknowledged, 0 waited for, 0 unreachable
   145.213  run 1: SHIFT_ALL started
   145.213  view 28: taiwan carries 0 of 10000 of its share
   145.271  run 1: SHIFT_ALL done in 57 ms; view 28: 3 readers acknowledged, 0 waited for, 0 unreachable
   145.271  run 1: VERIFY started
   145.902  run 1: VERIFY done in 631 ms; ; requests/s: source had 8, target 8 then 12
   145.902  run 1: CLOSE started
   145.902  run 1: CLOSE done in 0 ms; 
   145.902  run 1 succeeded after 15898 ms
   175.913  taiwan: answers that lead there live as long as before
   175.913  tokyo: answers that lead there live as long as before
