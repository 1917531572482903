    30.000  FAULT isolated witness
    31.309  node taiwan-a does not report
    31.309  node taiwan-b does not report
    31.309  node tokyo-a does not report
    32.509  site tokyo has gone silent
    32.909  error-rate@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    32.909  error-rate@tokyo FAILED: 1 of 1 observers say so; last error: timed out
    32.909  taiwan: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    32.909  tokyo: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    33.009  site taiwan has gone silent
    33.666  region-connectivity@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    33.666  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    33.666  region-connectivity@tokyo FAILED: 1 of 1 observers say so; last error: timed out
    33.666  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    33.666  database-master@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    33.666  taiwan: MANUAL_REVIEW_REQUIRED, DATABASE_MASTER_FAILURE, confidence HIGH, held by INSUFFICIENT_OBSERVERS, rule 4, gate 7
    33.666  database-master@tokyo FAILED: 1 of 1 observers say so; last error: timed out
    33.666  tokyo: MANUAL_REVIEW_REQUIRED, DATABASE_MASTER_FAILURE, confidence HIGH, held by INSUFFICIENT_OBSERVERS, rule 4, gate 7
    33.666  redis-cluster@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    33.666  taiwan: MANUAL_REVIEW_REQUIRED, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by INSUFFICIENT_OBSERVERS, rule 3, gate 7
    33.666  redis-cluster@tokyo FAILED: 1 of 1 observers say so; last error: timed out
    33.666  tokyo: MANUAL_REVIEW_REQUIRED, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by INSUFFICIENT_OBSERVERS, rule 3, gate 7
    33.666  order-service@taiwan FAILED: 1 of 1 observers say so; last error: timed out
    33.666  order-service@tokyo FAILED: 1 of 1 observers say so; last error: timed out
    60.000  END   isolated witness
    60.567  site tokyo reports again
    60.567  region-connectivity@taiwan PASSED: 1 of 2 observers see it failed
    60.567  taiwan: MANUAL_REVIEW_REQUIRED, MULTIPLE_SERVICE_FAILURES, confidence MEDIUM, rule 7, gate 0
    60.567  tokyo: MANUAL_REVIEW_REQUIRED, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by OBSERVER_TIE, rule 3, gate 10
    60.567  region-connectivity@tokyo PASSED: 1 of 2 observers see it failed
    60.567  tokyo: MANUAL_REVIEW_REQUIRED, MULTIPLE_SERVICE_FAILURES, confidence MEDIUM, rule 7, gate 0
    60.567  database-master@taiwan PASSED: 1 of 2 observers see it failed
    60.567  database-master@tokyo PASSED: 1 of 2 observers see it failed
    60.567  redis-cluster@taiwan PASSED: 1 of 2 observers see it failed
    60.567  taiwan: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    60.567  redis-cluster@tokyo PASSED: 1 of 2 observers see it failed
    60.567  tokyo: MONITOR, SINGLE_SERVICE_DOWN, confidence LOW, rule 10, gate 0
    60.567  order-service@taiwan PASSED: 1 of 2 observers see it failed
    60.567  taiwan: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    60.567  order-service@tokyo PASSED: 1 of 2 observers see it failed
    60.567  tokyo: MONITOR, PERFORMANCE_DEGRADATION, confidence LOW, rule 11, gate 0
    60.567  error-rate@taiwan PASSED: 1 of 2 observers see it failed
    60.567  taiwan: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    60.567  error-rate@tokyo PASSED: 1 of 2 observers see it failed
    60.567  tokyo: NO_ACTION, ALL_HEALTHY, confidence HIGH, rule 13, gate 0
    60.871  site taiwan reports again
