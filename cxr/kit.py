"""A folder that installs cxr on a machine without network: wheels of its platform, bundle, install script, hashes.

Made where there is a network, by pip and for any platform that the dependencies have wheels for; nothing is compiled on
the clinic's machine.
"""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path

from cxr.errors import ConfigError
from cxr.screening import Bundle
from nlp_labeler.storage import atomic_folder, file_sha256

__all__ = ["CHECKSUMS", "PLATFORMS", "WHEELS", "make_kit"]

CHECKSUMS, WHEELS, BUNDLE = "SHA256SUMS", "wheels", "bundle"
EXTRAS = "pacs"

_GLIBC = (34, 31, 28, 27, 26, 24, 17)
PLATFORMS: dict[str, tuple[str, ...]] = {
    "win_amd64": ("win_amd64",),
    "macosx_arm64": tuple(f"macosx_{major}_0_arm64" for major in range(14, 10, -1)),
    "linux_x86_64": (*(f"manylinux_2_{minor}_x86_64" for minor in _GLIBC), "manylinux2014_x86_64"),
    "linux_aarch64": (*(f"manylinux_2_{minor}_aarch64" for minor in _GLIBC), "manylinux2014_aarch64"),
}
"""Name of a platform -> the tags of wheels that run on it, the newest first."""

_MARKERS = {
    "win": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
    "mac": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "lin": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
}
"""What requirements that hold on one system only are decided by, by the start of the platform's name."""

_VERIFY = (
    "import hashlib, pathlib, sys; lines = open('{sums}', encoding='utf-8').read().splitlines(); "
    "pairs = [line.split('  ', 1) for line in lines]; "
    "bad = [n for s, n in pairs if hashlib.sha256(pathlib.Path(n).read_bytes()).hexdigest() != s]; "
    "sys.exit(('changed: ' + ', '.join(bad)) if bad else 0)"
)
_POSIX = """#!/bin/sh
# Installs cxr from this folder, without a network, into the folder cxr-env beside it (or the one named).
set -e
here=$(cd "$(dirname "$0")" && pwd)
target=${{1:-"$here/cxr-env"}}
python=${{PYTHON:-python{python}}}
cd "$here"
"$python" -c "{verify}"
"$python" -m venv "$target"
"$target/bin/python" -m pip install --quiet --no-index --find-links "$here/{wheels}" 'cxr[{extras}]=={version}'
"$target/bin/cxr" doctor{bundle}
echo "Installed. Screen a folder of films: $target/bin/cxr screen FOLDER --out RESULTS{bundle_hint}"
"""
_WINDOWS = """@echo off
rem Installs cxr from this folder, without a network, into the folder cxr-env beside it (or the one named).
setlocal
cd /d "%~dp0"
set "target=%~1"
if "%target%"=="" set "target=%~dp0cxr-env"
py -{python} -c "{verify}" || exit /b 1
py -{python} -m venv "%target%" || exit /b 1
set "python=%target%\\Scripts\\python"
"%python%" -m pip install --quiet --no-index --find-links "%~dp0{wheels}" "cxr[{extras}]=={version}" || exit /b 1
"%target%\\Scripts\\cxr" doctor{bundle} || exit /b 1
echo Installed. Screen a folder of films: "%target%\\Scripts\\cxr" screen FOLDER --out RESULTS{bundle_hint}
"""
_README = """cxr {version} for {platform}, Python {python}

Research software, not a medical device; a qualified reader decides.

1. Copy this folder to the machine. It needs Python {python} and no network.
2. Run {script}. It checks every file against {sums}, installs into the folder cxr-env, and runs `cxr doctor`.
3. Screen: cxr screen FOLDER --out RESULTS{bundle_hint}, then open RESULTS/worklist.html.

To remove it, delete both folders.
"""


