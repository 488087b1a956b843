"""What the S3 front does with one large object: seconds up and down, and how its resident memory grows.

Run: python tests/benchmarks/bench_objects.py [MiB, 1024 by default]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from integration.s3.front_process import front_process
from integration.s3.streams import get, put


def main(pieces: int) -> None:
    """Print one line a direction."""
    with (
        tempfile.TemporaryDirectory(prefix="ondol-bench-") as folder,
        front_process(Path(folder) / "front") as front,
    ):
        client = front.client()
        client.create_bucket(Bucket="bench")
        for name, stream in (("up", put), ("down", get)):
            took = stream(client, front.pid, "bench", "large", pieces)
            rate, grown_mb = pieces / took.duration_s, took.grown_bytes / 1e6
            print(f"{name:5} {pieces} MiB in {took.duration_s:.2f} s, {rate:.0f} MiB/s, memory +{grown_mb:.1f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
