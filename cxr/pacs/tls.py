"""DICOM over TLS (PS3.15 B.12, BCP 195): version 1.2 at least, and the other side is asked who it is."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from cxr.errors import ConfigError

__all__ = ["TlsFiles"]


@dataclass(frozen=True)
class TlsFiles:
    """This node's certificate, and whom it trusts.

    Attributes:
        certificate: PEM, with the chain behind it where there is one.
        key: PEM, its private key.
        authority: PEM, of those who sign the certificates of senders and of the archive. Without it any sender may
            connect, and the archive's certificate is held against the authorities of this machine.
    """

    certificate: Path
    key: Path
    authority: Path | None = None

    def listening(self) -> ssl.SSLContext:
        """For associations that others open.

        Raises:
            ConfigError: if a file cannot be read or is not what it should be.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._load(context)
        if self.authority is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def calling(self) -> ssl.SSLContext:
        """For associations that this node opens.

        Raises:
            ConfigError: see :meth:`listening`.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._load(context)
        if self.authority is None:
            context.load_default_certs()
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for file in filter(None, (self.certificate, self.key, self.authority)):
            if not file.is_file():
                raise ConfigError(f"{file} is not a file; TLS needs certificate and key in PEM form")
        try:
            # A password would be asked for on the terminal, where a service has none.
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(
                f"{self.certificate} and {self.key} are no PEM certificate and its unencrypted key ({_reason(error)})"
            ) from error
        if self.authority is not None:
            try:
                context.load_verify_locations(self.authority)
            except (ssl.SSLError, OSError) as error:
                raise ConfigError(f"{self.authority} holds no PEM certificate ({_reason(error)})") from error


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or type(error).__name__
