"""CudaTransfer: page-locked host buffers, copied to a CUDA device on a stream of their own."""

from __future__ import annotations

import torch
from torch import Tensor

from adfast.models.device import host_tensor


class CudaTransfer:
    """The `Transfer` of `BatchPrefetcher` to the CUDA device `device`."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device)

    def allocate(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """A page-locked tensor and one on the device, like `like`."""
        host = host_tensor(tuple(like.shape), like.dtype, self.device)
        device = torch.empty_like(like, device=self.device)
        # The memory may have been freed under work that is still to be done on this stream.
        self._stream.wait_stream(torch.cuda.current_stream(self.device))
        return host, device

    def copy(
        self, pairs: list[tuple[Tensor, Tensor]], after: torch.cuda.Event | None
    ) -> torch.cuda.Event:
        """Begin to copy each (host, device) pair after the event `after`."""
        with torch.cuda.stream(self._stream):  # which is the thread's own choice
            if after is not None:
                self._stream.wait_event(after)
            for host, device in pairs:
                device.copy_(host, non_blocking=True)
            event: torch.cuda.Event = self._stream.record_event()
        return event

    def mark(self) -> torch.cuda.Event:
        """The end of what the current stream has been asked to do."""
        event: torch.cuda.Event = torch.cuda.current_stream(self.device).record_event()
        return event

    def hold_back(self, event: torch.cuda.Event) -> None:
        """Let the current stream wait for `event`."""
        torch.cuda.current_stream(self.device).wait_event(event)

    def finish(self) -> None:
        """Wait for all copies, since freed memory could be used again under them."""
        self._stream.synchronize()
