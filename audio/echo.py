"""Takes the agent's own voice out of what the caller's telephone sends back.

A partitioned-block frequency-domain Kalman filter learns the way from what was played to what returns: G. Enzner and
P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones", Signal Processing
86, 2006; F. Kuech et al., "State-space architecture of the partitioned-block-based acoustic echo controller", ICASSP
2014. Beside the way itself the filter knows how sure it is of it. So it needs no detector of double talk (a loud caller
makes it learn slowly), and it can tell how much echo must still be left in each frequency: a gain takes that down, and
``dominated`` says that a frame holds nothing louder than it.
"""

from collections import deque
from itertools import islice

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audio.clean_line import CleanLine
from audio.frame import FRAME_MS, frame_bytes

Floats = NDArray[np.float32]
Spectra = NDArray[np.complex64]

REACH_MS = 420
"""The latest echo that is found, milliseconds after it was played: 300 of delay and what the room adds."""
LEAST_DBFS = -58.0
"""A quieter near frame (RMS) holds no echo worth the work: nobody takes it for speech."""
RATES = (8000, 16000)

_LEAST = 10.0 ** (LEAST_DBFS / 10.0)

_PARTS = REACH_MS // FRAME_MS
_PRIOR = 0.15
"""Power of the echo against what was played that is thought possible before anything was heard (-8 dB)."""
_STEADY = 0.9995
"""How much of the way is still the same a frame later."""
_SMOOTH = 0.6
"""Weight of the past in the power of what is not echo."""
_DISTORTION = 0.03
"""Part of the echo's power that no linear filter can take out (-15 dB): the loudspeaker's distortion, A-law's steps."""
_STRONG = 4.0
"""The gain takes out this many times the power that is expected to be left."""
_GAIN_FLOOR = 0.1
"""No frequency is turned down further (-20 dB): deeper holes harm the recogniser."""
_EXPLAINED = 4.0
"""Up to this many times the expected power a frame is explained by the echo."""
_FADE = 0.6
"""The expectation falls no faster than to this part a frame."""
_CONSTRAINED = 5
"""Partitions whose response is cut to one frame's length at a time; all of them in turn."""
_WORSE = 1.3
"""Nothing is learnt from a frame whose residual has this many times its own power: a packet with the echo was lost."""
_MEMORY = 0.85
_LOST = 1.25
"""The same over some 130 ms: the way is another one (the caller's phone was moved, its network's delay jumped)."""
_AGAIN = 4.0
"""After that the echo may be this much stronger than it was known to be, power."""
_LEAST_PRIOR = 0.02
_SURE = 0.3
"""Only a filter that expected less than this part of what is left can be wrong; else it is still learning."""
SHIFTS = (1, -1, 2, -2, 3, -3)
"""Frames by which the echo may turn out to come later or earlier than before: a packet was late, or left out."""
_POOR = 0.25
"""A residual with more than this part of the power is a reason to look for that."""
_SLIPS = 4.0
"""The known echo must have this many times the power that is worth any work."""
_SLIPPED = 0.4
"""The way has moved when that leaves less than this part of the residual."""
_BASS_BINS = 4
_TINY = 1e-6
_UNIT = np.float32(1.0 / 32768.0)


