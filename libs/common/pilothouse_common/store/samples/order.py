"""One order of answers for every adapter: by hostname, then part, numbers by number."""


def part_order(hostname: str, type_id: str, stype_id: str) -> tuple[str, int, str, str]:
    """Return the sort key of a series: hwthread 9 comes before hwthread 10."""
    number = int(type_id) if type_id.isascii() and type_id.isdigit() else 0
    return hostname, number, type_id, stype_id
