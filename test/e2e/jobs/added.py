"""Goes along with on_cluster.py."""


def twice(x):
    return 2 * x