class EchoCanceller:
    """The echo canceller of one call; the same frames always give the same frames.

    ``rate`` is 8000 or 16000 Hz. It adds no delay, keeps what it learnt for the whole call, and costs next to nothing
    when nothing was played in the last half second, while the caller's side is quiet, and on a line without echo.
    """

    def __init__(self, rate: int) -> None:
        if rate not in RATES:
            raise ValueError(f"echo can't be cancelled at {rate} Hz; use one of {RATES}")
        self._rate = rate
        self._bytes = frame_bytes(rate)
        self._size = self._bytes // 2
        self._least = _LEAST * self._size
        self._played = _Played(self._size)
        self._way = _Way(self._size)
        self._clean = CleanLine(self._size, _PARTS, _LEAST)
        self._passed = bytes(self._bytes)
        """The last frame that was passed on as it came; empty when it was worked on."""
        self._error = np.zeros(2 * self._size, np.float32)
        self._past = np.zeros(2 * self._size, np.float32)
        self._expected = 0.0
        self._left = self._power = self._unsure = 0.0
        self._dominated = self._possible = False

    @property
    def dominated(self) -> bool:
        """The last frame held nothing that the echo does not explain: it should not count as the caller's speech."""
        return self._dominated

    @property
    def possible(self) -> bool:
        """An echo loud enough to be taken for speech may be in the last frame, whatever else is."""
        return self._possible

    @property
    def idle(self) -> bool:
        """Nothing that was played can still be heard: while that lasts, frames need not be shown to it."""
        return self._played.over

    @property
    def passes(self) -> int:
        """So many of the next frames come out as they go in, whatever is played."""
        return self._clean.sure

    @property
    def clean(self) -> bool:
        """There is proof that nothing of what is played comes back."""
        return self._clean.stands

    def push(self, near: bytes, far: bytes) -> bytes:
        """Take 20 ms of the caller's side and what the caller was played meanwhile; return the near frame without echo.

        Both are PCM16 mono at the leg's rate; ``far`` is zeros when nothing was played. Raises ``ValueError`` for
        other sizes.
        """
        if len(near) != self._bytes or len(far) != self._bytes:
            raise ValueError(
                f"{len(near)} and {len(far)} bytes are not 20 ms of both sides at {self._rate} Hz ({self._bytes} bytes)"
            )
        self._dominated = self._possible = False
        if not self._played.push(far):
            self._expected = 0.0
            return near
        if not self._clean.push(near, far):
            samples = np.frombuffer(near, dtype="<i2").astype(np.float32)
            samples *= _UNIT
            power = float(samples.dot(samples))
            if power >= self._least:
                return self._cancel(samples, power)
        self._expected *= _FADE
        self._passed = near
        return near

    def _cancel(self, samples: Floats, power: float) -> bytes:
        size, way, played = self._size, self._way, self._played
        self._catch_up()
        unsure = way.unsure(played)
        self._possible = float(unsure.sum()) + way.known(played) > self._least * size
        error = samples - way.echo(played)
        left = float(error.dot(error))
        if left > _POOR * power and way.known(played) > _SLIPS * self._least * size:
            error, left = self._realigned(samples, error, left, power)
        spectrum = self._spectrum(error)
        if left <= _WORSE * power + self._least:
            way.learn(played, spectrum, unsure)
        if self._is_lost(left, power, 0.5 * float(unsure.sum()) / self._size):
            way.forget()
        if left > power:
            error, spectrum = samples, self._spectrum(samples)
        self._past[size:] = error
        expected = way.left(played, unsure)
        self._judge(spectrum, expected)
        return self._softened(expected)

    def _realigned(self, samples: Floats, error: Floats, left: float, power: float) -> tuple[Floats, float]:
        """The residual and its power after the response was moved by whole frames, if that explains the most."""
        way, best, moved = self._way, _SLIPPED * min(left, power), 0
        for frames in SHIFTS:
            other = samples - way.echo_moved(self._played, frames)
            power = float(other.dot(other))
            if power < best:
                best, moved, error, left = power, frames, other, power
        if moved:
            way.move(moved)
        return error, left

    def _catch_up(self) -> None:
        """What nobody needed until now: the spectra of what was played, and the frame before."""
        self._played.transform()
        if self._passed:
            self._past[self._size :] = np.frombuffer(self._passed, dtype="<i2")
            self._past[self._size :] *= _UNIT
            self._passed = b""
        self._past[: self._size] = self._past[self._size :]

    def _spectrum(self, error: Floats) -> Spectra:
        self._error[self._size :] = error
        return _forward(self._error)

    def _is_lost(self, left: float, power: float, unsure: float) -> bool:
        """The filter has made things worse for a while, and was sure of itself."""
        self._left = self._left * _MEMORY + left
        self._power = self._power * _MEMORY + power
        self._unsure = self._unsure * _MEMORY + unsure
        if self._unsure > _SURE * self._left or self._left < _LOST * self._power + 4 * self._least:
            return False
        self._left = self._power = self._unsure = 0.0
        return True

    def _judge(self, spectrum: Spectra, expected: Floats) -> None:
        heard = spectrum[_BASS_BINS:]
        power = float(np.vdot(heard, heard).real)
        self._expected = max(float(expected[_BASS_BINS:].sum()), self._expected * _FADE)
        self._dominated = power < _EXPLAINED * self._expected

    def _softened(self, expected: Floats) -> bytes:
        """The residual with the expected rest of the echo taken down in each frequency."""
        spectrum = _forward(self._past)
        power = spectrum.real**2 + spectrum.imag**2
        gain = np.maximum(1.0 - _STRONG * expected / (power + _TINY), _GAIN_FLOOR)
        gain[1:-1] = 0.25 * gain[:-2] + 0.5 * gain[1:-1] + 0.25 * gain[2:]
        out = _back(spectrum * gain)[self._size :] * np.float32(32768.0)
        whole: NDArray[np.int16] = np.clip(np.rint(out), -32768.0, 32767.0).astype(np.dtype("<i2"))
        return whole.tobytes()


