"""Executors that write a lot to stderr: as many numbered lines as asked for, in four tasks."""
import sys

from pyspark.sql import SparkSession

lines = int(sys.argv[1])
session = SparkSession.builder.appName("e2e-chatty").getOrCreate()


def write(number):
    # One write a line: the Python workers of an executor share its stderr.
    sys.stderr.write(f"chatty {number:08d} {'.' * 80}\n")
    sys.stderr.flush()


session.sparkContext.parallelize(range(lines), 4).foreach(write)
print(f"RESULT lines={lines} app={session.sparkContext.applicationId}")
session.stop()
