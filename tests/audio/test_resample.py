import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.level import comfort_noise, dbfs, silence, tone
from audio.resample import Resampler, resample

RATES = [(22050, 8000), (22050, 16000), (8000, 16000), (16000, 8000), (48000, 8000), (8000, 8000)]


@given(st.sampled_from(RATES), st.lists(st.integers(0, 4000), max_size=20))
@settings(deadline=None)
def test_the_cut_of_the_input_does_not_matter(rates: tuple[int, int], cuts: list[int]) -> None:
    pcm = comfort_noise(9000, -12.0)
    stream = Resampler(*rates)
    out, at = [], 0
    for cut in cuts:  # odd cuts split samples
        out.append(stream.push(pcm[at : at + cut]))
        at += cut
    out += [stream.push(pcm[at:]), stream.flush()]
    assert b"".join(out) == resample(pcm, *rates)


@pytest.mark.parametrize(("source", "target"), RATES)
def test_length_level_and_pitch_are_kept(source: int, target: int) -> None:
    out = resample(tone(440.0, 1000, source, -12.0), source, target)
    samples = np.frombuffer(out, dtype="<i2")
    assert samples.size == pytest.approx(target, abs=1)
    assert dbfs(out) == pytest.approx(-12.0, abs=0.2)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * target / samples.size == pytest.approx(440.0, abs=1.5)


def test_what_the_target_cannot_carry_is_filtered_out() -> None:
    out = resample(tone(6000.0, 500, 22050, -12.0), 22050, 8000)
    assert dbfs(out[800:-800]) < -80.0


def test_silence_stays_digital_silence() -> None:
    assert not any(resample(silence(22050), 22050, 8000))


def test_full_scale_is_clipped_and_does_not_wrap() -> None:
    square = np.tile(np.repeat(np.array([32767, -32768], dtype="<i2"), 40), 100).tobytes()
    samples = np.frombuffer(resample(square, 16000, 8000), dtype="<i2")
    assert samples.max() == 32767
    inside = np.abs(samples[200:-200].astype(int)) > 20000
    assert inside.mean() > 0.9


def test_a_flushed_stream_begins_anew() -> None:
    stream = Resampler(22050, 8000)
    pcm = comfort_noise(5000, -20.0)
    first = stream.push(pcm) + stream.flush()
    assert stream.push(pcm) + stream.flush() == first
