"""The front as a process: memory while a large object streams, and what is left after kill -9 amid an upload."""

from __future__ import annotations

import contextlib
import http.client
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from botocore.exceptions import ClientError

from integration.s3.front_process import front_process
from integration.s3.streams import get, put

PIECES = 256  # MiB; `make bench` sends 1 GiB
MOST_BYTES = 100_000_000


def test_memory_is_bounded_and_kill_9_leaves_all_or_nothing(tmp_path: Path) -> None:
    """Given objects and uploads under way, when all is killed, then whole objects are there and halves are not."""
    with front_process(tmp_path / "front") as front:
        client = front.client()
        for bucket in ("kept", "other"):
            client.create_bucket(Bucket=bucket)
        client.put_object(Bucket="kept", Key="old", Body=b"as it was")
        up = put(client, front.pid, "kept", "large", PIECES)
        down = get(client, front.pid, "kept", "large", PIECES)
        assert up.grown_bytes < MOST_BYTES
        assert down.grown_bytes < MOST_BYTES
        target = {"Bucket": "kept", "Key": "in parts"}
        upload = client.create_multipart_upload(**target)["UploadId"]
        etag = client.upload_part(**target, UploadId=upload, PartNumber=1, Body=bytes(5 << 20))["ETag"]
        with contextlib.ExitStack() as lines:
            for key in ("old", "new"):
                url = urlsplit(client.generate_presigned_url("put_object", {"Bucket": "kept", "Key": key}))
                line = lines.enter_context(contextlib.closing(http.client.HTTPConnection(url.netloc, timeout=10)))
                line.putrequest("PUT", f"{url.path}?{url.query}")
                line.putheader("Content-Length", str(64 << 20))
                line.endheaders()
                line.send(bytes(24 << 20))
            front.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(front.weed_pid).wait(10)

    with front_process(tmp_path / "front") as front:
        client = front.client()
        assert [each["Name"] for each in client.list_buckets()["Buckets"]] == ["kept", "other"]
        assert [each["Key"] for each in client.list_objects_v2(Bucket="kept")["Contents"]] == ["large", "old"]
        assert client.get_object(Bucket="kept", Key="old")["Body"].read() == b"as it was"
        assert client.head_object(Bucket="kept", Key="large")["ContentLength"] == PIECES << 20
        with pytest.raises(ClientError, match="404"):
            client.head_object(Bucket="kept", Key="new")
        assert client.list_parts(**target, UploadId=upload)["Parts"][0]["ETag"] == etag, "goes on where it was"
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        client.complete_multipart_upload(**target, UploadId=upload, MultipartUpload=parts)
        head = client.head_bucket(Bucket="kept")["ResponseMetadata"]["HTTPHeaders"]
        assert head["x-rgw-object-count"] == "3"
        assert int(head["x-rgw-bytes-used"]) == (PIECES << 20) + (5 << 20) + len(b"as it was")
        client.create_bucket(Bucket="other")
        client.delete_bucket(Bucket="other")
