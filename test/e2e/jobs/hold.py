"""Holds what it was given until a file is there, then sums a few numbers."""
import os
import sys
import time

from pyspark import SparkContext

go_ahead, name = sys.argv[1], sys.argv[2]

with SparkContext(appName=name) as context:
    print("STARTED", flush=True)
    while not os.path.exists(go_ahead):
        time.sleep(0.1)
    print(f"RESULT {name} sum={context.parallelize(range(10), 2).sum()}")
