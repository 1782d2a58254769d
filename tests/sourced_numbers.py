"""Numbers of a plain description that nobody vouches for, and the sources that are named."""


def numbers_without_source(value, where, sourced=False):
    """Places of numbers that have no `source` in their own mapping or one around it."""
    if isinstance(value, dict):
        sourced = sourced or bool(value.get("source", "").strip())
        for key, inner in value.items():
            yield from numbers_without_source(inner, f"{where}.{key}", sourced)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            name = inner.get("name", i) if isinstance(inner, dict) else i
            yield from numbers_without_source(inner, f"{where}[{name}]", sourced)
    elif isinstance(value, int | float) and not isinstance(value, bool) and not sourced:
        yield where


def sources(value):
    """Every `source` in a plain description."""
    if isinstance(value, dict):
        yield from ([value["source"]] if "source" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from sources(inner)
