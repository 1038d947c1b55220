"""The server: every address, and everything that it refuses."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from urllib.parse import quote, urlsplit

import numpy as np
import pytest

from latentscape.api.exploring import open_exploration
from latentscape.core.errors import ConfigError
from latentscape.explorer import answers, server
from latentscape.explorer.gathering import Wanted
from latentscape.explorer.server import listen, start

CONDITIONAL = {"model.condition": "label", "model.latent.dim": 3}


class Client:
    """Asks a server as a browser does."""

    def __init__(self, served):
        self.url = served.url
        self.host, self.base = urlsplit(served.url).netloc, urlsplit(served.url).path

    def ask(self, path, method="GET", body=None, headers=None, base=None):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            target = (self.base if base is None else base) + path
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path, dtype=None):
        status, _, body = self.ask(path)
        assert status == 200, body
        return np.frombuffer(body, dtype) if dtype else body

    def post(self, path, array):
        status, _, body = self.ask(path, "POST", np.asarray(array, "<f4").tobytes())
        assert status == 200, body
        return np.frombuffer(body, "<f4")

    def refused(self, status, path, method="GET", body=None, **options):
        """Check that a question is refused in a sentence, and return that."""
        got, headers, text = self.ask(path, method, body, **options)
        assert got == status, text
        assert headers["Content-Type"] == "application/json"
        return json.loads(text)["error"]


def gathered(run, monkeypatch):
    from latentscape.explorer import gathering, networks

    parts = {k: part for k, part in gathering._PARTS.items() if part is not networks.networks}
    monkeypatch.setattr(gathering, "_PARTS", parts)
    return open_exploration(run, Wanted(points=60, map="pca", in_file=False))


@pytest.fixture(scope="module")
def explored(run):
    with pytest.MonkeyPatch.context() as patch:
        return gathered(run, patch)


@pytest.fixture(scope="module")
def client(explored):
    served = start(explored)
    yield Client(served)
    served.stop()


@pytest.fixture(scope="module")
def conditional(train):
    with pytest.MonkeyPatch.context() as patch:
        explored = gathered(train("vae-20", changes=CONDITIONAL), patch)
    served = start(explored)
    yield Client(served), explored
    served.stop()


def test_the_page_and_its_files(client, built):
    page = client.get("").decode()
    assert 'id="manifest"' in page
    manifest = json.loads(client.get("manifest.json"))
    assert manifest["live"] is True
    assert client.get("page/ort.wasm") == (built / "ort.wasm").read_bytes()
    status, headers, _ = client.ask("page/ort.wasm")
    assert (status, headers["Content-Type"]) == (200, "application/wasm")


def test_every_array_of_the_manifest_as_little_endian_bytes(client, explored):
    manifest = json.loads(client.get("manifest.json"))
    assert manifest["arrays"]
    for name, facts in manifest["arrays"].items():
        array = client.get(f"arrays/{name}", np.dtype(facts["dtype"]).newbyteorder("<"))
        assert np.array_equal(array.reshape(facts["shape"]), explored.arrays[name], equal_nan=True)


def test_thumbnails_and_originals(client, explored):
    images = client.get("images/3-60", np.uint8).reshape(57, 1, 28, 28)
    assert np.array_equal(images, explored.images(3, 60))
    original = client.get("originals/59", "<f4").reshape(1, 28, 28)
    assert np.allclose(original, images[-1] / 255, atol=1e-6)


def test_codes_are_decoded_and_images_encoded_by_the_model(client, explored):
    codes = explored.arrays["m0/codes"][:5]
    images = client.post("decode?model=m0", codes).reshape(5, 1, 28, 28)
    assert np.array_equal(images, explored.decode("m0", codes))
    originals = np.stack([explored.original(point) for point in range(5)])
    assert np.allclose(client.post("encode?model=m0", originals).reshape(5, 2), codes, atol=1e-5)


def test_a_conditional_model_takes_a_label_for_all_or_one_each(conditional):
    client, explored = conditional
    codes = explored.arrays["m0/codes"][:2]
    one = client.post("decode?model=m0&labels=3", codes)
    each = client.post("decode?model=m0&labels=3,4", codes)
    assert np.array_equal(one[:784], each[:784])
    assert not np.array_equal(one[784:], each[784:])
    for labels in ("", "3,4,5", "10", "-1", "x", "1,"):
        client.refused(400, f"decode?model=m0&labels={labels}", "POST", codes.tobytes())


def test_neighbours_by_codes_and_by_pixels(client, explored):
    codes = explored.arrays["m0/codes"]
    body = client.ask("neighbours?model=m0&space=codes&k=4", "POST", codes[7].tobytes())[2]
    points, distances = np.frombuffer(body[:16], "<i4"), np.frombuffer(body[16:], "<f4")
    exact = np.linalg.norm(codes - codes[7], axis=1)
    assert np.array_equal(points, np.argsort(exact, kind="stable")[:4])
    assert np.allclose(distances, np.sort(exact)[:4], atol=1e-5)
    image = explored.images(9, 10).astype("<f4") / 255
    body = client.ask("neighbours?model=m0&space=pixels&k=999", "POST", image.tobytes())[2]
    assert len(body) == 8 * 60
    assert np.frombuffer(body[:4], "<i4") == 9
    assert np.frombuffer(body[240:244], "<f4") == 0


@pytest.mark.parametrize("piece", [7, 8192])
def test_the_nearest_are_found_in_pieces_too(monkeypatch, piece):
    rng = np.random.default_rng(0)
    rows, query = rng.random((50, 3), np.float32), rng.random((1, 3), np.float32)
    pieces = (rows[start : start + piece] for start in range(0, 50, piece))
    points, distances = answers.nearest(pieces, query, 50)
    assert np.array_equal(points, np.argsort(np.linalg.norm(rows - query, axis=1)))
    assert (np.diff(distances) >= 0).all()


def test_selections_are_kept_read_and_removed(client, explored):
    content = {"name": "a/b ü<b>", "points": [4, 2, 2]}
    path = f"labels/{quote(content['name'])}"
    status, _, body = client.ask(path, "PUT", json.dumps(content))
    assert (status, json.loads(body)["points"]) == (200, [2, 4])
    assert json.loads(client.get("labels")) == [{"name": "a/b ü<b>", "points": [2, 4]}]
    assert json.loads(client.get(path))["points"] == [2, 4]
    again = json.dumps({"name": "a/b ü<b>", "points": [5]})
    assert client.ask("labels", "PUT", again)[0] == 200
    assert json.loads(client.get(path))["points"] == [5]
    assert client.ask(path, "DELETE")[0] == 204
    assert json.loads(client.get("labels")) == []
    assert "no selection" in client.refused(409, path, "DELETE")
    assert "no selection" in client.refused(400, path)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 100_000,
        "[]",
        '{"name": "a"}',
        '{"name": "a", "points": []}',
        '{"name": "a", "points": [60]}',
        '{"name": "a", "points": [-1]}',
        '{"name": "a", "points": [1.5]}',
        '{"name": "a", "points": [1], "more": 1}',
        '{"name": "", "points": [1]}',
        '{"name": " a", "points": [1]}',
        '{"name": "a\\nb", "points": [1]}',
        json.dumps({"name": "a" * 101, "points": [1]}),
    ],
)
def test_what_is_no_selection_is_refused(client, content):
    client.refused(400, "labels", "PUT", content)
    assert json.loads(client.get("labels")) == []


def test_a_selection_goes_to_its_own_address(client):
    client.refused(400, "labels/b", "PUT", '{"name": "a", "points": [1]}')


def test_a_run_that_another_process_owns_keeps_its_selections(client, explored, monkeypatch):
    with explored.runs["m0"].owned("trained"):
        answer = client.refused(409, "labels", "PUT", '{"name": "a", "points": [1]}')
    assert "is being trained" in answer


CODE = np.zeros(2, "<f4").tobytes()


@pytest.mark.parametrize(
    ("status", "method", "path", "body"),
    [
        (400, "GET", "images/0-0", None),
        (400, "GET", "images/5-3", None),
        (400, "GET", "images/0-61", None),
        (400, "GET", "images/x-3", None),
        (400, "GET", "originals/60", None),
        (400, "GET", "originals/-1", None),
        (400, "GET", "originals/%D9%A3", None),
        (404, "GET", "arrays/m0/nothing", None),
        (404, "GET", "arrays/../../recipe.yaml", None),
        (404, "GET", "page/other.js", None),
        (404, "GET", "page/..%2f..%2fserver.py", None),
        (404, "GET", "page/", None),
        (404, "GET", "recipe.yaml", None),
        (405, "POST", "manifest.json", b""),
        (405, "GET", "decode?model=m0", None),
        (400, "POST", "decode?model=m1", CODE),
        (400, "POST", "decode", CODE),
        (400, "POST", "decode?model=m0", b""),
        (400, "POST", "decode?model=m0", CODE + b"1"),
        (400, "POST", "decode?model=m0", np.array([0, np.nan], "<f4").tobytes()),
        (400, "POST", "decode?model=m0", np.array([0, np.inf], "<f4").tobytes()),
        (400, "POST", "decode?model=m0", bytes(8 * 4097)),
        (400, "POST", "decode?model=m0&labels=1", CODE),
        (400, "POST", "encode?model=m0", CODE),
        (400, "POST", "neighbours?model=m0&space=codes&k=0", CODE),
        (400, "POST", "neighbours?model=m0&space=codes&k=-3", CODE),
        (400, "POST", "neighbours?model=m0&space=maps&k=3", CODE),
        (400, "POST", "neighbours?model=m0&space=codes&k=3", CODE + CODE),
        (400, "POST", "neighbours?model=m0&space=pixels&k=3", CODE),
        (413, "POST", "decode?model=m0", bytes(4 * 784 * 4096 + 8)),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(client, status, method, path, body):
    assert client.refused(status, path, method, body).endswith((".", "?"))


def test_nothing_is_served_without_the_secret(client):
    secret = client.base.strip("/")
    for base in ("/", "", "/wrong/", f"/{secret[:-1]}/", f"/{secret}x/", "//", f"//{secret}/"):
        client.refused(404, "manifest.json", base=base or "/x")
    client.refused(404, "", base="/%C3%BC/")
    status, headers, _ = client.ask("", base=f"/{secret}")
    assert (status, headers["Location"]) == (307, f"/{secret}/")


def test_other_hosts_and_other_sites_are_refused(client):
    port = client.host.rpartition(":")[2]
    for host in (f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port}.evil.example", ""):
        client.refused(421, "manifest.json", headers={"Host": host})
    for origin in (
        "http://evil.example",
        "null",
        f"https://{client.host}",
        f"http://localhost:{port}",
    ):
        client.refused(403, "manifest.json", headers={"Origin": origin})
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert client.ask("manifest.json", headers=headers)[0] == 200


def test_every_answer_protects_itself(client):
    paths = ["", "manifest.json", "arrays/labels", "nothing", "images/0-1"]
    answers_ = [client.ask(path)[1] for path in paths] + [client.ask("", base="/x/")[1]]
    for headers in answers_:
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "Server" not in headers


def test_a_server_listens_on_the_loopback_address_alone(client):
    assert client.url.startswith("http://127.0.0.1:")
    with listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_a_taken_port_is_named_and_another_is_chosen_where_none_was_asked_for(monkeypatch):
    with listen(None) as first, listen(None) as second:
        ports = first.getsockname()[1], second.getsockname()[1]
        assert ports[0] != ports[1]
        with pytest.raises(ConfigError, match=f"Port {ports[0]} .*--port"):
            listen(ports[0])
    with pytest.raises(ConfigError, match="70000"):
        listen(70_000)
    monkeypatch.setattr(server, "_TRIES", 0)
    with listen(None) as listening:
        assert listening.getsockname()[1] > 0


def test_without_the_packages_the_extra_is_named(explored, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigError, match=r"needs the package uvicorn.*latentscape\[explore\]"):
        start(explored)


def test_neighbours_of_vectors_are_those_by_their_values(train, plain, without_networks):
    run = train("simple-20", plain, changes={"data.train": None, "data.test": None})
    explored = open_exploration(run, Wanted(points=20, map="pca", in_file=False), dataset=plain)
    asked = answers.Answers(explored)
    values = explored.images(3, 4).astype("<f4") / 255
    assert np.array_equal(asked.thumbnails("3", "4"), explored.images(3, 4))
    points, distances = asked.neighbours("m0", "pixels", "2", values.tobytes())
    assert (points[0], distances[0]) == (3, 0)


PROGRAM = """
import sys
from pathlib import Path
from latentscape.cli import main
from latentscape.explorer import bundle, gathering
run, folder = sys.argv[1:]
bundle.FOLDER = Path(folder)
gathering._PARTS = dict([*gathering._PARTS.items()][:1])
sys.argv = ["latentscape", "explore", run, "--points", "20", "--map", "pca", "--no-browser", "-q"]
main()
"""


def test_ctrl_c_ends_the_server_at_once_and_well(run, built):
    command = [sys.executable, "-c", PROGRAM, str(run.path), str(built)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("Explorer: http://127.0.0.1:"), process.stderr.read()
        assert "Ctrl-C" in process.stdout.readline()
        address = urlsplit(line.split()[1])
        with socket.create_connection((address.hostname, address.port), timeout=60) as waiting:
            request = f"GET {address.path}manifest.json HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n"
            waiting.sendall(request.encode())
            assert waiting.recv(100).startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGINT)  # While a connection is open.
            _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.wait()
