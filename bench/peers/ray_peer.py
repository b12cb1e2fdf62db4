"""The works of peer.ts through Ray, on so many workers of one core."""

import sys

import ray

from measured import add, serve, wait

ray.init(
    num_cpus=int(sys.argv[1]),
    include_dashboard=False,
    log_to_driver=False,
    logging_level="ERROR",
)
remote_add = ray.remote(add)
remote_wait = ray.remote(wait)
serve(
    lambda count: ray.get([remote_add.remote(a, 1) for a in range(count)]),
    lambda count, seconds: ray.get([remote_wait.remote(seconds) for _ in range(count)]),
    lambda a: ray.get(remote_add.remote(a, 1)),
)
ray.shutdown()
