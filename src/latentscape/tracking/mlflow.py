"""MLflow: parameters, metrics, files and the model of a run, beside those of other runs.

MLflow writes to where it always does: to what ``MLFLOW_TRACKING_URI`` or
``mlflow.set_tracking_uri`` names, else into ``mlflow.db`` and ``mlruns/`` of the working directory,
which ``mlflow ui`` there opens. (A store of plain files MLflow itself refuses since version 3.13.)
"""

import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from latentscape.core.errors import ConfigError, Interrupted, brief
from latentscape.core.extras import require
from latentscape.core.files import write_json
from latentscape.core.records import Array, Dataset, Split
from latentscape.inference.codec import encode
from latentscape.model import Network
from latentscape.runs import Run, RunFindings, load_model
from latentscape.runs.facts import Epoch
from latentscape.tracking.tracker import Tracker, final_metrics, settings_of

EXPERIMENT = "latentscape"
"""The experiment that all runs belong to."""

ARTEFACTS = (
    "recipe.yaml",
    "environment.json",
    "data.json",
    "history.jsonl",
    "events.jsonl",
    "findings",
    "report.html",
    "model.safetensors",
)
"""Files and folders of a run that are kept, as far as they are there."""

_PATIENCE = 10.0  # seconds

_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")

_MEND = "Look at MLFLOW_TRACKING_URI; without it MLflow writes to mlflow.db in this folder."


class MlflowTracker(Tracker):
    """Writes an MLflow run; ``mlflow.json`` in the run directory remembers which.

    A metric's step is its epoch. The model is kept twice: as ``model.safetensors``, and as an
    MLflow model, ``runs:/<id>/model``, whose ``predict`` gives the codes of stored images. Neither
    is a pickle. A server that stops answering is waited for as long as MLflow does, some minutes
    (``MLFLOW_HTTP_REQUEST_MAX_RETRIES``), once; then training goes on without it.

    Parameters
    ----------
    run, split
        As for `Tracker`.
    """

    title = "MLflow"

    def __init__(self, run: Run, split: Split) -> None:
        super().__init__(run, split)
        self._record = run.path / "mlflow.json"

    @classmethod
    def check(cls) -> None:
        """Find out whether MLflow is installed and its store answers; see `Tracker.check`."""
        mlflow, exc = _import(), _import("sqlalchemy.exc")
        uri = mlflow.get_tracking_uri()
        try:
            if uri.startswith(("http://", "https://")):
                _check_reachable(uri)
            with _quietly():  # A new store says a lot while its tables are made.
                mlflow.MlflowClient().search_experiments(max_results=1)
        except ModuleNotFoundError as error:
            driver = (error.name or str(error)).partition(".")[0]
            raise ConfigError(
                f"MLflow's store needs the package {driver}, which is not installed",
                fix=f"Install it with: pip install {driver}",
            ) from error
        except (
            mlflow.MlflowException,
            exc.SQLAlchemyError,
            ImportError,
            OSError,
            ValueError,
        ) as error:
            if isinstance(error, ConfigError):
                raise
            reason = _without_secrets(str(error))
            cause = error if reason == str(error) else None  # --debug would show it.
            raise ConfigError(f"MLflow cannot use its store: {brief(reason)}", fix=_MEND) from cause

    def begin(self, epochs_done: int) -> None:
        """Go on with the MLflow run, or make one, and write the epochs that it lacks."""
        self._client = _import().MlflowClient()
        about = (self._known_run() or self._new_run()).info
        self._id, self._experiment = about.run_id, about.experiment_id
        self.complete = about.status == "FINISHED"
        if self.complete:
            return
        self._client.update_run(self._id, "RUNNING")
        tracked = self._client.get_metric_history(self._id, "train/loss")
        self._last = max((metric.step for metric in tracked), default=0)
        for epoch in self.run.history.epochs[:epochs_done]:
            self._log_epoch(epoch)

    def track_epoch(self, model: Network, epoch: Epoch) -> None:
        """Write the epoch's numbers."""
        self._log_epoch(epoch)

    def track_findings(self, model: Network, findings: RunFindings) -> None:
        """Write test metrics, files and the model, and call the MLflow run finished."""
        metrics = {f"test/{name}": value for name, value in final_metrics(findings).items()}
        self._log_metrics(metrics, 0)  # Not one point of a curve: MLflow draws bars.
        for name in ARTEFACTS:
            if (self.run.path / name).exists():
                self._client.log_artifact(self._id, str(self.run.path / name))
        with _quietly():
            self._log_model(model)
        self._end("FINISHED")
        self.complete = True

    def close(self, error: BaseException | None) -> None:
        """Say how a run ended that was not finished."""
        if error is None or self.failed or self.complete:
            return
        stopped = isinstance(error, Interrupted | KeyboardInterrupt)
        self._end("KILLED" if stopped else "FAILED")

    def describe(self, error: Exception) -> str:
        """Say what went wrong, without the password of the store."""
        return _without_secrets(super().describe(error))

    def _end(self, status: str) -> None:
        with redirect_stdout(sys.stderr):  # MLflow prints a link to where results are to stand.
            self._client.set_terminated(self._id, status)

    def _known_run(self) -> Any:
        """Return the MLflow run that was begun; None if there is none, or it was deleted."""
        if not self._record.exists():
            return None
        try:
            run = self._client.get_run(json.loads(self._record.read_bytes())["run_id"])
        except _import().MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return run if run.info.lifecycle_stage == "active" else None

    def _new_run(self) -> Any:
        tags = _tags(self.run)
        created = self._client.create_run(self._place(), run_name=self.run.name, tags=tags)
        write_json(self._record, {"run_id": created.info.run_id})
        entities, data = _import("mlflow.entities"), self.run.data
        params = [entities.Param(name, value) for name, value in _params(self.run).items()]
        self._client.log_batch(created.info.run_id, params=params)
        dataset = entities.Dataset(data.name, data.fingerprint[:12], "local", data.origin)
        inputs = [entities.DatasetInput(dataset)]
        try:
            self._client.log_inputs(created.info.run_id, inputs)
        except _import().MlflowException:
            # A run that is trained beside this one wrote the same dataset in the meantime.
            self._client.log_inputs(created.info.run_id, inputs)
        return created

    def _place(self) -> str:
        """Return the id of the experiment, which the first run makes."""
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            try:
                return str(self._client.create_experiment(EXPERIMENT))
            except _import().MlflowException:
                # A run that is trained beside this one may have made it in the meantime.
                experiment = self._client.get_experiment_by_name(EXPERIMENT)
                if experiment is None:
                    raise
        return str(experiment.experiment_id)

    def _log_epoch(self, epoch: Epoch) -> None:
        """Write the numbers of an epoch, unless they were before training was killed."""
        if epoch.epoch <= self._last:
            return
        self._last = epoch.epoch
        metrics = {
            f"{group}/{name}": value
            for group, numbers in epoch.numbers().items()
            for name, value in numbers.items()
        }
        metrics |= {"lr": epoch.lr, "images_per_second": epoch.images_per_second}
        self._log_metrics(metrics, epoch.epoch)

    def _log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        entities = _import("mlflow.entities")
        now = int(1000 * time.time())
        values = [entities.Metric(name, value, now, step) for name, value in metrics.items()]
        self._client.log_batch(self._id, metrics=values)

    def _log_model(self, model: Network) -> None:
        """Write the model file as an MLflow model, which this very module loads."""
        mlflow = _import()
        logged = self._client.create_logged_model(
            self._experiment,
            "model",
            source_run_id=self._id,
            params=_params(self.run),
            model_type="autoencoder",
        )
        mlflow.models.Model.log(
            artifact_path=None,
            model_id=logged.model_id,
            run_id=self._id,
            step=0,
            flavor=mlflow.pyfunc,
            loader_module=__name__,
            data_path=str(self.run.model_file),
            signature=_signature(model, self.split.dataset),
            pip_requirements=[f"latentscape=={self.run.environment.latentscape}"],
        )


