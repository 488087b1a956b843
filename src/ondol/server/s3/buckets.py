"""Requests on buckets: list, make, look at, remove; their location, versioning and access lists."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ondol.model.errors import OndolError
from ondol.server.s3 import bodies
from ondol.server.s3.asked import Asked, Services
from ondol.server.s3.behind import Behind, refusal
from ondol.server.s3.documents import bucket_location, list_buckets, private_access, versioning
from ondol.server.s3.errors import S3Error, no_such_bucket, unavailable
from ondol.server.s3.names import check_new_bucket
from ondol.server.s3.numbers import number_in
from ondol.server.s3.quota import check_room_for_bucket

REGION = "us-east-1"  # the one whose LocationConstraint is empty; any region may be signed for
_PRIVATE = frozenset({"", "private", "bucket-owner-full-control", "bucket-owner-read"})


async def list_all(asked: Asked, services: Services, _: Behind) -> Response:
    """ListBuckets, whole or by prefix in pages."""
    most = number_in(asked.exchange, "max-buckets", 10_000, 1, 10_000)
    prefix, after = asked.parameter("prefix"), asked.parameter("continuation-token")
    every = sorted(await run_in_threadpool(services.directory.buckets, asked.account))
    found = [each for each in every if each[0].startswith(prefix) and each[0] > after]
    following = found[most - 1][0] if len(found) > most else ""
    return asked.xml(list_buckets(asked.caller.email, found[:most], prefix=prefix, following=following))


async def create(asked: Asked, services: Services, behind: Behind) -> Response:
    """CreateBucket; to make one's own again is 200 as well, for scripts create theirs on every run."""
    check_new_bucket(asked.bucket)
    check_private(asked)
    await bodies.small(asked)
    directory = services.directory
    known = await run_in_threadpool(directory.backend_name, asked.account, asked.bucket)
    if known is None:

        async def count() -> int:
            return len(await run_in_threadpool(directory.buckets, asked.account))

        await check_room_for_bucket(services.quota, asked.account, count)
    backend = await run_in_threadpool(directory.register, asked.account, asked.bucket)
    try:
        answer = await behind.ask("PUT", f"/{backend}")
        if not answer.well and answer.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise unavailable()
    except S3Error:
        if known is None:
            await run_in_threadpool(directory.forget, asked.account, asked.bucket)
        raise
    return asked.nothing(200, {"Location": f"/{asked.bucket}"})


async def delete(asked: Asked, services: Services, behind: Behind) -> Response:
    """DeleteBucket, when it is empty."""
    answer = await behind.ask("DELETE", asked.path)
    if not answer.well and answer.code != "NoSuchBucket":
        raise refusal(answer, bucket=asked.bucket)
    await run_in_threadpool(services.directory.forget, asked.account, asked.bucket)
    services.quota.book.forget(asked.backend)
    return asked.nothing()


async def head(asked: Asked, services: Services, behind: Behind) -> Response:
    """HeadBucket, with what it holds in the headers that Ceph's gateway has and the C# SDK reads."""
    answer = await behind.ask("HEAD", asked.path)
    if answer.status == 404:
        raise no_such_bucket(asked.bucket)
    if not answer.well:
        raise refusal(answer)
    headers = {"x-amz-bucket-region": REGION}
    try:
        usage = await run_in_threadpool(services.quota.book.of_bucket, asked.backend)
        headers |= {"X-RGW-Object-Count": str(usage.objects), "X-RGW-Bytes-Used": str(usage.bytes)}
    except OndolError:  # the bucket is there all the same
        pass
    return asked.nothing(200, headers)


async def location(asked: Asked, _: Services, __: Behind) -> Response:
    """GetBucketLocation."""
    return asked.xml(bucket_location())


async def get_versioning(asked: Asked, _: Services, __: Behind) -> Response:
    """GetBucketVersioning: never turned on."""
    return asked.xml(versioning())


async def get_access(asked: Asked, _: Services, behind: Behind) -> Response:
    """GetBucketAcl and GetObjectAcl: all belongs to its account, and to nobody else."""
    if asked.key and await behind.size_of(asked.path) is None:
        raise S3Error("NoSuchKey", f"There is no object {asked.key!r} in this bucket", key=asked.key)
    return asked.xml(private_access(asked.caller.email))


async def put_access(asked: Asked, _: Services, __: Behind) -> Response:
    """PutBucketAcl and PutObjectAcl: what is private may be made private."""
    check_private(asked)
    if await bodies.small(asked) and "x-amz-acl" not in asked.exchange.headers:
        raise _only_private()
    return asked.nothing(200)


def check_private(asked: Asked) -> None:
    """Refuse to let others in: a bucket that its owner believes public, and is not, is found out too late."""
    granted = any(name.startswith("x-amz-grant-") for name in asked.exchange.headers)
    if granted or asked.exchange.headers.get("x-amz-acl", "") not in _PRIVATE:
        raise _only_private()


def _only_private() -> S3Error:
    return S3Error(
        "AccessControlListNotSupported",
        "Buckets here are their account's alone: leave the ACL out, or give private; share objects by presigned URLs",
    )
