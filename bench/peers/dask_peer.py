"""The works of peer.ts through Dask's distributed scheduler, on so many worker processes of one thread."""

import sys

from distributed import Client, LocalCluster

from measured import add, serve, wait


def main():
    cluster = LocalCluster(
        n_workers=int(sys.argv[1]),
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        memory_limit=0,
    )
    with cluster, Client(cluster) as client:
        # Not pure: each call is a task of its own, whatever its arguments.
        ones = lambda count: [1] * count
        serve(
            lambda count: client.gather(client.map(add, range(count), ones(count), pure=False)),
            lambda count, seconds: client.gather(client.map(wait, [seconds] * count, pure=False)),
            lambda a: client.submit(add, a, 1, pure=False).result(),
        )


if __name__ == "__main__":
    main()
