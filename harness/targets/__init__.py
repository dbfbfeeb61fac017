"""Stage 1: target.yaml to Target.

`load` reads a definition strictly and tells every problem with file and line; `available` lists
the bundled targets; `require` sees that what a target needs is installed; `build` runs an
operator's own build; `schema` is the definition's JSON Schema.

    reading, document   YAML with positions
    surface, checking   the JSON Schema, and its errors in words
    families            the metrics that an operator may have under names of its own
    semantics           files, samples, expressions, bounds: rules that a schema can't say
    decoding            checked data to harness.model.target
    requirements        packages that a target needs, `{python}` in commands
"""

from harness.targets.building import build
from harness.targets.bundled import TargetEntry, available
from harness.targets.loading import load
from harness.targets.requirements import require
from harness.targets.surface import schema
from harness.targets.twinsurface import twin_schema

__all__ = ["TargetEntry", "available", "build", "load", "require", "schema", "twin_schema"]
