"""Numbers and tables as the page shows them."""


def number(value, digits=3):
    """About `digits` significant digits, thousands in groups."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    magnitude = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:,.{max(0, digits - magnitude)}f}"


def seconds(value):
    return f"{1e3 * value:.1f} ms" if value < 0.1 else f"{number(value)} s"


def megabytes(value):
    return f"{number(value / 1e6)} MB" if value else ""


def percent(value):
    return f"{100 * value:.0f} %" if value is not None else ""


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows] + [""]


def code(commands):
    return ["```sh", *commands, "```", ""]