class Encoder:
    """What MLflow calls: the encoder of a model.

    Parameters
    ----------
    network : Network
        A trained model, evaluating.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    def predict(self, data: Array | Mapping[str, Array]) -> Array:
        """Return the codes (n, latent_dim) of stored images (n, *shape).

        Parameters
        ----------
        data : ndarray or mapping
            The images; of a model that is conditioned on labels, ``images`` and ``labels`` (n,).
        """
        arrays = data if isinstance(data, Mapping) else {"images": data}
        dataset = Dataset("given", arrays["images"], arrays.get("labels"))
        return encode(self._network, dataset, np.arange(len(dataset)))


def _import(module: str = "mlflow") -> Any:
    return require(module, "mlflow", "Tracking with MLflow")


def _check_reachable(uri: str) -> None:
    """Refuse a server that does not answer; MLflow itself would try for minutes."""
    requests = _import("requests")
    try:
        requests.get(f"{uri.rstrip('/')}/health", timeout=_PATIENCE)
    except requests.RequestException as error:
        raise ConfigError(
            f"The MLflow server at {urlsplit(uri).hostname} does not answer", fix=_MEND
        ) from error


def _without_secrets(text: str) -> str:
    """Hide what the address of the store or the environment says in confidence, if it is quoted."""
    address, _, query = _import().get_tracking_uri().partition("?")
    _, _, password = address.partition("://")[2].rpartition("@")[0].partition(":")
    secrets = [password, query, *(os.environ.get(name, "") for name in _SECRETS)]
    for secret in {*secrets, *map(unquote, secrets)} - {""}:
        text = text.replace(secret, "***")
    return text


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep MLflow from explaining itself."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _params(run: Run) -> dict[str, str]:
    return {name: str(value) for name, value in settings_of(run.recipe).items()}


def _tags(run: Run) -> dict[str, str]:
    context = _import("mlflow.tracking.context.registry")
    environment, data = run.environment, run.data
    tags = {
        "mlflow.note.content": run.recipe.about,
        "mlflow.source.name": environment.command,
        "latentscape.version": environment.latentscape,
        "latentscape.git": environment.git,
        "latentscape.data": data.name,
        "latentscape.data.fingerprint": data.fingerprint,
    }
    known = {name: value for name, value in tags.items() if value}
    return dict(context.resolve_tags(known))  # With the user, as in every MLflow run.


def _signature(model: Network, dataset: Dataset) -> Any:
    """Describe what an MLflow model takes and gives."""
    types = _import("mlflow.types")
    models = _import("mlflow.models")
    images, codes = dataset.images.dtype, np.dtype(np.float32)
    inputs = [types.TensorSpec(images, (-1, *dataset.shape))]
    if model.config.condition:
        labels = types.TensorSpec(np.dtype(np.int64), (-1,), "labels")
        inputs = [types.TensorSpec(images, (-1, *dataset.shape), "images"), labels]
    output = types.TensorSpec(codes, (-1, model.latent_dim))
    return models.ModelSignature(types.Schema(inputs), types.Schema([output]))


def _load_pyfunc(path: str) -> Encoder:
    """Load an MLflow model; called by MLflow, which asks for this name."""
    return Encoder(load_model(Path(path)))
