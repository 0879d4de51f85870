"""Recorder: learning histories from the user's own loop, over any Gymnasium environment.

    with adfast.Recorder("histories") as recorder:
        environment = recorder.wrap(gymnasium.make("CartPole-v1"), task_id=0, algorithm="ppo")
        PPO("MlpPolicy", environment).learn(50_000)

A wrapped environment behaves as it did, and all that happens in it becomes one history (one for
each environment of a vector environment), from its first reset until it or the recorder is closed.
A process that is killed loses the episode that it was in, nothing else: the next recorder of the
same store commits the others.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.vector import VectorEnv

from adfast.closing import Closing
from adfast.collection.episode_log import EpisodeLog
from adfast.collection.recorded_environments import RecordedEnv, RecordedVectorEnv
from adfast.errors import InvalidArgument
from adfast.histories.manifest import FILE_NAME
from adfast.histories.recording import RESERVED_METADATA, begin_recording, recover_recordings
from adfast.histories.store import read_description
from adfast.histories.writer import HistoryWriter, create
from adfast.simulators.space_encoding import SpaceEncoding
from adfast.tasks.transition_schema import TransitionSchema


class Recorder(Closing):
    """Records into the history store in folder `path`, a new one or one of earlier recordings.

    All environments must have the same spaces, and episodes of at most `episode_length` steps (by
    default the limit of the first one's specification). The store is complete whenever no recorder
    is at work. One process records into a store at a time.
    """

    def __init__(self, path: str | Path, *, episode_length: int | None = None) -> None:
        self.path = Path(path)
        self._episode_length = episode_length
        self._writer: HistoryWriter | None = None
        self._schema: TransitionSchema | None = None
        self._description: dict[str, Any] = {}
        self._open: list[EpisodeLog] = []
        self._process = os.getpid()
        if (self.path / FILE_NAME).exists():
            schema, description = read_description(self.path)
            if not isinstance(schema, TransitionSchema) or "recorded" not in description:
                raise InvalidArgument(
                    f"{self.path} holds histories that no recorder wrote; give another folder"
                )
            self._begin_store(schema, description)

    def wrap(
        self, environment: gymnasium.Env | VectorEnv, **metadata: Any
    ) -> RecordedEnv | RecordedVectorEnv:
        """`environment`, recorded from now on; close it where its history ends.

        `metadata` is what the store says of the histories, any JSON: `task_id`, `seed`,
        `algorithm`; for a vector environment also arrays of one number for each environment.

        Raises `InvalidArgument` for spaces that cannot be kept, or that the store does not have.
        """
        reserved = sorted({*metadata} & {*RESERVED_METADATA})
        if reserved:
            raise InvalidArgument(f"metadata must not be named {', '.join(reserved)}")
        if isinstance(environment, VectorEnv):
            return RecordedVectorEnv(environment, self, metadata)
        return RecordedEnv(environment, self, metadata)

    def begin(
        self,
        encoding: SpaceEncoding,
        longest_episode: int | None,
        num_environments: int,
        metadata: dict[str, Any],
    ) -> EpisodeLog:
        """A log of `num_environments` new histories."""
        self.require_own_process()
        length = self._episode_length or longest_episode
        if self._schema is not None:
            length = self._schema.episode_length if length is None else length
            length = max(length, self._schema.episode_length)
        if length is None:
            raise InvalidArgument(
                "episode_length must be given for an environment whose specification has no "
                "max_episode_steps: Recorder(path, episode_length=...), the most steps of an "
                "episode; or wrap it in gymnasium.wrappers.TimeLimit"
            )
        schema = encoding.schema(length)
        description = {"recorded": encoding.describe()}
        if self._writer is None:
            self._begin_store(schema, description)
        elif (schema, description) != (self._schema, self._description):
            raise InvalidArgument(
                f"{self.path} holds histories of {self._schema} ({self._description}), but the "
                f"environment has {schema} ({description}); record it into another folder"
            )
        assert self._writer is not None, "begun above"
        recording = begin_recording(self._writer, schema.fields, num_environments, metadata)
        log = EpisodeLog(recording, schema, num_environments)
        self._open.append(log)
        return log

    def end(self, log: EpisodeLog) -> None:
        """Commit what `log` wrote, unless that is done."""
        if log not in self._open:
            return
        self.require_own_process()
        assert self._writer is not None, "begun with the first log"
        self._open.remove(log)
        log.recording.commit(self._writer)

    def close(self) -> None:
        """Commit all histories and let others write into the store."""
        try:
            for log in self._open:
                log.recording.flush()  # a commit may fail for lack of space: keep the others
            for log in list(self._open):
                self.end(log)
        finally:
            if self._writer is not None:
                self._writer.close()

    def require_own_process(self) -> None:
        """Raise `InvalidArgument` in a process that was forked from the recorder's."""
        if os.getpid() != self._process:
            raise InvalidArgument(
                "a recorder works in the process that made it; wrap the vector environment, "
                "not the single ones inside its worker processes"
            )

    def __reduce__(self) -> Any:
        raise InvalidArgument(
            "a recorder cannot be copied or sent to another process; wrap the vector environment, "
            "not the single ones inside its worker processes"
        )

    def _begin_store(self, schema: TransitionSchema, description: dict[str, Any]) -> None:
        self._writer = create(self.path, schema, is_open_ended=True, description=description)
        self._schema, self._description = schema, description
        try:
            recover_recordings(self._writer)
        except BaseException:
            self._writer.close()
            raise
