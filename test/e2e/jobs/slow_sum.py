"""Many short tasks that together last long enough for somebody to kill something meanwhile."""
import sys
import time

from pyspark import SparkContext

tasks, seconds = int(sys.argv[1]), float(sys.argv[2])


def slow(number):
    time.sleep(seconds)
    return number


with SparkContext() as context:
    print("STARTED", flush=True)
    total = context.parallelize(range(tasks), tasks).map(slow).sum()
    print(f"RESULT sum={total}")
