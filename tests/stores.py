"""Stores at URLs: in memory, with faults, and a server of S3 on this machine."""

import time
from contextlib import contextmanager

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem


class Faulty(MemoryFileSystem):
    """A store in memory of which a part goes wrong."""

    protocol = "faulty"
    store: dict = {}
    pseudo_dirs = [""]
    fault = ""

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.removeprefix("faulty://"))

    def info(self, path, **options):
        if self.fault == "silent":
            time.sleep(2)
        if self.fault == "refusing":
            raise PermissionError("Access Denied")
        if self.fault == "broken":
            raise RuntimeError("HTTP 500")
        return super().info(path, **options)

    def get_file(self, source, target, callback=None, **options):
        with open(target, "wb") as file:
            content = self.cat_file(source)
            if self.fault == "half":
                content = content[: len(content) // 2]
            if self.fault == "altered":
                content = content[::-1]
            file.write(content)
        if self.fault == "changing":
            self.pipe_file(source, b"another")


fsspec.register_implementation("faulty", Faulty, clobber=True)


@contextmanager
def s3_server(monkeypatch):
    """Run a server of S3 with a bucket, for a block; skip where none is installed."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'latentscape[s3]'")
    server = pytest.importorskip(
        "moto.server", reason="moto is not installed: make install", exc_type=ImportError
    )
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "tests")
        files = fsspec.filesystem("s3", skip_instance_cache=True)
        type(files).clear_instance_cache()
        files.mkdir("bucket")
        yield files
    finally:
        running.stop()
