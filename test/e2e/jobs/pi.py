"""Estimates Pi on an RDD, and says which executor processes took part."""
import os
import random
import socket
import sys
from operator import add

from pyspark import SparkContext

partitions = int(sys.argv[1]) if len(sys.argv) > 1 else 8
points = 50_000


def hits(seed):
    source = random.Random(seed)
    inside = sum(1 for _ in range(points) if source.random() ** 2 + source.random() ** 2 <= 1)
    return inside


with SparkContext(appName="e2e-pi") as context:
    inside = context.parallelize(range(partitions), partitions).map(hits).reduce(add)
    print(f"RESULT pi={4.0 * inside / (points * partitions):.3f} version={context.version}")
