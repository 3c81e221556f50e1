"""``cxr schema``: what a line of results.jsonl looks like."""

import typer

__all__ = ["schema"]


def schema() -> None:
    """Print the JSON schema (2020-12) of a results.jsonl line; its $id ends in the schema's version."""
    import json

    from cxr.screening import result_schema

    typer.echo(json.dumps(result_schema(), indent=2))
