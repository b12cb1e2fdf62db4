"""The same as ha_client.mjs, as a Spark application."""
import sys
import time

from pyspark import SparkConf, SparkContext

master, name = sys.argv[1:]
settings = {
    "spark.cores.max": "2",
    "spark.executor.cores": "1",
    "spark.executor.memory": "512m",
    "spark.ui.enabled": "false",
}
conf = SparkConf().setMaster(master).setAppName(name).setAll(settings.items())


def late(number, ms):
    time.sleep(ms / 1000)
    return number


with SparkContext(conf=conf) as context:
    for line in sys.stdin:
        tasks, ms = map(int, line.split())
        numbers = context.parallelize(range(tasks), tasks)
        print(f"RESULT {numbers.map(lambda number: late(number, ms)).sum()}", flush=True)
