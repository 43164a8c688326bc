"""A slow line between two nodes, for tests: a TCP proxy on 127.0.0.0/8 with a rate, a delay and a bounded
queue in each direction, cuts, and stalls as a lost packet makes them.

Both directions are shared by all connections, whoever dialled: data and answers take time of the same line.
Each packet costs its headers too, and a new connection the round trip of its handshake.
"""

import asyncio
import random
import threading

PACKET_BYTES = 1460
HEADER_BYTES = 40  # TCP and IP


class Direction:
    """First in, first out. Times follow from the rate; nothing runs in between."""

    def __init__(self, loop, bytes_per_second, delay_s, queue_bytes):
        self.loop = loop
        self.rate, self.delay_s, self.queue_bytes = bytes_per_second, delay_s, queue_bytes
        self.free_at = 0.0
        self.bytes = 0  # carried, headers included

    def send(self, size):
        """A packet enters the queue; when it arrives at the other end."""
        size += HEADER_BYTES
        self.bytes += size
        self.free_at = max(self.free_at, self.loop.time()) + size / self.rate
        return self.free_at + self.delay_s

    async def room(self):
        """Until the queue has room: a sender finds the buffers full, as with a modem."""
        while (excess := (self.free_at - self.loop.time()) - self.queue_bytes / self.rate) > 0:
            await asyncio.sleep(excess)


class LinkEmulator:
    """Use as a context. `connect(port)` gives a port that leads to `port` over the line: forth for the one
    side, back for the other. Everything may be changed while it runs."""

    def __init__(self, bytes_per_second, one_way_s, queue_bytes=16 << 10, stall_share=0.0, stall_s=0.0, seed=1):
        self._loop = asyncio.new_event_loop()
        self.forth = Direction(self._loop, bytes_per_second, one_way_s, queue_bytes)
        self.back = Direction(self._loop, bytes_per_second, one_way_s, queue_bytes)
        self.stall_share, self.stall_s = stall_share, stall_s
        self._random = random.Random(seed)
        self._down = False
        self._transports = set()
        self._servers = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def connect(self, target_port, reverse=False):
        return self._call(self._listen(target_port, reverse))

    def set_line(self, bytes_per_second, one_way_s, queue_bytes=None):
        async def change():
            for direction in (self.forth, self.back):
                direction.rate, direction.delay_s = bytes_per_second, one_way_s
                direction.queue_bytes = queue_bytes or direction.queue_bytes
                direction.free_at = min(direction.free_at, self._loop.time() + 1)

        self._call(change())

    def cut(self):
        """Ends all connections and refuses new ones, until restore()."""
        self._call(self._cut())

    def restore(self):
        async def up():
            self._down = False

        self._call(up())

    @property
    def bytes(self):
        return self.forth.bytes + self.back.bytes

    # --- on the loop's thread ---

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _listen(self, target_port, reverse):
        there, here = (self.back, self.forth) if reverse else (self.forth, self.back)

        async def serve(reader, writer):
            await self._serve(reader, writer, target_port, there, here)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        return server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer, target_port, there, here):
        self._transports.add(writer.transport)
        try:
            if self._down:
                return
            # SYN and its answer.
            await asyncio.sleep(max(0.0, there.send(0) - self._loop.time()))
            await asyncio.sleep(max(0.0, here.send(0) - self._loop.time()))
            if self._down:
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target_port)
            self._transports.add(far_writer.transport)
            try:
                await asyncio.gather(
                    self._carry(reader, far_writer, there), self._carry(far_reader, writer, here)
                )
            finally:
                self._drop(far_writer.transport)
        except (OSError, asyncio.CancelledError):
            pass  # the end of this connection, or of the test
        finally:
            self._drop(writer.transport)

    async def _carry(self, reader, writer, direction):
        last = 0.0
        while True:
            await direction.room()
            data = await reader.read(PACKET_BYTES)
            at = direction.send(len(data))
            if self.stall_share and self._random.random() < self.stall_share:
                at += self.stall_s  # only this connection waits for the repeated packet
            last = max(at, last + 1e-6)
            if not data:
                self._loop.call_at(last, self._end, writer)
                return
            self._loop.call_at(last, self._write, writer, data)

    @staticmethod
    def _write(writer, data):
        if not writer.transport.is_closing():
            writer.write(data)

    @staticmethod
    def _end(writer):
        if not writer.transport.is_closing():
            writer.close()

    def _drop(self, transport):
        self._transports.discard(transport)
        # What is still on the line arrives, unless the line was cut.
        self._loop.call_later(5, transport.abort)

    async def _cut(self):
        self._down = True
        for transport in list(self._transports):
            transport.abort()
        self._transports.clear()

    async def _stop(self):
        for server in self._servers:
            server.close()
        await self._cut()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
