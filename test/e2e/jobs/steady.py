"""Sums the same numbers in short tasks, again and again until a file is there, and once more."""
import os
import sys
import time

from pyspark import SparkContext

go_ahead = sys.argv[1]
tasks, seconds = 6, 0.5


def slow(number):
    time.sleep(seconds)
    return number


with SparkContext() as context:
    sums = set()
    print("STARTED", flush=True)
    open(f"{go_ahead}.started", "w").close()
    last = False
    while not last:
        last = os.path.exists(go_ahead)
        sums.add(context.parallelize(range(tasks), tasks).map(slow).sum())
    print(f"RESULT sums={sorted(sums)}")
