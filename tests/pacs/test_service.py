"""The node as a whole, in this process: encrypted associations, what it counts, and senders that misbehave."""

import json
import logging
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.request
from copy import deepcopy

import pydicom
import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    ComprehensiveSRStorage,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)

from cxr.errors import ConfigError
from cxr.pacs import PacsService, Peer, ServiceSettings, TlsFiles
from cxr.screening import Screener


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    """Two authorities, ours and a stranger's, each with a certificate for localhost: name -> (ca, certificate, key)."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed; it makes the certificates")
    made = {}
    for name in ("ours", "strange"):
        folder = tmp_path_factory.mktemp(name)
        ca, certificate, key = folder / "ca.pem", folder / "node.pem", folder / "node.key"
        extensions = folder / "san.cnf"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        for command in (
            f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {folder}/ca.key -out {ca} "
            "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign",
            f"req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout {key} -out {folder}/node.csr",
            f"x509 -req -in {folder}/node.csr -CA {ca} -CAkey {folder}/ca.key -CAcreateserial -days 2 "
            f"-extfile {extensions} -out {certificate}",
        ):
            subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
        made[name] = TlsFiles(certificate, key, ca)
    return made


@pytest.fixture
def archive_port(request):
    """A receiver of results; its port, and the objects that arrived. Takes TLS where parametrised with it."""
    arrived = set()

    def store(event):
        arrived.add(str(event.request.AffectedSOPInstanceUID))  # an object that comes again after a delay is one
        return 0x0000

    started = []

    def start(tls=None):
        node = AE("ARCHIVE")
        for sop_class in (ComprehensiveSRStorage, SecondaryCaptureImageStorage):
            node.add_supported_context(sop_class)
        server = node.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)], ssl_context=tls
        )
        started.append(server)
        return server.server_address[1], arrived

    yield start
    for server in started:
        server.shutdown()


@pytest.fixture
def run_node(tiny_bundle, free_port, tmp_path):
    """``run_node(archive_port, **settings)`` -> (service, its DICOM port, its health port); ``run_node.end()``."""
    running = []

    def run(archive_port, **settings):
        port, health = free_port(), free_port()
        chosen = ServiceSettings(
            ae_title="CXR",
            host="127.0.0.1",
            port=port,
            forward_to=Peer("ARCHIVE", "127.0.0.1", archive_port),
            spool=tmp_path / "spool",
            allowed=(),
            health_port=health,
            workers=1,
            **settings,
        )
        running.append(PacsService(Screener(tiny_bundle, threads=1), chosen))
        return running[-1], port, health

    def end():
        while running:
            running.pop().stop()

    run.end = end
    yield run
    end()


def send(port, films, tls=None):
    """Send films; the status of each, or None where no association came about."""
    node = AE("MODALITY")
    node.acse_timeout = node.network_timeout = node.dimse_timeout = 20
    node.add_requested_context(DigitalXRayImageStorageForPresentation)
    association = node.associate("127.0.0.1", port, ae_title="CXR", tls_args=(tls, "localhost") if tls else None)
    if not association.is_established:
        return None
    try:
        return [association.send_c_store(film).Status for film in films]
    finally:
        association.release()


def ask(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30) as answer:
        return answer.read().decode()


@pytest.fixture
def films(write_radiographs, tmp_path):
    write_radiographs(tmp_path / "films", 3)
    return [pydicom.dcmread(path) for path in sorted((tmp_path / "films").iterdir())]


def test_what_happened_is_counted_since_the_start_and_ever(archive_port, run_node, films, wait_until):
    port_of_archive, arrived = archive_port()
    service, port, health = run_node(port_of_archive)
    assert send(port, films[:2]) == [0, 0]
    assert send(port, films[:1]) == [0]
    wait_until(lambda: len(arrived) == 4, 60, "four results")
    wait_until(lambda: service.health()["ever"]["sent"] == 2, 30, "both marked sent")
    wanted = {"received": 2, "received_again": 1, "screened": 2, "refused": 0, "sent": 2}
    state = json.loads(ask(health, "health"))
    assert (state["since_start"], state["ever"], state["received"]) == (wanted, wanted, 0)
    run_node.end()
    again, port, health = run_node(port_of_archive)
    state = json.loads(ask(health, "health"))
    assert state["ever"] == wanted
    assert set(state["since_start"].values()) == {0}
    assert send(port, films[2:]) == [0]
    wait_until(lambda: again.health()["ever"]["sent"] == 3, 60, "the third marked sent")
    lines = ask(health, "metrics").splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert values['cxr_objects_total{event="sent"}'] == "3"
    assert values['cxr_queue_objects{state="sent"}'] == "3"
    assert values["cxr_up"] == "1"
    declared = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {name.partition("{")[0] for name in values} <= declared


@pytest.mark.timeout(180)
def test_only_encrypted_associations_of_known_senders_are_taken_and_made(
    authorities, archive_port, run_node, films, wait_until
):
    ours, strange = authorities["ours"], authorities["strange"]
    port_of_archive, arrived = archive_port(ours.listening())
    service, port, _ = run_node(port_of_archive, tls=ours, forward_tls=True)
    trusting_stranger = ssl.create_default_context(cafile=str(ours.authority))
    trusting_stranger.load_cert_chain(strange.certificate, strange.key)
    assert send(port, films) is None
    assert send(port, films, tls=trusting_stranger) is None
    assert {context.minimum_version for context in (ours.listening(), ours.calling())} == {ssl.TLSVersion.TLSv1_2}
    assert send(port, films[:1], tls=ours.calling()) == [0]
    wait_until(lambda: len(arrived) == 2, 60, "the results")
    assert service.health()["ever"]["received"] == 1


@pytest.mark.timeout(180)
def test_an_archive_with_a_strange_certificate_gets_nothing(authorities, archive_port, run_node, films, wait_until):
    ours, strange = authorities["ours"], authorities["strange"]
    accepting_all = strange.listening()
    accepting_all.verify_mode = ssl.CERT_NONE
    port_of_archive, arrived = archive_port(accepting_all)
    service, port, _ = run_node(port_of_archive, tls=ours, forward_tls=True)
    assert send(port, films[:1], tls=ours.calling()) == [0]
    wait_until(lambda: service.health()["status"] == "archive does not take results", 60, "the failure")
    assert not arrived
    assert service.health()["ever"]["screened"] == 1


def test_files_that_are_no_certificates_are_one_clear_line(authorities, tmp_path):
    ours = authorities["ours"]
    text = tmp_path / "text.pem"
    text.write_text("not a certificate")
    for files, said in (
        (TlsFiles(tmp_path / "none.pem", ours.key), "is not a file"),
        (TlsFiles(text, ours.key), "no PEM certificate and its unencrypted key"),
        (TlsFiles(ours.certificate, authorities["strange"].key), "no PEM certificate and its unencrypted key"),
        (TlsFiles(ours.certificate, ours.key, text), "holds no PEM certificate"),
    ):
        with pytest.raises(ConfigError, match=said):
            files.listening()
    with pytest.raises(ConfigError, match="name it with --tls"):
        ServiceSettings("CXR", "127.0.0.1", 1, Peer("A", "b", 1), tmp_path, (), 2, 1, forward_tls=True)


def test_senders_that_break_off_in_the_middle_cost_nothing(archive_port, run_node, films, wait_until):
    port_of_archive, arrived = archive_port()
    service, port, _ = run_node(port_of_archive)
    for cut in (1, 6, 20, 74):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall((b"\x01\x00\x00\x00\x00\xcd" + bytes(200))[:cut])
    node = AE("MODALITY")
    node.add_requested_context(DigitalXRayImageStorageForPresentation)
    for _ in range(3):
        association = node.associate("127.0.0.1", port, ae_title="CXR")
        assert association.is_established
        sending = threading.Thread(target=lambda a=association: a.send_c_store(films[0]), daemon=True)
        association.dul.socket.socket.shutdown(socket.SHUT_WR)
        sending.start()
        association.abort()
        sending.join(10)
    assert send(port, films) == [0, 0, 0]
    wait_until(lambda: len(arrived) == 6, 90, "six results")
    assert service.health()["status"] == "ok"


def test_eight_senders_at_once_lose_nothing(archive_port, run_node, films, wait_until):
    port_of_archive, arrived = archive_port()
    service, port, _ = run_node(port_of_archive)
    answers = []

    def one(number):
        mine = []
        for film in films:
            mine_alone = deepcopy(film)
            uid = f"{film.SOPInstanceUID[:50]}.{number}"
            mine_alone.SOPInstanceUID = mine_alone.file_meta.MediaStorageSOPInstanceUID = uid
            mine.append(mine_alone)
        answers.append(send(port, mine))

    senders = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert answers == [[0, 0, 0]] * 8
    wait_until(lambda: service.health()["ever"]["sent"] == 24, 120, "24 sent")
    assert len(arrived) == 48


def test_libraries_are_quiet_about_what_they_copy(archive_port, run_node, films, wait_until, caplog):
    port_of_archive, arrived = archive_port()
    logging.getLogger("highdicom").setLevel(logging.WARNING)
    _, port, _ = run_node(port_of_archive)
    with caplog.at_level(logging.INFO, logger="cxr"):
        assert send(port, films[:1]) == [0]
        wait_until(lambda: len(arrived) == 2, 60, "two results")
    assert not [record for record in caplog.records if record.name.startswith(("highdicom", "pydicom"))]
