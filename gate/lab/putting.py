"""The lab's side of an upload by SFTP: one file is opened for writing and handed on when it is closed."""

import paramiko
from paramiko.sftp import SFTP_FAILURE, SFTP_OK, SFTP_PERMISSION_DENIED

from gate.lab.exchange import LARGEST_UPLOAD, Service


class Taking(paramiko.SFTPHandle):
    """A file that is being put."""

    def __init__(self, service: Service, user: str, path: str, flags: int) -> None:
        super().__init__(flags)
        self._service, self._user, self._path = service, user, path
        self._content = bytearray()

    def write(self, offset: int, data: bytes) -> int:  # type: ignore[override]  # it hands over bytes
        """Take a part."""
        if offset + len(data) > LARGEST_UPLOAD:
            return SFTP_FAILURE
        self._content[offset : offset + len(data)] = data
        return SFTP_OK

    def close(self) -> None:
        """Hand it on; SFTP has no way to say that the array will not have it."""
        if self._service.receive is not None:
            self._service.receive(self._user, self._path, "", bytes(self._content))


class Putting(paramiko.SFTPServerInterface):
    """What may be done over SFTP: put a file, by those who may."""

    def __init__(self, server: paramiko.ServerInterface, service: Service, transport: paramiko.Transport) -> None:
        super().__init__(server)
        self._service, self._user = service, transport.get_username() or ""

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:  # noqa: ARG002
        """Open for writing; the path has no meaning but the array's own."""
        if self._user not in self._service.uploaders:
            return SFTP_PERMISSION_DENIED
        return Taking(self._service, self._user, path.lstrip("/"), flags)
