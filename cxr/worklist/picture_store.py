"""The files that cases keep to be looked at, each shown only to who may see its case."""

from collections.abc import Sequence

from cxr.worklist.case import SHARED
from cxr.worklist.database import Database

__all__ = ["PictureStore"]


class PictureStore:
    """Pictures in a database; kinds are those of :mod:`cxr.worklist.pictures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, viewer: str, case_id: str, kind: str) -> bytes | None:
        """One file of a case; ``None`` if there is none, or the case is somebody else's."""
        return self.of_kinds(viewer, case_id, [kind]).get(kind)

    def of_kinds(self, viewer: str, case_id: str, kinds: Sequence[str]) -> dict[str, bytes]:
        """Several files of one case: kind -> content, without those that there are not."""
        marks = ", ".join("?" * len(kinds))
        rows = self._database.connection().execute(
            f"""SELECT kind, content FROM pictures JOIN cases ON cases.id = pictures.case_id
            WHERE case_id = ? AND kind IN ({marks}) AND owner IN (?, ?)""",
            (case_id, *kinds, viewer, SHARED),
        )
        return {row["kind"]: bytes(row["content"]) for row in rows}

    def of_cases(self, viewer: str, case_ids: Sequence[str], kind: str) -> dict[str, bytes]:
        """One kind of file of several cases: case id -> content, without those that there are not."""
        found = {case_id: self.get(viewer, case_id, kind) for case_id in case_ids}
        return {case_id: content for case_id, content in found.items() if content is not None}
