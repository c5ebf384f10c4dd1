"""Wrong formulas: signs, terms, factors, constants, comparisons, conditions."""

import ast

from refseq.mutation.operators.edits import Context, Edits, changed

_OTHER_SIGN: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


def arithmetic(node: ast.AST, context: Context) -> Edits:
    """+ for -, * for /, and the other way; * for +."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OTHER_SIGN:
        yield changed(node, op=_OTHER_SIGN[type(node.op)]())
        if isinstance(node.op, ast.Mult):
            yield changed(node, op=ast.Add())


def drop_operand(node: ast.AST, context: Context) -> Edits:
    """A lost term or factor: a + b becomes a, or b. Of an accumulation this is = for +=, or nothing at all."""
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right


def sign(node: ast.AST, context: Context) -> Edits:
    """A lost minus; the operands of - or / exchanged; a term of a sum with the other sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div)):
        yield changed(node, left=node.right, right=node.left)


def constant(node: ast.AST, context: Context) -> Edits:
    """A number that is 1 more or less; True for False."""
    strict = isinstance(context.parent, ast.keyword) and context.parent.arg == "strict"
    if isinstance(node, ast.Constant) and not strict:
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, (int, float)):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)


_OTHER_COMPARISON: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


def comparison(node: ast.AST, context: Context) -> Edits:
    """< for <=, == for !=, is for is not, in for not in."""
    if isinstance(node, ast.Compare):
        for k, operator in enumerate(node.ops):
            yield changed(node, ops=[*node.ops[:k], _OTHER_COMPARISON[type(operator)](), *node.ops[k + 1 :]])


def condition(node: ast.AST, context: Context) -> Edits:
    """A condition negated; and for or; one of two conditions alone; the branches of a choice exchanged."""
    if isinstance(node, (ast.If, ast.While)):
        yield changed(node, test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.IfExp):
        yield changed(node, body=node.orelse, orelse=node.body)
    if isinstance(node, ast.comprehension):
        for k in range(len(node.ifs)):
            yield changed(node, ifs=node.ifs[:k] + node.ifs[k + 1 :])
    if isinstance(node, ast.BoolOp):
        yield changed(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
        yield from node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
