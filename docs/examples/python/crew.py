#!/usr/bin/env python3
"""crew from Python by ctypes alone: no build step, one file.

    crew.py [libcrew.so.0]

Work runs on crew's threads and its results arrive in an asyncio loop, through
the inbox's descriptor. Python code takes turns at the interpreter's lock, so
what gains is work that lets go of it: hashing, compressing, numpy, a C library.

What a binding of messages needs:
- The structures as they stand in crew/port.h; reserved words are zero, as
  ctypes leaves them, so that a later version knows that they were not set.
- Bytes are copied when they are posted, so nothing has to be kept for them.
  What is received is the library's: copy it before the callback returns, or
  before crew_message_free.
- A callback is kept for as long as it may be called: a listener's until its
  on_close, a worker's main until the worker has ended. ctypes frees the machine
  code of one that nobody refers to.
- Callbacks of an inbox come on the thread that dispatches it, here the loop's;
  a worker's main runs on a thread of its own. ctypes lets go of the
  interpreter's lock in each call and takes it in each callback, so a call that
  blocks blocks nobody else.
- Errors are negative errno values: a full port is a BlockingIOError, a closed
  one a BrokenPipeError.
- No exception leaves a callback: C cannot pass it on.
"""
import asyncio
import ctypes
import ctypes.util
import hashlib
import itertools
import sys


class Task(ctypes.Structure):
    """crew_task: 128 bytes, which stay in place until `done`."""


RUN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Task))
DONE = ctypes.CFUNCTYPE(None, ctypes.POINTER(Task))
Task._fields_ = [
    ("run", RUN), ("done", DONE), ("data", ctypes.c_void_p),
    ("status", ctypes.c_int), ("priority", ctypes.c_int),
    ("queue_timeout", ctypes.c_int64), ("run_timeout", ctypes.c_int64),
    ("group", ctypes.c_void_p), ("name", ctypes.c_char_p),
    ("reserved", ctypes.c_size_t * 8)]
assert ctypes.sizeof(Task) == 128

PTR, OUT = ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)


class Message(ctypes.Structure):
    """crew_message, without buffers and ports."""
    _fields_ = [
        ("bytes", PTR), ("size", ctypes.c_size_t),
        ("buffers", PTR), ("buffer_count", ctypes.c_size_t),
        ("ports", PTR), ("port_count", ctypes.c_size_t),
        ("tag", ctypes.c_uint64), ("reserved", ctypes.c_size_t)]

    def copy(self):
        return ctypes.string_at(self.bytes, self.size), self.tag


MESSAGE = ctypes.POINTER(Message)
ON_MESSAGE = ctypes.CFUNCTYPE(None, PTR, MESSAGE, PTR)
ON_CLOSE = ctypes.CFUNCTYPE(None, PTR, ctypes.c_int, PTR)
MAIN = ctypes.CFUNCTYPE(ctypes.c_int, PTR, MESSAGE)
FOREVER, SECOND = -1, 1000000000


class Listener(ctypes.Structure):
    """crew_listener, without on_room."""
    _fields_ = [
        ("on_message", ON_MESSAGE), ("on_room", PTR), ("on_close", ON_CLOSE),
        ("arg", PTR), ("reserved", ctypes.c_size_t * 4)]


FUNCTIONS = {  # all return an int: a negative errno value where they fail
    "crew_inbox_create": [OUT, PTR], "crew_inbox_destroy": [PTR],
    "crew_inbox_bind": [PTR, PTR], "crew_inbox_unbind": [PTR, PTR],
    "crew_inbox_dispatch": [PTR, ctypes.c_uint],
    "crew_pool_create": [OUT, PTR], "crew_pool_destroy": [PTR],
    "crew_submit": [PTR, ctypes.POINTER(Task), PTR],
    "crew_post": [PTR, MESSAGE],
    "crew_post_wait": [PTR, MESSAGE, ctypes.c_int64],
    "crew_receive": [PTR, ctypes.POINTER(MESSAGE), ctypes.c_int64],
    "crew_listen": [PTR, PTR, ctypes.POINTER(Listener)],
    "crew_worker_start": [OUT, MAIN, PTR], "crew_worker_finish": [PTR],
    "crew_worker_wait": [PTR, PTR, ctypes.c_int64],
    "crew_worker_destroy": [PTR]}
OTHERS = {  # what they return, and what they take
    "crew_worker_port": [PTR, PTR], "crew_self_port": [PTR, PTR],
    "crew_message_free": [None, MESSAGE]}


class Library:
    """The functions of libcrew.so that are used here; errors are OSError."""

    def __init__(self, path=None):
        self.cdll = ctypes.CDLL(path or ctypes.util.find_library("crew"))
        self.cdll.crew_strerror.restype = ctypes.c_char_p
        for name, types in FUNCTIONS.items():
            function = getattr(self.cdll, name)
            function.argtypes, function.restype = types, ctypes.c_int
            function.errcheck = self.check
            setattr(self, name[len("crew_"):], function)
        for name, (result, *types) in OTHERS.items():
            function = getattr(self.cdll, name)
            function.argtypes, function.restype = types, result
            setattr(self, name[len("crew_"):], function)

    def check(self, result, function, arguments):
        if result < 0:
            raise OSError(-result, self.cdll.crew_strerror(result).decode())
        return result


