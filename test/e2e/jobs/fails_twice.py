"""Fails until it was started twice; the file that it is given counts."""
import sys

with open(sys.argv[1], "a+") as file:
    file.write("x")
    file.seek(0)
    starts = len(file.read())

print(f"RESULT start={starts}", flush=True)
sys.exit(0 if starts > 2 else 1)
