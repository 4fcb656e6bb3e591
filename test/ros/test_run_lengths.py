"""Masks survive the trip through run lengths."""

from __future__ import annotations

import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sam2s_ros.run_lengths import MaskRuns, decode_mask, encode_mask

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20))


@given(masks)
def test_decoding_gives_back_any_mask(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_mask(encode_mask(mask), *mask.shape), mask)


@given(masks)
def test_the_box_is_the_smallest_around_the_mask(mask: np.ndarray) -> None:
    runs = encode_mask(mask)
    inside = mask[runs.y : runs.y + runs.height, runs.x : runs.x + runs.width]
    assert inside.sum() == mask.sum()
    assert mask.any() == (runs.width > 0)
    assert all(edge.any() for edge in (inside[:1], inside[-1:], inside[:, :1], inside[:, -1:])) or not mask.any()


@given(masks)
def test_only_the_first_run_may_be_empty(mask: np.ndarray) -> None:
    counts = encode_mask(mask).counts
    assert counts.dtype == np.uint32
    assert (counts[1:] > 0).all()


@given(masks)
def test_the_object_runs_add_up_to_the_area(mask: np.ndarray) -> None:
    assert encode_mask(mask).counts[1::2].sum() == mask.sum()


def test_a_mask_that_is_a_view_is_encoded_alike() -> None:
    mask = np.random.default_rng(0).random((30, 40)) > 0.5
    np.testing.assert_array_equal(decode_mask(encode_mask(mask[::2, ::-1].T), 40, 15), mask[::2, ::-1].T)


@given(hnp.arrays(np.uint32, st.integers(0, 6)), st.tuples(*[st.integers(-2, 30)] * 4))
def test_senseless_runs_are_refused_or_decoded_never_worse(counts: np.ndarray, box: tuple[int, int, int, int]) -> None:
    try:
        assert decode_mask(MaskRuns(*box, counts), 20, 20).shape == (20, 20)
    except ValueError as error:
        assert 'box' in str(error)


@pytest.mark.parametrize('box', [(15, 0, 10, 1), (0, 15, 1, 10), (-1, 0, 10, 1)])
def test_a_box_outside_the_image_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match='inside the 20×20 image'):
        decode_mask(MaskRuns(*box, np.array([0, 10], np.uint32)), 20, 20)


def test_one_object_at_1080p_encodes_in_a_few_milliseconds() -> None:
    mask = np.zeros((1080, 1920), np.bool_)
    mask[300:700, 500:900] = True
    mask[400:500, 600:700] = False
    assert min(timeit.repeat(lambda: encode_mask(mask), number=1, repeat=9)) < 0.010  # 0.3 ms on an idle machine


@pytest.mark.parametrize('seed', range(6))
def test_the_centroid_of_the_runs_is_the_mean_of_the_pixels(seed: int) -> None:
    mask = np.random.default_rng(seed).random((23, 37)) < 0.3 + 0.1 * seed
    ys, xs = np.nonzero(mask)
    assert encode_mask(mask).centroid == pytest.approx((xs.mean(), ys.mean()))


def test_an_empty_mask_has_its_centroid_at_the_origin() -> None:
    assert encode_mask(np.zeros((5, 5), bool)).centroid == (0.0, 0.0)
