"""Works, waits until its executors have been given back and a file is there, and works again."""
import os
import sys
import time

from pyspark import SparkContext

go_ahead = sys.argv[1]
tasks = 12


def slow(number):
    time.sleep(0.5)
    return number


with SparkContext(appName="e2e-allocation") as context:

    def work():
        return context.parallelize(range(tasks), tasks).map(slow).sum()

    def executors():
        # The driver's own memory is in there, too.
        return context._jsc.sc().getExecutorMemoryStatus().size() - 1

    first = work()
    while executors() > 0:
        time.sleep(0.1)
    print("IDLE", flush=True)
    # Somebody wants to see this state from outside before it ends.
    while not os.path.exists(go_ahead):
        time.sleep(0.1)
    print(f"RESULT sums={first},{work()}")
