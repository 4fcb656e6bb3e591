"""Image messages become RGB arrays whatever their encoding and padding, or a clear error."""

from __future__ import annotations

import array
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pytest

from sam2s_ros.image_codec import (
    cropped,
    decode,
    decode_compressed,
    decode_image,
    decode_mask,
    encode_jpeg,
    message_data,
)
from sam2s_ros.image_message import BadImage

RGB = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
GREY = cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)
GREY_RGB = cv2.cvtColor(GREY, cv2.COLOR_GRAY2RGB)


@dataclass
class Image:
    """The fields of sensor_msgs/Image."""

    height: int
    width: int
    encoding: str
    step: int
    data: Any
    is_bigendian: int = 0


@dataclass
class CompressedImage:
    """The fields of sensor_msgs/CompressedImage."""

    data: Any
    format: str = field(default='jpeg')


def image_of(pixels: np.ndarray, encoding: str, padding: int = 0, height: int | None = None) -> Image:
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(pixels.shape[0], -1)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return Image(
        height or pixels.shape[0], pixels.shape[1], encoding, padded.shape[1], array.array('B', padded.tobytes())
    )


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    return np.dstack((pixels, np.full(pixels.shape[:2], 9, np.uint8)))


FAMILY = {
    'rgb8': (RGB, RGB),
    'bgr8': (RGB[..., ::-1], RGB),
    'rgba8': (with_alpha(RGB), RGB),
    'bgra8': (with_alpha(RGB[..., ::-1]), RGB),
    'mono8': (GREY, GREY_RGB),
    '8UC1': (GREY, GREY_RGB),
    '8UC3': (RGB[..., ::-1], RGB),
    '8UC4': (with_alpha(RGB[..., ::-1]), RGB),
}
WIDE = {
    'mono16': (GREY.astype(np.uint16) * 257, GREY_RGB),
    '16UC1': (GREY.astype(np.uint16) * 257, GREY_RGB),
    'rgb16': (RGB.astype(np.uint16) * 257, RGB),
    'bgr16': (RGB[..., ::-1].astype(np.uint16) * 257, RGB),
}


@pytest.mark.parametrize('padding', [0, 1, 64])
@pytest.mark.parametrize('encoding', FAMILY)
def test_the_eight_bit_family_decodes_exactly(encoding: str, padding: int) -> None:
    pixels, rgb = FAMILY[encoding]
    np.testing.assert_array_equal(decode_image(image_of(pixels, encoding, padding)), rgb)


@pytest.mark.parametrize('padding', [0, 6])
@pytest.mark.parametrize('encoding', WIDE)
def test_sixteen_bit_images_keep_their_high_byte(encoding: str, padding: int) -> None:
    pixels, rgb = WIDE[encoding]
    decoded = decode_image(image_of(pixels, encoding, padding))
    np.testing.assert_allclose(decoded.astype(int), rgb, atol=1)


def test_big_endian_sixteen_bit_is_swapped() -> None:
    message = image_of((GREY.astype(np.uint16) * 257 + 3).byteswap(), 'mono16')
    message.is_bigendian = 1
    np.testing.assert_allclose(decode_image(message).astype(int), GREY_RGB, atol=1)


@pytest.mark.parametrize('padding', [0, 6])
@pytest.mark.parametrize('encoding', ['nv12', 'nv21'])
def test_two_plane_yuv_is_grey_where_its_colour_is_neutral(encoding: str, padding: int) -> None:
    planes = np.full((9, 10), 128, np.uint8)
    decoded = decode_image(image_of(planes, encoding, padding, height=6))
    assert decoded.shape == (6, 10, 3)
    assert np.ptp(decoded) <= 2


@pytest.mark.parametrize('padding', [0, 6])
@pytest.mark.parametrize('encoding', ['uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2'])
def test_interleaved_yuv_is_grey_where_its_colour_is_neutral(encoding: str, padding: int) -> None:
    decoded = decode_image(image_of(np.full((6, 10, 2), 128, np.uint8), encoding, padding))
    assert decoded.shape == (6, 10, 3)
    assert np.ptp(decoded) <= 2


@pytest.mark.parametrize(('encoding', 'red_at'), [('bayer_rggb8', (0, 0)), ('bayer_bggr8', (1, 1))])
def test_bayer_patterns_find_their_red_pixels(encoding: str, red_at: tuple[int, int]) -> None:
    mosaic = np.zeros((6, 10), np.uint8)
    mosaic[red_at[0] :: 2, red_at[1] :: 2] = 200
    assert tuple(decode_image(image_of(mosaic, encoding, 2))[3, 5] > 100) == (True, False, False)


def test_an_rgb_image_is_not_copied() -> None:
    message = image_of(RGB, 'rgb8')
    assert np.shares_memory(decode_image(message), np.frombuffer(message.data, np.uint8))


