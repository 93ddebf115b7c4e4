"""`flare`: one command with everything in it. What computes is imported inside the commands."""

import shlex
from typing import Any

import click

from flare_core.commands.acting import act, serve
from flare_core.commands.houses import houses
from flare_core.commands.importing import import_
from flare_core.commands.machine import doctor
from flare_core.commands.making import new
from flare_core.commands.measuring import bench, evaluate
from flare_core.commands.reports import report
from flare_core.commands.sharing import migrate, pull, push
from flare_core.commands.specs import check, describe, list_, schema, show
from flare_core.commands.thor import thor_engine, thor_record
from flare_core.commands.training import pretrain, train
from flare_core.commands.transfers import adapt, plan
from flare_core.commands.watching import watch
from flare_core.errors import FlareError, StoppedError

STOPPED = 130  # exit code of a program ended by Ctrl-C: 128 + SIGINT


class _Flare(click.Group):
    """Turns every fault that is the user's to mend into one message, in this one place."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the command line: bundles record it."""
        ctx.obj = shlex.join(["flare", *args])
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; exit code 1 for a user's fault, 130 for Ctrl-C."""
        try:
            return super().invoke(ctx)
        except StoppedError as stop:
            click.echo(str(stop), err=True)
            ctx.exit(STOPPED)
        except FlareError as fault:
            raise click.ClickException(str(fault)) from None
        except BrokenPipeError:
            raise
        except OSError as fault:
            if fault.filename is None:
                raise
            raise click.ClickException(f"{fault.filename}: {fault.strerror}") from None
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(STOPPED)


@click.group(cls=_Flare, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flare-core", prog_name="flare")
def main() -> None:
    """Carry a pretrained robot policy onto another robot, fine-tune it in simulated houses, and measure what it gained."""


_COMMANDS = (
    new, check, list_, show, describe, schema, plan, adapt, import_, pretrain, train, evaluate, watch, report, push, pull, migrate, serve,
    act, houses, bench, doctor, thor_engine, thor_record,
)  # fmt: skip
for _command in _COMMANDS:
    main.add_command(_command)
