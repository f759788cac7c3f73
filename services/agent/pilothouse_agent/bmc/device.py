"""Requests to the management controller. Source: kernel's ipmi.rst and linux/ipmi.h; IPMI 2.0, section 5.2.

``/dev/ipmi0`` takes a request at once and the answer is waited for with a deadline: a controller that is
busy or dead costs the deadline and nothing else, where a tool's process would hang.
"""

import os
import select
import struct
import time
from array import array

from pilothouse_agent.host import CollectorUnavailable, Host

DEVICES = ("dev/ipmi0", "dev/ipmi/0", "dev/ipmidev/0")
REQUEST = struct.Struct(
    "@PIlBBHP"
)  # struct ipmi_req: address, its length, id, netfn, cmd, length, data
ANSWER = struct.Struct("@iPIlBBHP")  # struct ipmi_recv: type, and the same
SYSTEM_INTERFACE = struct.pack("@ihBx", 0x0C, 0x0F, 0)  # type, channel (the controller itself), LUN
SEND = 0x80000000 | REQUEST.size << 16 | ord("i") << 8 | 13  # IPMICTL_SEND_COMMAND
RECEIVE = 0xC0000000 | ANSWER.size << 16 | ord("i") << 8 | 11  # IPMICTL_RECEIVE_MSG_TRUNC
ANSWER_BYTES = 272  # IPMI_MAX_MSG_LENGTH
ADDRESS_BYTES = 64


class Refused(Exception):
    """The controller refused a request.

    Attributes:
        code: Completion code, IPMI 2.0 table 5-2.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the management controller refused: completion code {code:#04x}")
        self.code = code


class Controller:
    """The open device. One request at a time.

    Raises:
        CollectorUnavailable: There is none, or it may not be opened.
    """

    def __init__(self, host: Host) -> None:
        self._kernel = host.kernel
        path = next((p for p in map(host.path, DEVICES) if os.path.exists(p)), None)
        if path is None:
            raise CollectorUnavailable(f"{host.path(DEVICES[0])}: no management controller")
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as exc:
            raise CollectorUnavailable(f"{path}: {exc.strerror}") from exc
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._id = 0

    def ask(self, function: int, command: int, data: bytes, until: float) -> bytes:
        """Return the data of the answer.

        Args:
            function: Network function.
            command: In it.
            data: Of the request.
            until: Deadline, ``time.monotonic``.

        Raises:
            TimeoutError: No answer in time; it is dropped when it comes.
            Refused: A completion code other than 0.
            OSError: The driver refuses.
        """
        self._id += 1
        address, body = array("B", SYSTEM_INTERFACE), array("B", data)
        where, length = address.buffer_info()
        request = REQUEST.pack(
            where, length, self._id, function, command, len(data), body.buffer_info()[0]
        )
        self._kernel.ioctl(self._fd, SEND, bytearray(request))
        while True:
            left = until - time.monotonic()
            if left <= 0 or not self._poll.poll(left * 1000):
                raise TimeoutError("the management controller does not answer")
            answered, answer = self._receive()
            if answered == self._id and answer:
                if answer[0]:
                    raise Refused(answer[0])
                return answer[1:]

    def close(self) -> None:
        """Close the device. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _receive(self) -> tuple[int, bytes]:
        """Return the id that the answer is for, and the answer with its completion code."""
        address, data = array("B", bytes(ADDRESS_BYTES)), array("B", bytes(ANSWER_BYTES))
        buffer = bytearray(
            ANSWER.pack(
                0,
                address.buffer_info()[0],
                ADDRESS_BYTES,
                0,
                0,
                0,
                ANSWER_BYTES,
                data.buffer_info()[0],
            )
        )
        self._kernel.ioctl(self._fd, RECEIVE, buffer)
        fields = ANSWER.unpack(buffer)
        return fields[3], data.tobytes()[: fields[6]]
