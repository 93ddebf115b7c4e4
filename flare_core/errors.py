"""The faults a user can meet: one root, one class for each stage.

A message says where the fault is, what is wrong and how to mend it. The command line turns every one of
these into a single message and a non-zero exit code; any other exception is a fault of ours.
"""


class FlareError(Exception):
    """Root of every fault that is the caller's to mend."""


class SpecError(FlareError):
    """A YAML spec that cannot be used. The message names file, line and remedy."""


class PictureError(FlareError):
    """A photograph that cannot be read, or that the camera which is spoken of cannot have taken."""


class UrdfError(FlareError):
    """A URDF that cannot be read, or that no robot's spec can be made of."""


class AdapterError(FlareError):
    """Two bodies that cannot be joined without a choice that is missing or wrong."""


class HouseError(FlareError):
    """A house file that cannot be read or compiled."""


class SimError(FlareError):
    """A simulator that cannot do what was asked."""


class TaskError(FlareError):
    """A task that cannot be judged or sampled with this body in these houses."""


class TrainError(FlareError):
    """A training run that cannot start, go on or resume."""


class StoppedError(FlareError):
    """Ctrl-C at a point where everything can be kept, or where nothing has to be."""


class BundleError(FlareError):
    """A bundle that cannot be read, written or trusted."""


class PolicyError(FlareError):
    """A policy that cannot be built here: a package, a tokenizer or an encoder's weights are missing."""


class CheckpointError(FlareError):
    """A foreign checkpoint that cannot be read, recognised or carried over."""


class ActingError(FlareError):
    """A policy that cannot act on what it is given: an instruction, pictures, a state, or a message over the wire."""


class HubError(FlareError):
    """The Hugging Face Hub cannot be reached, or refuses, or does not hold what was asked for."""
