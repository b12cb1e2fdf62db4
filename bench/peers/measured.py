"""The Python end of the conversation in peer.ts: one line of JSON asks for work, one line answers."""

import json
import sys
import time


def add(a, b):
    return a + b


def wait(seconds):
    time.sleep(seconds)


def answer(value):
    print("RESULT " + json.dumps(value), flush=True)


def serve(run_tiny, run_waiting, round_trip):
    """
    run_tiny(count) returns the list of a + 1 for each a below count, run_waiting(count, seconds) waits as often,
    round_trip(a) returns a + 1.
    """
    run_tiny(200)
    for a in range(100):
        round_trip(a)
    answer({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        count = asked["count"]
        start = time.perf_counter()
        if asked["work"] == "roundTrips":
            latencies = []
            for a in range(count):
                sent = time.perf_counter()
                if round_trip(a) != a + 1:
                    raise ValueError("a wrong result")
                latencies.append((time.perf_counter() - sent) * 1000)
            answer({"seconds": time.perf_counter() - start, "latenciesMs": latencies})
            continue
        if asked["work"] == "waiting":
            run_waiting(count, asked["ms"] / 1000)
        elif run_tiny(count) != list(range(1, count + 1)):
            raise ValueError("a wrong result")
        answer({"seconds": time.perf_counter() - start})