class _Played:
    """What was played in the last ``REACH_MS``, and its spectra, the newest first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._frames = deque([bytes(2 * size)] * (_PARTS + 1), _PARTS + 1)
        self._fresh = 0
        """The newest frames that have no spectrum yet."""
        self._spectra = np.zeros((2 * _PARTS, size + 1), np.complex64)
        self._powers = np.zeros((2 * _PARTS, size + 1), np.float32)
        self._at = 0
        self._nothing = bytes(2 * size)
        self._silent = _PARTS + 1
        """Frames since anything was played."""

    @property
    def over(self) -> bool:
        """The newest frame that was taken came too late to matter."""
        return self._silent > _PARTS

    def push(self, far: bytes) -> bool:
        """Take a frame; False when nothing that was played can still be heard."""
        if far != self._nothing:
            self._silent = 0
        elif self._silent >= _PARTS:
            self._silent = _PARTS + 1
            return False
        else:
            self._silent += 1
        self._frames.append(far)
        self._fresh += 1
        return True

    def transform(self) -> None:
        """Bring the spectra up to date."""
        fresh, size = min(self._fresh, _PARTS), self._size
        samples = np.frombuffer(b"".join(islice(self._frames, _PARTS - fresh, None)), dtype="<i2").astype(np.float32)
        samples *= _UNIT
        spectra = _forward(sliding_window_view(samples, 2 * size)[::size])
        for spectrum in spectra:
            self._at = (self._at - 1) % _PARTS
            power = spectrum.real**2 + spectrum.imag**2
            for at in (self._at, self._at + _PARTS):
                self._spectra[at] = spectrum
                self._powers[at] = power
        self._fresh = 0

    @property
    def spectra(self) -> Spectra:
        """One row a frame."""
        return self._spectra[self._at : self._at + _PARTS]

    @property
    def powers(self) -> Floats:
        """Their squares."""
        return self._powers[self._at : self._at + _PARTS]


class _Way:
    """From what was played to what returns: one response a partition, and how unsure it is."""

    def __init__(self, size: int) -> None:
        self._size = size
        shape = (_PARTS, size + 1)
        self._response = np.zeros(shape, np.complex64)
        self._strength = np.zeros(shape, np.float32)
        """Squares of the response."""
        self._doubt = np.full(shape, _PRIOR / _PARTS, np.float32)
        self._near = np.full(size + 1, 1e-3, np.float32)
        """Power of what is not echo."""
        self._turn = 0

    def forget(self) -> None:
        """Begin anew, since the way is another one now; the echo is taken to be about as strong as it was."""
        known = float(self._strength.sum()) / self._strength.shape[1]
        self._doubt.fill(min(_PRIOR, max(_LEAST_PRIOR, _AGAIN * known)) / _PARTS)
        self._response.fill(0.0)
        self._strength.fill(0.0)

    def unsure(self, played: _Played) -> Floats:
        """Power of the echo that is possible beyond the one that is known."""
        return np.asarray(np.einsum("pk,pk->k", played.powers, self._doubt))

    def known(self, played: _Played) -> float:
        """Power of the echo that is known, all frequencies together."""
        return float(np.vdot(played.powers, self._strength))

    def echo(self, played: _Played) -> Floats:
        """The echo in this frame, as far as it is known."""
        return _back(np.einsum("pk,pk->k", played.spectra, self._response))[self._size :]

    def echo_moved(self, played: _Played, frames: int) -> Floats:
        """The same if the way took so many frames longer."""
        later, earlier = max(frames, 0), max(-frames, 0)
        spectra, response = played.spectra[later : _PARTS - earlier], self._response[earlier : _PARTS - later]
        return _back(np.einsum("pk,pk->k", spectra, response))[self._size :]

    def move(self, frames: int) -> None:
        """The way takes so many frames longer (shorter, when less than 0) from now on."""
        beyond = slice(frames) if frames > 0 else slice(frames, None)
        for rows, nothing in ((self._response, 0.0), (self._strength, 0.0), (self._doubt, self._doubt[beyond].copy())):
            rows[:] = np.roll(rows, frames, axis=0)
            rows[beyond] = nothing

    def left(self, played: _Played, unsure: Floats) -> Floats:
        """Power of the echo that is expected to be left in the residual."""
        return np.asarray(0.5 * (unsure + _DISTORTION * np.einsum("pk,pk->k", played.powers, self._strength)))

    def learn(self, played: _Played, error: Spectra, unsure: Floats) -> None:
        """Believe the residual's spectrum as far as the doubt reaches."""
        self._near *= _SMOOTH
        self._near += (1.0 - _SMOOTH) * (error.real**2 + error.imag**2)
        step = self._doubt / (unsure + 2.0 * self._near + _TINY)
        self._response += np.conj(played.spectra) * step * error
        self._constrain()
        np.multiply(self._response.real, self._response.real, out=self._strength)
        self._strength += self._response.imag**2
        step *= played.powers
        step *= -0.5
        step += 1.0
        step *= _STEADY**2
        self._doubt *= step
        self._doubt += (1.0 - _STEADY**2) * (self._strength + _TINY)

    def _constrain(self) -> None:
        """A partition answers for one frame's length: what circular convolution puts behind it is cut."""
        rows = slice(self._turn, self._turn + _CONSTRAINED)
        self._turn = (self._turn + _CONSTRAINED) % _PARTS
        response = _back(self._response[rows])
        response[:, self._size :] = 0.0
        self._response[rows] = _forward(response)


def _forward(samples: Floats) -> Spectra:
    return np.fft.rfft(samples).astype(np.complex64, copy=False)


def _back(spectra: Spectra) -> Floats:
    return np.fft.irfft(spectra).astype(np.float32, copy=False)
