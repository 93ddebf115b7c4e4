"""serve, act: a policy at work, on a robot or on recorded photographs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flare_core.commands.options import seed_option, use_one_thread
from flare_core.errors import ActingError

if TYPE_CHECKING:
    from flare_core.acting.policy import Policy
    from flare_core.acting.recorded import Step

greedy_option = click.option("--greedy/--sample", help="Take the most probable action, or draw one, as in an evaluation.")
SHOWN = 3  # actions besides the chosen one


@click.command()
@click.argument("bundle")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 for every one of this machine.")
@click.option("--port", type=click.IntRange(0, 65535), default=8791, show_default=True, help="0 takes one that is free.")
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=300.0, show_default=True, help="Seconds until a silent client is let go."
)
@click.option("--clients", type=click.IntRange(min=1), default=64, show_default=True, help="Robots at a time.")
@greedy_option
@seed_option
def serve(bundle: str, host: str, port: int, timeout: float, clients: int, greedy: bool, seed: int) -> None:
    """Let robots ask a policy what to do, over a websocket.

    BUNDLE is a bundle's folder, shipped:NAME or hub://ORG/NAME@REVISION. Messages are msgpack;
    flare_core.acting.client.RemotePolicy speaks them. Whoever reaches the port may ask: there is no password. GET /healthz tells
    whether the server is well. Ctrl-C ends it.
    """
    from flare_core.acting.policy import load
    from flare_core.acting.server import Limits, PolicyServer, serve_until_signalled

    use_one_thread()
    policy = load(bundle, greedy=greedy, seed=seed)
    server = PolicyServer(policy, host, port, Limits(idle_s=timeout, clients=clients), lambda line: click.echo(line, err=True))
    serve_until_signalled(server, lambda url: click.echo(f"{bundle} for {policy.robot} at {url}. Ctrl-C ends it."))
    click.echo("Stopped.")


@click.command()
@click.argument("bundle")
@click.option("--images", metavar="DIR", type=click.Path(path_type=Path), required=True, help="Photographs, in the order of their names.")
@click.option("--instruction", metavar="TEXT", required=True, help='What to do, such as "find a mug".')
@click.option("--state", metavar="FILE.json", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="State of the robot.")
@click.option("--at-home", is_flag=True, help="Instead of --state: joints at home, nothing held, nothing touched.")
@click.option("as_json", "--json", is_flag=True, help="Print the result as JSON.")
@greedy_option
@seed_option
def act(
    bundle: str, images: Path, instruction: str, state: Path | None, at_home: bool, as_json: bool, greedy: bool, seed: int
) -> None:  # fmt: skip
    """Show a policy recorded photographs, and print what it would do at each.

    BUNDLE is a bundle's folder, shipped:NAME or hub://ORG/NAME@REVISION. DIR has a subfolder for every camera, or files whose names
    begin with the camera's; of an only camera, its pictures. What the policy remembers as its last action is what it chose itself.
    """
    from flare_core.acting.policy import load
    from flare_core.acting.recorded import act_on, frames_of, read_states

    if at_home and state is not None:
        raise click.UsageError("give --state or --at-home, not both")
    use_one_thread()
    policy = load(bundle, greedy=greedy, seed=seed)
    frames = frames_of(images, policy.cameras)
    if policy.needs and state is None and not at_home:
        raise ActingError(
            f"act: {policy.robot}'s masks need its state ({', '.join(policy.needs)}). Give it with --state FILE.json, or say --at-home"
        )
    states = [policy.home_state()] if state is None else read_states(state)
    steps = list(act_on(policy, instruction, frames, states))
    if as_json:
        about = {"bundle": bundle, "robot": policy.robot, "instruction": instruction, "over": policy.over}
        click.echo(json.dumps(about | {"frames": [step.to_json() for step in steps]}, indent=1))
        return
    _print(steps, policy, len(frames))


def _print(steps: "list[Step]", policy: "Policy", frames: int) -> None:
    from flare_core.runs.console import print_table

    rows = [("frame", "action", "effect", "probability", "next")]
    for step in steps:
        name = step.action.name
        others = sorted((pair for pair in step.probabilities.items() if pair[0] != name), key=lambda pair: -pair[1])[:SHOWN]
        following = ", ".join(f"{other} {chance:.2f}" for other, chance in others)
        rows.append((step.frame, name, str(step.action.effect), f"{step.probabilities[name]:.2f}", following))
    print_table(rows, f"{policy.robot}, {'the most probable action' if policy.greedy else f'drawn with seed {policy.seed}'}")
    if policy.over and len(steps) < frames:
        click.echo(f"It ended the episode at {steps[-1].frame}; {frames - len(steps)} later frames were not shown to it.")
