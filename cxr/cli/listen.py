"""``cxr listen``: a node of the image network that screens what it is sent."""

from pathlib import Path
from typing import Annotated

import typer

from cxr.cli.conventions import BundlePath, Workers, require

__all__ = ["listen"]


def listen(
    aet: Annotated[str, typer.Option("--aet", help="AE title of this node.")],
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port for DICOM.")],
    forward_to: Annotated[
        str, typer.Option("--forward-to", metavar="AET@HOST:PORT", help="The archive that gets the SR and SC results.")
    ],
    bundle: BundlePath = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="AET", help="AE title that may send; repeat it. Default: any, on loopback."),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="Address to listen on. Default: all if --allow is given, otherwise 127.0.0.1."),
    ] = None,
    spool: Annotated[
        Path | None,
        typer.Option("--spool", metavar="DIR", help="Folder of the queue. Default: one per AE title in your home."),
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option(
            "--health-port", min=1, max=65535, help="GET /health and /metrics on 127.0.0.1. Default: --port plus 1."
        ),
    ] = None,
    tls: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--tls", metavar="CERT KEY", help="Take encrypted associations only: certificate and key, PEM."),
    ] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option("--tls-ca", metavar="CERT", help="Who must have signed the certificates of senders and archive."),
    ] = None,
    forward_tls: Annotated[
        bool, typer.Option("--forward-tls", help="Call the archive by TLS too, with the same certificate.")
    ] = False,
    gsps: Annotated[
        bool, typer.Option("--gsps", help="Send the boxes as a presentation state too, which the archive must take.")
    ] = False,
    workers: Workers = None,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Largest object taken.")] = 256,
    max_per_minute: Annotated[int, typer.Option(min=1, help="Objects taken per minute and sender.")] = 1200,
) -> None:
    """Receive radiographs by C-STORE, screen them and send an SR and an SC of each to the archive.

    An object is acknowledged once it is safely on disk. Stopped, killed or cut off at any moment, the node goes on
    where it was when it is started again with the same --spool; results reach the archive once. Of a radiograph that
    must not be screened the archive gets an SR that says so and why; it is counted under that reason by the health
    endpoint. Objects too damaged to be referred to are counted only. The node stops on
    SIGTERM or Ctrl-C after finishing what it has in hand.
    """
    import logging
    import signal
    import threading

    require("listening for DICOM objects", "pacs", "pynetdicom", "highdicom")
    from cxr.errors import ConfigError
    from cxr.pacs import PacsService, Peer, ServiceSettings, StorageLimits, TlsFiles, check_ae_title
    from cxr.screening import Screener, default_workers

    if tls_ca is not None and tls is None:
        raise ConfigError("--tls-ca needs --tls CERT KEY")
    title = check_ae_title(aet)
    count = workers or default_workers()
    settings = ServiceSettings(
        ae_title=title,
        host=host or ("0.0.0.0" if allow else "127.0.0.1"),
        port=port,
        forward_to=Peer.parse(forward_to),
        spool=spool or Path(typer.get_app_dir("cxr")) / "spool" / title.replace("/", "_"),
        allowed=tuple(check_ae_title(name) for name in allow or ()),
        health_port=health_port or port % 65535 + 1,
        workers=count,
        tls=TlsFiles(*tls, tls_ca) if tls else None,
        forward_tls=forward_tls,
        gsps=gsps,
        limits=StorageLimits(max_object_bytes=max_megabytes * 2**20, max_objects_per_minute=max_per_minute),
    )
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    # Its messages may quote what peers send, patients' names included.
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
    for library in ("highdicom", "pydicom"):
        logging.getLogger(library).setLevel(logging.WARNING)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with PacsService(Screener(bundle, threads=1 if count > 1 else None), settings) as service:
        typer.echo(f"{title} listens on {settings.host}:{port}, health on 127.0.0.1:{settings.health_port}", err=True)
        stopped.wait()
        typer.echo("stopping", err=True)
        counts = service.counts()
    typer.echo(", ".join(f"{state} {number}" for state, number in counts.items()))
