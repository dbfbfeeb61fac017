"""Stage 4a: what a CRD declares, turned into requests that must be refused, filled in or pruned.

places      where a schema's fields are in an object
variations  an object made wrong, one declared rule at a time
rules       the same for rules in CEL
contents    an object without a defaulted field, or with an unknown one
columns     the simple JSON paths of printer columns and of scale
"""

from harness.stimulus.features.columns import found_at
from harness.stimulus.features.contents import Defaulted, Opened, defaulted, opened
from harness.stimulus.features.places import Place, base_of, changed, places, value_in
from harness.stimulus.features.variations import Variation, variations

__all__ = [
    "Defaulted",
    "Opened",
    "Place",
    "Variation",
    "base_of",
    "changed",
    "defaulted",
    "found_at",
    "opened",
    "places",
    "value_in",
    "variations",
]
