"""A refusal says whether a webhook of the operator is behind it."""

import pytest

from harness.kube.webhooks import failed_conversion, failed_webhook

CONVERSION = "conversion webhook for example.org/v2, Kind=Thing"


@pytest.mark.parametrize(
    "message",
    [
        f"POST things a: 500 InternalError: {CONVERSION} failed: Post: connection refused",
        f"{CONVERSION} returned 0 objects, expected 1",
        f"{CONVERSION} returned invalid metadata: must not change",
        f"{CONVERSION} failed, no objects returned",
    ],
)
def test_a_failed_conversion_is_named_by_kind_and_version(message: str) -> None:
    assert failed_conversion(message) == "the conversion webhook of Thing (example.org/v2)"
    assert failed_webhook(message) == failed_conversion(message)


@pytest.mark.parametrize(
    "message",
    [
        'admission webhook "v.example.org" denied the request: no',
        'failed calling webhook "v.example.org": EOF',
    ],
)
def test_an_admission_webhook_is_named(message: str) -> None:
    assert failed_webhook(message) == "the webhook v.example.org"
    assert failed_conversion(message) == ""


def test_other_refusals_are_nobodys() -> None:
    assert failed_webhook("500 InternalError: etcdserver: request timed out") == ""
