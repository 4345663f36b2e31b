"""What every job does: the configuration, the checks, the stages under the run's lease, errors for people."""

import sys
from collections.abc import Sequence

from hdray.config.load import load
from hdray.errors import UserError

STAGES = ("fit", "train", "generate", "evaluate", "report")


def main(stages: Sequence[str], description: str, program: str) -> None:
    """Run these stages as the command line asks; print the run directory last.

    A user's mistake is one paragraph on standard error and exit code 2, before any work starts wherever it can be seen.
    """
    try:
        config = load(sys.argv[1:], description, program)
        # Only now: torch takes seconds to import, and a typing error should not.
        from hdray.pipeline.stages import carry_out

        run = carry_out(stages, config)
    except UserError as error:
        # One raised in a Ray task comes wrapped, its message being the whole remote traceback.
        print(f"error: {getattr(error, 'cause', error)}", file=sys.stderr, flush=True)
        sys.exit(2)
    print(run.url)
