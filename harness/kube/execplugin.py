"""Credentials from a program that the kubeconfig names (ExecCredential, v1 and v1beta1)."""

from __future__ import annotations

import os
import re
import selectors
import signal
import threading
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ClusterError, CommandError
from harness.kube.certificates import BadCertificate, load_pair

if TYPE_CHECKING:
    import ssl

    from harness.clock import Clock

__all__ = ["VERSIONS", "ExecPlugin", "PluginSpec"]

VERSIONS = (
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
)

_MAX_BYTES = 1 << 20
_TAIL_LINES = 5
_TAIL_BYTES = 1 << 14
_WIDTH = 300  # characters of a line
_DRAIN_S = 0.5  # for what is still in the pipes when the plugin has ended
_GLANCE_S = 0.01  # between two looks at whether it ended
_PAUSE_S = 10.0  # between two runs that answers 401 ask for
_SECRETS = re.compile(
    r"eyJ[\w-]{8,}(?:\.[\w-]*)*"  # a JSON web token
    r"|(?i:(?<=token)|(?<=secret)|(?<=password)|(?<=bearer))[\"']?\s*[:= ]\s*\S+"
    r"|[A-Za-z0-9+=_]{32,}"
)


class PluginSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a plugin is run; prints neither arguments nor environment.

    Attributes:
        place: Where the kubeconfig names it, for messages.
        command: Name on PATH, or absolute path.
        arguments: Its arguments.
        env: Added to our environment.
        api_version: One of `VERSIONS`.
        hint: How to install it, in the kubeconfig's words; may be empty.
        cluster: The cluster as the plugin is told, or None.
        timeout: Seconds.
    """

    place: str
    command: str
    api_version: str
    arguments: tuple[str, ...] = ()
    env: dict[str, str] = {}
    hint: str = ""
    cluster: dict[str, object] | None = None
    timeout: float = 60.0

    def __repr__(self) -> str:
        return f"PluginSpec(command={self.command!r}, place={self.place!r})"


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    status: _Status | None = None


class ExecPlugin:
    """Runs the plugin when a credential is needed, and again when it has expired.

    Args:
        spec: How.
        tls: Gets the client certificate, where the plugin gives one; None for plain HTTP.
        clock: Tells what has expired.
    """

    def __init__(
        self, spec: PluginSpec, *, tls: ssl.SSLContext | None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._spec = spec
        self._tls = tls
        self._clock = clock
        self._lock = threading.Lock()
        self._status: _Status | None = None
        self._ran_ns = 0

    def authorization(self) -> str | None:
        """Returns the present Authorization header; runs the plugin where it has to.

        Raises:
            ClusterError: The plugin isn't there, fails, is too slow, or answers something else.
        """
        with self._lock:
            if self._status is None or self._has_expired(self._status):
                self._status = self._fetch()
            return _header(self._status)

    def renew(self, used: str | None) -> bool:
        """Runs the plugin again after a request was answered by 401.

        Args:
            used: The header of that request.

        Returns:
            Whether it's worthwhile to send the request again.

        Raises:
            ClusterError: As `authorization`.
        """
        with self._lock:
            if self._status is not None and _header(self._status) != used:
                return True  # another thread was faster
            if (self._clock.now().mono_ns - self._ran_ns) / 1e9 < _PAUSE_S:
                return False  # it was new, and isn't accepted
            self._status = self._fetch()
            return True

    def _has_expired(self, status: _Status) -> bool:
        if status.expiration_timestamp is None:
            return False
        return self._clock.now().wall_ns / 1e9 >= status.expiration_timestamp.timestamp()

    def _fetch(self) -> _Status:
        status = self._read(self._run())
        self._ran_ns = self._clock.now().mono_ns
        if self._has_expired(status):
            raise self._error("answers with a credential that has expired already")
        if status.token is None and status.client_certificate_data is None:
            raise self._error("answers with neither a token nor a client certificate")
        if (status.client_certificate_data is None) != (status.client_key_data is None):
            raise self._error("answers with a client certificate without its key, or the reverse")
        if status.token is not None and (
            not status.token.strip() or not status.token.isprintable()
        ):
            raise self._error("answers with a token that is empty or holds control characters")
        self._load(status)
        return status

    def _load(self, status: _Status) -> None:
        if self._tls is None or not status.client_certificate_data or not status.client_key_data:
            return
        certificate = status.client_certificate_data.encode()
        try:
            load_pair(self._tls, certificate, status.client_key_data.encode(), clock=self._clock)
        except BadCertificate as error:
            raise self._error(
                f"answers with a client certificate that can't be used: {error}"
            ) from None

    def _read(self, output: bytes) -> _Status:
        try:
            answer = msgspec.json.decode(output, type=_Answer)
        except (msgspec.DecodeError, msgspec.ValidationError):
            raise self._error("printed something that isn't an ExecCredential in JSON") from None
        if answer.kind != "ExecCredential" or answer.status is None:
            raise self._error("printed JSON that isn't an ExecCredential with a status")
        if answer.api_version != self._spec.api_version:
            raise self._error(
                f"answers with another apiVersion than {self._spec.api_version}, which the "
                "kubeconfig asks for"
            )
        if (expires := answer.status.expiration_timestamp) and expires.tzinfo is None:
            raise self._error("answers with an expirationTimestamp without a time zone")
        return answer.status

    def _run(self) -> bytes:
        """Returns what the plugin printed.

        Raises:
            ClusterError: It isn't there, fails or is too slow.
        """
        spec = self._spec
        asked: dict[str, object] = {"interactive": False}
        if spec.cluster is not None:
            asked["cluster"] = spec.cluster
        info = {"apiVersion": spec.api_version, "kind": "ExecCredential", "spec": asked}
        told = {"KUBERNETES_EXEC_INFO": msgspec.json.encode(info).decode()}
        (output_reader, output_writer), (said_reader, said_writer) = os.pipe(), os.pipe()
        readers, writers = (output_reader, said_reader), (output_writer, said_writer)
        try:
            process = command.spawn(
                (spec.command, *spec.arguments),
                env=command.environment(spec.env | told),
                stdout=writers[0],
                stderr=writers[1],
            )
        except (CommandError, ValueError) as error:
            _close(readers)
            cause = getattr(error.__cause__, "strerror", None) or "its name can't be used"
            raise self._error(f"can't be started: {cause}") from None
        finally:
            _close(writers)
        try:
            output, said = _drain(process, readers, Deadline(spec.timeout, clock=SYSTEM_CLOCK))
            was_stopped = process.poll() is None
            if was_stopped:
                _kill(process)
        finally:
            _close(readers)
        if len(output) > _MAX_BYTES:
            raise self._error(f"printed more than {_MAX_BYTES >> 20} MiB")
        if was_stopped:
            raise self._error(f"took longer than {spec.timeout:g} s and was stopped{_tail(said)}")
        if process.returncode:
            raise self._error(f"ended with {process.returncode}{_tail(said)}")
        if not output.strip():
            raise self._error(f"printed nothing{_tail(said)}")
        return output

    def _error(self, what: str) -> ClusterError:
        hint = " ".join(self._spec.hint.split())[:_WIDTH]
        return ClusterError(
            f"The exec plugin {self._spec.command!r} ({self._spec.place}) {what}",
            hint=hint or "Run it by hand; nobody can type anything here.",
        )


def _header(status: _Status) -> str | None:
    return f"Bearer {status.token}" if status.token else None


def _drain(
    process: command.Spawned, readers: tuple[int, int], deadline: Deadline
) -> tuple[bytes, bytes]:
    """Returns its output and the end of what it said, when it has ended, or it's too much or late.

    A child of it that goes on with its pipes is waited for only shortly.
    """
    output, said = readers
    parts = {output: b"", said: b""}
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            os.set_blocking(reader, False)
            selector.register(reader, selectors.EVENT_READ)
        while selector.get_map() and not deadline.passed and len(parts[output]) <= _MAX_BYTES:
            if process.poll() is not None:
                deadline = min(deadline, Deadline(_DRAIN_S), key=lambda one: one.remaining)
            for key, _ in selector.select(min(deadline.remaining, 0.1)):
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fd)
                parts[key.fd] += data
            parts[said] = parts[said][-_TAIL_BYTES:]
    while process.poll() is None and not deadline.passed and len(parts[output]) <= _MAX_BYTES:
        SYSTEM_CLOCK.sleep(_GLANCE_S)
    return parts[output], parts[said]


def _kill(process: command.Spawned) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_PAUSE_S)


def _close(handles: tuple[int, ...]) -> None:
    for handle in handles:
        os.close(handle)


def _tail(said: bytes) -> str:
    lines = [line[:_WIDTH] for line in said.decode(errors="replace").splitlines() if line.strip()]
    words = "\n".join(_SECRETS.sub("[redacted]", line) for line in lines[-_TAIL_LINES:])
    return f":\n{words}" if words else ""
