"""A driver on the cluster: what it was told, and a sum over a function of a file that came along."""
import sys

from pyspark import SparkContext

from added import twice

with SparkContext() as context:
    mode = context.getConf().get("spark.submit.deployMode")
    print(f"TOLD name={context.appName} mode={mode} args={sys.argv[1:]}")
    print(f"RESULT sum={context.parallelize(range(5), 2).map(twice).sum()}")
