"""One AI2-THOR controller in a process of its own, so that whatever it does can be ended: `python -m flare_core.simulators.thor.worker FD`.

It is dumb on purpose: it carries out lists of calls and tells what came of them. Its process leads a process group with the
simulator in it. When whoever started it goes, by a signal that nobody can catch too, the group ends.
"""

import ctypes
import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from flare_core.simulators.thor.messages import Fault, Start, Told, Work

_PARENT_DIED: Final = 1  # PR_SET_PDEATHSIG
_ANSWERED: Final = (ValueError, RuntimeError, TypeError)


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
    objects = {
        one["objectId"]: (*(one["position"][axis] for axis in "xyz"), one["rotation"]["y"], bool(one["isPickedUp"]))
        for one in event.metadata["objects"]
    }
    return Told(
        success=tuple(success), messages=tuple(messages), returned=tuple(returned),
        agent={"position": agent["position"], "rotation": agent["rotation"]}, arm=event.metadata.get("arm"), objects=objects,
        pictures=pictures, engine=event.metadata.get("engine"),
    )  # fmt: skip


def _listen(connection: Connection, inbox: "queue.Queue[Start | Work]") -> None:
    """Take requests; end the whole group when there will be none, however the controller is stuck."""
    try:
        while True:
            inbox.put(connection.recv())
    except (EOFError, OSError):
        os.killpg(0, signal.SIGKILL)


def main(descriptor: int) -> None:
    """Serve until the other end is closed."""
    ctypes.CDLL(None).prctl(_PARENT_DIED, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trainer's; it closes the connection
    connection = Connection(descriptor)
    inbox: queue.Queue[Start | Work] = queue.Queue()
    threading.Thread(target=_listen, args=(connection, inbox), daemon=True).start()
    controller: Any = None
    while True:
        request = inbox.get()
        try:
            if isinstance(request, Start):
                from ai2thor.controller import Controller

                controller = Controller(**request.arguments)
                connection.send(Told(engine=controller.last_event.metadata.get("engine")))
            else:
                connection.send(_work(controller, request))
        except BaseException as fault:  # noqa: BLE001  # whatever the client does: the trainer decides, and it is not to wait
            connection.send(Fault(message=f"{type(fault).__name__}: {fault}"))


if __name__ == "__main__":
    main(int(sys.argv[1]))
