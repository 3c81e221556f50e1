"""Change random lines of the product and see whether tests notice. Run by hand:

    python tests/tools/mutation_check.py cxr nlp_labeler app --lines 30 --seed 1
    python tests/tools/mutation_check.py cxr/worklist --tests tests/worklist --lines 30 --seed 1

Each change is made alone, in a copy of the tracked files: a comparison is turned around, a number or truth value
changed, ``and`` and ``or`` exchanged, ``not`` taken away, a result replaced by None. A line is tried on the tests that
name its module, then on those of its area; ``--tests`` names others. Prints every change that no test noticed; the
exit status is 1 if more than a tenth survived.
"""

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_TURNED = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: ">=", ast.LtE: ">", ast.Gt: "<=", ast.GtE: "<", ast.Is: "is not",
    ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip


def replacements(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Expressions of a module, each with the source of something else in its place."""
    fixed = {id(part) for node in ast.walk(tree) for name in ("annotation", "returns") for part in _under(node, name)}
    # Python 3.11 does not know where the parts of an f-string stand.
    fixed |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in fixed:
            continue
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            turned = _TURNED[type(node.ops[0])]
            yield node, f"({ast.unparse(node.left)} {turned} {ast.unparse(node.comparators[0])})"
        elif isinstance(node, ast.BoolOp):
            word = " or " if isinstance(node.op, ast.And) else " and "
            yield node, "(" + word.join(f"({ast.unparse(value)})" for value in node.values) + ")"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node, f"({ast.unparse(node.operand)})"
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield node, str(not node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            yield node, f"({node.value} + 1)"
        elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            yield node, "return None"


def _under(node: ast.AST, name: str) -> Iterator[ast.AST]:
    inner = getattr(node, name, None)
    return ast.walk(inner) if isinstance(inner, ast.AST) else iter(())


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def replaced(source: str, node: ast.AST, text: str) -> str:
    """The source with one expression replaced; positions of the syntax tree count bytes."""
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    begin, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
    whole = b"".join(lines)
    return (whole[:begin] + text.encode() + whole[end:]).decode()


def copy_of_tracked_files(root: Path, copy: Path) -> None:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    for name in names.decode().split("\0"):
        if name and (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, copy / name)


def tests_notice(copy: Path, tests: list[str], seconds: float) -> bool:
    """Whether the tests fail; tests that do not end have noticed, too."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tests_of(root: Path, file: Path) -> list[list[str]]:
    """Test files that name a module, and the folder of its area, in the order in which they are tried."""
    module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
    package, name = module.rpartition(".")[::2]
    naming = re.compile(rf"\b{re.escape(module)}\b|from {re.escape(package)} import [^\n]*\b{name}\b")
    tests = root / "tests"
    named = [path for path in sorted(tests.rglob("test_*.py")) if naming.search(path.read_text(encoding="utf-8"))]
    parts = file.parts[1:-1] if file.parts[0] == "cxr" else file.parts[:1]
    area = tests.joinpath(*parts)
    while not area.is_dir():
        area = area.parent
    tried = [[str(path.relative_to(root)) for path in named]] if named else []
    return [*tried, [str(area.relative_to(root))]] if area != tests else tried


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="+", help="folders or files of product code, from the root of the checkout")
    parser.add_argument("--tests", nargs="+", help="what is given to pytest; by default the tests of each line's area")
    parser.add_argument("--lines", type=int, default=30, help="how many lines to change")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=600.0, help="limit of one run of the tests")
    asked = parser.parse_args()
    root = Path(__file__).parents[2]
    lines: dict[tuple[Path, int], list[tuple[ast.AST, str]]] = {}
    for room in [root / name for name in asked.rooms]:
        for file in [room] if room.is_file() else sorted(room.rglob("*.py")):
            for node, text in replacements(ast.parse(file.read_text(encoding="utf-8"))):
                lines.setdefault((file.relative_to(root), node.lineno), []).append((node, text))
    draw = random.Random(asked.seed)
    chosen = draw.sample(sorted(lines), min(asked.lines, len(lines)))
    drawn = [draw.choice(lines[place]) for place in chosen]
    survived = 0
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch)
        copy_of_tracked_files(root, copy)
        passed: set[tuple[str, ...]] = set()
        for count, ((file, number), (node, text)) in enumerate(zip(chosen, drawn, strict=True), start=1):
            suites = [asked.tests] if asked.tests else tests_of(root, file)
            source = (root / file).read_text(encoding="utf-8")
            noticed = False
            for suite in suites:
                if tuple(suite) not in passed and tests_notice(copy, suite, asked.seconds):
                    sys.exit(f"{' '.join(suite)}: fails before anything is changed")
                passed.add(tuple(suite))
                (copy / file).write_text(replaced(source, node, text), encoding="utf-8")
                noticed = tests_notice(copy, suite, asked.seconds)
                (copy / file).write_text(source, encoding="utf-8")
                if noticed:
                    break
            survived += not noticed
            say(f"{count}/{len(chosen)} {'killed' if noticed else 'SURVIVED'} {file}:{number}: {text}")
    say(f"{len(chosen) - survived} of {len(chosen)} killed")
    return int(survived > 0.1 * len(chosen))


if __name__ == "__main__":
    sys.exit(main())