@pytest.mark.parametrize(
    ('message', 'reason'),
    [
        (Image(6, 10, 'foo8', 30, bytes(180)), 'foo8'),
        (Image(6, 10, '', 30, bytes(180)), 'encoding'),
        (Image(0, 10, 'rgb8', 30, b''), '10×0'),
        (Image(6, 0, 'rgb8', 0, b''), '0×6'),
        (Image(60000, 60000, 'rgb8', 180000, b''), '60000×60000'),
        (Image(6, 10, 'rgb8', 29, bytes(180)), 'step 29'),
        (Image(6, 10, 'rgb8', 30, bytes(179)), '179 bytes'),
        (Image(6, 10, 'rgb8', 2**32 - 1, bytes(180)), '180 bytes'),
        (Image(6, 10, 'mono16', 19, bytes(180)), 'step 19'),
        (Image(5, 9, 'nv12', 9, bytes(100)), '9×5'),
        (Image(6, 9, 'yuyv', 18, bytes(108)), '9×6'),
    ],
)
def test_images_that_make_no_sense_are_refused_with_what_came(message: Image, reason: str) -> None:
    with pytest.raises(BadImage, match=reason) as caught:
        decode(message)
    assert caught.value.expected and caught.value.came and caught.value.do


def test_a_mask_is_true_where_its_image_is_not_zero() -> None:
    mask = GREY > 128
    np.testing.assert_array_equal(decode_mask(image_of(mask.astype(np.uint8) * 3, '8UC1', 5)), mask)


def test_a_coloured_mask_is_refused() -> None:
    with pytest.raises(BadImage, match='mono8'):
        decode_mask(image_of(RGB, 'rgb8'))


@pytest.mark.parametrize('said', ['jpeg', 'png', 'rgb8; jpeg compressed bgr8', ''])
def test_png_decodes_exactly_whatever_the_format_says(said: str) -> None:
    _, data = cv2.imencode('.png', RGB[..., ::-1])
    np.testing.assert_array_equal(decode(CompressedImage(data.tobytes(), said)), RGB)


@pytest.mark.parametrize('flags', [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 1)])
def test_jpeg_decodes_to_nearly_the_same_colours(flags: tuple[int, ...]) -> None:
    smooth = cv2.resize(RGB, (160, 120), interpolation=cv2.INTER_CUBIC)
    _, data = cv2.imencode('.jpg', smooth[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 95, *flags))
    assert np.abs(decode(CompressedImage(data)).astype(int) - smooth).mean() < 4


def test_a_grey_jpeg_decodes_to_grey_rgb() -> None:
    _, data = cv2.imencode('.jpg', np.full((8, 8), 90, np.uint8))
    assert decode(CompressedImage(data)).shape == (8, 8, 3)


def png_claiming(height: int, width: int) -> bytes:
    _, data = cv2.imencode('.png', RGB)
    forged = bytearray(data.tobytes())
    forged[16:24] = width.to_bytes(4, 'big') + height.to_bytes(4, 'big')
    return bytes(forged)


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        (b'', 'JPEG or PNG'),
        (b'GIF89a' + bytes(100), 'JPEG or PNG'),
        (b'\xff\xd8\xff', 'JPEG or PNG'),
        (b'\x89PNG\r\n\x1a\n', 'JPEG or PNG'),
        (png_claiming(100_000, 100_000), '100000×100000'),
        (png_claiming(6, 9000), '9000×6'),
    ],
)
def test_compressed_data_that_is_no_image_is_refused_before_decoding(data: bytes, reason: str) -> None:
    with pytest.raises(BadImage, match=reason):
        decode_compressed(CompressedImage(data))


@pytest.mark.parametrize('kept', [24, 200])
def test_a_png_cut_short_is_refused(kept: int) -> None:
    _, data = cv2.imencode('.png', cv2.resize(RGB, (64, 64)))
    with pytest.raises(BadImage, match='do not decode'):
        decode_compressed(CompressedImage(data.tobytes()[:kept]))


@pytest.mark.parametrize('pixels', [RGB, GREY, RGB[:, ::2]], ids=['colour', 'grey', 'strided'])
def test_message_data_holds_the_pixels_as_an_array_of_bytes(pixels: np.ndarray) -> None:
    data = message_data(pixels)
    assert isinstance(data, array.array) and data.typecode == 'B'
    assert data.tobytes() == pixels.tobytes()


def test_our_own_jpeg_is_readable_and_red_stays_red() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    decoded = decode_compressed(CompressedImage(encode_jpeg(red, 90)))
    assert np.abs(decoded.astype(int) - red).max() < 12


@pytest.mark.parametrize(
    ('half', 'corner', 'shape'),
    [
        ('none', (0, 0), (5, 7)),
        ('left', (0, 0), (5, 3)),
        ('right', (0, 3), (5, 3)),
        ('upper', (0, 0), (2, 7)),
        ('lower', (2, 0), (2, 7)),
    ],
)
def test_one_half_of_an_image_can_be_taken(half: str, corner: tuple[int, int], shape: tuple[int, int]) -> None:
    rgb = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    found = cropped(rgb, half)
    assert found.shape[:2] == shape and np.shares_memory(found, rgb)
    np.testing.assert_array_equal(found[0, 0], rgb[corner])