class Crew:
    """A pool and an inbox that the running asyncio loop serves."""

    def __init__(self, library):
        self.library = library
        self.jobs = {}  # by address of the task: what keeps it in place
        self.run, self.done = RUN(self.on_worker), DONE(self.on_loop)
        self.inbox, self.pool = PTR(), PTR()
        library.inbox_create(ctypes.byref(self.inbox), None)
        library.pool_create(ctypes.byref(self.pool), None)
        self.loop = asyncio.get_running_loop()
        self.fd = library.inbox_bind(self.inbox, id(self))
        self.loop.add_reader(self.fd, library.inbox_dispatch, self.inbox, 64)

    def submit(self, function, *arguments):
        """A future of function(*arguments), which runs on a worker."""
        task = Task(run=self.run, done=self.done)
        job = [task, self.loop.create_future(), function, arguments, None]
        self.jobs[ctypes.addressof(task)] = job
        try:
            self.library.submit(self.pool, ctypes.byref(task), self.inbox)
        except OSError:
            del self.jobs[ctypes.addressof(task)]
            raise
        return job[1]

    def on_worker(self, _self, task):
        job = self.jobs[ctypes.addressof(task.contents)]
        try:
            job[4] = (job[2](*job[3]), None)
        except Exception as error:  # it belongs to who awaits the future
            job[4] = (None, error)
        return 0

    def on_loop(self, task):
        _, future, _, _, end = self.jobs.pop(ctypes.addressof(task.contents))
        if not end:  # it has been canceled
            future.cancel()
        elif not future.cancelled():
            result, error = end
            future.set_exception(error) if error else future.set_result(result)

    def close(self):
        """What runs is waited for, what waits is canceled."""
        self.loop.remove_reader(self.fd)
        self.library.inbox_unbind(self.inbox, id(self))
        self.library.pool_destroy(self.pool)
        self.library.inbox_dispatch(self.inbox, 0)
        self.library.inbox_destroy(self.inbox)


class Worker:
    """A Python function on a thread of its own, which talks through a port:
    answer(bytes, tag) gives the bytes that go back with the same tag."""

    def __init__(self, crew, answer):
        self.crew, self.library, self.answer = crew, crew.library, answer
        self.awaited, self.tags = {}, itertools.count(1)
        self.main = MAIN(self.on_thread)
        self.listener = Listener(ON_MESSAGE(self.on_loop), None,
                                 ON_CLOSE(self.on_close))
        self.worker = PTR()
        self.library.worker_start(ctypes.byref(self.worker), self.main, None)
        self.port = self.library.worker_port(self.worker)
        self.library.listen(self.port, crew.inbox, self.listener)

    def ask(self, data):
        """A future of the answer; BlockingIOError where too many wait."""
        tag, future = next(self.tags), self.crew.loop.create_future()
        self.library.post(self.port, make_message(data, tag))
        self.awaited[tag] = future
        return future

    def on_loop(self, _port, message, _arg):
        data, tag = message.contents.copy()
        future = self.awaited.pop(tag)
        if not future.done():
            future.set_result(data)

    def on_close(self, _port, _error, _arg):
        """It has ended; what is not answered now never will be."""
        for future in self.awaited.values():
            future.cancel()

    def on_thread(self, this, _start):
        port, message = self.library.self_port(this), MESSAGE()
        try:
            while True:  # until there is no more: BrokenPipeError
                self.library.receive(port, ctypes.byref(message), FOREVER)
                data, tag = message.contents.copy()
                self.library.message_free(message)
                answer = make_message(self.answer(data, tag), tag)
                self.library.post_wait(port, answer, FOREVER)
        except BrokenPipeError:
            return 0
        except Exception:  # the exit code is all that C can be told
            return 1

    def close(self):
        """What has been asked is answered first."""
        self.library.worker_finish(self.worker)
        self.library.worker_wait(self.worker, None, 10 * SECOND)
        self.library.inbox_dispatch(self.crew.inbox, 0)  # up to its on_close
        self.library.worker_destroy(self.worker)


def make_message(data, tag):
    return Message(bytes=ctypes.cast(ctypes.c_char_p(data), PTR),
                   size=len(data), tag=tag)


async def talk(crew):
    def turn_round(data, tag):
        return b"%d:" % tag + data[::-1]

    worker = Worker(crew, turn_round)
    asked = [b"post", b"", b"a\0b", bytes(range(256)) * 100]
    answers = await asyncio.gather(*[worker.ask(data) for data in asked])
    for i, (data, answer) in enumerate(zip(asked, answers)):
        print(i + 1, answer[:10])
        assert answer == turn_round(data, i + 1)
    last = worker.ask(b"last")
    worker.close()
    assert await last == turn_round(b"last", len(asked) + 1)


async def main(path):
    crew = Crew(Library(path))
    await talk(crew)
    blocks = [bytes([i]) * 4000000 for i in range(8)]
    futures = [crew.submit(hashlib.sha256, block) for block in blocks]
    for block, digest in zip(blocks, await asyncio.gather(*futures)):
        print(block[0], digest.hexdigest())
        assert digest.digest() == hashlib.sha256(block).digest()
    crew.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
