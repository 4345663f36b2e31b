"""The stages of a run in order: everything checked first, then carried out by one driver at a time."""

import time
from collections.abc import Sequence
from dataclasses import replace

from hdray.config.load import to_yaml
from hdray.config.tree import Config
from hdray.pipeline.cluster import connect
from hdray.pipeline.duplicates import with_duplicates
from hdray.pipeline.evaluate_stage import check_evaluate, check_references, run_evaluate
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.fit_stage import check_fit, check_no_more, fit_keys, run_fit
from hdray.pipeline.generate_stage import check_generate, run_generate
from hdray.pipeline.inputs import Input, Listing
from hdray.pipeline.lease import Lease
from hdray.pipeline.other_fits import copy_comparisons, copy_fits
from hdray.pipeline.progress import duration
from hdray.pipeline.report_stage import check_report, run_report
from hdray.pipeline.run_directory import RunDirectory, check_place
from hdray.pipeline.splits import lacking
from hdray.pipeline.storage import write_bytes
from hdray.pipeline.train_stage import STAGE as TRAIN_STAGE
from hdray.pipeline.train_stage import check_train, run_train, train_keys
from hdray.pipeline.training_rows import excluded_sources, unmatched_names


def carry_out(stages: Sequence[str], config: Config) -> RunDirectory:
    """Check everything, then run the stages in order under the run's lease.

    Raises UserError for whatever is the user's to mend.
    """
    run = RunDirectory(config.run)
    check_place(run)
    check(stages, run, config)
    with Lease(run):
        inputs, others = check(stages, run, config)  # again, now that nobody else can change the run
        write_bytes(run.path("config.yaml"), to_yaml(kept(config)))
        resources = connect(config.execution)
        for stage in stages:
            begin = time.monotonic()
            print(f"== {stage}", flush=True)
            if stage == "fit":
                if remark := unmatched_names(config, [item.source for item in inputs]):
                    print(remark, flush=True)
                other = RunDirectory(config.fits) if config.fits and run.record(FIT_STAGE) is None else None
                if other:
                    copy_comparisons(run, other)
                inputs = with_duplicates(run, config, inputs, resources)
                if remark := lacking(inputs):
                    print(remark, flush=True)
                if "evaluate" in stages:
                    check_references(inputs, config)  # again: copies that were put together may have left none
                if other:
                    copy_fits(run, other, inputs, FIT_STAGE, fit_keys(config))
                run_fit(run, config, inputs, others, resources)
            elif stage == "train":
                run_train(run, config, resources)
            elif stage == "generate":
                run_generate(run, config, resources)
            elif stage == "evaluate":
                run_evaluate(run, config, resources)
            else:
                run_report(run, config, resources)
            print(f"== {stage} took {duration(time.monotonic() - begin)}", flush=True)
    return run


def kept(config: Config) -> Config:
    """What a run keeps of the configuration: not where it and the fits that it takes over lie, nor this job's pause, so that
    the next job, told nothing else, trains to the end.
    """
    return replace(config, run="", fits="", execution=replace(config.execution, pause_at=0))


def check(
    stages: Sequence[str], run: RunDirectory, config: Config, listing: Listing | None = None
) -> tuple[list[Input], list[str]]:
    """Raise UserError for what can be known to be wrong before any work starts; what `check_fit` gives, if it is due.

    `listing`: of the data, where it is known already.
    """
    run.check(FIT_STAGE, fit_keys(config), {})
    run.check(TRAIN_STAGE, train_keys(config), {})
    found: tuple[list[Input], list[str]] = check_fit(run, config, listing) if "fit" in stages else ([], [])
    if "fit" in stages:
        excluded_sources(config, [item.source for item in found[0]])
    if "fit" in stages and "evaluate" in stages:
        check_references(found[0], config)
    if run.record(TRAIN_STAGE):
        check_no_more(run, found[0])
    checks = {"train": check_train, "generate": check_generate, "evaluate": check_evaluate, "report": check_report}
    for stage in stages:
        if stage in checks:
            checks[stage](run, config, alone="fit" not in stages)
    return found
