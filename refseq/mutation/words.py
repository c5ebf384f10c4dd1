"""An edit of a syntax tree in words of the program."""

import ast

SHORT = 60
"""Letters of an edit that are shown before its two sides are cut down to what differs."""


def edit(old: ast.AST, new: ast.AST) -> str:
    """What became of a node, in words of the program."""
    before, after = _text(old), _text(new)
    if max(len(before), len(after)) > SHORT:
        before, after = _cut(before.split(" "), after.split(" "))
    return f"{before} -> {after}"


def _cut(before: list[str], after: list[str]) -> tuple[str, str]:
    """Two texts without the words that both begin and end with, but for one."""
    start = next(
        (k for k, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(map(len, (before, after)))
    )
    rest = min(len(before), len(after)) - start
    ends = zip(reversed(before), reversed(after), strict=False)
    stop = next((k for k, (a, b) in enumerate(ends) if a != b or k >= rest), rest)
    first = max(start - 1, 0)

    def shown(words: list[str]) -> str:
        last = min(len(words) - stop + 1, len(words))
        return " ".join(["..."] * (first > 0) + words[first:last] + ["..."] * (last < len(words)))

    return shown(before), shown(after)


def _text(node: ast.AST) -> str:
    """A node as one line; of a loop, condition or function what stands before its body, and how its body ends if it is
    left early."""
    if isinstance(node, ast.comprehension):
        return "".join(f" if {ast.unparse(test)}" for test in node.ifs).strip() or "every one"
    text = ast.unparse(node).split("\n")
    if not isinstance(node, ast.stmt) or not hasattr(node, "body"):
        return " ".join(line.strip() for line in text)
    leaves = [type(last).__name__.lower() for last in node.body[-1:] if isinstance(last, (ast.Break, ast.Pass))]  # type: ignore[attr-defined]
    return " ... ".join([text[0], *leaves])
