"""Estimates Pi on an RDD; told a file, it first waits with its executors until that is there."""
import os
import random
import sys
import time
from operator import add

from pyspark import SparkContext

partitions = int(sys.argv[1]) if len(sys.argv) > 1 else 8
points = 50_000


def hits(seed):
    source = random.Random(seed)
    inside = sum(1 for _ in range(points) if source.random() ** 2 + source.random() ** 2 <= 1)
    return inside


with SparkContext(appName="e2e-pi") as context:
    while len(sys.argv) > 2 and not os.path.exists(sys.argv[2]):
        time.sleep(0.1)
    inside = context.parallelize(range(partitions), partitions).map(hits).reduce(add)
    print(f"RESULT pi={4.0 * inside / (points * partitions):.3f} version={context.version}")
