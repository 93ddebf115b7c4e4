"""One AI2-THOR controller in a process of its own, so that whatever it does can be ended: `python -m flare_core.simulators.thor.worker FD`.

It is dumb on purpose: it carries out lists of calls and tells what came of them. Its process leads a process group with the
simulator in it. When whoever started it goes, by a signal that nobody can catch too, the group ends.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from flare_core.simulators.thor.messages import Fault, Start, Told, Work

WATCH_S: Final = 0.25
_ANSWERED: Final = (ValueError, RuntimeError, TypeError)


def started(arguments: dict[str, Any]) -> Any:
    """A controller. With an executable, CUDA_VISIBLE_DEVICES is the trainer's alone: the client would ask vulkaninfo about it."""
    import ai2thor.platform
    from ai2thor.controller import Controller

    if "local_executable_path" in arguments and "gpu_device" not in arguments:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    platform = arguments.get("platform")  # a name would do, but not in the client's own messages
    return Controller(**arguments | ({} if platform is None else {"platform": getattr(ai2thor.platform, platform)}))


def _work(controller: Any, work: Work) -> Told:
    success, messages, returned = list[bool](), list[str](), list[Any]()
    if work.scene is not None:
        event = controller.reset(scene=work.scene, **work.initialize)
        if not event.metadata["lastActionSuccess"]:  # CreateHouse's failure is not raised by the client
            return Told(success=(False,), messages=(event.metadata["errorMessage"],), returned=(None,))
    for call in work.calls:
        try:
            event = controller.step(**call)
            message = str(event.metadata["errorMessage"] or "")
        except _ANSWERED as fault:
            event, message = controller.last_event, str(fault)
            if event.metadata.get("lastAction") != call["action"] or event.metadata["lastActionSuccess"]:
                raise  # not THOR's answer: the client itself gave up
        success.append(bool(event.metadata["lastActionSuccess"]))
        messages.append(message)
        returned.append(event.metadata["actionReturn"])
        if not success[-1]:
            break
    event = controller.last_event
    if work.cameras and event.frame is None:  # the last call that was carried out came without a picture
        event = controller.step(action="Pass")
    agent = event.metadata["agent"]
    pictures = tuple(
        np.ascontiguousarray((event.frame if camera < 0 else event.third_party_camera_frames[camera])[..., :3]) for camera in work.cameras
    )
    objects = {one["objectId"]: (one["objectType"], *_box(one["axisAlignedBoundingBox"])) for one in event.metadata["objects"]}
    return Told(
        success=tuple(success), messages=tuple(messages), returned=tuple(returned),
        agent={"position": agent["position"], "rotation": agent["rotation"]}, arm=event.metadata.get("arm"), objects=objects,
        pictures=pictures, engine=event.metadata.get("engine"),
    )  # fmt: skip


def _box(box: dict[str, Any]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    centre, size = box["center"], box["size"]
    return (centre["x"], centre["y"], centre["z"]), (size["x"], size["y"], size["z"])


class _Post:
    """What is said to the trainer and by it; one thread speaks at a time, and after the last word none does."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()
        self.is_busy = True  # the controller is being started

    def send(self, message: Told | Fault) -> None:
        with self._lock:
            self.is_busy = False
            self._connection.send(message)

    def receive(self) -> Start | Work:
        found: Start | Work = self._connection.recv()
        self.is_busy = True
        return found

    def end(self, message: str) -> None:
        """Say why, and end the group: the client may be waiting for ever, or turning in circles."""
        with self._lock:
            with contextlib.suppress(OSError):
                self._connection.send(Fault(message=message))
            os.killpg(0, signal.SIGKILL)


def _watch(post: _Post, descriptor: int) -> None:
    """End the whole group, however the controller is stuck, when the trainer has gone.

    End it too when the simulator has and the client does not see it: ai2thor 5.0.0 waits for its whole time limit.
    """
    trainer = select.poll()
    trainer.register(descriptor, 0)  # tells of nothing but that the other end is closed
    before = 0
    while True:
        time.sleep(WATCH_S)
        if trainer.poll(0):
            os.killpg(0, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            now = 0 if found is None else found.si_pid
            if now and now == before and post.is_busy and found is not None:
                how = f"exit status {found.si_status}" if found.si_code == os.CLD_EXITED else f"signal {found.si_status}"
                post.end(f"the simulator ended ({how})")
            before = now


def main(descriptor: int) -> None:
    """Serve until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trainer's; it closes the connection
    post = _Post(Connection(descriptor))
    threading.Thread(target=_watch, args=(post, descriptor), daemon=True).start()  # one that listens would cost a step two switches
    controller: Any = None
    while True:
        try:
            request = post.receive()
        except (EOFError, OSError):
            os.killpg(0, signal.SIGKILL)
        try:
            if isinstance(request, Start):
                controller = started(request.arguments)
                post.send(Told(engine=controller.last_event.metadata.get("engine")))
            else:
                post.send(_work(controller, request))
        except BaseException as fault:  # noqa: BLE001  # whatever the client does: the trainer decides, and it is not to wait
            post.send(Fault(message=f"{type(fault).__name__}: {fault}"))


if __name__ == "__main__":
    main(int(sys.argv[1]))
