"""A shuffle that is read again after its writer has left: moved, not computed anew, as the count of map calls tells."""
import os
import sys
import time

from pyspark.sql import SparkSession

ready, go_ahead = sys.argv[1:]
rows = 4000
session = SparkSession.builder.appName("e2e-shuffle").getOrCreate()
context = session.sparkContext
context.setLogLevel("INFO")
mapped = context.accumulator(0)


def count(number):
    mapped.add(1)
    return number % 40, number


sums = context.parallelize(range(rows), 4).map(count).reduceByKey(lambda left, right: left + right, 4)
first = sums.count()
open(ready, "w").close()
deadline = time.time() + 240
while not os.path.exists(go_ahead) and time.time() < deadline:
    time.sleep(0.1)
total = sum(value for _, value in sums.collect())
right = first == 40 and total == rows * (rows - 1) // 2
print(f"RESULT sums={'right' if right else f'wrong {first} {total}'} mapped={mapped.value}")
session.stop()
