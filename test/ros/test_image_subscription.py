"""What to subscribe to follows from what is published and what is wanted."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from sam2s_ros.image_subscription import Offer, Source, choose_source
from sam2s_ros.parameters import InputParameters

TOPIC = '/camera/image'
RAW = Offer(TOPIC, is_compressed=False, is_reliable=True)
RAW_BEST_EFFORT = Offer(TOPIC, is_compressed=False, is_reliable=False)
JPEG = Offer(f'{TOPIC}/compressed', is_compressed=True, is_reliable=True)
JPEG_BEST_EFFORT = Offer(f'{TOPIC}/compressed', is_compressed=True, is_reliable=False)
ODD_JPEG = Offer(TOPIC, is_compressed=True, is_reliable=True)


def chosen(*offers: Offer, transport: str = 'auto', reliability: str = 'auto') -> Source | None:
    return choose_source(TOPIC, offers, InputParameters(transport=transport, reliability=reliability))


def test_auto_waits_until_something_is_published() -> None:
    assert chosen() is None


@pytest.mark.parametrize(
    ('transport', 'topic', 'is_compressed'), [('raw', TOPIC, False), ('compressed', f'{TOPIC}/compressed', True)]
)
def test_a_fixed_transport_is_subscribed_to_before_anything_is_published(
    transport: str, topic: str, is_compressed: bool
) -> None:
    assert chosen(transport=transport) == Source(topic, is_compressed, is_reliable=True)


@pytest.mark.parametrize(
    ('offers', 'source'),
    [
        ((RAW,), Source(TOPIC, False, True)),
        ((JPEG,), Source(f'{TOPIC}/compressed', True, True)),
        ((RAW, JPEG), Source(f'{TOPIC}/compressed', True, True)),
        ((ODD_JPEG,), Source(TOPIC, True, True)),
    ],
)
def test_auto_takes_what_is_published_and_prefers_compressed(offers: tuple[Offer, ...], source: Source) -> None:
    assert chosen(*offers) == source


def test_a_fixed_transport_ignores_the_other_kind() -> None:
    assert chosen(JPEG, RAW, transport='raw') == Source(TOPIC, False, True)
    assert chosen(JPEG_BEST_EFFORT, RAW, transport='raw') == Source(TOPIC, False, True)


def test_compressed_images_on_a_topic_of_any_name_are_found() -> None:
    assert chosen(ODD_JPEG, transport='compressed') == Source(TOPIC, True, True)


@pytest.mark.parametrize(
    ('offers', 'is_reliable'),
    [
        ((RAW, RAW), True),
        ((RAW, RAW_BEST_EFFORT), False),
        ((RAW_BEST_EFFORT,), False),
        ((RAW, JPEG_BEST_EFFORT), False),
    ],
)
def test_auto_is_reliable_only_where_every_publisher_of_the_topic_is(
    offers: tuple[Offer, ...], is_reliable: bool
) -> None:
    source = chosen(*offers)
    assert source is not None and source.is_reliable == is_reliable


@pytest.mark.parametrize(('reliability', 'is_reliable'), [('reliable', True), ('best_effort', False)])
def test_a_fixed_reliability_is_kept_whatever_is_offered(reliability: str, is_reliable: bool) -> None:
    for offer in (RAW, RAW_BEST_EFFORT):
        source = chosen(offer, reliability=reliability)
        assert source is not None and source.is_reliable == is_reliable
