"""A network of its own for tests: one namespace for each node, joined by lines with a rate, a delay, loss and cuts.

Each namespace has a TUN device; this process carries the IP packets between them as the lines say. So the nodes
speak real TCP over a real network stack, and nothing is asked of the kernel but namespaces and TUN (netem is
often missing). Loopback is each namespace's own.
"""

import contextlib
import ctypes
import errno
import fcntl
import heapq
import os
import random
import selectors
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
MTU = 1500
_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """This machine gives no namespaces or no TUN devices."""


def _call(name, *arguments):
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


class Line:
    """One direction between two namespaces. May be changed while packets are under way."""

    def __init__(self, bytes_per_second, one_way_s, loss=0.0, queue_bytes=64 << 10):
        self.rate, self.delay_s, self.loss, self.queue_bytes = bytes_per_second, one_way_s, loss, queue_bytes
        self.down = False
        self.free_at = 0.0
        self.bytes = self.lost = self.overflowed = 0

    def arrival(self, now, size, chance):
        """When a packet sent now arrives; None if it never does."""
        if self.down:
            return None
        start = max(now, self.free_at)
        if (start - now) * self.rate > self.queue_bytes:
            self.overflowed += 1
            return None
        self.free_at = start + size / self.rate
        self.bytes += size
        if chance.random() < self.loss:
            self.lost += 1
            return None
        return self.free_at + self.delay_s


class Place:
    """One namespace: its address, and a context that puts the calling thread there."""

    def __init__(self, number):
        self.address = f"10.77.0.{number}"
        made = threading.Thread(target=self._make)
        self._error = None
        made.start()
        made.join()
        if self._error is not None:
            raise Unavailable(str(self._error))

    def _make(self):
        try:
            _call("unshare", CLONE_NEWNET)
            self.namespace = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
            self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"amic0", IFF_TUN | IFF_NO_PI))
            for command in ("link set lo up", f"link set amic0 mtu {MTU} txqueuelen 1000 up",
                            f"addr add {self.address}/24 dev amic0"):
                subprocess.run(["ip", *command.split()], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self._error = error

    @contextlib.contextmanager
    def inside(self):
        home = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
        try:
            _call("setns", self.namespace, CLONE_NEWNET)
            try:
                yield
            finally:
                _call("setns", home, CLONE_NEWNET)
        finally:
            os.close(home)

    def close(self):
        os.close(self.tun)
        os.close(self.namespace)


class VirtualNetwork:
    """Use as a context. `places[k]` is the k-th namespace; `line(a, b)` the line from one to another."""

    def __init__(self, count, make_line, seed=1):
        self.places = []
        try:
            for number in range(1, count + 1):
                self.places.append(Place(number))
        except Unavailable:
            self._close()
            raise
        self._lines = {(a, b): make_line(a, b) for a in range(count) for b in range(count) if a != b}
        self._chance = random.Random(seed)
        self._under_way = []  # heap of (arrives, number, place, packet)
        self._sent = 0
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.write(self._stop_write, b"x")
        self._thread.join()
        self._close()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _close(self):
        for place in self.places:
            place.close()

    def line(self, a, b):
        return self._lines[a, b]

    def lines(self):
        return self._lines.values()

    def cut(self, one_side, down=True):
        """Nothing passes between these places and the others, in either direction; down=False heals."""
        for (a, b), line in self._lines.items():
            if (a in one_side) != (b in one_side):
                line.down = down

    def _carry(self):
        with selectors.DefaultSelector() as selector:
            for number, place in enumerate(self.places):
                selector.register(place.tun, selectors.EVENT_READ, number)
            selector.register(self._stop_read, selectors.EVENT_READ, None)
            while True:
                now = time.monotonic()
                wait = max(0, self._under_way[0][0] - now) if self._under_way else None
                for key, _ in selector.select(wait):
                    if key.data is None:
                        return
                    self._take(key.data)
                self._deliver()

    def _take(self, place):
        for _ in range(64):
            try:
                packet = os.read(self.places[place].tun, MTU + 64)
            except BlockingIOError:
                return
            if len(packet) < 20 or packet[0] >> 4 != 4:  # what IPv6 says of itself goes nowhere
                continue
            target = packet[19] - 1
            line = self._lines.get((place, target))
            now = time.monotonic()
            arrives = line.arrival(now, len(packet), self._chance) if line else None
            if arrives is not None:
                self._sent += 1
                heapq.heappush(self._under_way, (arrives, self._sent, target, packet))

    def _deliver(self):
        now = time.monotonic()
        while self._under_way and self._under_way[0][0] <= now:
            _, _, place, packet = heapq.heappop(self._under_way)
            try:
                os.write(self.places[place].tun, packet)
            except OSError as error:  # a full queue loses packets, as queues do
                if error.errno not in (errno.EAGAIN, errno.ENOBUFS, errno.EIO):
                    raise
