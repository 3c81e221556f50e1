import pytest

from cxr.errors import ConfigError
from cxr.pacs.peer import Peer, check_ae_title


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("ORTHANC@127.0.0.1:4242", Peer("ORTHANC", "127.0.0.1", 4242)),
        ("A B-1@pacs.example:104", Peer("A B-1", "pacs.example", 104)),
        ("PACS@[::1]:11112", Peer("PACS", "::1", 11112)),
    ],
)
def test_a_peer_is_read(text, peer):
    assert Peer.parse(text) == peer


@pytest.mark.parametrize(
    "text",
    ["", "ORTHANC", "ORTHANC@host", "@host:1", "A@host:0", "A@host:65536", "A@b@c:1", "A\\B@host:1", "X" * 17 + "@h:1"],
)
def test_another_form_is_refused(text):
    with pytest.raises(ConfigError):
        Peer.parse(text)


def test_an_ae_title_loses_its_padding_only():
    assert check_ae_title("  CXR ") == "CXR"
    with pytest.raises(ConfigError, match="1 to 16"):
        check_ae_title("   ")
