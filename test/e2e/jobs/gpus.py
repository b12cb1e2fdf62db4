"""Which executor gave which GPU to its tasks, with the default resource profile or with one for a stage."""
import os
import sys
import time

from pyspark import SparkContext, TaskContext
from pyspark.resource import ExecutorResourceRequests, ResourceProfileBuilder, TaskResourceRequests

go_ahead, own_profile = sys.argv[1], sys.argv[2] == "stage"
tasks = 4


def look(_):
    # Long enough for every executor to get some of them.
    time.sleep(1)
    gpus = TaskContext.get().resources()["gpu"].addresses
    # Executors run in <work>/<application>/<executor>.
    return os.path.basename(os.getcwd()), gpus


with SparkContext(appName="e2e-gpus") as context:
    numbers = context.parallelize(range(tasks), tasks)
    if own_profile:
        builder = ResourceProfileBuilder()
        builder.require(ExecutorResourceRequests().cores(2).memory("768m").resource("gpu", 2))
        builder.require(TaskResourceRequests().cpus(1).resource("gpu", 1))
        numbers = numbers.withResources(builder.build)
    else:
        # Tasks go to whoever is there: both executors shall be.
        while context._jsc.sc().getExecutorMemoryStatus().size() < 3:
            time.sleep(0.1)
    seen = {}
    for executor, gpus in numbers.map(look).collect():
        seen.setdefault(executor, set()).update(gpus)
    print("SEEN", flush=True)
    # Somebody wants to see this state from outside before it ends.
    while not os.path.exists(go_ahead):
        time.sleep(0.1)
    print("RESULT " + " ".join(f"{id}={','.join(sorted(gpus))}" for id, gpus in sorted(seen.items())))
