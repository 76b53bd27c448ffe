"""The forms that an answer can be asked for in: what constrains it, what tells the model, and what reads it."""

from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.error import UsageError

from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.engine.schema import to_gbnf
from cyllama_jupyter.errors import AnswerError
from cyllama_jupyter.notebook.code_answer import read_code
from cyllama_jupyter.notebook.form import Form
from cyllama_jupyter.notebook.parsing import nearest
from cyllama_jupyter.notebook.partial import Partial
from cyllama_jupyter.notebook.readers import read_bool, read_float, read_int, read_json, shortened
from cyllama_jupyter.notebook.schema_forms import form_of_schema

__all__ = ["FORMS", "Form", "form_of", "object_of"]

_LIST = {"type": "array", "items": {"type": "string"}}
_CELL = {"type": ["string", "number", "boolean", "null"]}
_ROW = {"type": "object", "additionalProperties": _CELL}
_TABLE = {"type": "array", "items": _ROW}


def object_of(form: Form, answer: Response) -> object:
    """Return the object that an answer stands for, or a ``Partial`` that says why there is none.

    Args:
        form: What was asked for.
        answer: What came. Only one that ended by itself is read: a part of an answer can look like a whole one.
    """
    if answer.finish_reason != "stop":
        return Partial(answer.text, answer.finish_reason, _CUT[answer.finish_reason])
    try:
        return form.read(answer.text)
    except AnswerError as error:
        return Partial(answer.text, answer.finish_reason, str(error))


_CUT = {
    "length": "it reached max_tokens or the context's end before it was whole, so ask for more with --max-tokens",
    "cancelled": "it was stopped",
    "timeout": "its time was up, so allow more with --timeout",
}


def form_of(as_: str | None, schema: str | None, namespace: Mapping[str, object]) -> Form | None:
    """Return the form that a cell asks for, or None when it asks for none.

    Args:
        as_: What ``--as`` names.
        schema: What ``--schema`` names in the namespace: a type that pydantic reads, or a JSON schema.
        namespace: The notebook's variables.

    Raises:
        UsageError: Both are given, or one names nothing that there is; with the nearest that there is.
        SchemaError: No grammar can be made of the schema.
    """
    if as_ is not None and schema is not None:
        raise UsageError("--as and --schema both say what the answer is to be; give one of them")
    if schema is not None:
        return form_of_schema(schema, namespace)
    if as_ is None:
        return None
    if as_ not in FORMS:
        raise UsageError(f"--as has no form {as_!r}{nearest(as_, FORMS) or '; there are ' + ', '.join(FORMS)}")
    return FORMS[as_]()


def _json() -> Form:
    instruction = "Answer with one JSON object or array, and with nothing else."
    return Form("json", instruction, _read_container, to_gbnf({"type": ["object", "array"]}), language="json")


def _read_container(text: str) -> object:
    value = read_json(text)
    if not isinstance(value, (dict, list)):
        raise AnswerError(f"the answer is neither a JSON object nor an array: {shortened(text)}")
    return value


def _list() -> Form:
    instruction = "Answer with one JSON array of strings, and with nothing else."
    return Form("list", instruction, _read_strings, to_gbnf(_LIST), language="json")


def _read_strings(text: str) -> list[str]:
    value = read_json(text)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise AnswerError(f"the answer is not a list of strings: {shortened(text)}")
    return value


def _table() -> Form:
    instruction = (
        "Answer with one JSON array of objects, a row of the table each, all with the same keys, and with nothing else."
    )
    return Form("table", instruction, _read_table, to_gbnf(_TABLE), language="table")


def _read_table(text: str) -> object:
    """Return a DataFrame when pandas is installed, else the rows; a row without a column has no value there."""
    rows = read_json(text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnswerError(f"the answer is not a list of rows: {shortened(text)}")
    if any(isinstance(cell, (dict, list)) for row in rows for cell in row.values()):
        raise AnswerError("the answer's table has a list or an object in a cell")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    whole: list[dict[str, Any]] = [{name: row.get(name) for name in columns} for row in rows]
    try:
        import pandas as pd  # noqa: PLC0415 - it need not be there
    except ModuleNotFoundError:
        return whole
    return pd.DataFrame(whole, columns=columns)


def _scalar(name: str, wanted: str, read: Callable[[str], object], kind: str) -> Form:
    return Form(name, f"Answer with {wanted}, and with nothing else.", read, to_gbnf({"type": kind}), language="text")


FORMS: dict[str, Callable[[], Form]] = {
    "json": _json,
    "code": lambda: Form("code", "Put the code into one fenced block that names its language.", read_code),
    "list": _list,
    "int": lambda: _scalar("int", "one whole number in digits", read_int, "integer"),
    "float": lambda: _scalar("float", "one number in digits", read_float, "number"),
    "bool": lambda: _scalar("bool", "true or false", read_bool, "boolean"),
    "table": _table,
}
"""What ``--as`` can name."""
