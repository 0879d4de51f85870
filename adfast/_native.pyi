from collections.abc import Sequence

import numpy as np

class MappedFile:
    def __init__(self, path: str | bytes, num_bytes: int) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

class FieldLimits:
    def __init__(
        self, fields: Sequence[tuple[str, int, Sequence[int]]], narrow: bool = False
    ) -> None: ...
    def first_misfit(
        self,
        arrays: Sequence[np.ndarray],
        num_rows: int,
        row_items: int,
        lengths: np.ndarray | None = None,
    ) -> tuple[int, int, int] | None: ...

class Lanes:
    def count_held(self) -> tuple[int, int]: ...
    def let_continue(self, field: int, followed: int) -> None: ...
    def keep(self, lane: int, rows: np.ndarray, items: np.ndarray) -> None: ...

def fixed_lanes(
    item_bytes: Sequence[int],
    columns: Sequence[Sequence[np.ndarray]],
    rows: Sequence[int],
    offsets: Sequence[np.ndarray],
    episode_starts: Sequence[np.ndarray | None],
) -> Lanes: ...

class RingBuffer:
    def __init__(
        self,
        num_lanes: int,
        capacity: int,
        item_bytes: Sequence[int],
        episode_field: int,
        first_number: int = 0,
        continued: tuple[int, int] | None = None,
    ) -> None: ...
    @property
    def lanes(self) -> Lanes: ...
    @property
    def num_staged(self) -> int: ...
    def append(self, fields: Sequence[np.ndarray], starts: np.ndarray | None) -> None: ...
    def append_block(
        self,
        lanes: Sequence[int],
        fields: Sequence[np.ndarray],
        max_length: int,
        lengths: np.ndarray,
        starts: np.ndarray,
    ) -> None: ...
    def flush(self) -> None: ...

class WindowPlan:
    def __init__(
        self, lanes: Lanes, length: int, by_episode: bool, evicted: int, committed: int
    ) -> None: ...
    def is_current(self, lanes: Lanes, /) -> bool: ...
    @property
    def longest(self) -> int: ...
    @property
    def counts(self) -> tuple[int, int, int, int]: ...
    @property
    def num_candidates(self) -> int: ...

class Target:
    def __init__(
        self,
        lanes: Lanes,
        batch_size: int,
        length: int,
        fields: Sequence[int],
        outputs: Sequence[np.ndarray],
    ) -> None: ...
    def with_positions(self, history: np.ndarray, offset: np.ndarray) -> Target: ...

def sample(
    lanes: Lanes,
    plan: WindowPlan,
    target: Target,
    seed: int,
    draw: int,
    first_row: int,
    num_threads: int,
) -> bool: ...
def sample_packed(
    lanes: Lanes,
    plan: WindowPlan,
    target: Target,
    seed: int,
    draw: int,
    first_row: int,
    num_threads: int,
    document_start: np.ndarray,
) -> bool: ...
def attention_instruction_sets() -> list[str]: ...
def has_bfloat16_products() -> bool: ...
def attention_forward(
    instruction_set: str,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    document_start: np.ndarray | None,
    window: int,
    scale: float,
    out: np.ndarray,
    lse: np.ndarray,
) -> bool: ...
def attention_decode(
    instruction_set: str,
    q: np.ndarray,
    k_new: np.ndarray,
    v_new: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    step: np.ndarray,
    start: np.ndarray,
    scale: float,
    out: np.ndarray,
) -> None: ...
def attention_backward(
    instruction_set: str,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    document_start: np.ndarray | None,
    window: int,
    scale: float,
    out: np.ndarray,
    lse: np.ndarray,
    d_out: np.ndarray,
    dq: np.ndarray,
    dk: np.ndarray,
    dv: np.ndarray,
) -> None: ...
def gelu(instruction_set: str, x: np.ndarray, out: np.ndarray) -> None: ...
def gelu_backward(
    instruction_set: str, x: np.ndarray, out: np.ndarray, gradient: np.ndarray
) -> None: ...
def normalise(
    instruction_set: str,
    x: np.ndarray,
    weight: np.ndarray,
    epsilon: float,
    out: np.ndarray,
    statistics: np.ndarray,
) -> None: ...
def normalise_backward(
    instruction_set: str,
    d_out: np.ndarray,
    d_residual: np.ndarray | None,
    x: np.ndarray,
    statistics: np.ndarray,
    weight: np.ndarray,
    dx: np.ndarray,
    d_weight: np.ndarray,
) -> None: ...
def sum_rows(
    instruction_set: str, table: np.ndarray, rows: np.ndarray, out: np.ndarray
) -> None: ...
def add_rows(
    instruction_set: str, d_out: np.ndarray, rows: np.ndarray, table: np.ndarray
) -> None: ...
def gru(
    instruction_set: str,
    projected: np.ndarray,
    initial: np.ndarray | None,
    weight: np.ndarray,
    bias: np.ndarray,
    gates: np.ndarray,
    recalled: np.ndarray,
    out: np.ndarray,
) -> None: ...
def gru_backward(
    instruction_set: str,
    d_out: np.ndarray,
    gates: np.ndarray,
    recalled: np.ndarray,
    out: np.ndarray,
    weight: np.ndarray,
    d_projected: np.ndarray,
    d_recalled: np.ndarray,
) -> None: ...
def lstm(
    instruction_set: str,
    projected: np.ndarray,
    initial: np.ndarray | None,
    initial_cells: np.ndarray | None,
    weight: np.ndarray,
    bias: np.ndarray,
    gates: np.ndarray,
    cells: np.ndarray,
    out: np.ndarray,
) -> None: ...
def lstm_backward(
    instruction_set: str,
    d_out: np.ndarray,
    gates: np.ndarray,
    cells: np.ndarray,
    weight: np.ndarray,
    d_projected: np.ndarray,
) -> None: ...
