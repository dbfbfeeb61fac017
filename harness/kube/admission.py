"""What the API server's admission knows of kinds; it learns of new ones later than discovery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from harness.kube.client import KubeClient

__all__ = ["may_own"]

_USER = "system:serviceaccount:kube-system:root-ca-cert-publisher"
"""May create ConfigMaps by the API server's own roles, and nobody's finalizers: administrators'
requests pass the plugin unseen."""
_PATH = "/api/v1/namespaces/default/configmaps"
_UNKNOWN = "cannot find RESTMapping"
_FORBIDDEN = 403


def may_own(client: KubeClient, api_version: str, kind: str) -> bool:
    """Returns whether objects may by now name an owner of a kind that blocks on them.

    OwnerReferencesPermissionEnforcement looks kinds up in a table that the API server makes anew
    each ten seconds (`kubeapiserver/admission`); children of a kind that was defined since are
    refused. Asked by a dry run of a ConfigMap, in the name of an account that isn't exempt.

    Args:
        client: Its identity may impersonate.
        api_version: Of the owner.
        kind: Of the owner.

    Raises:
        ApiError: No answer came.
    """
    owner = {
        "apiVersion": api_version,
        "kind": kind,
        "name": "anyone",
        "uid": "00000000-0000-0000-0000-000000000000",
        "blockOwnerDeletion": True,
    }
    metadata = {"generateName": "harness-", "ownerReferences": [owner]}
    answer = client.raw(
        "POST",
        _PATH,
        query={"dryRun": "All"},
        body=msgspec.json.encode({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}),
        headers={
            "Content-Type": "application/json",
            "Impersonate-User": _USER,
            "Impersonate-Group": "system:authenticated",
        },
    )
    return answer.status != _FORBIDDEN or _UNKNOWN not in answer.body.decode(errors="replace")
