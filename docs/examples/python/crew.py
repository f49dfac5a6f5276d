#!/usr/bin/env python3
"""crew from Python by ctypes alone: no build step, one file.

    crew.py [libcrew.so.0]

Work runs on crew's threads and its results arrive in an asyncio loop, through
the inbox's descriptor. Python code takes turns at the interpreter's lock, so
what gains is work that lets go of it: hashing, compressing, numpy, a C library.
"""
import asyncio
import ctypes
import ctypes.util
import hashlib
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
FUNCTIONS = {  # all return an int: a negative errno value where they fail
    "crew_inbox_create": [OUT, PTR], "crew_inbox_destroy": [PTR],
    "crew_inbox_bind": [PTR, PTR], "crew_inbox_unbind": [PTR, PTR],
    "crew_inbox_dispatch": [PTR, ctypes.c_uint],
    "crew_pool_create": [OUT, PTR], "crew_pool_destroy": [PTR],
    "crew_submit": [PTR, ctypes.POINTER(Task), PTR]}


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


async def main(path):
    crew = Crew(Library(path))
    blocks = [bytes([i]) * 4000000 for i in range(8)]
    futures = [crew.submit(hashlib.sha256, block) for block in blocks]
    for block, digest in zip(blocks, await asyncio.gather(*futures)):
        print(block[0], digest.hexdigest())
        assert digest.digest() == hashlib.sha256(block).digest()
    crew.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