def make_kit(
    out: Path,
    platform: str,
    python: str | None = None,
    bundle: Path | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> int:
    """Write the kit.

    Args:
        out: folder to make.
        platform: a key of :data:`PLATFORMS`.
        python: version of the clinic's Python as ``3.12``; that of this process by default.
        bundle: a bundle to take along; the shipped one is part of the package.
        say: told what is done.

    Returns:
        How many bytes it holds.

    Raises:
        ConfigError: if ``out`` exists, the platform or Python is not known, or a wheel is not to be had.
        BundleError: if the bundle is damaged.
    """
    if out.exists():
        raise ConfigError(f"--out {out} exists; name a folder that does not")
    if platform not in PLATFORMS:
        raise ConfigError(f"--platform {platform!r} is not known; allowed are {', '.join(PLATFORMS)}")
    python = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    if python not in ("3.11", "3.12", "3.13"):
        raise ConfigError(f"--python {python!r}: cxr runs on 3.11, 3.12 and 3.13")
    loaded = Bundle.load(bundle) if bundle else None
    with atomic_folder(out) as work:
        wheels = work / WHEELS
        wheels.mkdir()
        say("packing cxr")
        own = _own_wheel(wheels)
        say(f"fetching wheels for {platform}, Python {python}")
        _fetch(wheels, [f"{own}[{EXTRAS}]"], platform, python)
        if loaded is not None:
            for name, content in loaded.contents.items():
                (work / BUNDLE / name).parent.mkdir(parents=True, exist_ok=True)
                (work / BUNDLE / name).write_bytes(content)
            (work / BUNDLE / "bundle.json").write_bytes(_manifest(loaded))
        _write_words(work, platform, python, with_bundle=loaded is not None)
        files = sorted(path for path in work.rglob("*") if path.is_file())
        sums = [f"{file_sha256(path)}  {path.relative_to(work).as_posix()}\n" for path in files]
        (work / CHECKSUMS).write_text("".join(sums), encoding="utf-8", newline="\n")
        return sum(path.stat().st_size for path in files)


def _fetch(wheels: Path, wanted: list[str], platform: str, python: str) -> None:
    """Download wheels of a package and all that it needs on the platform.

    pip chooses by the platform's tags, but asks the machine that it runs on whether a requirement "on Windows only"
    holds; so what is missing there is looked for and fetched too, until nothing is.
    """
    from packaging.markers import default_environment
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name, parse_wheel_filename

    tags = [word for tag in PLATFORMS[platform] for word in ("--platform", tag)]
    settings = ["--only-binary=:all:", *tags, "--python-version", python, "--implementation", "cp"]
    environment = {name: str(value) for name, value in default_environment().items()} | _MARKERS[platform[:3]]
    environment |= {"python_version": python, "python_full_version": f"{python}.0"}
    environment |= {"platform_machine": platform.partition("_")[2], "extra": ""}
    while wanted:
        _pip("download", "--quiet", *settings, "--dest", str(wheels), *wanted)
        there = {parse_wheel_filename(path.name)[0] for path in wheels.glob("*.whl")}
        needed = [Requirement(line) for path in wheels.glob("*.whl") for line in _requirements(path)]
        missing = [one for one in needed if canonicalize_name(one.name) not in there]
        holds = [one for one in missing if one.marker is None or one.marker.evaluate(environment)]
        wanted = sorted({f"{one.name}{one.specifier}" for one in holds})


def _requirements(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []


def _manifest(bundle: Bundle) -> bytes:
    """The bundle's own bundle.json, byte for byte: results name its hash."""
    if bundle.path.is_dir():
        return (bundle.path / "bundle.json").read_bytes()
    with zipfile.ZipFile(bundle.path) as archive:
        name = min((n for n in archive.namelist() if n.rpartition("/")[2] == "bundle.json"), key=len)
        return archive.read(name)


def _write_words(work: Path, platform: str, python: str, *, with_bundle: bool) -> None:
    """The install script and the text for a person."""
    windows = platform.startswith("win")
    script = "install.bat" if windows else "install.sh"
    place = f'"%~dp0{BUNDLE}"' if windows else f'"$here/{BUNDLE}"'
    words = {
        "version": version("cxr"),
        "platform": platform,
        "python": python,
        "sums": CHECKSUMS,
        "wheels": WHEELS,
        "extras": EXTRAS,
        "script": script,
        "verify": _VERIFY.format(sums=CHECKSUMS),
        "bundle": f" --bundle {place}" if with_bundle else "",
        "bundle_hint": " --bundle BUNDLE" if with_bundle else "",
    }
    text = (_WINDOWS if windows else _POSIX).format(**words)
    (work / script).write_text(text, encoding="utf-8", newline="\r\n" if windows else "\n")
    (work / script).chmod(0o755)
    (work / "README.txt").write_text(_README.format(**words), encoding="utf-8", newline="\r\n" if windows else "\n")


def _own_wheel(folder: Path) -> Path:
    """A wheel of this package: built from its source tree, or put together again from where it is installed."""
    root = Path(__file__).resolve().parent.parent
    if (root / "pyproject.toml").is_file():
        _pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(root))
    else:
        _repack(folder)
    return next(folder.glob("cxr-*.whl"))


def _repack(folder: Path) -> None:
    """The installed package as the wheel that it came from: the same files, under the list that came with them."""
    try:
        installed = distribution("cxr")
    except PackageNotFoundError as error:
        raise ConfigError(
            "cxr is not installed here; run the kit command from an installation or the source tree"
        ) from error
    kept = [
        file
        for file in installed.files or ()
        if ".." not in file.parts
        and not file.name.endswith(".pyc")
        and file.name not in ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD")
    ]
    place = next((file.parent for file in kept if file.name == "METADATA"), None)
    if place is None:
        raise ConfigError("the installed cxr does not list its files; install it again with pip")
    wheel = folder / f"cxr-{installed.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in kept:
            archive.write(str(file.locate()), file.as_posix())
        record = "".join(f"{file.as_posix()},,\n" for file in kept) + f"{(place / 'RECORD').as_posix()},,\n"
        archive.writestr((place / "RECORD").as_posix(), record)


def _pip(*arguments: str) -> None:
    """Run pip.

    Raises:
        ConfigError: with its last error, if it fails or is not there.
    """
    if find_spec("pip") is None:
        raise ConfigError("making a kit needs pip; install it into this environment (python -m ensurepip)")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        said = (errors or done.stderr.strip().splitlines() or ["no message"])[-1].removeprefix("ERROR: ")
        raise ConfigError(f"pip {arguments[0]} failed: {said}")
