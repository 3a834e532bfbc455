"""The formats of instruction data: how each names its fields, and which of them a source has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from nait_widgets.errors import RecordError
from nait_widgets.records.schemas import ESSENTIAL, Schema

ID_FIELDS = ("id", "_id", "uid", "uuid", "sample_id", "task_id", "example_id", "prompt_id")
SYSTEM_FIELDS = ("system", "system_prompt")


@dataclass(frozen=True, slots=True)
class Layout:
    """A way in which rows of a format name their fields.

    Attributes:
        format: The format's name.
        fields: Role to field; all of them must be there for the layout to be detected.
        optional: Roles whose field is used where it is there.
    """

    format: str
    fields: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that a caller may map."""
        if "text" in self.fields:
            return ("text", "id")
        if "messages" in self.fields:
            return ("messages", "system", "id")
        return ("prompt", "input", "response", "system", "id")


# In the order of detection: the layouts that claim more of a row's fields come first.
LAYOUTS = (
    Layout("sharegpt", {"messages": "conversations"}),
    Layout("messages", {"messages": "messages"}),
    Layout("completion", {"prompt": "prompt", "response": "completion"}),
    Layout("completion", {"prompt": "prompt", "response": "canonical_solution"}),
    Layout("completion", {"prompt": "prompt", "response": "response"}),
    Layout("alpaca", {"prompt": "instruction", "response": "output"}, {"input": "input"}),
    Layout("dolly", {"prompt": "instruction", "input": "context", "response": "response"}),
    Layout("completion", {"prompt": "instruction", "response": "response"}, {"input": "input"}),
    Layout("qa", {"prompt": "question", "response": "answer"}),
    Layout("qa", {"prompt": "question", "response": "response"}),
    Layout("qa", {"prompt": "query", "response": "response"}),
    Layout("completion", {"prompt": "text", "response": "code"}),
    Layout("text", {"text": "text"}),
)
FORMATS = tuple(dict.fromkeys(layout.format for layout in LAYOUTS))


def detect(
    source: str,
    seen: Sequence[str],
    first: Collection[str],
    format: str | None = None,  # noqa: A002
    fields: Mapping[str, str] | None = None,
) -> Schema:
    """Finds the layout of a source's rows.

    Args:
        source: What messages call the source.
        seen: The fields that its first rows have.
        first: The fields of its very first row.
        format: One of `FORMATS`, where the caller knows it.
        fields: Role to field, where the caller knows it; an empty field switches an optional role off.

    Raises:
        RecordError: An unknown format, role or field, or fields that no layout fits.
    """
    mapped = dict(fields or {})
    if format is not None and format not in FORMATS:
        raise RecordError(f"the format {format!r} is not one of {', '.join(FORMATS)}", source=source)
    candidates = [layout for layout in LAYOUTS if format in (None, layout.format)]
    allowed = tuple(dict.fromkeys(role for layout in candidates for role in layout.roles))
    for role, name in mapped.items():
        if role not in allowed:
            raise RecordError(f"fields has the unknown role {role!r}; use {', '.join(allowed)}", source=source)
        if name and name not in seen:
            raise RecordError(
                f"fields maps {role!r} to a field that is not among {_listed(seen)}", source=source, field=name
            )
    for layout in candidates:
        chosen = {**layout.fields, **mapped}
        needed = [role for role in chosen if role in ESSENTIAL or (chosen[role] and not format)]
        fits = set(mapped) <= set(layout.roles) and all(chosen[role] in seen for role in needed)
        # A "text" among other fields may be anything, so it has to be asked for.
        asked = layout.format != "text" or format or "text" in mapped or set(seen) <= {"text", *ID_FIELDS}
        if fits and asked:
            return Schema(source, layout.format, _complete(layout, mapped, seen, first))
    wanted = f"of the format {format!r}" if format else "with the prompt and the response"
    raise RecordError(
        f"the fields {wanted} can't be told from {_listed(seen)}; "
        'name them, such as fields={"prompt": "question", "response": "answer"} or fields={"text": "body"}',
        source=source,
    )


def _complete(
    layout: Layout, mapped: Mapping[str, str], seen: Sequence[str], first: Collection[str]
) -> Mapping[str, str]:
    """All roles that are played: the layout's own, the optional ones that are there, and what the caller mapped."""
    found = {**layout.fields, **layout.optional}
    found["system"] = next((name for name in SYSTEM_FIELDS if name in seen), "")
    found["id"] = next((name for name in ID_FIELDS if name in first), "")
    found |= mapped
    return {role: found[role] for role in layout.roles if found.get(role) and found[role] in seen}


def _listed(names: Sequence[str]) -> str:
    return "the fields " + ", ".join(map(repr, names)) if names else "rows without fields"
