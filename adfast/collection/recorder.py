"""Recorder: learning histories from the user's own loop, over any Gymnasium environment.

    with adfast.Recorder("histories") as recorder:
        environment = recorder.wrap(gymnasium.make("CartPole-v1"), task_id=0, algorithm="ppo")
        PPO("MlpPolicy", environment).learn(50_000)

A wrapped environment behaves as it did, and all that happens in it becomes one history (one for
each environment of a vector environment), from its first reset until it or the recorder is closed.
A process that is killed loses the episode that it was in, nothing else: the next recorder of the
same store commits the others. Children that a process forks have no part in its recordings.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import os
import threading
import weakref
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.vector import VectorEnv

from adfast.closing import Closing
from adfast.collection.episode_log import EpisodeLog
from adfast.collection.recorded_environments import (
    RecordedEnv,
    RecordedVectorEnv,
    require_recordable,
)
from adfast.errors import InvalidArgument, WriteError
from adfast.histories.manifest import FILE_NAME
from adfast.histories.recording import (
    RESERVED_METADATA,
    begin_recording,
    commit_recording,
    recover_recordings,
)
from adfast.histories.store import read_description
from adfast.histories.writer import HistoryWriter, create
from adfast.simulators.space_encoding import SpaceEncoding
from adfast.tasks.transition_schema import (
    MAX_EPISODE_LENGTH,
    TransitionSchema,
    as_reward_dtype,
)
from adfast.values import as_count, as_path


class Recorder(Closing):
    """Records into the history store in folder `path`, a new one or one of earlier recordings.

    All environments must have the same spaces, and episodes of at most `episode_length` steps (by
    default the limit that the first one wrapped states). Rewards are kept in `reward_dtype`, one of
    `REWARD_DTYPES` that has room for all of them (by default that of the store, "float32" in a new
    one): whole ones in "int8" take a byte, and others are refused. The store is complete whenever
    no recorder is at work. One process records into a store at a time; several of its threads may,
    each in environments of its own. A recorder that nobody closes is closed when the interpreter
    exits.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        episode_length: int | None = None,
        reward_dtype: str | None = None,
    ) -> None:
        self.path = as_path("path", path)
        if episode_length is not None:
            episode_length = as_count("episode_length", episode_length, MAX_EPISODE_LENGTH)
        self._episode_length = episode_length
        self._reward_dtype = None if reward_dtype is None else as_reward_dtype(reward_dtype)
        self._writer: HistoryWriter | None = None
        self._schema: TransitionSchema | None = None
        self._description: dict[str, Any] = {}
        self._open: list[EpisodeLog] = []
        self._is_closed = False
        self._lock = threading.RLock()  # guards all of these
        self._process = os.getpid()
        if (self.path / FILE_NAME).exists():
            schema, description = read_description(self.path)
            if not isinstance(schema, TransitionSchema) or "recorded" not in description:
                raise InvalidArgument(
                    f"{self.path} holds histories that no recorder wrote; give another folder"
                )
            self._begin_store(schema, description)
        self._at_exit = functools.partial(close_if_alive, weakref.ref(self))
        atexit.register(self._at_exit)

    def __repr__(self) -> str:
        schema = self._schema or "no environment yet"
        return f"<Recorder into {str(self.path)!r}: {len(self._open)} open recordings; {schema}>"

    def wrap(
        self, environment: gymnasium.Env | VectorEnv, **metadata: Any
    ) -> RecordedEnv | RecordedVectorEnv:
        """`environment`, recorded from now on; close it where its history ends.

        `metadata` is what the store says of the histories, any JSON: `task_id`, `seed`,
        `algorithm`; for a vector environment also arrays of one number for each environment.

        Raises `InvalidArgument` for spaces that cannot be kept, or that the store does not have.
        """
        self.require_own_process()  # before an environment is asked anything: it may be a parent's
        reserved = sorted({*metadata} & {*RESERVED_METADATA})
        if reserved:
            raise InvalidArgument(f"metadata must not be named {', '.join(reserved)}")
        require_recordable(environment, self)
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
        with self._lock:
            if self._is_closed:
                raise InvalidArgument(
                    f"the recorder of {self.path} was closed; make another one to record on"
                )
            length = self._length_of_episodes(longest_episode)
            schema = encoding.schema(length, self._dtype_of_rewards())
            description = {"recorded": encoding.describe()}
            if self._writer is None:
                self._begin_store(schema, description)
            else:
                self._require_alike(schema, description)
            assert self._writer is not None, "begun above"
            recording = begin_recording(self._writer, schema.fields, num_environments, metadata)
            log = EpisodeLog(recording, schema, num_environments)
            self._open.append(log)
            return log

    def end(self, log: EpisodeLog) -> None:
        """Commit what `log` wrote, unless that is done; nothing in a forked child."""
        if not self._is_own_process():
            return
        with self._lock:
            if log not in self._open:
                return
            assert self._writer is not None, "begun with the first log"
            log.recording.finish()
            commit_recording(log.recording.folder, self._writer)
            self._open.remove(log)

    def close(self) -> None:
        """Commit all histories and let others write into the store; nothing in a forked child.

        Raises `WriteError` where there is no space: what could not be written then is by the next
        call, or by the next recorder of the store as far as it had got to the disk.
        """
        if not self._is_own_process():
            return
        with self._lock:
            self._is_closed = True
            try:
                self._commit_all()
                atexit.unregister(self._at_exit)
            finally:
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None

    def require_own_process(self) -> None:
        """Raise `InvalidArgument` in a process that was forked from the recorder's."""
        if not self._is_own_process():
            raise InvalidArgument(
                "a recorder works in the process that made it, and forked children have no part in "
                "it; wrap the vector environment, not the single ones inside its worker processes"
            )

    def _is_own_process(self) -> bool:
        return os.getpid() == self._process

    def _length_of_episodes(self, longest_episode: int | None) -> int:
        """The most steps of an episode in the store that is recorded into."""
        length = self._episode_length or longest_episode
        if self._schema is not None:
            length = max(length or 1, self._schema.episode_length)
        if length is None:
            raise InvalidArgument(
                "episode_length must be given for an environment whose specification has no "
                "max_episode_steps: Recorder(path, episode_length=...), the most steps of an "
                "episode; or wrap it in gymnasium.wrappers.TimeLimit"
            )
        return length

    def _dtype_of_rewards(self) -> str:
        """What rewards are kept in: what was asked for, or what the store has."""
        if self._reward_dtype is not None:
            return self._reward_dtype
        return "float32" if self._schema is None else self._schema.reward_dtype

    def _require_alike(self, schema: TransitionSchema, description: dict[str, Any]) -> None:
        """Raise `InvalidArgument` for an environment whose histories the store cannot hold."""
        assert self._schema is not None, "begun with the store"
        if (schema, description) == (self._schema, self._description):
            return
        before, now = self._schema.episode_length, schema.episode_length
        if before != now and dataclasses.replace(schema, episode_length=before) == self._schema:
            raise InvalidArgument(
                f"{self.path} holds episodes of at most {before} steps, but those of the "
                f"environment may have {now}; record it into another folder, or all of them with "
                f"Recorder(path, episode_length={now})"
            )
        raise InvalidArgument(
            f"{self.path} holds histories of {self._schema} ({self._description}), but the "
            f"environment has {schema} ({description}); record it into another folder"
        )

    def _commit_all(self) -> None:
        """Commit what is open, each as far as there is space; raises the first `WriteError`."""
        if self._open and self._writer is None:  # closed before, without space for these
            assert self._schema is not None, "begun with the first log"
            self._writer = create(
                self.path, self._schema, is_open_ended=True, description=self._description
            )
        for log in self._open:  # all, before one is committed and takes twice its space
            with contextlib.suppress(WriteError):
                log.recording.finish()
        failed: WriteError | None = None
        for log in list(self._open):
            try:
                self.end(log)
            except WriteError as error:
                failed = failed or error
        if failed is not None:
            raise failed

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


def close_if_alive(recorder: weakref.ref[Recorder]) -> None:
    """Close a recorder that is still in use when the interpreter exits."""
    if (alive := recorder()) is not None:
        alive.close()
