"""Policies, QoS overrides, layouts and the profile for large images name what the tracker has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG, INTERFACE = ROOT / 'config', (ROOT / 'docs' / 'interface.md').read_text(encoding='utf-8')
OWN = {f'/sam2s_tracker/{name}' for name in re.findall(r'^\| `~/([a-z_/]+)`', INTERFACE, flags=re.MULTILINE)}
ROLES = {path.stem: path for path in (CONFIG / 'security').glob('*.xml')}


def allowed(role: str, kind: str, access: str) -> set[str]:
    root = ElementTree.parse(ROLES[role]).getroot()
    return {str(name.text) for block in root.iter(kind) if access in block.attrib for name in block}


def test_there_is_a_policy_for_each_role() -> None:
    assert ROLES.keys() == {'tracker', 'prompter', 'viewer', 'autonomy'}


def test_the_tracker_may_do_all_that_it_does() -> None:
    services = set(re.findall(r'^\| `~/([a-z_]+)` \| (?:sam2s_msgs|std_srvs)/(?!Track)', INTERFACE, flags=re.MULTILINE))
    assert {f'/sam2s_tracker/{name}' for name in services} <= allowed('tracker', 'services', 'reply')
    assert (
        allowed('tracker', 'topics', 'publish')
        | allowed('tracker', 'services', 'reply')
        | allowed('tracker', 'topics', 'subscribe')
        >= OWN
    )


CLICKS = {'/sam2s_tracker/overlay_mouse_left', '/sam2s_tracker/overlay/compressed_mouse_left'}
VISION = {f'/sam2s_tracker/{name}' for name in ('detections', 'instances/label_info', 'semantic/label_info')}


def test_the_tracker_hears_clicks_and_publishes_the_rest() -> None:
    topics = OWN - allowed('tracker', 'services', 'reply')
    assert allowed('tracker', 'topics', 'publish') - {'/diagnostics', '/rosout', '/parameter_events'} == (
        topics - CLICKS | VISION | {'/sam2s_tracker/transition_event'}
    )
    assert allowed('tracker', 'topics', 'subscribe') >= CLICKS | {'/image_raw', '/image_raw/compressed', '/camera_info'}


def test_a_viewer_sees_all_and_a_prompter_may_click() -> None:
    assert allowed('viewer', 'topics', 'subscribe') >= allowed('tracker', 'topics', 'publish') - {'/rosout'}
    assert allowed('prompter', 'topics', 'publish') >= CLICKS
    assert not any(CLICKS & allowed(role, 'topics', 'publish') for role in ('viewer', 'autonomy'))


def test_only_the_prompter_may_ask_for_anything() -> None:
    assert allowed('prompter', 'services', 'request') == allowed('tracker', 'services', 'reply') & OWN
    assert allowed('viewer', 'services', 'request') == allowed('autonomy', 'services', 'request') == set()
    assert allowed('autonomy', 'topics', 'subscribe') & OWN == {
        f'/sam2s_tracker/{name}' for name in ('tracks', 'status', 'events')
    }


def test_qos_overrides_are_those_of_the_topics() -> None:
    overrides = yaml.safe_load((CONFIG / 'qos_overrides.yaml').read_text())
    assert set(overrides) - OWN == {'/image_raw'}
    for topic, qos in overrides.items():
        name = topic.removeprefix('/sam2s_tracker/')
        line = next((row for row in INTERFACE.splitlines() if row.startswith(f'| `~/{name}` |')), '')
        assert ('transient local' in line) == (qos['durability'] == 'transient_local')


@pytest.mark.parametrize('name', ['foxglove.json', 'tracker.rviz'])
def test_layouts_show_topics_that_there_are(name: str) -> None:
    text = (CONFIG / name).read_text()
    content = json.loads(text) if name.endswith('.json') else yaml.safe_load(text)
    topics = set(re.findall(r'/sam2s_tracker/[a-z_/]+', text))
    assert content and topics <= OWN


def test_the_profile_has_room_for_several_raw_images() -> None:
    root = ElementTree.parse(CONFIG / 'fastdds.xml').getroot()
    (segment,) = (int(str(node.text)) for node in root.iter() if node.tag.endswith('segment_size'))
    assert segment >= 5 * 1920 * 1080 * 3
