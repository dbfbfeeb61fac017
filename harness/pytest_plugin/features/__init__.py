"""What a CRD and its webhooks declare, asked of the API server; each answer is facts for a judge.

asking        one request and its answer, whatever it is
declared      what the CRD of a custom resource says
schema        dry runs of samples made wrong, left incomplete, or with unknown fields
subresources  status, scale, printer columns, other versions
webhooks      which webhooks there are, whether they are called, what fails without them
matching      which requests a webhook's rules match
unrelated     objects that an operator's webhooks have no business with
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.pytest_plugin.features.asking import Asker
from harness.pytest_plugin.features.declared import Declared
from harness.pytest_plugin.features.schema import SchemaFeatures
from harness.pytest_plugin.features.subresources import Subresources
from harness.pytest_plugin.features.webhooks import WebhookFeatures

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.resources import CustomResources, LiveCustomResource
    from harness.stimulus.samples import Sample

__all__ = ["Features"]

_FREE = "-unborn"
"""Added to the name of a sample that is only ever sent as a dry run."""


class Features:
    """Asks what is declared.

    Args:
        context: The suite's view of the run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._asker = Asker(context.client)

    def schema(self, factory: CustomResources, sample: Sample) -> SchemaFeatures:
        """Returns what the schema of a sample's kind promises.

        Raises:
            NotVerified: It is served by something else than a CRD.
        """
        _, resource, body = factory.prepare(sample)
        body["metadata"]["name"] += _FREE
        declared = Declared(self._context.client, resource)
        return SchemaFeatures(self._asker, resource, declared, body)

    def of(self, live: LiveCustomResource) -> Subresources:
        """Returns what lies beside a custom resource that exists; errors as `schema`."""
        declared = Declared(self._context.client, live.resource)
        return Subresources(self._context, self._asker, live, declared)

    def webhooks(self, factory: CustomResources, live: LiveCustomResource) -> WebhookFeatures:
        """Returns the webhooks for a custom resource that exists."""
        _, _, body = factory.prepare(live.sample)
        body["metadata"]["name"] += _FREE
        return WebhookFeatures(self._context, self._asker, live, body)
