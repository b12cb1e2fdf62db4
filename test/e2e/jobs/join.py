"""A join of two data frames with a shuffle, checked against what arithmetic says it must be."""
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

rows = 20_000
keys = 100
session = (
    SparkSession.builder.appName("e2e-join")
    # Broadcasting would avoid the shuffle that this job is here to see.
    .config("spark.sql.autoBroadcastJoinThreshold", "-1")
    .config("spark.sql.adaptive.enabled", "false")
    .config("spark.sql.shuffle.partitions", "6")
    .getOrCreate()
)
left = session.range(rows).select((F.col("id") % keys).alias("key"), F.col("id").alias("value"))
right = session.range(keys).select(F.col("id").alias("key"), (F.col("id") * 10).alias("weight"))
total = left.join(right, "key").agg(F.sum(F.col("value") + F.col("weight"))).collect()[0][0]
expected = sum(i + (i % keys) * 10 for i in range(rows))
print(f"RESULT join={'right' if total == expected else f'wrong {total} {expected}'} version={session.version}")
session.stop()
